import assert from "node:assert/strict";
import fc from "fast-check";
import { lateable, verdict, voided } from "../../src/probes/result.ts";
import { deadline, judge, STALL_MS, StallMeter, TICK_MS, tooLate } from "../../src/probes/stall.ts";

const gaps = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 });

Deno.test("StallMeter sums up exactly the gaps above 30 ms", () => {
  fc.assert(fc.property(gaps, (list) => {
    const meter = new StallMeter(1000);
    let now = 1000;
    for (const gap of list) {
      now += gap;
      assert.equal(meter.pass(now), gap > STALL_MS ? gap : 0);
    }
    assert.equal(meter.total, list.filter((gap) => gap > STALL_MS).reduce((sum, gap) => sum + gap, 0));
  }));
});

Deno.test("StallMeter: a loop that ticks as it should never counts a stall", () => {
  const meter = new StallMeter(0);
  for (let now = 0; now < 10_000; now += TICK_MS) assert.equal(meter.pass(now), 0);
  assert.equal(meter.total, 0);
});

Deno.test("StallMeter takes a clock that seems to go back for no time at all", () => {
  const meter = new StallMeter(1000);
  assert.equal(meter.pass(900), 0);
  assert.equal(meter.pass(1020), 0);
  assert.equal(meter.total, 0);
});

Deno.test("deadline(): between begin and deadline lies exactly one timeout of a running thread", () => {
  fc.assert(fc.property(gaps, fc.integer({ min: 10, max: 5000 }), (list, timeoutMs) => {
    const meter = new StallMeter(0);
    let now = 0;
    let running = 0;
    for (const gap of list) {
      now += gap;
      if (meter.pass(now) === 0) running += gap;
    }
    assert.equal(now >= deadline(0, timeoutMs, meter.total), running >= timeoutMs);
  }));
});

Deno.test("tooLate() needs more than three timeouts", () => {
  assert.equal(tooLate(100, 300), false);
  assert.equal(tooLate(100, 300.1), true);
});

Deno.test("judge(): only a time-out, or a close or reset by the peer, becomes void; a pass stays a pass", () => {
  const much = 301;
  const late = lateable("L7TOUT", "no response within 100ms");
  assert.equal(judge(late, 100, much).void, "late");
  assert.equal(judge(lateable("L7RSP", "connection reset without a response"), 100, much).void, "late");
  assert.equal(judge(late, 100, 300).void, null);
  for (const code of ["L7OK", "L4OK", "L4CON", "L6RSP", "L7STS", "L7RSP"] as const) {
    assert.equal(judge(verdict(code, ""), 100, much).void, null, code);
  }
  assert.equal(judge(voided("ports", "L4CON", ""), 100, much).void, "ports");
});
