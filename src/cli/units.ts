/** Numbers, times and durations as people read them. @module */
import { shortDuration, toMillis } from "../duration.ts";
import { momentText, type Zone } from "./when.ts";

export { latencyText } from "../text.ts";

const units: readonly (readonly [name: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
];

/** An age in seconds in its two largest units, cut off below: `2d3h`, `1m5s`, `0s`. Never negative. */
export function ageText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const first = units.findIndex(([, size]) => whole >= size);
  const [name, size] = units[first] ?? ["s", 1];
  const [nextName, nextSize] = units[first + 1] ?? ["", 1];
  const rest = first < 0 || nextName === "" ? 0 : Math.floor((whole % size) / nextSize);
  return `${Math.floor(whole / size)}${name}${rest === 0 ? "" : `${rest}${nextName}`}`;
}

/** How long ago a time of the API was, to the second: `3m12s`; `0s` for one that is ahead of this clock. */
export function agoText(time: string, now: number): string {
  return ageText((now - Date.parse(time)) / 1000);
}

/** A duration of the configuration, in nanoseconds, as one writes it there: `1.5s`, `200ms`, `1m`. */
export function configText(ns: string): string {
  return shortDuration(toMillis(BigInt(ns)));
}

/** A time of the API on the clocks of this machine, with the zone: `2026-01-31 12:00:00Z`. */
export function timeText(time: string, { zone }: { readonly zone: Zone }): string {
  return momentText(Date.parse(time), zone);
}

const moments = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** A sentence of the server with its times on the clocks of this machine. */
export function sentenceText(text: string, zoned: { readonly zone: Zone }): string {
  return text.replaceAll(moments, (time) => timeText(time, zoned));
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
