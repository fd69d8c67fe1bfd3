import assert from "node:assert/strict";
import { lockPatienceMs, takeLock } from "../../src/memory/lock.ts";
import { FakeClock } from "../fake_clock.ts";

Deno.test("a lock that is free is taken at once", async () => {
  const clock = new FakeClock();
  assert.equal(await takeLock(() => "mine", clock), "mine");
  assert.equal(clock.pending, 0);
});

Deno.test("a lock that another process has is waited for, 6 s and no longer", async () => {
  for (const [givenBackAt, outcome] of [[5_900, "mine"], [6_200, null]] as const) {
    const clock = new FakeClock();
    const start = clock.now();
    const taking = takeLock(() => clock.now() - start >= givenBackAt ? "mine" : null, clock);
    await clock.advance(lockPatienceMs + 100);
    assert.equal(await taking, outcome);
    assert.equal(clock.pending, 0);
  }
});

Deno.test("an error is the caller's", async () => {
  const failing = () => {
    throw new Error("read-only");
  };
  await assert.rejects(takeLock(failing, new FakeClock()), /read-only/);
});
