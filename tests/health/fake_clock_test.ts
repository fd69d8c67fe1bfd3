import assert from "node:assert/strict";
import { FakeClock } from "../fake_clock.ts";

Deno.test("timers run in due order, each at its own time, and their continuations before the next", async () => {
  const clock = new FakeClock(0, 0);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`late@${clock.now()}`));
  clock.after(10, () => seen.push(`first@${clock.now()}`));
  clock.after(10, () => seen.push(`second@${clock.now()}`));
  const chain = (async () => {
    await clock.sleep(12);
    for (let i = 0; i < 50; i++) await null;
    seen.push(`chain@${clock.now()}`);
    await clock.sleep(3);
    seen.push(`again@${clock.now()}`);
  })();
  await clock.advance(25);
  await chain;
  assert.deepEqual(seen, ["first@10", "second@10", "chain@12", "again@15", "late@20"]);
  assert.equal(clock.now(), 25);
  assert.equal(clock.pending, 0);
});

Deno.test("a disposed timer and an aborted sleep never run and leave nothing behind", async () => {
  const clock = new FakeClock();
  let ran = false;
  clock.after(5, () => ran = true)[Symbol.dispose]();
  const abort = new AbortController();
  const sleeping = clock.sleep(5, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
  await assert.rejects(clock.sleep(5, abort.signal), /enough/);
  await clock.advance(10);
  assert.equal(ran, false);
  assert.equal(clock.pending, 0);
});

Deno.test("the wall clock may be set back while the monotonic clock goes on; a stall makes timers late", async () => {
  const clock = new FakeClock(1_000, 50_000);
  clock.setWall(20_000);
  await clock.advance(10);
  assert.equal(clock.wall(), 20_010);
  assert.equal(clock.now(), 1_010);
  let at = 0;
  clock.after(5, () => at = clock.now());
  clock.stall(100);
  await clock.advance(0);
  assert.equal(at, 1_110);
});
