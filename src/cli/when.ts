/**
 * Times as a person types and reads them: in the zone of this machine, and with the zone shown. Pure.
 *
 * @module
 */
import { formatDuration, type Nanos, parseDuration } from "../duration.ts";
import { err, ok, type Result } from "../result.ts";

/** Minutes that local time is ahead of UTC at a time in unix milliseconds. */
export type Zone = (ms: number) => number;

/** UTC. */
export function utc(): number {
  return 0;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** `Z`, or how far the zone is from UTC: `+01:00`. */
function zoneText(minutes: number): string {
  if (minutes === 0) return "Z";
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Date and clock of a time, `2026-01-31` and `12:00:00.123`, in a zone. */
function parts(ms: number, zone: Zone): { date: string; clock: string; zone: string } {
  const minutes = zone(ms);
  const [date = "", clock = ""] = new Date(ms + minutes * 60_000).toISOString().slice(0, 23).split("T");
  return { date, clock, zone: zoneText(minutes) };
}

/** `2026-01-31 12:00:00Z`, or `2026-01-31 13:00:00+01:00`. */
export function momentText(ms: number, zone: Zone): string {
  const at = parts(ms, zone);
  return `${at.date} ${at.clock.slice(0, 8)}${at.zone}`;
}

/** `12:00:00.123Z`: a time of a day that is known. */
export function clockText(ms: number, zone: Zone): string {
  const at = parts(ms, zone);
  return `${at.clock}${at.zone}`;
}

/** `2026-01-31`: the day of a time. */
export function dayText(ms: number, zone: Zone): string {
  return parts(ms, zone).date;
}

/** Unix milliseconds of a time on the clocks of a zone; a time that the clocks skip is taken as they would go on. */
function fromLocal(date: string, clock: string, zone: Zone): number {
  const wall = Date.parse(`${date}T${clock}Z`);
  // The zone is that of the time itself, which is known only when the zone is.
  const guess = wall - zone(wall) * 60_000;
  return wall - zone(guess) * 60_000;
}

const clockOnly = /^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$/;
const dated =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?))?(Z|[+-][0-9]{2}:?[0-9]{2})?$/;

const padded = (clock: string): string =>
  clock.padStart(clock.length + (clock.indexOf(":") === 1 ? 1 : 0), "0");

/**
 * Reads a time: `18:00`, `2026-12-01`, `2026-12-01 08:00`, or RFC 3339.
 *
 * @param side which day a clock without a date means: the next time, or the last time that it is so late
 * @returns unix milliseconds, or why the text is none, as the end of a sentence
 */
export function parseMoment(
  text: string,
  side: "past" | "future",
  now: number,
  zone: Zone,
): Result<number, string> {
  if (clockOnly.test(text)) {
    const day = 86_400_000;
    const clock = padded(text);
    const [yesterday, today, tomorrow] = [-day, 0, day].map((shift) =>
      fromLocal(dayText(now + shift, zone), clock, zone)
    );
    const found = side === "future"
      ? [today, tomorrow].find((ms) => ms !== undefined && ms > now)
      : [today, yesterday].find((ms) => ms !== undefined && ms <= now);
    // Two days after each other cannot both be on the wrong side but by a clock that is put back.
    return ok(found ?? (side === "future" ? tomorrow : yesterday) ?? now);
  }
  const [, date, clock = "00:00", offset] = dated.exec(text) ?? [];
  if (date === undefined) return err("is a time such as 18:00 or 2026-12-01 08:00");
  const given = `${date}T${padded(clock)}`;
  const utc = Date.parse(`${given}Z`);
  // Date.parse makes the 2nd of March of the 30th of February.
  if (Number.isNaN(utc) || !new Date(utc).toISOString().startsWith(date)) {
    return err("is no day of the calendar");
  }
  if (offset === undefined) return ok(fromLocal(date, padded(clock), zone));
  const colon = offset.replace(/^([+-]\d\d)(\d\d)$/, "$1:$2");
  const exact = Date.parse(`${given}${colon}`);
  return Number.isNaN(exact) ? err("has a zone that is none") : ok(exact);
}

/** Why a text is no time, as the end of a sentence; null: it is one. */
export function refusesMoment(text: string): string | null {
  const read = parseMoment(text, "past", 0, utc);
  return read.ok ? null : read.error;
}

/**
 * Reads a duration as the configuration has it, and with days: `90s`, `2h`, `3d12h`.
 *
 * @returns nanoseconds above 0, or why the text is none, as the end of a sentence
 */
export function parseSpan(text: string): Result<Nanos, string> {
  const [, days = "0", rest = ""] = /^(?:([0-9]{1,5})d)?(.*)$/.exec(text) ?? [];
  const read = rest === "" && days !== "0" ? ok(0n) : parseDuration(rest);
  if (!read.ok) return err(`is a duration such as 30m, 2h or 3d (${read.error})`);
  const ns = BigInt(days) * 86_400_000_000_000n + read.value;
  return ns > 0n ? ok(ns) : err("is a duration above 0");
}

/** Why a text is no duration, as the end of a sentence; null: it is one. */
export function refusesSpan(text: string): string | null {
  const read = parseSpan(text);
  return read.ok ? null : read.error;
}

/** Reads `since`: how long ago, or a time of the past. */
export function parseSince(text: string, now: number, zone: Zone): Result<number, string> {
  const span = parseSpan(text);
  if (span.ok) return ok(now - Number(span.value / 1_000_000n));
  return parseMoment(text, "past", now, zone);
}

/** Why a text is neither a duration nor a time, as the end of a sentence; null: it is one. */
export function refusesSince(text: string): string | null {
  return refusesSpan(text) === null || refusesMoment(text) === null
    ? null
    : "is how long ago, such as 2h or 3d, or a time such as 18:00 or 2026-12-01 08:00";
}

/** A duration for a message, without parts that are 0. */
export function spanText(ns: Nanos): string {
  return formatDuration(ns).replace(/(?<=h)0m/, "").replace(/(?<=[hm])0s$/, "");
}
