import assert from "node:assert/strict";
import { unusedPort } from "../../src/demo/port.ts";
import type { Attrs, Level, Log } from "../../src/log/mod.ts";
import { silentLog } from "../../src/log/mod.ts";
import type { ProberEvents } from "../../src/probes/prober.ts";
import { probeLimit } from "../../src/probes/limit.ts";
import { startProber } from "../../src/probes/runner.ts";
import { VoidLog } from "../../src/probes/void_log.ts";
import { FakeClock } from "../fake_clock.ts";
import { httpCheck, Reports, target, tcpCheck } from "./helpers.ts";
import { mute, ScriptedServer } from "./servers.ts";

/** A log that keeps what it is told. */
class Kept implements Log {
  readonly records: { level: Level; msg: string; attrs: Attrs }[] = [];
  constructor(readonly lowest: Level = "info") {}
  enabled(level: Level): boolean {
    return level !== "debug" || this.lowest === "debug";
  }
  debug(msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    if (this.enabled("debug")) this.#keep("debug", msg, attrs);
  }
  info(msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.#keep("info", msg, attrs);
  }
  warn(msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.#keep("warn", msg, attrs);
  }
  error(msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.#keep("error", msg, attrs);
  }
  named(msg: string): Attrs[] {
    return this.records.filter((record) => record.msg === msg).map(({ attrs }) => attrs);
  }
  #keep(level: Level, msg: string, attrs: Attrs | (() => Attrs)): void {
    this.records.push({ level, msg, attrs: typeof attrs === "function" ? attrs() : attrs });
  }
}

const worker = (name: string) => new Worker(new URL(name, import.meta.url), { type: "module" });
const ours = () => worker("../../src/probes/worker.ts");

Deno.test("startProber() probes by tcp and http through the worker", async () => {
  const agents: (string | null)[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    agents.push(request.headers.get("user-agent"));
    return new Response("all well");
  });
  const { port } = server.addr;
  const reports = new Reports();
  const lateness: number[] = [];
  const counted: string[] = [];
  const events: ProberEvents = {
    lateness: (ms) => lateness.push(ms),
    probe: (backend, type, { code }) => counted.push(`${backend} ${type} ${code}`),
  };
  await using prober = startProber({ log: silentLog, sink: reports.sink, version: "1.2.3", events });
  prober.start([
    target("web", httpCheck(port, { responseRegexp: "all w.ll" })),
    target("open", tcpCheck(port)),
    target("shut", tcpCheck(unusedPort())),
    target("wrong", httpCheck(port, { responseCodes: [{ from: 500, to: 599 }] })),
  ]);
  const web = await reports.next("web");
  assert.equal(web.result.code, "L7OK");
  assert.equal(web.result.detail, "HTTP 200");
  assert.equal(web.result.void, null);
  assert.ok(web.nextDueAt > web.result.startedAt);
  assert.equal((await reports.next("open")).result.code, "L4OK");
  const shut = await reports.next("shut");
  assert.equal(shut.result.code, "L4CON");
  assert.equal(shut.result.detail, "connection refused");
  assert.equal((await reports.next("wrong")).result.code, "L7STS");
  // The second report proves that a target is probed again.
  assert.equal((await reports.next("web", 2)).result.ok, true);
  assert.equal(agents[0], "maglevd/1.2.3");
  assert.equal(lateness.length, reports.all.length);
  assert.ok(lateness.every((ms) => ms >= 0));
  assert.ok(counted.includes("web http L7OK") && counted.includes("shut tcp L4CON"));
});

Deno.test("stop() cancels a running probe and nothing of it is reported", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reports = new Reports();
  await using prober = startProber({ log: silentLog, sink: reports.sink });
  prober.start([target("mute", httpCheck(listener.addr.port))]);
  using connection = await listener.accept();
  const buffer = new Uint8Array(4096);
  assert.ok((await connection.read(buffer) ?? 0) > 0, "the request arrived");
  prober.stop(["mute"]);
  // The probe is gone when its connection is: a reset, because it never closes in order.
  await assert.rejects(connection.read(buffer), Deno.errors.ConnectionReset);
  // Another target's report comes through the same channel after anything the cancelled one could have sent.
  prober.start([target("other", tcpCheck(listener.addr.port))]);
  await reports.next("other");
  assert.deepEqual(reports.of("mute"), []);
});

Deno.test("start() of a known backend: reports of the older generation are rejected", async () => {
  await using server = new ScriptedServer(mute);
  const reports = new Reports();
  await using prober = startProber({ log: silentLog, sink: reports.sink });
  for (let generation = 1; generation <= 20; generation++) {
    prober.start([target("b", tcpCheck(server.port, { intervalMs: 10 }), { generation })]);
  }
  await reports.next("b", 3);
  assert.ok(reports.all.every(({ generation }) => generation === 20));
});

