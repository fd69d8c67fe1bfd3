import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, fromMillis, parseDuration, shortDuration, toMillis } from "../src/duration.ts";

const MAX = (1n << 63n) - 1n;
const S = 1_000_000_000n;

Deno.test("parseDuration() reads what Go reads", () => {
  const table: [string, bigint][] = [
    ["0", 0n],
    ["-0", 0n],
    ["+0", 0n],
    ["0s", 0n],
    ["5s", 5n * S],
    ["30s", 30n * S],
    ["1478s", 1478n * S],
    ["-5s", -5n * S],
    ["+5s", 5n * S],
    ["5.0s", 5n * S],
    ["5.6s", 5_600_000_000n],
    ["5.s", 5n * S],
    [".5s", 500_000_000n],
    ["1.0040s", 1_004_000_000n],
    ["100.00100s", 100_001_000_000n],
    ["10ns", 10n],
    ["100us", 100_000n],
    ["12\u00b5s", 12_000n],
    ["12\u03bcs", 12_000n],
    ["13ms", 13_000_000n],
    ["15m", 15n * 60n * S],
    ["16h", 16n * 3600n * S],
    ["1h2m3.5s", 3723_500_000_000n],
    ["3h30m", 12_600n * S],
    ["10.5s4m", 250_500_000_000n],
    ["-2m3.4s", -123_400_000_000n],
    ["1h2m3s4ms5us6ns", 3723_004_005_006n],
    ["52763797000ns", 52_763_797_000n],
    // More digits than 63 bits hold: the rest does not count.
    ["0.3333333333333333333h", 1200n * S],
    ["0.100000000000000000000h", 360n * S],
    ["9007199254740993ns", 9007199254740993n],
    ["9223372036854775807ns", MAX],
    ["9223372036854775.807us", MAX],
    ["9223372036s854ms775us807ns", MAX],
    ["-9223372036854775808ns", -MAX - 1n],
    ["-2562047h47m16.854775808s", -MAX - 1n],
    ["0.830103483285477580700h", 2_988_372_539_827n],
    // The end of a fraction is cut, not rounded.
    ["1.9ns", 1n],
    ["0.0000000019s", 1n],
    ["1s1s", 2n * S],
  ];
  for (const [text, nanos] of table) assert.deepEqual(parseDuration(text), { ok: true, value: nanos }, text);
});

Deno.test("parseDuration() refuses what Go refuses", () => {
  const table = [
    "",
    "3",
    "-",
    "s",
    ".",
    "-.",
    ".s",
    "+.s",
    "1d",
    "1 s",
    " 1s",
    "1s ",
    "1S",
    "--1s",
    "+-1s",
    "1e3s",
  ];
  table.push(
    "1,5s",
    "1_0s",
    "\u06611s",
    "0x1s",
    "3000000h",
    "9223372036854775808ns",
    "9223372036854775.808us",
  );
  table.push(
    "9223372036854ms775us808ns",
    "-9223372036854775809ns",
    "99999999999999999999999s",
    "1h-2m",
    "00",
    "2m3",
  );
  for (const text of table) assert.equal(parseDuration(text).ok, false, JSON.stringify(text));
});

Deno.test("parseDuration() names what is wrong", () => {
  const why = (text: string) => {
    const parsed = parseDuration(text);
    return parsed.ok ? "" : parsed.error;
  };
  assert.equal(why("1h5"), 'the unit after "5" is missing');
  assert.equal(why("1.5"), 'the unit after "1.5" is missing');
  assert.equal(why("1h5x"), 'unknown unit "x"');
  assert.equal(why("-"), "there is no number");
  assert.equal(why("1hx"), 'unknown unit "hx"');
  assert.equal(why("300000000h"), "it does not fit 64 bits of nanoseconds");
});

Deno.test("formatDuration() writes as Go writes", () => {
  const table: [bigint, string][] = [
    [0n, "0s"],
    [1n, "1ns"],
    [1_100n, "1.1\u00b5s"],
    [2_200_000n, "2.2ms"],
    [200_000_000n, "200ms"],
    [3_300_000_000n, "3.3s"],
    [90n * S, "1m30s"],
    [245n * S, "4m5s"],
    [245_001_000_000n, "4m5.001s"],
    [18_367_001_000_000n, "5h6m7.001s"],
    [3600n * S, "1h0m0s"],
    [480_000_000_001n, "8m0.000000001s"],
    [-1n, "-1ns"],
    [-90n * S, "-1m30s"],
    [MAX, "2562047h47m16.854775807s"],
    [-MAX - 1n, "-2562047h47m16.854775808s"],
  ];
  for (const [nanos, text] of table) assert.equal(formatDuration(nanos), text);
});

Deno.test("every 64-bit duration survives text and back", () => {
  fc.assert(fc.property(fc.bigInt({ min: -MAX - 1n, max: MAX }), (nanos) => {
    assert.deepEqual(parseDuration(formatDuration(nanos)), { ok: true, value: nanos });
  }));
});

/** A duration as its parts; the oracle adds them up as fractions of whole nanoseconds. */
const part = fc.record({
  whole: fc.nat({ max: 100_000 }),
  decimals: fc.option(fc.stringMatching(/^[0-9]{1,9}$/), { nil: null }),
  unit: fc.constantFrom("ns", "us", "\u00b5s", "\u03bcs", "ms", "s", "m", "h"),
});

const SIZE: Record<string, bigint> = { ns: 1n, us: 1000n, "\u00b5s": 1000n, "\u03bcs": 1000n, ms: 10n ** 6n };
Object.assign(SIZE, { s: S, m: 60n * S, h: 3600n * S });

Deno.test("parseDuration() adds up its parts, each cut to whole nanoseconds", () => {
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 6 }),
      fc.constantFrom("", "-", "+"),
      (parts, sign) => {
        let exact = 0n;
        let text = sign;
        for (const { whole, decimals, unit } of parts) {
          text += decimals === null ? `${whole}${unit}` : `${whole}.${decimals}${unit}`;
          const size = SIZE[unit] ?? 0n;
          exact += BigInt(whole) * size;
          exact += decimals === null ? 0n : BigInt(decimals) * size / 10n ** BigInt(decimals.length);
        }
        const parsed = parseDuration(text);
        assert.ok(parsed.ok, text);
        const size = sign === "-" ? -parsed.value : parsed.value;
        // Fractions go through a double, as in Go, so each may lose one nanosecond more than exact arithmetic.
        const fractions = BigInt(parts.filter(({ decimals }) => decimals !== null).length);
        assert.ok(size <= exact && size >= exact - fractions, `${text}: ${size} and not ${exact}`);
      },
    ),
  );
});

Deno.test("milliseconds keep nanoseconds up to ten days", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n * 86400n * S }), (nanos) => {
    assert.equal(fromMillis(toMillis(nanos)), nanos);
  }));
});

Deno.test("shortDuration() writes what an operator wrote in the configuration", () => {
  const rows: [number, string][] = [
    [10, "10ms"],
    [999.4, "999ms"],
    [1000, "1s"],
    [1500, "1.5s"],
    [59_999.9, "1m"],
    [60_000, "1m"],
    [90_500, "1m30.5s"],
    [3_600_000, "1h"],
    [3_660_000, "1h1m"],
    [3_601_000, "1h1s"],
  ];
  for (const [ms, text] of rows) assert.equal(shortDuration(ms), text);
});
