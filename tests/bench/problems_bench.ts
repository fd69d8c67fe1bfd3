// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * Time of taking all that is known and of making the problems of it, at 2,000 backends of which every third is down,
 * in 200 frontends. The main thread does nothing else meanwhile. A run is the mean of 20.
 *
 *   deno run -A tests/bench/problems_bench.ts
 *
 * @module
 */
import { problems } from "../../src/answers/problems.ts";
import { largeSite } from "../answers/large_site.ts";

const times = 20;
using site = largeSite(2000);

function run(): number {
  const start = performance.now();
  for (let i = 0; i < times; i++) problems(site.known.take());
  return (performance.now() - start) / times;
}

const count = problems(site.known.take()).length;
const runs = Array.from({ length: 5 }, run);
const median = runs.toSorted((a, b) => a - b)[2];
console.log(
  `${count} problems of 2,000 backends: median ${median?.toFixed(2)} ms (limit 5); runs ${
    runs.map((ms) => ms.toFixed(2)).join(" ")
  }; load average ${Deno.loadavg()[0]?.toFixed(2)}`,
);
