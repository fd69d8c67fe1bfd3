/**
 * A late checker never takes a backend down: whatever happens to the probing process or its host, a healthy
 * backend gets no failing result that counts, and a dead one is still found dead.
 */
import assert from "node:assert/strict";
import { unusedPort } from "../../src/demo/port.ts";
import { silentLog } from "../../src/log/mod.ts";
import type { ProbeReport, ProbeTarget } from "../../src/probes/prober.ts";
import { startProber } from "../../src/probes/runner.ts";
import { httpCheck, icmpCheck, Reports, target, tcpCheck } from "./helpers.ts";
import { noSetpriv, testWith } from "./needs.ts";
import { ProbeProcess } from "./process.ts";
import { ScriptedServer } from "./servers.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A web server that takes longer for an answer than the interval, so that at any time probes are under way. */
const slowly = () =>
  new ScriptedServer(async (peer) => {
    await peer.request();
    await sleep(100);
    await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await peer.closing();
  });

/** Twenty healthy backends of two types, and one dead. */
function mixed(port: number): ProbeTarget[] {
  const often = { intervalMs: 50, fastIntervalMs: 50, timeoutMs: 900 };
  const healthy = Array.from({ length: 20 }, (_, i) => {
    const check = i % 4 === 0 ? tcpCheck(port, often) : httpCheck(port, { responseRegexp: "^ok$" }, often);
    return target(`live${i}`, check);
  });
  return [...healthy, target("dead", tcpCheck(unusedPort(), often))];
}

const counted = (reports: readonly ProbeReport[]) => reports.filter(({ result }) => result.void === null);
const failures = (reports: readonly ProbeReport[]) =>
  counted(reports).filter(({ backend, result }) => backend.startsWith("live") && !result.ok);

/** Waits until every backend has this many counted reports after `from`. */
async function everybody(
  reports: Reports,
  targets: readonly ProbeTarget[],
  from: number,
  count: number,
): Promise<void> {
  await reports.until((all) => {
    const later = counted(all.slice(from));
    return targets.every((t) => later.filter(({ backend }) => backend === t.backend).length >= count);
  });
}

Deno.test("a process that is stopped for 3 s blames no backend for it, and finds the dead one dead", async () => {
  await using server = slowly();
  const targets = mixed(server.port);
  await using child = new ProbeProcess(targets);
  await everybody(child.reports, targets, 0, 2);
  // The next probes are on their way by then.
  await sleep(30);
  child.kill("SIGSTOP");
  await sleep(3000);
  const before = child.reports.all.length;
  child.kill("SIGCONT");
  await everybody(child.reports, targets, before, 3);
  assert.deepEqual(failures(child.reports.all).map(({ result }) => result), []);
  assert.ok(child.reports.all.some(({ result }) => result.lagMs > 2000), "the stop fell into probes");
  assert.ok(counted(child.reports.of("dead")).every(({ result }) => result.code === "L4CON"));
});

Deno.test("a probe worker that is busy for 2 s blames no backend for it", async () => {
  await using server = slowly();
  const targets = mixed(server.port);
  const reports = new Reports();
  const busy = () => new Worker(new URL("workers/busy.ts", import.meta.url), { type: "module" });
  let restarts = 0;
  await using prober = startProber({
    log: silentLog,
    sink: reports.sink,
    spawn: busy,
    events: { restart: () => restarts++ },
  });
  prober.start(targets);
  await reports.until((all) => all.some(({ result }) => result.lagMs > 1500));
  await everybody(reports, targets, reports.all.length, 3);
  assert.deepEqual(failures(reports.all).map(({ result }) => result), []);
  assert.equal(restarts, 0);
});

Deno.test("descriptors that run out are no failure of a backend", async () => {
  await using server = slowly();
  // One begins at once; the others find its socket only, and no descriptor for another.
  const targets = mixed(server.port).filter(({ backend }) => backend !== "dead")
    .map((target, i) => ({ ...target, firstDelayMs: i === 1 ? 0 : 3000 }));
  const wrap = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"];
  await using child = new ProbeProcess(targets, { hog: true, wrap });
  await child.reports.next("live1");
  await child.line();
  await child.reports.until((all) => all.filter(({ result }) => result.void === "descriptors").length >= 20);
  const during = child.reports.all.length;
  await child.line();
  await everybody(child.reports, targets, during, 2);
  assert.deepEqual(failures(child.reports.all).map(({ result }) => result), []);
  assert.ok(child.logged.includes("probe-void"));
});

testWith([noSetpriv], "missing rights are no failure of a backend, and are named", async () => {
  const wrap = ["setpriv", "--bounding-set=-net_raw,-sys_admin"];
  const targets = [
    target("ping", icmpCheck()),
    target("elsewhere", tcpCheck(1), { netns: "/proc/self/ns/net" }),
    target("plain", tcpCheck(unusedPort())),
  ];
  await using child = new ProbeProcess(targets, { wrap });
  const ping = (await child.reports.next("ping")).result;
  assert.equal(ping.void, "permission");
  assert.match(ping.detail, /raw socket: EPERM, datagram socket: EACCES .*CAP_NET_RAW/);
  const elsewhere = (await child.reports.next("elsewhere")).result;
  assert.equal(elsewhere.void, "permission");
  assert.match(elsewhere.detail, /network namespace .*EPERM \(needs CAP_SYS_ADMIN\)/);
  assert.equal((await child.reports.next("plain")).result.void, null);
});
