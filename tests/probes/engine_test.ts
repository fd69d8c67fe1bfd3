import assert from "node:assert/strict";
import type { Millis } from "../../src/model.ts";
import { type Attempt, Cancelled } from "../../src/probes/attempt.ts";
import { LATE } from "../../src/probes/stream.ts";
import { Engine, type EngineOptions } from "../../src/probes/engine.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { lateable, type Verdict, verdict, voided } from "../../src/probes/result.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { httpCheck, Reports, target, tcpCheck } from "./helpers.ts";

const PASS = verdict("L4OK", "connected");
const REFUSED = verdict("L4CON", "connection refused");
const SILENT = lateable("L4TOUT", "no connection");

/** What a fake backend does: answers at once, after a time, or never. */
type Behaviour = Verdict | { readonly after: Millis; readonly answer: Verdict } | "silent";

/** A probe that waits by promises. */
function promised(probe: (attempt: Attempt) => Promise<Verdict>): EngineOptions<ProbeTarget>["probe"] {
  return (attempt) => attempt.until(probe(attempt));
}

/** An engine in fake time over fake backends. */
class Bench implements AsyncDisposable {
  readonly clock = new FakeClock(0);
  readonly reports = new Reports();
  /** Start of each probe: backend and time. */
  readonly begun: [string, Millis][] = [];
  readonly defects: unknown[] = [];
  readonly limited: number[] = [];
  readonly urgent: boolean[] = [];
  readonly engine: Engine;
  /** Answers that stand in a socket until somebody drains it. */
  readonly pending: (() => void)[] = [];
  behave: (backend: string) => Behaviour = () => PASS;
  random = 0.5;
  #timer: Disposable | null = null;

  constructor(options: Partial<EngineOptions<ProbeTarget>> = {}) {
    this.engine = new Engine({
      clock: this.clock,
      random: () => this.random,
      version: "test",
      limit: 1000,
      probe: promised((attempt) => this.#probe(attempt)),
      review: (_plan, found) => found,
      drain: () => this.pending.splice(0).forEach((deliver) => deliver()),
      flush: () => {},
      changed: () => this.#arm(),
      report: ({ backend, generation }, result, nextDueAt, _lateMs, urgent) => {
        this.urgent.push(urgent);
        this.reports.sink([{ backend, generation, result, nextDueAt }]);
      },
      begin: ({ backend }) => this.begun.push([backend, this.clock.now()]),
      defect: (error) => this.defects.push(error),
      limited: (queued) => this.limited.push(queued),
      ...options,
    });
    this.#arm();
  }

  /** Drives the engine: a pass at the time it asks for. */
  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    const wait = Math.max(0, this.engine.nextPass - this.clock.now());
    this.#timer = this.clock.after(wait, () => {
      this.engine.pass();
      this.#arm();
    });
  }

  /** Times at which probes of a backend began. */
  times(backend: string): Millis[] {
    return this.begun.filter(([name]) => name === backend).map(([, at]) => at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.engine[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    await settle();
    assert.equal(this.clock.pending, 0, "every timer was released");
  }

  async #probe(attempt: Attempt): Promise<Verdict> {
    const does = this.behave(attempt.plan.target.backend);
    if (does !== "silent" && "code" in does) return does;
    let tell: (answer: Verdict) => void = () => {};
    using _answer = does === "silent" ? null : this.clock.after(does.after, () => tell(does.answer));
    const answer = await attempt.wait<Verdict>((done) => tell = done);
    return answer === LATE ? SILENT : answer;
  }
}

const check = (interval: Millis, timeout: Millis = 1000, fast = interval) =>
  tcpCheck(80, { intervalMs: interval, fastIntervalMs: fast, timeoutMs: timeout });
const one = (rest: Partial<ProbeTarget> = {}, interval = 1000, timeout = 500) =>
  target("b", check(interval, timeout), rest);

