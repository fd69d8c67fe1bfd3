// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * The designs that were tried for probes, in turn against the same nginx: sockets of our own with one epoll in a
 * thread of their own (the product), the same on the main thread, sockets made by FFI and handed to Deno, and Deno's
 * own sockets. The last two do less: no deadline, no phases, no parser of the answer; and neither can send an echo.
 *
 *   deno run -A tests/bench/probe_designs_bench.ts [seconds of each run, default 10] [word of the rows to run]
 *
 * @module
 */
import type { HealthCheck } from "../../src/configuration.ts";
import { httpCheck, icmpCheck, tcpCheck } from "../probes/helpers.ts";
import { noNginx, noRawSockets } from "../probes/needs.ts";
import { Nginx } from "../probes/nginx.ts";
import type { Figures } from "./probe_child.ts";
import type { DesignTask } from "./probe_design_child.ts";
import { measure, measureBy, probesOf, row } from "./probe_world.ts";

if (noNginx !== null || noRawSockets !== null) {
  console.log(`skipped: ${noNginx ?? noRawSockets}`);
  Deno.exit(0);
}
const seconds = Number(Deno.args[0] ?? 10);
const word = Deno.args[1] ?? "";
const warmSeconds = 4;
const rounds = 5;
await using nginx = await Nginx.start(
  'access_log off; server { listen {http} backlog=8192; location / { return 200 "well"; } }',
  ["http"],
);
const pace = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000 };

function other(design: DesignTask["design"], check: HealthCheck, count: number): Promise<Figures> {
  const task: DesignTask = { design, check, count, warmSeconds, seconds };
  return measureBy("probe_design_child.ts", task);
}

type Run = (check: HealthCheck, count: number) => Promise<Figures>;
const own: readonly (readonly [string, Run])[] = [
  [
    "own epoll, own thread",
    (check, count) =>
      measure({ groups: [{ name: "all", check, count, network: "127.66.0" }], warmSeconds, seconds }),
  ],
  ["own epoll, main thread", (check, count) => other("main", check, count)],
];
const platform: typeof own = [
  ["made by FFI, adopted", (check, count) => other("adopted", check, count)],
  ["Deno.connect", (check, count) => other("own", check, count)],
];
const rows: readonly (readonly [string, HealthCheck, number, typeof own])[] = [
  ["http 1000", httpCheck(nginx.port("http"), {}, pace), 1000, [...own, ...platform]],
  ["tcp 1000", tcpCheck(nginx.port("http"), pace), 1000, [...own, ...platform]],
  ["icmp 10000", icmpCheck(pace), 10_000, own],
];
for (const [name, check, count, designs] of rows) {
  if (!name.includes(word)) continue;
  console.log(row(name, "us/check", "ratio", "late p99", "RSS MiB", "failed", "load"));
  const costs = designs.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, [design, run]] of designs.entries()) {
      const figures = await run(check, count);
      const cost = figures.cpuUs / probesOf(figures);
      costs[i]?.push(cost);
      const group = figures.groups.all;
      console.log(row(
        design,
        cost.toFixed(1),
        (cost / (costs[0]?.[round] ?? NaN)).toFixed(2),
        group?.lateMs.p99.toFixed(1) ?? "-",
        figures.rssMib.toFixed(0),
        group?.failed ?? 0,
        Deno.loadavg()[0]?.toFixed(2) ?? "",
      ));
    }
  }
  for (const [i, [design]] of designs.entries()) {
    const median = costs[i]?.toSorted((a, b) => a - b)[rounds >> 1]?.toFixed(1);
    console.log(`${name}, ${design}: median ${median} us a check`);
  }
}
