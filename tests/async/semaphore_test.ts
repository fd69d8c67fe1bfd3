import assert from "node:assert/strict";
import { Semaphore } from "../../src/async/semaphore.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("a semaphore lets a group that is larger than itself go alone, and all others in their order", async () => {
  const semaphore = new Semaphore(4);
  const events: string[] = [];
  const gates: (() => void)[] = [];
  const start = (name: string, count: number) =>
    semaphore.run(count, async () => {
      events.push(`${name} ${semaphore.used}`);
      await new Promise<void>((open) => gates.push(open));
    });
  const all = [start("a", 1), start("group", 9), start("b", 1), start("c", 3)];
  await turn();
  assert.deepEqual(events, ["a 1"]);
  gates.shift()?.();
  await turn();
  assert.deepEqual(events, ["a 1", "group 4"]);
  gates.shift()?.();
  await turn();
  assert.deepEqual(events.slice(2), ["b 4", "c 4"]);
  for (const open of gates) open();
  await Promise.all(all);
  assert.equal(semaphore.used, 0);
});

Deno.test("a job that fails gives back what it took", async () => {
  const semaphore = new Semaphore(1);
  await assert.rejects(semaphore.run(1, () => Promise.reject(new Error("no"))), /no/);
  assert.equal(semaphore.used, 0);
  assert.equal(await semaphore.run(1, () => Promise.resolve("next")), "next");
});
