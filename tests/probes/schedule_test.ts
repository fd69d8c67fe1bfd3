import assert from "node:assert/strict";
import fc from "fast-check";
import { jitter, nextAfterVoid, nextDue } from "../../src/probes/schedule.ts";

const time = fc.double({ min: 0, max: 1e9, noNaN: true });
const interval = fc.double({ min: 10, max: 3.6e6, noNaN: true });
const factor = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map(jitter);

Deno.test("jitter() stays in [0.9, 1.1] and reaches both ends", () => {
  fc.assert(fc.property(factor, (value) => value >= 0.9 && value <= 1.1));
  assert.equal(jitter(0), 0.9);
  assert.ok(jitter(1 - Number.EPSILON) > 1.0999);
});

Deno.test("nextDue() is never in the past, and never later than interval × 1.1 after what it counts from", () => {
  fc.assert(fc.property(time, factor, interval, time, (lastDue, f, intervalMs, now) => {
    const due = nextDue({ lastDue, factor: f }, intervalMs, now);
    assert.ok(due >= now);
    assert.ok(due <= Math.max(now, lastDue + intervalMs * 1.1 + 1e-3));
  }));
});

Deno.test("nextDue() counts from the last due time, so a late or slow probe shifts nothing", () => {
  assert.equal(nextDue({ lastDue: 1000, factor: 1 }, 500, 1000), 1500);
  assert.equal(nextDue({ lastDue: 1000, factor: 1 }, 500, 1499), 1500);
});

Deno.test("nextDue() skips missed turns: a long probe is followed by one at once, not by several", () => {
  const due = nextDue({ lastDue: 1000, factor: 1 }, 100, 1950);
  assert.equal(due, 1950);
  assert.equal(nextDue({ lastDue: due, factor: 1 }, 100, 1950), 2050);
});

Deno.test("nextAfterVoid() repeats at once, then on the fast interval", () => {
  const turn = { lastDue: 1000, factor: 1 };
  assert.equal(nextAfterVoid(turn, 200, 1, 1050), 1050);
  assert.equal(nextAfterVoid(turn, 200, 2, 1050), 1200);
  assert.equal(nextAfterVoid(turn, 200, 7, 1300), 1300);
});
