// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * Processor time, lateness and memory of the probes, by type and number of backends: one nginx answers on all of
 * 127.0.0.0/8, each backend is probed once a second, and the probing process does nothing else.
 *
 *   deno run -A tests/bench/probe_cost_bench.ts [seconds of each run, default 20] [word of the rows to run]
 *
 * @module
 */
import { Certificates } from "../probes/certificates.ts";
import { httpCheck, icmpCheck, noTls, tcpCheck } from "../probes/helpers.ts";
import { Nginx } from "../probes/nginx.ts";
import { noNginx, noOpenssl } from "../probes/needs.ts";
import { measure, probesOf, row } from "./probe_world.ts";

if (noNginx !== null || noOpenssl !== null) {
  console.log(`skipped: ${noNginx ?? noOpenssl}`);
  Deno.exit(0);
}
const seconds = Number(Deno.args[0] ?? 20);
const wanted = Deno.args[1] ?? "";
using certificates = new Certificates();
const { cert, key } = certificates.issue("web.test", "DNS:web.test");
await using nginx = await Nginx.start(
  `access_log off;
   server { listen {http} backlog=8192; listen {https} ssl backlog=8192; ssl_certificate ${cert}; ssl_certificate_key ${key};
     location / { return 200 "well"; } }`,
  ["http", "https"],
);
const tls = { ...noTls, caFile: certificates.ca, serverName: "web.test" };
const pace = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000 };
const http = httpCheck(nginx.port("http"), {}, pace);
const rows = [
  ["tcp 1000", tcpCheck(nginx.port("http"), pace), 1000],
  ["tcp 4000", tcpCheck(nginx.port("http"), pace), 4000],
  ["http 1000", http, 1000],
  ["http 4000", http, 4000],
  ["http body 1000", httpCheck(nginx.port("http"), { responseRegexp: "w.ll" }, pace), 1000],
  ["tcp tls 300", tcpCheck(nginx.port("https"), { ...pace, tls }), 300],
  ["https 300", httpCheck(nginx.port("https"), { tls }, pace), 300],
  ["icmp 1000", icmpCheck(pace), 1000],
  ["icmp 10000", icmpCheck(pace), 10_000],
  [
    "http 10000 each 10 s",
    httpCheck(nginx.port("http"), {}, { ...pace, intervalMs: 10_000, fastIntervalMs: 10_000 }),
    10_000,
  ],
] as const;
console.log(`load average ${Deno.loadavg().map((l) => l.toFixed(2)).join(" ")}, ${seconds} s a row`);
console.log(row("", "probes/s", "cpu us", "% core", "late p50", "p99", "max ms", "rss MiB", "not ok"));
for (const [name, check, count] of rows) {
  if (!name.includes(wanted)) continue;
  const figures = await measure({
    groups: [{ name: "b", check, count, network: "127.66.0" }],
    warmSeconds: check.intervalMs / 1000 + 3,
    seconds,
  });
  const group = figures.groups.b;
  if (group === undefined) throw new Error("No figures");
  const probes = probesOf(figures);
  console.log(row(
    name,
    (probes / figures.seconds).toFixed(0),
    (figures.cpuUs / probes).toFixed(1),
    (figures.cpuUs / figures.seconds / 1e4).toFixed(1),
    group.lateMs.p50.toFixed(1),
    group.lateMs.p99.toFixed(1),
    group.lateMs.max.toFixed(1),
    figures.rssMib.toFixed(0),
    group.failed + group.voided,
  ));
}
