// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * Time of a scrape's text; the main thread does nothing else meanwhile. A run is the mean of 20 scrapes.
 *
 *   deno run -A tests/bench/metrics_bench.ts
 *
 * @module
 */
import { busyMetrics, snapshotOf } from "../metrics/world.ts";

const scrapes = 20;
const snapshot = snapshotOf(2000, 200);
const metrics = busyMetrics(() => snapshot, true);
for (const { name } of snapshot.backends) metrics.transitioned(name, "up", "down");

async function run(): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < scrapes; i++) await metrics.text();
  return (performance.now() - start) / scrapes;
}

const first = performance.now();
await metrics.text();
const firstMs = performance.now() - first;
const runs: number[] = [];
for (let i = 0; i < 5; i++) runs.push(await run());
const median = runs.toSorted((a, b) => a - b)[2];
console.log(
  `scrape of 2,000 backends and 200 frontends: median ${median?.toFixed(1)} ms (limit 30); runs ${
    runs.map((ms) => ms.toFixed(1)).join(" ")
  }; the first ${firstMs.toFixed(1)}; load average ${Deno.loadavg()[0]?.toFixed(2)}`,
);
