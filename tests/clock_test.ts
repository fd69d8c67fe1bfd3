import assert from "node:assert/strict";
import { systemClock } from "../src/clock.ts";

Deno.test("a wait longer than the runtime's timers can hold does not end at once", async () => {
  let fired = false;
  using _timer = systemClock.after(2 ** 31 + 1000, () => fired = true);
  await systemClock.sleep(20);
  assert.equal(fired, false);
});

Deno.test("sleep() rejects with the signal's reason and leaves no timer and no listener behind", async () => {
  const stop = new AbortController();
  const waiting = systemClock.sleep(60_000, stop.signal);
  const reason = new Error("enough");
  stop.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(systemClock.sleep(60_000, stop.signal), reason);
});

Deno.test("after() runs once, and not at all when it is disposed first", async () => {
  const ran: string[] = [];
  systemClock.after(1, () => ran.push("kept"));
  systemClock.after(1, () => ran.push("dropped"))[Symbol.dispose]();
  await systemClock.sleep(20);
  assert.deepEqual(ran, ["kept"]);
});
