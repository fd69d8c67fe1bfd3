/**
 * Hostile servers beside good ones: whatever they send, each probe ends with a verdict, and the good ones do not notice.
 *
 * `MAGLEV_TEST_RUNS=full` holds 10,000 conversations and looks at the time, too.
 */
import assert from "node:assert/strict";
import type { Level, Log } from "../../src/log/mod.ts";
import type { ProbeReport, ProbeTarget } from "../../src/probes/prober.ts";
import { startProber } from "../../src/probes/runner.ts";
import { Certificates } from "./certificates.ts";
import { httpCheck, noTls, Reports, target, tcpCheck } from "./helpers.ts";
import { noOpenssl, testWith } from "./needs.ts";

const FULL = Deno.env.get("MAGLEV_TEST_RUNS") === "full";
const CONVERSATIONS = FULL ? 10_000 : 500;
const SEED = Number(Deno.env.get("MAGLEV_TEST_SEED") ?? 1);

interface Ports {
  readonly plain: number;
  readonly secure: number;
  readonly good: number;
}

function hostileTargets({ plain, secure }: Ports): ProbeTarget[] {
  const tls = { ...noTls, insecureSkipVerify: true };
  const patterns = [null, "needle", "^well$", "(?s)a.{50}b"];
  return Array.from({ length: 32 }, (_, i) => {
    const pace = { intervalMs: 10, fastIntervalMs: 10, timeoutMs: 100 + (i % 5) * 50 };
    const params = { responseRegexp: patterns[i % 4] ?? null };
    const check = i % 8 === 7
      ? tcpCheck(secure, { ...pace, tls })
      : i % 8 >= 5
      ? httpCheck(secure, { ...params, tls }, pace)
      : httpCheck(plain, params, pace);
    return target(`hostile${i}`, check);
  });
}

function goodTargets({ good }: Ports): ProbeTarget[] {
  const pace = { intervalMs: 50, fastIntervalMs: 50, timeoutMs: 1000 };
  return Array.from({ length: 10 }, (_, i) => {
    const check = i % 3 === 0 ? tcpCheck(good, pace) : httpCheck(good, { responseRegexp: "^well$" }, pace);
    return target(`good${i}`, check);
  });
}

const isGood = ({ backend }: ProbeReport) => backend.startsWith("good");
/** How late the latest of the good ones began, in ms. */
const latest = (reports: readonly ProbeReport[]) =>
  Math.max(...reports.filter(isGood).map(({ result }) => result.startedAt - result.scheduledAt));

testWith([noOpenssl], `${CONVERSATIONS} hostile conversations disturb nobody`, async () => {
  using certificates = new Certificates();
  const { cert, key } = certificates.selfSigned("hostile.test", "DNS:hostile.test");
  const servers = new Worker(new URL("workers/hostile_servers.ts", import.meta.url), { type: "module" });
  const ports = await new Promise<Ports>((resolve) => {
    servers.onmessage = ({ data }: MessageEvent<Ports>) => resolve(data);
    const pem = { cert: Deno.readTextFileSync(cert), key: Deno.readTextFileSync(key) };
    servers.postMessage({ seed: SEED * 1_000_000, ...pem });
  });
  const told: string[] = [];
  const tell = (level: Level) => (msg: string, attrs: unknown) => {
    if (msg === "probe-void") return;
    told.push(`${level} ${msg} ${JSON.stringify(typeof attrs === "function" ? attrs() : attrs)}`);
  };
  const log: Log = {
    enabled: (level) => level !== "debug",
    debug() {},
    info: tell("info"),
    warn: tell("warn"),
    error: tell("error"),
  };
  const reports = new Reports();
  let restarts = 0;
  {
    await using prober = startProber({ log, sink: reports.sink, events: { restart: () => restarts++ } });
    prober.start(goodTargets(ports));
    await reports.until((all) => all.length >= (FULL ? 1000 : 100));
    const alone = reports.all.splice(0);
    prober.start(hostileTargets(ports));
    const memory: number[] = [];
    for (let part = 1; part <= 10; part++) {
      const hostile = () => reports.all.filter((report) => !isGood(report)).length;
      await reports.until(() => hostile() >= CONVERSATIONS * part / 10);
      memory.push(Deno.memoryUsage().rss);
    }
    const seen = [...reports.all];
    assert.ok(seen.filter(isGood).every(({ result }) => result.ok), "the good ones are good");
    assert.ok(seen.filter(isGood).length >= 10, "and went on");
    // A machine that does not run the thread makes probes void, and nothing else may.
    assert.deepEqual(seen.filter(({ result }) => ![null, "late"].includes(result.void)), []);
    const kinds = new Set<string>(seen.filter((report) => !isGood(report)).map(({ result }) => result.code));
    for (const code of ["L7OK", "L7STS", "L7RSP", "L7TOUT", "L6OK"]) {
      assert.ok(kinds.has(code), code);
    }
    // The first tenths fill caches and pools of the runtime.
    assert.ok(Math.min(...memory.slice(-3)) - Math.max(...memory.slice(0, 3)) < 64_000_000, memory.join(" "));
    if (FULL) {
      const [without, beside] = [latest(alone), latest(seen)];
      assert.ok(beside <= without + 20, `late by ${beside} ms, and ${without} ms without hostile ones`);
    }
  }
  servers.terminate();
  assert.equal(restarts, 0);
  assert.deepEqual(told, []);
});