Deno.test("pace() reaches the wait under way in the worker", async () => {
  const reports = new Reports();
  await using prober = startProber({ log: silentLog, sink: reports.sink });
  prober.start([target("b", tcpCheck(unusedPort(), { intervalMs: 3_600_000 }))]);
  await reports.next("b");
  prober.pace("b", 1, 20);
  await reports.next("b", 3);
});

Deno.test("a worker that crashes is replaced; its probes are void, and every target goes on", async () => {
  await using silent = new ScriptedServer(mute);
  const log = new Kept();
  const reports = new Reports();
  const voids: string[] = [];
  let restarts = 0;
  let spawned = 0;
  await using prober = startProber({
    log,
    sink: reports.sink,
    spawn: () => spawned++ === 0 ? worker("workers/crashing.ts") : ours(),
    events: { void: (backend, cause) => voids.push(`${backend} ${cause}`), restart: () => restarts++ },
  });
  const down = tcpCheck(unusedPort(), { intervalMs: 20 });
  prober.start([
    target("waits", httpCheck(silent.port, {}, { timeoutMs: 3_000_000 }), { generation: 4 }),
    target("done", down, { generation: 5 }),
    target("gone", down),
  ]);
  await reports.next("gone");
  prober.stop(["gone"]);
  const lost = await reports.next("waits");
  assert.deepEqual([lost.generation, lost.result.ok, lost.result.void], [4, false, "worker-restart"]);
  assert.ok(voids.includes("waits worker-restart"));
  const before = reports.of("done").length;
  const after = await reports.next("done", before + 3);
  assert.deepEqual([after.generation, after.result.code], [5, "L4CON"]);
  assert.deepEqual([restarts, spawned], [1, 2]);
  const [restart] = log.named("worker-restart");
  assert.match(String(restart?.reason), /a defect in the worker/);
  assert.equal(restart?.targets, 2);
  assert.equal(log.named("probe-void").length, 1);
});

Deno.test("a worker that died is not replaced before there are descriptors for its thread", async () => {
  const clock = new FakeClock();
  const log = new Kept();
  const reports = new Reports();
  const died = Promise.withResolvers<void>();
  let [spawned, room] = [0, false];
  await using prober = startProber({
    clock,
    log,
    sink: reports.sink,
    lack: () => spawned === 0 || room ? null : "descriptors",
    events: { restart: died.resolve },
    spawn: () => spawned++ === 0 ? worker("workers/crashing.ts") : ours(),
  });
  prober.start([target("b", tcpCheck(unusedPort(), { intervalMs: 20 }))]);
  await died.promise;
  await clock.advance(5_000);
  assert.equal(spawned, 1);
  const [death, wait] = log.named("worker-restart");
  assert.match(String(death?.reason), /a defect in the worker/);
  assert.match(String(wait?.reason), /no file descriptors.*LimitNOFILE/);
  assert.equal(log.named("worker-restart").length, 2);
  room = true;
  await clock.advance(1_000);
  assert.equal(spawned, 2);
  await reports.next("b");
});

Deno.test("a worker that the system does not start, at the start or later, is tried for again each second", async () => {
  const clock = new FakeClock();
  const log = new Kept();
  const reports = new Reports();
  let attempts = 0;
  await using prober = startProber({
    clock,
    log,
    sink: reports.sink,
    lack: () => null,
    spawn: () => {
      if (++attempts <= 3) throw new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
      return ours();
    },
  });
  prober.start([target("b", tcpCheck(unusedPort(), { intervalMs: 20 }))]);
  await clock.advance(2_000);
  assert.deepEqual([attempts, reports.all.length], [3, 0]);
  const [told, ...again] = log.named("worker-restart");
  assert.match(String(told?.reason), /TasksMax/);
  assert.deepEqual(again, []);
  await clock.advance(1_000);
  assert.equal(attempts, 4);
  await reports.next("b");
});

Deno.test("a worker without a sign of life is replaced after ten looks, not before", async () => {
  const clock = new FakeClock();
  const log = new Kept();
  const reports = new Reports();
  let spawned = 0;
  const deaf = () => new Worker("data:application/javascript,", { type: "module" });
  await using prober = startProber({
    clock,
    log,
    sink: reports.sink,
    spawn: () => spawned++ === 0 ? deaf() : ours(),
  });
  prober.start([target("b", tcpCheck(unusedPort()))]);
  await clock.advance(9000);
  assert.equal(spawned, 1);
  await clock.advance(1000);
  assert.equal(spawned, 2);
  assert.equal(log.named("worker-restart")[0]?.reason, "no sign of life for 10 s");
  assert.equal((await reports.next("b")).result.code, "L4CON");
});

