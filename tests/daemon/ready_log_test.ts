import assert from "node:assert/strict";
import { ReadyLog } from "../../src/daemon/ready_log.ts";
import { FakeClock } from "../fake_clock.ts";
import { TestLog } from "../lb/setup.ts";

Deno.test("ready is logged once, when it is so, and nothing looks while VPP is away", async () => {
  const clock = new FakeClock();
  const log = new TestLog();
  let looks = 0;
  let ready = false;
  using line = new ReadyLog({
    clock,
    log,
    ready: () => {
      looks++;
      return { ready, probes: "running" };
    },
    startedAtMs: clock.now(),
  });
  await clock.advance(60_000);
  assert.equal(looks, 1);
  assert.equal(clock.pending, 0);
  ready = true;
  line.look();
  line.look();
  assert.deepEqual(log.named("ready"), [{ after_ms: 60_000 }]);
});

Deno.test("ready is logged when blindness ends, of which nobody tells", async () => {
  const clock = new FakeClock();
  const log = new TestLog();
  let probes: "blind" | "running" = "blind";
  using line = new ReadyLog({
    clock,
    log,
    ready: () => ({ ready: probes === "running", probes }),
    startedAtMs: clock.now(),
  });
  await clock.advance(5_000);
  probes = "running";
  await clock.advance(1_000);
  line.look();
  assert.equal(log.named("ready").length, 1);
  assert.equal(clock.pending, 0);
});
