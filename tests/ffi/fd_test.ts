import assert from "node:assert/strict";
import { closeRecorded, Fd, recordDescriptors } from "../../ffi/fd.ts";
import { eventFlag } from "../../ffi/reactor.ts";
import { threadId, threadRuns } from "../../ffi/thread.ts";

const isOpen = (number: number) => {
  try {
    Deno.readLinkSync(`/proc/self/fd/${number}`);
    return true;
  } catch {
    return false;
  }
};

Deno.test("a thread records the descriptors that it owns, and another can close them", () => {
  using before = eventFlag();
  const record = new Uint8Array(new SharedArrayBuffer(1024));
  recordDescriptors(record);
  const lost = eventFlag();
  const closed = eventFlag();
  const given = eventFlag();
  const numbers = [lost.number, closed.number, given.number];
  assert.deepEqual(numbers.map((number) => record[number]), [1, 1, 1]);
  closed[Symbol.dispose]();
  const number = given.release();
  assert.deepEqual(numbers.map((number) => record[number]), [1, 0, 0]);
  // The number of the closed one is another's now, and must not be closed again.
  using other = eventFlag();
  assert.equal(other.number, numbers[1]);
  record[other.number] = 0;
  assert.equal(closeRecorded(record), 1);
  assert.deepEqual(numbers.map(isOpen), [false, true, true]);
  assert.equal(isOpen(before.number), true, "what was there before is not recorded");
  assert.equal(closeRecorded(record), 0);
  using _given = new Fd(number);
});

Deno.test("a descriptor beyond the record is used all the same", () => {
  recordDescriptors(new Uint8Array(new SharedArrayBuffer(1)));
  const fd = eventFlag();
  const { number } = fd;
  assert.equal(isOpen(number), true);
  fd[Symbol.dispose]();
  assert.equal(isOpen(number), false);
});

Deno.test("threadRuns() knows this thread, and none that is gone", async () => {
  assert.equal(threadRuns(threadId()), true);
  const worker = new Worker(new URL("workers/thread_id.ts", import.meta.url), { type: "module" });
  const number = await new Promise<number>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data);
  });
  assert.notEqual(number, threadId());
  assert.equal(threadRuns(number), true);
  worker.terminate();
  for (let tries = 0; threadRuns(number) && tries < 1000; tries++) {
    await new Promise((r) => setTimeout(r, 10));
  }
  assert.equal(threadRuns(number), false);
});