Deno.test("Engine: the first probe comes after its delay, the others on the interval, with no drift", async () => {
  await using bench = new Bench();
  bench.behave = () => ({ after: 70, answer: PASS });
  bench.engine.start([one({ firstDelayMs: 250 })]);
  await bench.clock.advance(5000);
  assert.deepEqual(bench.times("b"), [250, 1250, 2250, 3250, 4250]);
  const [first] = bench.reports.all;
  assert.equal(first?.result.totalMs, 70);
  assert.equal(first?.result.scheduledAt, first?.result.startedAt);
  assert.equal(first?.nextDueAt, (first?.result.startedAt ?? 0) + 1000);
});

Deno.test("Engine: the wait is the interval times a factor in [0.9, 1.1], drawn for each turn", async () => {
  await using bench = new Bench();
  bench.random = 0;
  bench.engine.start([one()]);
  await bench.clock.advance(900);
  bench.random = 0.999999;
  await bench.clock.advance(1100);
  assert.deepEqual(bench.times("b").map(Math.round), [0, 900, 1800]);
  await bench.clock.advance(1100);
  assert.deepEqual(bench.times("b").map(Math.round), [0, 900, 1800, 2900]);
});

Deno.test("Engine: with a timeout over the interval the next probe starts when the last has ended", async () => {
  await using bench = new Bench();
  bench.behave = () => "silent";
  bench.engine.start([one({}, 100, 350)]);
  await bench.clock.advance(1100);
  assert.deepEqual(bench.times("b"), [0, 350, 700, 1050]);
  assert.deepEqual(bench.reports.all.map(({ result }) => result.code), ["L4TOUT", "L4TOUT", "L4TOUT"]);
});

Deno.test("pace() takes effect on the wait under way, in both directions", async () => {
  await using bench = new Bench();
  bench.engine.start([one({ generation: 7 })]);
  await bench.clock.advance(300);
  bench.engine.pace("b", 7, 400);
  await bench.clock.advance(200);
  assert.deepEqual(bench.times("b"), [0, 400]);
  bench.engine.pace("b", 7, 2000);
  await bench.clock.advance(1800);
  assert.deepEqual(bench.times("b"), [0, 400]);
  await bench.clock.advance(200);
  assert.deepEqual(bench.times("b"), [0, 400, 2400]);
  // A shorter interval whose turn is past is due now, once.
  await bench.clock.advance(1000);
  bench.engine.pace("b", 7, 100);
  await bench.clock.advance(1);
  assert.deepEqual(bench.times("b"), [0, 400, 2400, 3500]);
});

Deno.test("pace() of another generation or an unknown backend changes nothing", async () => {
  await using bench = new Bench();
  bench.engine.start([one({ generation: 7 })]);
  await bench.clock.advance(10);
  bench.engine.pace("b", 6, 50);
  bench.engine.pace("nobody", 7, 50);
  await bench.clock.advance(900);
  assert.deepEqual(bench.times("b"), [0]);
});

Deno.test("pace() while a probe runs holds for the wait after it", async () => {
  await using bench = new Bench();
  bench.behave = () => ({ after: 100, answer: PASS });
  bench.engine.start([one()]);
  await bench.clock.advance(50);
  bench.engine.pace("b", 1, 300);
  await bench.clock.advance(300);
  assert.deepEqual(bench.times("b"), [0, 300]);
});

Deno.test("Engine: a void result is repeated at once, then on the fast interval; then the interval holds again", async () => {
  await using bench = new Bench();
  bench.behave = () => voided("descriptors", "L4CON", "socket: EMFILE");
  bench.engine.start([target("b", check(1000, 500, 200))]);
  await bench.clock.advance(450);
  assert.deepEqual(bench.times("b"), [0, 0, 200, 400]);
  assert.ok(bench.reports.all.every(({ result }) => result.void === "descriptors"));
  bench.behave = () => PASS;
  await bench.clock.advance(1200);
  assert.deepEqual(bench.times("b"), [0, 0, 200, 400, 600, 1600]);
});

Deno.test("stop() and start() of a backend cancel its running probe, which is never reported", async () => {
  await using bench = new Bench();
  bench.behave = () => ({ after: 100, answer: PASS });
  bench.engine.start([one({ generation: 1 })]);
  await bench.clock.advance(50);
  bench.engine.start([one({ generation: 2 })]);
  await bench.clock.advance(20);
  assert.equal(bench.engine.running, 1);
  bench.engine.stop(["b"]);
  await bench.clock.advance(5000);
  assert.equal(bench.reports.all.length, 0);
  assert.equal(bench.engine.running, 0);
  bench.engine.start([one({ generation: 3 })]);
  await bench.clock.advance(100);
  assert.deepEqual(bench.reports.all.map(({ generation }) => generation), [3]);
});