Deno.test("alive(): a thread that has run since, one that is new, one that is being started; not one that hangs", async () => {
  const clock = new FakeClock();
  const reports = new Reports();
  let spawned = 0;
  const deaf = () => new Worker("data:application/javascript,", { type: "module" });
  await using prober = startProber({
    clock,
    log: silentLog,
    sink: reports.sink,
    lack: () => spawned === 1 ? "descriptors" : null,
    spawn: () => spawned++ === 0 ? deaf() : ours(),
  });
  prober.start([target("b", tcpCheck(unusedPort(), { intervalMs: 20 }))]);
  assert.equal(prober.alive(), true, "new");
  assert.equal(prober.alive(), false, "it has not run since");
  await clock.advance(10_000);
  assert.equal(spawned, 1);
  assert.equal(prober.alive(), true, "taken for dead, and no thread can be started yet");
  assert.equal(prober.alive(), true);
  spawned++;
  await clock.advance(1000);
  await reports.next("b");
  assert.equal(prober.alive(), true, "new again");
  // Its sign of life comes in between reports.
  for (let count = 2; !prober.alive(); count++) await reports.next("b", count);
});

Deno.test("disposal ends the worker, also one that does not listen", async () => {
  const clock = new FakeClock();
  const deaf = () => new Worker("data:application/javascript,", { type: "module" });
  const prober = startProber({ clock, log: silentLog, sink: () => {}, spawn: deaf });
  const ended = prober[Symbol.asyncDispose]();
  await clock.advance(1000);
  await ended;
  assert.equal(clock.pending, 0);
});

Deno.test("probe-start and probe-done are logged at debug, and no header value ever is", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("x"));
  const log = new Kept("debug");
  const reports = new Reports();
  await using prober = startProber({ log, sink: reports.sink });
  const headers = { Authorization: "Bearer s3cr3t", "X-Plain": "p14in" };
  prober.start([target("b", httpCheck(server.addr.port, { headers, responseRegexp: "y" }))]);
  await reports.next("b", 2);
  const [start] = log.named("probe-start");
  assert.deepEqual(start, { backend: "b", type: "http" });
  const [done] = log.named("probe-done");
  assert.deepEqual([done?.backend, done?.ok, done?.code], ["b", false, "L7RSP"]);
  assert.doesNotMatch(JSON.stringify(log.records), /s3cr3t|p14in/);
  const quiet = new Kept();
  const others = new Reports();
  await using second = startProber({ log: quiet, sink: others.sink });
  second.start([target("b", tcpCheck(server.addr.port))]);
  await others.next("b", 2);
  assert.deepEqual(quiet.records, []);
});

Deno.test("VoidLog writes at most once a second and counts what falls between", async () => {
  const clock = new FakeClock();
  const log = new Kept();
  const voids = new VoidLog(clock, log);
  voids.note("a", "ports", "first");
  voids.note("b", "ports", "second");
  voids.note("c", "netns", "third");
  assert.deepEqual(log.named("probe-void"), [{
    backend: "a",
    cause: "ports",
    detail: "first",
    count: { ports: 1 },
  }]);
  await clock.advance(999);
  assert.equal(log.named("probe-void").length, 1);
  await clock.advance(1);
  assert.deepEqual(log.named("probe-void")[1], {
    backend: "c",
    cause: "netns",
    detail: "third",
    count: { ports: 1, netns: 1 },
  });
  await clock.advance(10_000);
  assert.equal(log.named("probe-void").length, 2);
  voids.note("d", "late", "fourth");
  assert.equal(log.named("probe-void").length, 3);
  voids[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("probeLimit() leaves descriptors for the rest of the daemon, and some probes in any case", () => {
  assert.equal(probeLimit(1024), 768);
  assert.equal(probeLimit(256), 128);
  assert.equal(probeLimit(100_000), 75_000);
  assert.equal(probeLimit(64), 16);
});

Deno.test("more targets than the limit of open files allows are warned of, once, and probed all the same", async () => {
  const log = new Kept();
  const reports = new Reports();
  await using prober = startProber({ log, sink: reports.sink, descriptors: 64 });
  const check = tcpCheck(unusedPort(), { intervalMs: 3_600_000 });
  const names = Array.from({ length: 40 }, (_, i) => `b${i}`);
  prober.start(names.slice(0, 16).map((name) => target(name, check)));
  assert.deepEqual(log.named("probe-limit"), []);
  prober.start(names.slice(16).map((name) => target(name, check)));
  prober.start([target("b0", check, { generation: 2 })]);
  const [warning, ...more] = log.named("probe-limit");
  assert.deepEqual([warning?.targets, warning?.limit, more.length], [40, 16, 0]);
  await reports.until((all) => new Set(all.map(({ backend }) => backend)).size === names.length);
});
