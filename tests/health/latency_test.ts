import assert from "node:assert/strict";
import fc from "fast-check";
import { LatencyWindow, quantile, recentLimit, SharedArrays, sparkDigit } from "../../src/health/latency.ts";

const base = Date.UTC(2026, 0, 1);
const results = fc.array(
  fc.record({ ms: fc.double({ min: 0.02, max: 5_000, noNaN: true }), ok: fc.boolean() }),
  { maxLength: 200 },
);

Deno.test("the window holds the last 60 results as a plain list would", () => {
  fc.assert(fc.property(results, (list) => {
    const window = new LatencyWindow(base);
    list.forEach(({ ms, ok }, i) => window.add(base + i * 1000, ms, ok, ok ? "L7OK" : "L7STS"));
    const kept = list.slice(-recentLimit);
    const recent = window.recent();
    assert.deepEqual(recent.map(({ ok }) => ok), kept.map(({ ok }) => ok));
    assert.deepEqual(recent.map(({ code }) => code), kept.map(({ ok }) => ok ? "L7OK" : "L7STS"));
    recent.forEach(({ totalMs }, i) => assert.ok(Math.abs(totalMs / (kept[i]?.ms ?? 0) - 1) < 1e-6));
    assert.deepEqual(
      recent.map(({ at }) => at),
      kept.map((_, i) => base + (list.length - kept.length + i) * 1000),
    );
    const spark = window.spark();
    assert.equal(spark.length, 60);
    const wanted = kept.map(({ ms, ok }) => ok ? String(sparkDigit(Math.fround(ms))) : "x").join("");
    assert.equal(spark, wanted.padStart(60, "-"));
    const sorted = kept.map(({ ms }) => Math.fround(ms)).sort((a, b) => a - b);
    const found = window.quantiles();
    if (kept.length === 0) assert.equal(found, null);
    else {assert.deepEqual(
        [found?.p50, found?.p95, found?.p99],
        [0.5, 0.95, 0.99].map((q) => quantile(sorted, q)),
      );}
  }));
});

Deno.test("an array is made for some users and each of them has a part of its own", () => {
  let made = 0;
  const shared = new SharedArrays(4, () => ({ made: ++made }));
  const parts = Array.from({ length: 10 }, () => shared.next());
  assert.deepEqual(parts.map(({ part }) => part), [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]);
  assert.deepEqual(parts.map(({ arrays }) => arrays.made), [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
});

Deno.test("windows that share their arrays know nothing of each other's probes", () => {
  const windows = Array.from({ length: 40 }, () => new LatencyWindow(base));
  for (let second = 0; second < 200; second++) {
    for (const [i, window] of windows.entries()) window.add(base + second * 1000, 1 + i, i % 2 === 0, "L4OK");
  }
  for (const [i, window] of windows.entries()) {
    assert.deepEqual(
      window.recent().map(({ totalMs, ok }) => [totalMs, ok]),
      Array(60).fill([1 + i, i % 2 === 0]),
    );
    const rows = window.minutes(base + 200_000);
    assert.deepEqual(
      rows.map(({ count, failed }) => [count, failed]),
      Array(3).fill([60, i % 2 === 0 ? 0 : 60]),
    );
    for (const { p50 } of rows) assert.ok(Math.abs(p50 / (1 + i) - 1) < 0.05, `${p50} for ${1 + i}`);
  }
});

Deno.test("a minute keeps slow probes as slow as they were, up to an hour's timeout", () => {
  for (const wanted of [0.01, 1, 2400, 60_000, 3_000_000]) {
    const window = new LatencyWindow(0);
    window.add(60_000, wanted, false, "L7TOUT");
    window.add(120_000, 1, true, "L7OK");
    const [first] = window.minutes(130_000);
    assert.ok(Math.abs((first?.p99 ?? 0) / wanted - 1) < 0.05, `${first?.p99} for ${wanted}`);
  }
});

Deno.test("minutes of the last hour, with quantiles to 5 %", () => {
  const window = new LatencyWindow(base);
  for (let second = 0; second < 2 * 3600; second++) {
    const minute = Math.floor(second / 60);
    window.add(base + second * 1000, 10 + minute, second % 60 !== 0, second % 60 !== 0 ? "L4OK" : "L4TOUT");
  }
  const now = base + 2 * 3_600_000 - 1;
  const rows = window.minutes(now);
  // The minute that is not complete is not among them.
  assert.deepEqual(rows.map(({ at }) => (at - base) / 60_000), Array.from({ length: 60 }, (_, i) => 59 + i));
  for (const { at, count, failed, p50, p99 } of rows) {
    const wanted = 10 + (at - base) / 60_000;
    assert.deepEqual([count, failed], [60, 1]);
    for (const value of [p50, p99]) assert.ok(Math.abs(value / wanted - 1) < 0.05, `${value} for ${wanted}`);
  }
});

Deno.test("a clock that goes back or jumps ahead breaks nothing", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { maxLength: 100 }), (offsets) => {
    const window = new LatencyWindow(base);
    for (const offset of offsets) window.add(base + offset, 5, true, "L4OK");
    assert.equal(window.recent().length, Math.min(60, offsets.length));
    for (const { p50 } of window.minutes(base)) assert.ok(p50 > 4.7 && p50 < 5.3);
  }));
});

Deno.test("digits of the sparkline: half a decade each", () => {
  assert.deepEqual([0.05, 0.1, 0.32, 1, 3.2, 10, 32, 100, 320, 1000, 3200, 60_000].map(sparkDigit), [
    0,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    9,
  ]);
});