Deno.test("Engine: a stall moves the deadline by its length, and is told as lag", async () => {
  await using bench = new Bench();
  bench.behave = () => "silent";
  bench.engine.start([one({}, 10_000, 500)]);
  await bench.clock.advance(100);
  bench.clock.stall(1000);
  await bench.clock.advance(390);
  assert.equal(bench.reports.all.length, 0);
  await bench.clock.advance(20);
  const [report] = bench.reports.all;
  assert.equal(report?.result.code, "L4TOUT");
  assert.equal(report?.result.void, null);
  assert.ok((report?.result.lagMs ?? 0) >= 1000);
  assert.ok((report?.result.totalMs ?? 0) >= 1500);
});

Deno.test("Engine: a time-out is void once stalls took more than three timeouts", async () => {
  await using bench = new Bench();
  bench.behave = () => "silent";
  bench.engine.start([one({}, 10_000, 500)]);
  await bench.clock.advance(100);
  bench.clock.stall(1600);
  bench.behave = () => PASS;
  await bench.clock.advance(500);
  assert.deepEqual(bench.reports.all.map(({ result }) => result.void), ["late", null]);
});

Deno.test("Engine: an answer that arrived in a stall is heard before the deadline that passed in it", async () => {
  await using bench = new Bench({
    probe: promised(async (attempt) => {
      const answer = await attempt.wait<Verdict>((done) => bench.pending.push(() => done(PASS)));
      return answer === LATE ? SILENT : answer;
    }),
  });
  bench.engine.start([one({}, 10_000, 20)]);
  // The probe begins in this pass; its answer then waits for a drain, which comes only after the stall.
  await bench.clock.advance(1);
  bench.clock.stall(5000);
  await bench.clock.advance(10);
  assert.deepEqual(bench.reports.all.map(({ result }) => [result.code, result.void]), [["L4OK", null]]);
});

Deno.test("Engine: without a stall, too, what has arrived goes before the deadline", async () => {
  await using bench = new Bench({
    probe: promised(async (attempt) => {
      const first = await attempt.wait<null>((done) => bench.pending.push(() => done(null)));
      return first === LATE ? SILENT : PASS;
    }),
  });
  bench.engine.start([one({}, 10_000, 20)]);
  await bench.clock.advance(1);
  bench.clock.stall(25);
  await bench.clock.advance(10);
  assert.deepEqual(bench.reports.all.map(({ result }) => result.code), ["L4OK"]);
});

Deno.test("Engine: a refusal counts however late the thread is", async () => {
  await using bench = new Bench();
  bench.behave = () => ({ after: 50, answer: REFUSED });
  bench.engine.start([one()]);
  await bench.clock.advance(10);
  bench.clock.stall(60_000);
  await bench.clock.advance(100);
  const [report] = bench.reports.all;
  assert.equal(report?.result.code, "L4CON");
  assert.equal(report?.result.void, null);
});

Deno.test("Engine: after a stall every backend gets one turn, not the turns it missed", async () => {
  await using bench = new Bench();
  bench.engine.start([one({}, 100)]);
  await bench.clock.advance(50);
  bench.clock.stall(1000);
  await bench.clock.advance(60);
  assert.deepEqual(bench.times("b"), [0, 1050]);
});

Deno.test("Engine: the time that a probe is held counts as lag, and too much of it ends the probe as void", async () => {
  await using bench = new Bench({
    probe: promised(async (attempt) => {
      attempt.hold();
      const answer = await attempt.wait<Verdict>(() => {});
      return answer === LATE ? SILENT : answer;
    }),
  });
  bench.engine.start([one({}, 10_000, 100)]);
  await bench.clock.advance(300);
  assert.equal(bench.reports.all.length, 0);
  await bench.clock.advance(200);
  assert.equal(bench.reports.all[0]?.result.void, "late");
});

