// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * HAProxy and the probes in turn against the same nginx: processor time a check, and resident memory. One thread
 * each, one listener, backends on 127.66.x.y, interval 1 s. Rounds alternate, so that what else the machine does
 * falls on both; the ratio of each round counts, and of those the median.
 *
 *   deno run -A tests/bench/probe_haproxy_bench.ts [seconds of each run, default 20] [rounds, default 5] [a row, e.g. "tcp 4000"]
 *
 * HAProxy comes from the PATH; Debian's package has it.
 *
 * @module
 */
import { httpCheck, tcpCheck } from "../probes/helpers.ts";
import { Nginx } from "../probes/nginx.ts";
import { noNginx } from "../probes/needs.ts";
import { type Cost, haproxy, noHaproxy } from "./haproxy.ts";
import { measure, probesOf, row } from "./probe_world.ts";

const seconds = Number(Deno.args[0] ?? 20);
const rounds = Number(Deno.args[1] ?? 5);
const wanted = Deno.args[2] ?? "";
/** A daemon runs for months, so its code is compiled; HAProxy gets the same time. */
const WARM_SECONDS = 20;

if (noNginx !== null || noHaproxy !== null) {
  console.log(`skipped: ${noNginx ?? noHaproxy}`);
  Deno.exit(0);
}

async function ours(type: "http" | "tcp", count: number, port: number): Promise<Cost & { late: string }> {
  const pace = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000 };
  const check = type === "http" ? httpCheck(port, {}, pace) : tcpCheck(port, pace);
  const groups = [{ name: "b", check, count, network: "127.66.0" }];
  const figures = await measure({ groups, warmSeconds: WARM_SECONDS, seconds });
  const late = figures.groups.b?.lateMs;
  return {
    cpuUs: figures.cpuUs / probesOf(figures),
    rssMib: figures.rssMib,
    late: `${late?.p50.toFixed(1)}/${late?.p99.toFixed(1)}`,
  };
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

await using nginx = await Nginx.start(
  `access_log off; server { listen {http} backlog=8192; location / { return 200 "well"; } }`,
  ["http"],
);
const port = nginx.port("http");
console.log(row("", "HAProxy us", "ours us", "ratio", "RSS MiB", "ours", "late ms", "load"));
for (const [type, count] of [["tcp", 1000], ["http", 1000], ["tcp", 4000], ["http", 4000]] as const) {
  if (!`${type} ${count}`.includes(wanted)) continue;
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const them = await haproxy(type, count, port, WARM_SECONDS, seconds);
    const us = await ours(type, count, port);
    ratios.push(us.cpuUs / them.cpuUs);
    console.log(row(
      `${type} ${count}`,
      them.cpuUs.toFixed(1),
      us.cpuUs.toFixed(1),
      (us.cpuUs / them.cpuUs).toFixed(2),
      them.rssMib.toFixed(0),
      us.rssMib.toFixed(0),
      us.late,
      (Deno.loadavg()[0] ?? 0).toFixed(1),
    ));
  }
  console.log(row("", "", "median", median(ratios).toFixed(2)));
}
