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
import { httpCheck, noTls, tcpCheck } from "../probes/helpers.ts";
import { Nginx } from "../probes/nginx.ts";
import { noNginx, noOpenssl } from "../probes/needs.ts";
import { keyKind, Pki } from "../probes/pki.ts";
import { type Cost, haproxy, noHaproxy } from "./haproxy.ts";
import { measure, probesOf, row } from "./probe_world.ts";

const seconds = Number(Deno.args[0] ?? 20);
const rounds = Number(Deno.args[1] ?? 5);
const wanted = Deno.args[2] ?? "";
/** A daemon runs for months, so its code is compiled; HAProxy gets the same time. */
const WARM_SECONDS = 20;

const lacking = noNginx ?? noHaproxy ?? noOpenssl;
if (lacking !== null) {
  console.log(`skipped: ${lacking}`);
  Deno.exit(0);
}

type Type = "http" | "https" | "tcp";

async function ours(type: Type, count: number, port: number): Promise<Cost & { late: string }> {
  const pace = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000 };
  const tls = type === "https" ? { ...noTls, caFile: secure.caFile, serverName: secure.name } : null;
  const check = type === "tcp" ? tcpCheck(port, pace) : httpCheck(port, { tls }, pace);
  const groups = [{ name: "b", check, count, network: "127.66.0" }];
  const figures = await measure({ groups, warmSeconds: WARM_SECONDS, seconds });
  const { failed = 0, voided = 0, lateMs: late } = figures.groups.b ?? {};
  if (failed + voided > 0) console.log(`${failed} probes failed, ${voided} said nothing`);
  return {
    cpuUs: figures.cpuUs / probesOf(figures),
    rssMib: figures.rssMib,
    late: `${late?.p50.toFixed(1)}/${late?.p99.toFixed(1)}`,
  };
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

using pki = new Pki();
const { cert, key } = pki.make({ name: "good", key: keyKind("rsa2048") });
const secure = { caFile: pki.root.cert, name: "web.test" };
const page = 'location / { return 200 "well"; }';
await using nginx = await Nginx.start(
  `access_log off; server { listen {http} backlog=8192; ${page} }
   server { listen {https} ssl backlog=8192; ssl_certificate ${cert}; ssl_certificate_key ${key}; ${page} }`,
  ["http", "https"],
);
console.log(row("", "HAProxy us", "ours us", "ratio", "RSS MiB", "ours", "late ms", "load"));
const rows: readonly (readonly [Type, number])[] = [
  ["tcp", 1000],
  ["http", 1000],
  ["tcp", 4000],
  ["http", 4000],
  ["https", 300],
  ["https", 1000],
];
for (const [type, count] of rows) {
  if (!`${type} ${count}`.includes(wanted)) continue;
  const tls = type === "https" ? secure : null;
  const port = nginx.port(tls === null ? "http" : "https");
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const them = await haproxy(type === "tcp" ? type : "http", count, port, WARM_SECONDS, seconds, tls);
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
