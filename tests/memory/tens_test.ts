import assert from "node:assert/strict";
import fc from "fast-check";
import { LatencyTens, tenMinutesMs } from "../../src/memory/journal/tens.ts";

const begin = Math.floor(1_800_000_000_000 / tenMinutesMs) * tenMinutesMs;

Deno.test("a row has the quantiles of its ten minutes within 5 %, and comes with the first result after them", () => {
  const times = fc.array(fc.double({ min: 0.05, max: 10_000, noNaN: true }), {
    minLength: 1,
    maxLength: 500,
  });
  fc.assert(
    fc.property(times, (times) => {
      const tens = new LatencyTens();
      for (const [i, ms] of times.entries()) assert.equal(tens.add("b1", begin + i, ms, i % 3 !== 0), null);
      const row = tens.add("b1", begin + tenMinutesMs, 1, true);
      assert.ok(row !== null);
      assert.deepEqual([row.at, row.count, row.failed], [begin, times.length, Math.ceil(times.length / 3)]);
      const sorted = times.toSorted((a, b) => a - b);
      for (const [q, value] of [[0.5, row.p50], [0.95, row.p95], [0.99, row.p99]] as const) {
        const wanted = (sorted[Math.ceil(sorted.length * q) - 1] ?? 0) * 1e6;
        assert.ok(Math.abs(value / wanted - 1) < 0.05, `${q}: ${value}, ${wanted}`);
      }
    }),
  );
});

Deno.test("the end of a backend or of the process gives the rows that are not complete", () => {
  const tens = new LatencyTens();
  tens.add("b1", begin, 2, true);
  tens.add("b2", begin, 3, false);
  assert.deepEqual(tens.open().map(({ backend, count, failed }) => [backend, count, failed]), [
    ["b1", 1, 0],
    ["b2", 1, 1],
  ]);
  assert.equal(tens.end("b1")?.count, 1);
  assert.equal(tens.end("b1"), null);
  assert.deepEqual(tens.open().map(({ backend }) => backend), ["b2"]);
});