Deno.test("Engine: no more probes run at once than the limit allows; the others follow in their order", async () => {
  await using bench = new Bench({ limit: 2 });
  bench.behave = () => ({ after: 100, answer: PASS });
  bench.engine.start(["a", "b", "c", "d"].map((name, i) => target(name, check(10_000), { firstDelayMs: i })));
  await bench.clock.advance(50);
  assert.deepEqual(bench.begun.map(([name]) => name), ["a", "b"]);
  assert.equal(bench.engine.queued, 2);
  assert.deepEqual(bench.limited, [1, 2]);
  await bench.clock.advance(100);
  assert.deepEqual(bench.begun, [["a", 0], ["b", 1], ["c", 100], ["d", 101]]);
});

Deno.test("Engine: silent backends leave a quarter of the limit to those that answer", async () => {
  await using bench = new Bench({ limit: 4 });
  bench.behave = (name) => name.startsWith("dead") ? "silent" : PASS;
  const dead = ["dead1", "dead2", "dead3", "dead4", "dead5", "dead6"].map((name) =>
    target(name, check(10, 1000))
  );
  bench.engine.start(dead);
  await bench.clock.advance(2500);
  assert.equal(bench.engine.running, 3);
  bench.begun.length = 0;
  bench.engine.start([target("live", check(100))]);
  await bench.clock.advance(350);
  assert.deepEqual(bench.times("live"), [2500, 2600, 2700, 2800]);
});

Deno.test("Engine: probes that end at once are counted, and a long queue of them is no deep recursion", async () => {
  const held: Attempt[] = [];
  await using bench = new Bench({
    limit: 1,
    probe: (attempt) => attempt.plan.target.backend === "first" ? held.push(attempt) : attempt.finish(PASS),
  });
  const names = Array.from({ length: 20_000 }, (_, i) => `b${i}`);
  bench.engine.start([target("first", check(100_000)), ...names.map((name) => target(name, check(100_000)))]);
  await bench.clock.advance(500);
  assert.equal(bench.engine.queued, names.length);
  held[0]?.finish(PASS);
  assert.deepEqual([bench.engine.queued, bench.engine.running], [0, 0]);
  assert.equal(bench.reports.all.length, names.length + 1);
});

Deno.test("Engine: when several are stopped or started anew, none of them begins because another one ends", async () => {
  await using bench = new Bench({
    limit: 1,
    probe: (attempt) =>
      attempt.listen({
        late: () => attempt.finish(SILENT),
        cancelled: () => attempt.fail(new Cancelled()),
      }),
  });
  const all = ["a", "b", "c"].map((name, i) => target(name, check(10_000), { firstDelayMs: i }));
  bench.engine.start(all);
  await bench.clock.advance(50);
  assert.deepEqual([bench.begun.length, bench.engine.queued], [1, 2]);
  bench.engine.start(all);
  assert.deepEqual([bench.begun.length, bench.engine.queued, bench.engine.running], [1, 0, 0]);
  await bench.clock.advance(50);
  assert.deepEqual(bench.begun.map(([name]) => name), ["a", "a"]);
  bench.engine.stop(["a", "b"]);
  assert.deepEqual(bench.begun.map(([name]) => name), ["a", "a", "c"], "its place goes to one that stays");
});

Deno.test("Engine: a probe ends once; what is thrown behind its end is told as it is", async () => {
  const seen: Attempt[] = [];
  await using bench = new Bench({ probe: (attempt) => seen.push(attempt) });
  bench.engine.start([one()]);
  await bench.clock.advance(1);
  const [attempt] = seen;
  assert.ok(attempt);
  attempt.finish(PASS);
  attempt.finish(REFUSED);
  attempt.fail(new Error("too late"));
  assert.equal(bench.engine.running, 0);
  assert.deepEqual(bench.reports.all.map(({ result }) => result.code), ["L4OK"]);
  assert.throws(() =>
    attempt.guard(() => {
      throw new Error("behind the end");
    }), /behind the end/);
  assert.deepEqual(bench.defects, []);
});

