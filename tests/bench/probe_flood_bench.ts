// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * 200 good servers, alone and beside ones that send without end: interim responses, chunk extensions, bodies that
 * match nothing, in clear and over TLS. Goal: the good ones' probes begin late by 5 ms more at most (99th percentile),
 * the others have a verdict within their timeout, and memory stays.
 *
 *   deno run -A tests/bench/probe_flood_bench.ts [seconds of each run, default 15]
 *
 * Needs openssl.
 *
 * @module
 */
import { Certificates } from "../probes/certificates.ts";
import { httpCheck, noTls } from "../probes/helpers.ts";
import { noOpenssl } from "../probes/needs.ts";
import { measure, row } from "./probe_world.ts";

if (noOpenssl !== null) {
  console.log(`skipped: ${noOpenssl}`);
  Deno.exit(0);
}
const seconds = Number(Deno.args[0] ?? 15);
using certificates = new Certificates();
const { cert, key } = certificates.selfSigned("flood.test", "DNS:flood.test");
const servers = new Worker(new URL("probe_flood_servers.ts", import.meta.url), { type: "module" });
const ports = await new Promise<Record<string, number>>((resolve) => {
  servers.onmessage = ({ data }: MessageEvent<Record<string, number>>) => resolve(data);
  servers.postMessage({ cert: Deno.readTextFileSync(cert), key: Deno.readTextFileSync(key) });
});
await using good = Deno.serve({ hostname: "0.0.0.0", port: 0, onListen() {} }, () => new Response("well"));

const pace = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000 };
const tls = { ...noTls, insecureSkipVerify: true };
const params = (name: string) => ({
  responseRegexp: name.startsWith("interim") ? null : "needle",
  tls: name.endsWith("Tls") ? tls : null,
});
const live = { name: "good", check: httpCheck(good.addr.port, {}, pace), count: 200, network: "127.1.0" };
const floods = Object.entries(ports).map(([name, port], i) => ({
  name,
  check: httpCheck(port, params(name), pace),
  count: 10,
  network: `127.2.${i}`,
}));
console.log(`load average ${Deno.loadavg().map((l) => l.toFixed(2)).join(" ")}, ${seconds} s a row`);
console.log(row("", "probes", "not ok", "void", "late p50", "p99", "max ms", "took p99", "MiB"));
const p99: number[] = [];
let within = true;
const worlds = [["alone", [live]], ...floods.map((flood) => [flood.name, [live, flood]] as const)] as const;
for (const [name, groups] of worlds) {
  const figures = await measure({ groups, warmSeconds: 4, seconds });
  for (const [group, { probes, failed, voided, lateMs, tookMs }] of Object.entries(figures.groups)) {
    if (group === "good") p99.push(lateMs.p99);
    else within &&= probes > 0 && failed === probes && tookMs.p99 <= pace.timeoutMs;
    const ms = [lateMs.p50, lateMs.p99, lateMs.max, tookMs.p99].map((one) => one.toFixed(1));
    console.log(row(`${name}: ${group}`, probes, failed, voided, ...ms, figures.rssMib.toFixed(0)));
  }
}
servers.terminate();
const [alone = 0, ...beside] = p99;
const more = Math.max(...beside) - alone;
console.log(
  `the 99th percentile is ${
    more.toFixed(1)
  } ms more (goal: 5 at most); verdicts within the timeout: ${within}`,
);
Deno.exitCode = more <= 5 && within ? 0 : 1;
