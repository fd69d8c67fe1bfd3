/**
 * Times and durations in the texts of the API: RFC 3339 with milliseconds, and nanoseconds as decimal strings
 * (an int64 does not survive a JavaScript number).
 *
 * @module
 */
import type { Millis, UnixMillis } from "../model.ts";

/** RFC 3339 in UTC with milliseconds, e.g. `2026-01-31T12:00:00.000Z`. */
export function timeText(at: UnixMillis): string {
  return new Date(Math.floor(at)).toISOString();
}

const rfc3339 = /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):\d\d:\d\d)(\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/** The moment of a time in RFC 3339 with its zone; null: it is none. */
export function readTime(text: string): UnixMillis | null {
  const [, date, clock] = rfc3339.exec(text) ?? [];
  if (date === undefined || clock === undefined) return null;
  const day = Date.parse(`${date}T${clock}Z`);
  // Date.parse makes the 2nd of March of the 30th of February.
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

/** Nanoseconds of a span or of a unix time given in milliseconds, e.g. `1500000000` for 1500. */
export function nanosText(ms: Millis | UnixMillis): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}
