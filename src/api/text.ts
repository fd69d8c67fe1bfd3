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

/** Nanoseconds of a span or of a unix time given in milliseconds, e.g. `1500000000` for 1500. */
export function nanosText(ms: Millis | UnixMillis): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}
