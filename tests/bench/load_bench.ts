// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * The API under load while 1,000 backends are probed each second: wrk with 16 connections on one frontend, and what
 * that does to the lateness of probes.
 *
 *   deno run -A tests/bench/load_bench.ts [seconds of each run, default 30]
 *
 * @module
 */
import { Crowd, crowdConfig, crowdDaemon, histogram, quantileMs } from "./many.ts";

const seconds = Number(Deno.args[0] ?? 30);
const lateness = "maglev_probe_lateness_seconds";

await using crowd = await Crowd.start();
await using daemon = await crowdDaemon(crowdConfig(1000, crowd.port), null);
const metrics = async () => await (await fetch(`${daemon.api}/metrics`)).text();
const rest = () => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

console.log(`load average ${Deno.loadavg().map((l) => l.toFixed(2)).join(" ")}`);
await new Promise((resolve) => setTimeout(resolve, 3000));
let before = histogram(await metrics(), lateness);
await rest();
let text = await metrics();
console.log(`probe lateness p99 without load: <= ${quantileMs(text, lateness, 0.99, before)} ms`);
before = histogram(text, lateness);
const wrk = await new Deno.Command("wrk", {
  args: ["-t1", "-c16", `-d${seconds}s`, "--latency", `${daemon.api}/v1/frontends/f1`],
}).output();
console.log(new TextDecoder().decode(wrk.stdout).trimEnd());
text = await metrics();
console.log(`probe lateness p99 under load: <= ${quantileMs(text, lateness, 0.99, before)} ms`);
const down = daemon.log.filter((line) => line.msg === "backend-transition" && line.to === "down").length;
console.log(`backends that went down: ${down}`);
