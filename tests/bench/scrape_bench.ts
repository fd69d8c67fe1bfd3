// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * What scrapes do to the probes of 2,000 backends on 200 frontends, with a simulated VPP and all its counters: how
 * many probes begin late while /metrics is scraped once a second, and five times a second, against none.
 *
 *   deno run -A tests/bench/scrape_bench.ts [seconds of each run, default 10]
 *
 * @module
 */
import { Vpp } from "../e2e/world.ts";
import { Crowd, crowdConfig, crowdDaemon, histogram, quantileMs, report } from "./many.ts";

const seconds = Number(Deno.args[0] ?? 10);
const runs = 3;
const lateness = "maglev_probe_lateness_seconds";

await using crowd = await Crowd.start();
await using vpp = await Vpp.start();
// Connecting costs nothing at either end, so what is measured is the daemon.
await using daemon = await crowdDaemon(crowdConfig(2000, crowd.port, "tcp", 10), vpp.paths, "ready");
const scrape = async (): Promise<string> => await (await fetch(`${daemon.api}/metrics`)).text();
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

while (!(await scrape()).includes('maglev_vpp_vip_packets_total{frontend="f199"')) await pause(500);
const text = await scrape();
const series = text.split("\n").filter((line) => /^[a-z]/.test(line)).length;
console.log(`${series} series, ${(text.length / 1e6).toFixed(1)} MB`);

/** Lateness of the probes that began while `work` went on. */
async function during(work: () => Promise<void>): Promise<{ over: number; of: number; p99: number }> {
  const before = histogram(await scrape(), lateness);
  await work();
  const text = await scrape();
  const after = histogram(text, lateness);
  const grown = (edge: string) => (after.get(edge) ?? 0) - (before.get(edge) ?? 0);
  const of = grown("+Inf");
  return { over: of - grown("0.005"), of, p99: quantileMs(text, lateness, 0.99, before) };
}

async function scrapes(everyMs: number, took: number[]): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const began = performance.now();
    await scrape();
    took.push(performance.now() - began);
    await pause(Math.max(0, everyMs - (performance.now() - began)));
  }
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

for (const [what, everyMs] of [["none", 0], ["one a second", 1000], ["five a second", 200]] as const) {
  const took: number[] = [];
  const over: number[] = [];
  for (let run = 0; run < runs; run++) {
    const each: number[] = [];
    const work = everyMs === 0 ? () => pause(seconds * 1000) : () => scrapes(everyMs, each);
    const seen = await during(work);
    over.push(1000 * seen.over / seen.of);
    if (each.length > 0) took.push(median(each));
    console.log(`${what}: ${seen.over} of ${seen.of} probes over 5 ms late, p99 <= ${seen.p99} ms`);
  }
  report(`scrapes: ${what}; probes over 5 ms late`, over, "in 1,000");
  if (took.length > 0) report(`scrapes: ${what}; request to last octet, median of a run`, took, "ms");
}
const down = daemon.log.filter((line) => line.msg === "backend-transition" && line.to === "down").length;
console.log(`backends that went down: ${down}`);
