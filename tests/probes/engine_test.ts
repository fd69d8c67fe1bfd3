import assert from "node:assert/strict";
import { voided } from "../../src/probes/result.ts";
import type { Machine } from "../../src/probes/step.ts";
import { httpCheck, target } from "./helpers.ts";
import { Bench, check, one, PASS, REFUSED } from "./engine_world.ts";

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

Deno.test("Engine: a probe that throws is a defect of its own and void, and the others go on", async () => {
  const boom = (what: string) => {
    throw new Error(what);
  };
  await using bench = new Bench({
    machine: (attempt) => {
      const { backend } = attempt.plan.target;
      if (backend === "made") boom("made");
      const machine: Machine = {
        step: () => backend === "even" ? PASS : backend === "step" ? boom("step") : "wait",
        late: () => backend === "late" ? boom("late") : PASS,
        [Symbol.dispose]: () => backend === "disposed" ? boom("disposed") : undefined,
      };
      return machine;
    },
  });
  const names = ["made", "step", "late", "disposed", "even"];
  bench.engine.start(names.map((name) => target(name, check(10_000, 50, 10_000))));
  await bench.clock.advance(60);
  for (const name of names) {
    const [report] = bench.reports.of(name);
    assert.deepEqual(
      [report?.result.code, report?.result.void],
      name === "even" ? ["L4OK", null] : ["L7RSP", "worker-restart"],
      name,
    );
  }
  // What was void was tried once more at once; two of these run, and are ended.
  assert.equal(bench.engine.running, 2);
  bench.engine.stop(names);
  assert.equal(bench.engine.running, 0);
  const told = Object.groupBy(bench.defects.map(String), (text) => text);
  const counts = Object.fromEntries(Object.entries(told).map(([text, all]) => [text, all?.length]));
  assert.deepEqual(counts, { "Error: made": 2, "Error: step": 2, "Error: disposed": 2, "Error: late": 1 });
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
