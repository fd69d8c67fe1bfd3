// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * How cost grows with the checks: HAProxy and the whole daemon in turn, tcp and http, 1,000 to 16,000 checks a second.
 * Prints the table of docs/benchmarks.md and writes its plot, docs/pictures/growth.svg, when asked to.
 *
 *   deno run -A tests/bench/growth_bench.ts [seconds of each run, default 10] [rounds, default 1] [--write]
 *
 * @module
 */
import { noNginx } from "../probes/needs.ts";
import { Nginx } from "../probes/nginx.ts";
import { growthPlot, type Series } from "./growth_plot.ts";
import { haproxy, noHaproxy } from "./haproxy.ts";
import { wholeDaemon } from "./whole_daemon.ts";

const words = Deno.args.filter((arg) => !arg.startsWith("--"));
const seconds = Number(words[0] ?? 10);
const rounds = Number(words[1] ?? 1);
/** HAProxy is what it is from the start; the daemon's code is compiled after some 60,000 checks. */
const HAPROXY_WARM_SECONDS = 8;
const WARM_SECONDS = 15;
const WARM_CHECKS = 60_000;
const COUNTS = [1000, 2000, 4000, 8000, 16_000];

if (noNginx !== null || noHaproxy !== null) {
  console.log(`skipped: ${noNginx ?? noHaproxy}`);
  Deno.exit(0);
}
await using nginx = await Nginx.start(
  `access_log off; server { listen {http} backlog=8192; location / { return 200 "well"; } }`,
  ["http"],
);
const port = nginx.port("http");
const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

console.log("| checks | HAProxy | maglevd | ratio | late p99 | resident: HAProxy | maglevd | load |");
console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
const all: Series[] = [];
for (const type of ["tcp", "http"] as const) {
  const theirs: Series = { name: `HAProxy, ${type}`, points: [] };
  const ours: Series = { name: `maglevd, ${type}`, points: [] };
  for (const count of COUNTS) {
    const runs = [];
    for (let round = 0; round < rounds; round++) {
      const them = await haproxy(type, count, port, HAPROXY_WARM_SECONDS, seconds);
      const warm = Math.max(WARM_SECONDS, WARM_CHECKS / count);
      const us = await wholeDaemon(type, count, port, warm, seconds);
      runs.push({ them, us });
    }
    const them = median(runs.map(({ them }) => them.cpuUs));
    const us = median(runs.map(({ us }) => us.cpuUs));
    theirs.points.push([count, them]);
    ours.points.push([count, us]);
    const cells = [
      `${type} ${count}`,
      `${them.toFixed(1)} µs`,
      `${us.toFixed(1)} µs`,
      `${median(runs.map(({ them, us }) => us.cpuUs / them.cpuUs)).toFixed(2)} ×`,
      `≤ ${median(runs.map(({ us }) => us.lateMs))} ms`,
      `${median(runs.map(({ them }) => them.rssMib)).toFixed(0)} MiB`,
      `${median(runs.map(({ us }) => us.rssMib)).toFixed(0)} MiB`,
      (Deno.loadavg()[0] ?? 0).toFixed(1),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  all.push(theirs, ours);
}
if (Deno.args.includes("--write")) {
  await Deno.writeTextFile(new URL("../../docs/pictures/growth.svg", import.meta.url), growthPlot(all));
}
