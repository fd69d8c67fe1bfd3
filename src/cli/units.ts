/** Numbers, times and durations as people read them. @module */

const units: readonly (readonly [name: string, ns: bigint])[] = [
  ["d", 86_400_000_000_000n],
  ["h", 3_600_000_000_000n],
  ["m", 60_000_000_000n],
  ["s", 1_000_000_000n],
  ["ms", 1_000_000n],
  ["µs", 1_000n],
  ["ns", 1n],
];

/** Nanoseconds in their two largest units, cut off below: `2d3h`, `1m5s`, `1s200ms`, `340µs`. Never negative. */
export function durationText(ns: bigint | string): string {
  const value = BigInt(ns);
  const first = units.findIndex(([, size]) => value >= size);
  const [name, size] = units[first] ?? ["s", 1n];
  if (first < 0) return "0s";
  const [nextName, nextSize] = units[first + 1] ?? ["", 0n];
  const rest = nextSize === 0n ? 0n : (value % size) / nextSize;
  return `${value / size}${name}${rest === 0n ? "" : `${rest}${nextName}`}`;
}

/** Like `durationText` for milliseconds, rounded to whole ones from a second on. */
export function millisText(ms: number): string {
  return durationText(BigInt(Math.max(0, Math.round(ms * 1e6))));
}

/** How long ago a time of the API was, to the second: `3m12s`; `0s` for one that is ahead of this clock. */
export function agoText(time: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  return durationText(BigInt(seconds) * 1_000_000_000n);
}

/** A time of the API without the noise: `2026-01-31 12:00:00Z`. */
export function timeText(time: string): string {
  return time.replace("T", " ").replace(/\.[0-9]+/, "");
}

/** A share of 0…1 in percent with one decimal, `-` when it is not known. */
export function shareText(share: number | null): string {
  return share === null ? "-" : `${(share * 100).toFixed(1)}%`;
}

/** A whole number with its thousands apart: `1,234,567`. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Events a second: `0`, `0.4`, `17`, `12.3k`, `4.5M`, `1.2G`. */
export function rateText(perSecond: number): string {
  const steps: readonly (readonly [string, number])[] = [["G", 1e9], ["M", 1e6], ["k", 1e4]];
  for (const [unit, least] of steps) {
    if (perSecond >= least) return `${(perSecond / (unit === "k" ? 1e3 : least)).toFixed(1)}${unit}`;
  }
  if (perSecond > 0 && perSecond < 10) return perSecond.toFixed(1);
  return String(Math.round(perSecond));
}
