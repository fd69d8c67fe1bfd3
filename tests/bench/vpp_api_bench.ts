// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * The API session: pipelined pings against pings one at a time, the full state of 1,000 VIPs × 8 servers, and
 * programming it. CPU is that of this process alone; VPP is another one.
 *
 * On a real VPP it needs a lb plugin without VIPs in 198.18.0.0/15, which it uses and clears.
 */
import type { ActualVip } from "../../src/model.ts";
import { calls } from "../../src/vpp/messages.ts";
import type { Session } from "../../src/vpp/session.ts";
import { additions, clear, keys, send } from "./vpp_load.ts";
import { type BenchTarget, cpuMs, eachVpp, median, openSession } from "./vpp_target.ts";

const RUNS = 5;
const SERVERS = 8;
const TABLE = Number(Deno.env.get("MAGLEV_BENCH_TABLE") ?? 1024);

function show(what: string, unit: string, runs: readonly number[], limit: string): void {
  const list = runs.map((run) => run.toFixed(2)).join(" ");
  console.log(`${what}: ${median(runs).toFixed(2)} ${unit} (${limit}); runs ${list}`);
}

/** Runs `measure` three times to warm up and then five times. */
async function repeat<T>(measure: () => Promise<T>): Promise<T[]> {
  for (let run = 0; run < 3; run++) await measure();
  const results: T[] = [];
  for (let run = 0; run < RUNS; run++) results.push(await measure());
  return results;
}

async function pings({ client }: Session): Promise<void> {
  const one = async (): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < 500; i++) await client.demand(calls.controlPing, {});
    return 500 / (performance.now() - start);
  };
  const many = async (): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < 10; i++) {
      await Promise.all(Array.from({ length: 2000 }, () => client.demand(calls.controlPing, {})));
    }
    return 20_000 / (performance.now() - start);
  };
  const both = await repeat(async () => ({ one: await one(), many: await many() }));
  show("control_ping one at a time", "k/s", both.map((run) => run.one), "the peer");
  show("control_ping pipelined", "k/s", both.map((run) => run.many), "the same run");
  show("ratio", "×", both.map((run) => run.many / run.one), "wanted ≥ 20");
}

async function state(session: Session): Promise<void> {
  const adds = additions(TABLE, SERVERS);
  const program = async (): Promise<{ cpu: number; wall: number }> => {
    await clear(session);
    const cpu = cpuMs();
    const start = performance.now();
    await send(session, adds.vips);
    await send(session, adds.servers);
    return {
      cpu: ((cpuMs() - cpu) * 1000) / (adds.vips.length + adds.servers.length),
      wall: performance.now() - start,
    };
  };
  // Reads come after the first programming: VPP lists what was deleted along with the rest for a minute or more.
  const programming = [await program()];
  const { lb } = session;
  const reading = async (
    read: () => Promise<readonly ActualVip[]>,
  ): Promise<{ cpu: number; wall: number }> => {
    const cpu = cpuMs();
    const start = performance.now();
    const vips = await read();
    if (vips.filter((vip) => vip.servers.length === SERVERS).length < keys.length) {
      throw new Error("VIPs are missing");
    }
    return { cpu: cpuMs() - cpu, wall: performance.now() - start };
  };
  const read = await repeat(() => reading(async () => (await lb.readAll()).vips));
  // A reading of chosen VIPs keeps no rows for the next one, so it makes all of them: as if all had changed.
  const anew = await repeat(() => reading(() => lb.readVips(keys)));
  while (programming.length < RUNS) programming.push(await program());
  show("full state, own CPU", "ms", read.map((run) => run.cpu), "wanted ≤ 25");
  show("full state, every row made anew, own CPU", "ms", anew.map((run) => run.cpu), "wanted ≤ 25");
  show("full state, wall", "ms", read.map((run) => run.wall), "with VPP's time");
  show("programming, own CPU a message", "µs", programming.map((run) => run.cpu), "wanted ≤ 25");
  show("programming 9,000 messages, wall", "ms", programming.map((run) => run.wall), "VPP's own time mostly");
  await clear(session);
}

async function against(vpp: BenchTarget): Promise<void> {
  await using session = await openSession(vpp);
  console.log(`-- ${vpp.name} ${session.info.version}, tables of ${TABLE}`);
  await pings(session);
  await state(session);
}

console.log(`load average ${Deno.loadavg().map((load) => load.toFixed(2)).join(" ")}`);
for await (const vpp of eachVpp()) await against(vpp);
