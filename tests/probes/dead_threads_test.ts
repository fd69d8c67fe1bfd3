import assert from "node:assert/strict";
import { DeadThreads } from "../../src/probes/dead_threads.ts";
import { FakeClock } from "../fake_clock.ts";

function bench() {
  const clock = new FakeClock(0);
  const told: string[] = [];
  const running = new Set<number>();
  const events = {
    gone: (descriptors: number) => void told.push(`gone ${descriptors}`),
    hanging: () => void told.push("hanging"),
  };
  const dead = new DeadThreads(clock, events, (number) => running.has(number));
  return { clock, told, running, dead };
}

// A number that no descriptor of this process has.
const BEYOND = 2_000_000;
const record = (owned: boolean) => {
  const octets = new Uint8Array(new SharedArrayBuffer(BEYOND + 1));
  if (owned) octets[BEYOND] = 1;
  return octets;
};

Deno.test("DeadThreads closes a thread's descriptors when it is gone, and not before", async () => {
  const { clock, told, running, dead } = bench();
  running.add(7);
  const descriptors = record(true);
  dead.add({ number: () => 7, descriptors });
  await clock.advance(9000);
  assert.deepEqual([told, descriptors[BEYOND]], [[], 1]);
  running.delete(7);
  await clock.advance(100);
  assert.deepEqual([told, descriptors[BEYOND]], [["gone 1"], 0]);
  assert.equal(clock.pending, 0, "nobody looks any more");
});

Deno.test("DeadThreads tells once of a thread that does not end, and goes on looking", async () => {
  const { clock, told, running, dead } = bench();
  running.add(7);
  dead.add({ number: () => 7, descriptors: record(true) });
  await clock.advance(60_000);
  assert.deepEqual(told, ["hanging"]);
  running.delete(7);
  await clock.advance(100);
  assert.deepEqual(told, ["hanging", "gone 1"]);
});

Deno.test("DeadThreads waits for the number of a thread that had just begun, but not for ever", async () => {
  const { clock, told, running, dead } = bench();
  let number = 0;
  dead.add({ number: () => number, descriptors: record(true) });
  await clock.advance(1000);
  running.add(7);
  number = 7;
  await clock.advance(1000);
  assert.deepEqual(told, []);
  running.clear();
  await clock.advance(100);
  assert.deepEqual(told, ["gone 1"]);
  dead.add({ number: () => 0, descriptors: record(false) });
  await clock.advance(10_000);
  assert.equal(clock.pending, 0);
  dead.add({ number: () => 0, descriptors: record(false) });
  dead[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});
