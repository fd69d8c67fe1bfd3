/**
 * Numbers and times as the page shows them. Pure.
 *
 * @module
 */
import type { Ns } from "../../api/mod.ts";
import { latencyText as threeDigits, shapes } from "../../text.ts";

/** What a table has for a daemon's word. Any word may come, `constructor` too, which every object has. */
export function wordOf<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

/** The shape beside a state or a severity. */
export function shapeOf(word: string): string {
  return wordOf(shapes, word) ?? "·";
}

/** A duration with three digits; "–" for none. */
export function latencyText(ns: Ns | null | undefined): string {
  return (ns === null || ns === undefined ? null : threeDigits(ns)) ?? "–";
}

/** How long ago: `4s`, `3m 12s`, `5h 3m`, `12d 4h`; "–" for no time. */
export function ageText(time: string | null | undefined, now: number): string {
  const at = Date.parse(time ?? "");
  if (Number.isNaN(at)) return "–";
  const s = Math.max(0, Math.floor((now - at) / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor(s % 3600 / 60)}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor(s % 86_400 / 3600)}h`;
}

/** A time of day by the reader's own zone. */
export function clockText(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "–" : at.toLocaleTimeString("en-GB");
}

/** A share of 0…1 in percent. */
export function percentText(share: number | null | undefined): string {
  return share === null || share === undefined ? "–" : `${(share * 100).toFixed(1)} %`;
}

/** Packets a second: `0`, `0.4`, `17`, `12.3 k`, `4.5 M`. */
export function rateText(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return "–";
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(1)} M`;
  if (perSecond >= 1e4) return `${(perSecond / 1e3).toFixed(1)} k`;
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

/** Text of a server without what could change how the page reads: control and format characters are shown as codes. */
export function clean(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/** Title of the page: `(2!) lb1`. */
export function titleText(node: string, critical: number, warnings: number): string {
  const count = critical + warnings;
  return count === 0 ? node : `(${count}${critical > 0 ? "!" : ""}) ${node}`;
}
