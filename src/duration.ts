/**
 * Durations in the syntax of Go's `time.ParseDuration` and `time.Duration.String`, so that a file written
 * for a Go program means the same here, to the nanosecond and to the same limits.
 *
 * @module
 */
import { err, ok, type Result } from "./result.ts";

/** A duration in nanoseconds, within a signed 64-bit integer. */
export type Nanos = bigint;

const LIMIT = 1n << 63n;
const NS_PER_MS = 1e6;

/** Nanoseconds of each unit; both code points for micro are accepted, as in Go. */
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["\u00b5s", 1_000n],
  ["\u03bcs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);

/**
 * The digits after the point as `digits / scale`. Go stops taking digits when the next one would not fit 63
 * bits, and the digits beyond it do not count.
 */
function fraction(text: string): { digits: bigint; scale: number } {
  let digits = 0n;
  let scale = 1;
  for (const character of text) {
    if (digits > (LIMIT - 1n) / 10n) break;
    const next = digits * 10n + BigInt(character);
    if (next > LIMIT) break;
    digits = next;
    scale *= 10;
  }
  return { digits, scale };
}

/**
 * Reads a duration: an optional sign, then numbers with a unit each (`1h2m3.5s`), or `0`.
 *
 * @returns nanoseconds, or why the text is none, as an end of the sentence "... is not a duration: ..."
 */
export function parseDuration(text: string): Result<Nanos, string> {
  const negative = text.startsWith("-");
  let rest = negative || text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return ok(0n);
  if (rest === "") return err("there is no number");
  let total = 0n;
  while (rest !== "") {
    const [, whole = "", point = "", decimals = ""] = /^([0-9]*)(\.?)([0-9]*)/.exec(rest) ?? [];
    if (whole === "" && decimals === "") return err(`"${rest}" does not start with a number`);
    rest = rest.slice(whole.length + point.length + decimals.length);
    const [unit = ""] = /^[^.0-9]*/.exec(rest) ?? [];
    if (unit === "") return err(`the unit after "${whole}${point}${decimals}" is missing`);
    rest = rest.slice(unit.length);
    const size = UNITS.get(unit);
    if (size === undefined) return err(`unknown unit "${unit}"`);
    total += BigInt(whole) * size;
    if (decimals !== "") {
      // In floating point, because that is what Go does: the last nanosecond of long fractions depends on it.
      const { digits, scale } = fraction(decimals);
      total += BigInt(Math.trunc(Number(digits) * (Number(size) / scale)));
    }
    if (total > LIMIT) return err("it does not fit 64 bits of nanoseconds");
  }
  if (!negative && total === LIMIT) return err("it does not fit 64 bits of nanoseconds");
  return ok(negative ? -total : total);
}

/** `value` in units of 10^`places`, without trailing zeros: (1500, 3) is `1.5`. */
function decimal(value: bigint, places: number): string {
  const scale = 10n ** BigInt(places);
  const tail = (value % scale).toString().padStart(places, "0").replace(/0+$/, "");
  return tail === "" ? `${value / scale}` : `${value / scale}.${tail}`;
}

/** Writes a duration as Go does: `1m30s`, `200ms`, `1.5µs`, `0s`. */
export function formatDuration(nanos: Nanos): string {
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  if (size === 0n) return "0s";
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 3)}\u00b5s`;
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 6)}ms`;
  const seconds = decimal(size % 60_000_000_000n, 9);
  const minutes = size / 60_000_000_000n;
  if (minutes === 0n) return `${sign}${seconds}s`;
  const hours = minutes / 60n;
  return hours === 0n ? `${sign}${minutes}m${seconds}s` : `${sign}${hours}h${minutes % 60n}m${seconds}s`;
}

/** Milliseconds, rounded to whole ones, as an operator writes them: like `formatDuration`, without parts that are 0. */
export function shortDuration(ms: number): string {
  return formatDuration(fromMillis(Math.round(ms))).replace(/(?<=h)0m/, "").replace(/(?<=[hm])0s$/, "");
}

/** Nanoseconds as milliseconds, with their fraction; exact up to ten days, as near as a double can be above. */
export function toMillis(nanos: Nanos): number {
  return Number(nanos) / NS_PER_MS;
}

/** Milliseconds as nanoseconds, rounded to the nearest one. */
export function fromMillis(ms: number): Nanos {
  return BigInt(Math.round(ms * NS_PER_MS));
}
