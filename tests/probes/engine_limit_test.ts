import assert from "node:assert/strict";
import type { Millis } from "../../src/model.ts";
import { target } from "./helpers.ts";
import { type Answer, Asking, Bench, check, PASS } from "./engine_world.ts";

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

Deno.test("Engine: a probe that waits long for the limit is told as void, again and again, and keeps its place", async () => {
  await using bench = new Bench({ limit: 1 });
  bench.behave = (name) => name === "a" ? { after: 13_000, answer: PASS } : PASS;
  const [a, b, c] = ["a", "b", "c"].map((name, i) =>
    target(name, check(60_000, 20_000), { firstDelayMs: i, intervalMs: 60_000 })
  );
  assert.ok(a && b && c);
  bench.engine.start([a, b, c]);
  await bench.clock.advance(4_900);
  assert.equal(bench.reports.all.length, 0);
  // It is due whatever its interval is now.
  bench.engine.pace("b", b.generation, 30_000);
  await bench.clock.advance(7_000);
  const told = bench.reports.all.map(({ backend, result }) => [backend, result.void, result.detail]);
  assert.deepEqual(
    told,
    ["b", "c", "b", "c"].map((name, i) => [
      name,
      "descriptors",
      `no descriptor for this probe in ${i < 2 ? 5 : 10}s (1 probes may run at once)`,
    ]),
  );
  assert.deepEqual(bench.begun, [["a", 0]]);
  await bench.clock.advance(2_000);
  assert.deepEqual(bench.begun, [["a", 0], ["b", 13_000], ["c", 13_000]]);
  assert.deepEqual(bench.reports.all.slice(4).map(({ result }) => result.void), [null, null, null]);
  await bench.clock.advance(10_000);
  assert.equal(bench.reports.all.length, 7, "nothing of the wait is left");
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
  const held: Answer[] = [];
  await using bench = new Bench({
    limit: 1,
    machine: (attempt) =>
      new Asking(attempt, (answer) => {
        if (attempt.plan.target.backend === "first") held.push(answer);
        else answer(PASS);
      }),
  });
  const names = Array.from({ length: 20_000 }, (_, i) => `b${i}`);
  bench.engine.start([target("first", check(100_000)), ...names.map((name) => target(name, check(100_000)))]);
  await bench.clock.advance(500);
  assert.equal(bench.engine.queued, names.length);
  held[0]?.(PASS);
  assert.deepEqual([bench.engine.queued, bench.engine.running], [0, 0]);
  assert.equal(bench.reports.all.length, names.length + 1);
});

Deno.test("Engine: when several are stopped or started anew, none of them begins because another one ends", async () => {
  await using bench = new Bench({ limit: 1 });
  bench.behave = () => "silent";
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

Deno.test("Engine: what probes have gathered is sent at the end of the pass, before anything else happens", async () => {
  const done: string[] = [];
  await using bench = new Bench({
    machine: (attempt) =>
      new Asking(attempt, (answer) => {
        done.push(attempt.plan.target.backend);
        answer(PASS);
      }),
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

Deno.test("Engine: a probe that hurries ends by then, as it would by its deadline, and is not slow", async () => {
  const verdicts: [string, Millis][] = [];
  await using bench = new Bench({
    machine: (attempt) => {
      let begun = false;
      return {
        step: () => {
          // At once for one, after a wait for the other: the deadline is set in between.
          if (!begun && attempt.plan.target.backend === "late") {
            begun = true;
            void bench.clock.after(100, () => attempt.wake());
            return "wait";
          }
          attempt.hurry(50);
          return "wait";
        },
        late: () => {
          verdicts.push([attempt.plan.target.backend, bench.clock.now()]);
          return PASS;
        },
        [Symbol.dispose]: () => {},
      };
    },
    limit: 2,
  });
  bench.engine.start([target("now", check(10_000, 5000)), target("late", check(10_000, 5000))]);
  await bench.clock.advance(5000);
  assert.deepEqual(verdicts, [["now", 50], ["late", 150]]);
  assert.deepEqual(bench.reports.all.map(({ result }) => result.code), ["L4OK", "L4OK"]);
  // A slow one would leave its place to others.
  bench.engine.start([target("third", check(10_000, 5000))]);
  await bench.clock.advance(60);
  assert.equal(verdicts.length, 3);
});
