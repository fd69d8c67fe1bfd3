// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * A million probes of every type, as fast as they go, and what is left of them: descriptors, memory and sockets of
 * the process. Takes minutes, so it is not one of the benchmarks that run together.
 *
 *   deno run -A --v8-flags=--expose-gc tests/bench/probe_leak.ts [probes, default 1000000]
 *
 * @module
 */
import process from "node:process";
import { unusedPort } from "../../src/demo/port.ts";
import { httpCheck, icmpCheck, noTls, target, tcpCheck } from "../probes/helpers.ts";
import { LocalProber } from "../probes/local.ts";
import { Nginx } from "../probes/nginx.ts";
import { noNginx } from "../probes/needs.ts";
import { row } from "./probe_world.ts";

if (noNginx !== null) {
  console.log(`skipped: ${noNginx}`);
  Deno.exit(0);
}
const wanted = Number(Deno.args[0] ?? 1_000_000);
const collect = (globalThis as { gc?: () => void }).gc;
await using nginx = await Nginx.start(
  `access_log off; server { listen {http} backlog=4096; location / { return 200 "well"; } location /none { return 444; } }`,
  ["http"],
);
const port = nginx.port("http");
const closed = unusedPort();
const checks = [
  httpCheck(port, { responseRegexp: "w.ll" }),
  httpCheck(port, { responseRegexp: "ill" }),
  httpCheck(port, { path: "/none" }),
  httpCheck(closed),
  tcpCheck(port),
  tcpCheck(closed),
  icmpCheck(),
  // One in a hundred by TLS, which costs a hundred times as much; a web server without TLS refuses it.
  tcpCheck(port, { tls: { ...noTls, insecureSkipVerify: true } }),
];
const common = (i: number) => i % 100 === 99 ? 7 : i % 7;
const TARGETS = 140;
await using prober = new LocalProber();
const { reports } = prober;
const kinds = new Map<string, number>();
let count = 0;

function state(): (string | number)[] {
  collect?.();
  const descriptors = [...Deno.readDirSync("/proc/self/fd")].length;
  const sockets = /TCP: inuse (\d+) orphan (\d+) tw (\d+)/.exec(Deno.readTextFileSync("/proc/net/sockstat"));
  const { rss, heapUsed } = Deno.memoryUsage();
  return [
    count,
    descriptors,
    (rss / 2 ** 20).toFixed(1),
    (heapUsed / 2 ** 20).toFixed(1),
    sockets?.[3] ?? "",
    (process.cpuUsage().user / 1e6).toFixed(0),
  ];
}

console.log(row("", "probes", "fds", "rss MiB", "heap MiB", "time-wait", "user s"));
const targets = Array.from({ length: TARGETS }, (_, i) => {
  const check = checks[common(i)] ?? icmpCheck();
  return target(`b${i}`, { ...check, intervalMs: 10, fastIntervalMs: 10 }, { intervalMs: 10 });
});
prober.engine.start(targets);
for (let step = 0; step <= 10; step++) {
  while (count < wanted * step / 10) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const batch = reports.all.splice(0);
    count += batch.length;
    for (const { result } of batch) {
      const kind = `${result.code}${result.void === null ? "" : ` void ${result.void}`}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  }
  console.log(row(step === 0 ? "start" : `${step * 10} %`, ...state()));
}
prober.engine.stop(targets.map(({ backend }) => backend));
await new Promise((resolve) => setTimeout(resolve, 500));
console.log(row("stopped", ...state()));
console.log([...kinds].map(([kind, number]) => `${kind}: ${number}`).join(", "));
if (prober.defects.length > 0) throw prober.defects[0];
