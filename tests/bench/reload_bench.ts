// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * What a reload of 2,000 backends with one change does to the probes: their lateness while reloads run, against the
 * lateness without, in the same daemon.
 *
 * @module
 */
import type { ConfigReload } from "../../src/api/mod.ts";
import { Crowd, crowdConfig, crowdDaemon, histogram, report } from "./many.ts";

const lateness = "maglev_probe_lateness_seconds";
const runs = 5;

await using crowd = await Crowd.start();
const config = crowdConfig(2000, crowd.port, "tcp");
await using daemon = await crowdDaemon(config, null);
const metrics = async () => histogram(await (await fetch(`${daemon.api}/metrics`)).text(), lateness);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Probes that began more than `edge` seconds late, of all that began, between two scrapes. */
function late(before: Map<string, number>, after: Map<string, number>, edge: string): string {
  const total = (after.get("+Inf") ?? 0) - (before.get("+Inf") ?? 0);
  const kept = (after.get(edge) ?? 0) - (before.get(edge) ?? 0);
  return `${total - kept} of ${total}`;
}

await pause(3000);
let before = await metrics();
await pause(5000);
let after = await metrics();
console.log(
  `without a reload: probes over 25 ms late: ${late(before, after, "0.025")}, over 10 ms: ${
    late(before, after, "0.01")
  }`,
);
const took: number[] = [];
for (let i = 0; i < runs; i++) {
  await Deno.writeTextFile(daemon.config, config.replace("127.81.0.1,", `127.81.200.${i + 1},`));
  before = await metrics();
  const began = performance.now();
  const { changes } = await daemon.send<ConfigReload>("POST", "/v1/config/reload");
  took.push(performance.now() - began);
  if (changes.length !== 1) throw new Error(`${changes.length} changes instead of one`);
  await pause(1000);
  after = await metrics();
  console.log(
    `reload ${i + 1}: probes over 25 ms late: ${late(before, after, "0.025")}, over 10 ms: ${
      late(before, after, "0.01")
    }`,
  );
}
report("answer to a reload of 2,000 backends with one change", took, "ms");
const down = daemon.log.filter((line) => line.msg === "backend-transition" && line.to === "down").length;
console.log(`backends that went down: ${down}`);