Deno.test("Engine: a probe that begins in a pass has its whole timeout, however long the sockets took", async () => {
  let busy = 0;
  await using bench: Bench = new Bench({ drain: () => busy > 0 ? bench.clock.stall(busy) : undefined });
  bench.behave = () => "silent";
  bench.engine.start([one({ firstDelayMs: 5 }, 10_000, 20)]);
  busy = 25;
  await bench.clock.advance(5);
  busy = 0;
  await bench.clock.advance(100);
  const [report] = bench.reports.all;
  assert.ok(report);
  assert.ok(report.result.totalMs >= 20 && report.result.totalMs < 25, String(report.result.totalMs));
  assert.ok(report.result.startedAt - report.result.scheduledAt >= 25);
});

Deno.test("Engine: what probes have gathered is sent at the end of the pass, before anything else happens", async () => {
  const done: string[] = [];
  await using bench = new Bench({
    probe: (attempt) => {
      done.push(attempt.plan.target.backend);
      attempt.finish(PASS);
    },
    flush: () => done.push("flush"),
  });
  bench.engine.start([target("a", check(100_000)), target("b", check(100_000))]);
  await bench.clock.advance(1);
  assert.deepEqual(done.slice(done.indexOf("a"), done.indexOf("a") + 3), ["a", "b", "flush"]);
});

Deno.test("Engine: a queued backend that is stopped is never probed", async () => {
  await using bench = new Bench({ limit: 1 });
  bench.behave = () => ({ after: 100, answer: PASS });
  bench.engine.start([target("a", check(10_000)), target("b", check(10_000), { firstDelayMs: 1 })]);
  await bench.clock.advance(10);
  bench.engine.stop(["b"]);
  await bench.clock.advance(500);
  assert.deepEqual(bench.begun.map(([name]) => name), ["a"]);
});

Deno.test("Engine: a defect in one probe is told and void, and the others go on", async () => {
  await using bench = new Bench({
    probe: (attempt) => {
      if (attempt.plan.target.backend === "odd") throw new Error("boom");
      if (attempt.plan.target.backend === "late") return attempt.until(Promise.reject(new Error("bang")));
      attempt.finish(PASS);
    },
  });
  bench.engine.start(["odd", "late", "even"].map((name) => target(name, check(1000))));
  await bench.clock.advance(10);
  assert.equal(bench.reports.of("even")[0]?.result.code, "L4OK");
  for (const name of ["odd", "late"]) {
    assert.equal(bench.reports.of(name)[0]?.result.void, "worker-restart");
  }
  // Each is tried once more at once, since what was void says nothing.
  assert.deepEqual(new Set(bench.defects.map(String)), new Set(["Error: boom", "Error: bang"]));
});

Deno.test("Engine: reports are urgent until a long row of passes surely changes nothing", async () => {
  await using bench = new Bench();
  bench.engine.start([one({}, 100)]);
  await bench.clock.advance(650);
  // rise 2 and fall 3: five passes fill any counter.
  assert.deepEqual(bench.urgent, [true, true, true, true, false, false, false]);
  bench.behave = () => REFUSED;
  await bench.clock.advance(100);
  assert.equal(bench.urgent.at(-1), true);
});

Deno.test("Engine: a failure that may have other reasons is looked at again, another is not", async () => {
  const reviewed: string[] = [];
  await using bench = new Bench({
    review: (plan, found) => {
      reviewed.push(plan.target.backend);
      return { ...found, void: "netns" };
    },
  });
  bench.behave = (name) => name === "mute" ? "silent" : REFUSED;
  bench.engine.start([target("mute", check(1000, 100)), target("shut", check(1000))]);
  await bench.clock.advance(120);
  assert.deepEqual(reviewed, ["mute"]);
  assert.equal(bench.reports.of("mute")[0]?.result.void, "netns");
  assert.equal(bench.reports.of("shut")[0]?.result.void, null);
});

Deno.test("Engine: a target that cannot be planned is told, never probed, and harms no other", async () => {
  await using bench = new Bench();
  const broken = httpCheck(80, { responseRegexp: "(" }, { intervalMs: 100 });
  bench.engine.start([target("broken", broken), target("fine", check(100))]);
  await bench.clock.advance(350);
  assert.equal(bench.defects.length, 1);
  assert.deepEqual(bench.reports.of("broken"), []);
  assert.equal(bench.reports.of("fine").length, 4);
});
