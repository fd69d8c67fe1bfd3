import assert from "node:assert/strict";
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
