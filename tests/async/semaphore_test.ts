import assert from "node:assert/strict";
import fc from "fast-check";
import { Semaphore } from "../../src/async/semaphore.ts";

Deno.test("a semaphore lets a group that is larger than itself go alone, and all others in their order", () => {
  const semaphore = new Semaphore(4);
  const events: string[] = [];
  const start = (name: string, count: number) =>
    semaphore.enter(count, () => events.push(`${name} ${semaphore.used}`));
  start("a", 1);
  start("group", 9);
  start("b", 1);
  start("c", 3);
  assert.deepEqual(events, ["a 1"]);
  semaphore.leave(1);
  assert.deepEqual(events, ["a 1", "group 4"]);
  semaphore.leave(9);
  assert.deepEqual(events.slice(2), ["b 1", "c 4"]);
  semaphore.leave(1);
  semaphore.leave(3);
  assert.equal(semaphore.used, 0);
});

Deno.test("urgent jobs go before the others, in their order, and nothing goes past what does not fit yet", () => {
  const semaphore = new Semaphore(2);
  const events: string[] = [];
  const start = (name: string, count: number, urgent: boolean) =>
    semaphore.enter(count, () => events.push(name), urgent);
  start("a", 2, false);
  start("b", 1, false);
  start("first", 2, true);
  start("second", 1, true);
  assert.equal(semaphore.urgent, 2);
  semaphore.leave(2);
  assert.deepEqual(events, ["a", "first"]);
  semaphore.leave(2);
  assert.deepEqual(events, ["a", "first", "second", "b"]);
  assert.equal(semaphore.urgent, 0);
});

Deno.test("thousands of jobs that leave at once do not nest", () => {
  const semaphore = new Semaphore(1);
  let went = 0;
  semaphore.enter(1, () => {});
  for (let n = 0; n < 100_000; n++) {
    semaphore.enter(1, () => {
      went++;
      semaphore.leave(1);
    });
  }
  semaphore.leave(1);
  assert.equal(went, 100_000);
});

Deno.test("where many wait they go in groups of a quarter, and where few wait each goes by itself", () => {
  const semaphore = new Semaphore(32);
  const started: number[] = [];
  let leaving = 0;
  const enter = (count: number, urgent = false) => {
    for (let n = 0; n < count; n++) semaphore.enter(1, () => started.push(leaving), urgent);
  };
  const leave = (count: number) => {
    for (let n = 0; n < count; n++) {
      leaving++;
      semaphore.leave(1);
    }
  };
  enter(32);
  assert.equal(started.length, 32, "as many as fit go at once");
  enter(20);
  leave(7);
  assert.equal(started.length, 32);
  leave(1);
  assert.equal(started.length, 40);
  leave(8);
  assert.equal(started.length, 48);
  // Four are left: fewer than a group.
  leave(1);
  assert.equal(started.length, 49);
  // What is urgent does not wait for a group of others, and lets none of them into the places that are held back.
  enter(20);
  leave(4);
  const before = started.length;
  enter(2, true);
  assert.equal(started.length, before + 2);
  assert.equal(semaphore.urgent, 0);
});

Deno.test("whatever comes and leaves: never too much, each kind in its order, and nothing waits for ever", () => {
  const step = fc.record({
    enters: fc.boolean(),
    count: fc.integer({ min: 1, max: 12 }),
    urgent: fc.boolean(),
    leavesAtOnce: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 200 }), (size, steps) => {
      const semaphore = new Semaphore(size);
      const inside: number[] = [];
      const waiting = { urgent: [] as number[], others: [] as number[] };
      let came = 0;
      const bounded = (count: number) => Math.min(count, size);
      const leave = () => {
        const count = inside.shift();
        if (count !== undefined) semaphore.leave(count);
      };
      for (const { count, enters, leavesAtOnce, urgent } of steps) {
        if (!enters) {
          leave();
          continue;
        }
        const id = came++;
        const list = urgent ? waiting.urgent : waiting.others;
        list.push(id);
        semaphore.enter(count, () => {
          assert.equal(list.shift(), id, "first come, first served");
          if (!urgent) assert.equal(waiting.urgent.length, 0, "the urgent ones go first");
          if (leavesAtOnce) return semaphore.leave(count);
          inside.push(count);
          assert.ok(inside.reduce((sum, one) => sum + bounded(one), 0) <= size);
        }, urgent);
        assert.equal(semaphore.used, inside.reduce((sum, one) => sum + bounded(one), 0));
      }
      while (inside.length > 0) leave();
      assert.deepEqual([semaphore.used, waiting], [0, { urgent: [], others: [] }]);
    }),
  );
});
