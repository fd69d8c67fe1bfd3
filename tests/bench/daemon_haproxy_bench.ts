// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * HAProxy and the whole daemon in turn against the same nginx, as a user runs it: main.ts, a configuration of one
 * frontend with all backends, health, metrics and API, VPP off, interval 1 s. Processor time a check by /proc, of the
 * daemon by thread, too; resident memory; how late probes began.
 *
 *   deno run -A tests/bench/daemon_haproxy_bench.ts [seconds of each run, default 20] [rounds, default 5]
 *     [rows, default "tcp 1000,http 1000,tcp 4000,http 4000,tcp 8000,http 8000"] [flags of maglevd] [--packaged]
 *
 * With `--packaged` the daemon is what the package installs, in place of main.ts.
 *
 * @module
 */
import { noNginx } from "../probes/needs.ts";
import { Nginx } from "../probes/nginx.ts";
import { haproxy, noHaproxy } from "./haproxy.ts";
import { row } from "./probe_world.ts";
import { packaged, sources, wholeDaemon } from "./whole_daemon.ts";

const seconds = Number(Deno.args[0] ?? 20);
const rounds = Number(Deno.args[1] ?? 5);
const rows = (Deno.args[2] ?? "tcp 1000,http 1000,tcp 4000,http 4000,tcp 8000,http 8000").split(",");
const flags = Deno.args.slice(3).filter((flag) => flag !== "--packaged");
/**
 * A daemon runs for months, so its code is compiled; at 1,000 checks a second that takes about a minute. HAProxy gets
 * the same time.
 */
const WARM_SECONDS = 60;

if (noNginx !== null || noHaproxy !== null) {
  console.log(`skipped: ${noNginx ?? noHaproxy}`);
  Deno.exit(0);
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

await using nginx = await Nginx.start(
  `access_log off; server { listen {http} backlog=8192; location / { return 200 "well"; } }`,
  ["http"],
);
const port = nginx.port("http");
await using folder = new AsyncDisposableStack();
let program = sources;
if (Deno.args.includes("--packaged")) {
  const place = await Deno.makeTempDir();
  folder.defer(() => Deno.remove(place, { recursive: true }));
  program = await packaged(place);
}
console.log(row("", "HAProxy us", "ours us", "ratio", "MiB", "ours", "late p99", "load"));
for (const name of rows) {
  const [type = "", number = ""] = name.split(" ");
  if (type !== "tcp" && type !== "http") throw new Error(`Cannot measure ${name}`);
  const count = Number(number);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const them = await haproxy(type, count, port, WARM_SECONDS, seconds);
    const us = await wholeDaemon(type, count, port, WARM_SECONDS, seconds, flags, program);
    ratios.push(us.cpuUs / them.cpuUs);
    console.log(
      row(
        name,
        ...[them.cpuUs.toFixed(1), us.cpuUs.toFixed(1), (us.cpuUs / them.cpuUs).toFixed(2)],
        ...[
          them.rssMib.toFixed(0),
          us.rssMib.toFixed(0),
          `<= ${us.lateMs}`,
          (Deno.loadavg()[0] ?? 0).toFixed(1),
        ],
      ),
      us.threads,
    );
  }
  console.log(row("", "", "median", median(ratios).toFixed(2)));
}
