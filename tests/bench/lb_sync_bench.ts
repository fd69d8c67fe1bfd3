// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * CPU time of our own for a full sync of 1,000 VIPs with 8 servers each: the first, which programs all of it, and
 * the periodic one that finds nothing to do (bound: 60 ms). The simulated VPP is another process.
 *
 *   deno run -A tests/bench/lb_sync_bench.ts
 *
 * @module
 */
import type { State } from "../../src/model.ts";
import { cpuMs, manyVips, quantile, reconcilerOf, startVpp } from "./lb_world.ts";

const vips = 1000;
const rounds = 30;
const boundMs = 60;

await using vpp = await startVpp();
await using reconciler = reconcilerOf(manyVips(vips), new Map<string, State>());
const { lb } = vpp.session;

const began = performance.now();
const cpuBegan = cpuMs();
reconciler.connected(lb);
const first = await reconciler.sync({});
if (!first.ok) throw new Error(first.error.detail);
const messages = 9 * vips + 1;
const firstCpu = cpuMs() - cpuBegan;
console.log(
  `first programming: ${messages} changes in ${(performance.now() - began).toFixed(0)} ms, own CPU ${
    firstCpu.toFixed(0)
  } ms, ${(1000 * firstCpu / messages).toFixed(1)} us a message (cold start and the read after it included)`,
);

const cpu: number[] = [];
const wall: number[] = [];
for (let round = 0; round < rounds; round++) {
  const cpuBefore = cpuMs();
  const before = performance.now();
  const synced = await reconciler.sync({});
  if (!synced.ok || synced.value.changes.length > 0) throw new Error("the sync was not idle");
  cpu.push(cpuMs() - cpuBefore);
  wall.push(performance.now() - before);
}
const warm = cpu.slice(5);
console.log(
  `nothing to do: own CPU median ${quantile(warm, 0.5).toFixed(1)} ms, greatest ${
    Math.max(...warm).toFixed(1)
  } ms; wall median ${quantile(wall.slice(5), 0.5).toFixed(1)} ms (${
    rounds - 5
  } warm rounds; the first took ${cpu[0]?.toFixed(1)} ms of CPU)`,
);
console.log(`bound ${boundMs} ms of CPU: ${quantile(warm, 0.5) <= boundMs ? "kept" : "BROKEN"}`);
