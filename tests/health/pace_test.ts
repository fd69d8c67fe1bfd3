import assert from "node:assert/strict";
import fc from "fast-check";
import type { State } from "../../src/model.ts";
import { intervalFor, startDelay } from "../../src/health/probing.ts";
import { healthOf } from "./kit.ts";

const intervals = { intervalMs: 2_000, fastIntervalMs: 500, downIntervalMs: 5_000 };
// rise 2, fall 3: h is 0…4
const rows: readonly (readonly [State, number, number])[] = [
  ["down", 0, 5_000],
  ["down", 1, 500],
  ["unknown", 1, 500],
  ["up", 2, 500],
  ["up", 3, 500],
  ["up", 4, 2_000],
];
for (const [state, counter, expected] of rows) {
  Deno.test(`${state} with h = ${counter} of 4 is probed every ${expected} ms`, () => {
    assert.equal(intervalFor(healthOf(state, counter), intervals), expected);
  });
}

Deno.test("rise 1: unknown has h = 0 and is probed fast all the same, not at the pace of the dead", () => {
  const health = healthOf("unknown", 0, { rise: 1, fall: 1 });
  assert.equal(intervalFor(health, intervals), 500);
});

Deno.test("first probes are spread evenly over the least of fast-interval and two seconds", () => {
  assert.deepEqual([0, 1, 2, 3].map((i) => startDelay(i, 4, 1_000)), [0, 250, 500, 750]);
  assert.deepEqual([0, 1, 2, 3].map((i) => startDelay(i, 4, 60_000)), [0, 500, 1_000, 1_500]);
  fc.assert(
    fc.property(
      fc.nat(5_000),
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 10, max: 3_600_000 }),
      (i, n, fast) => {
        const delay = startDelay(i % n, n, fast);
        assert.ok(delay >= 0 && delay < Math.min(fast, 2_000));
      },
    ),
  );
});
