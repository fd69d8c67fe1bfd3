/**
 * What time does to overrides. Pure.
 *
 * An hour (`until`) is a time of day: the override ends when the wall clock shows it, wherever that clock is set to.
 *
 * A duration (`for`) is real time, and only a process that lives can measure it. Three rules:
 *
 *   in a process       the monotonic clock decides. The wall clock is not asked.
 *   while it lives     `until` moves with the wall clock: it is always "now, as the clock is set, plus what is left".
 *                      `anchored` does that: at least once a minute, when the clock was set, and at an orderly end.
 *   over a restart     left = min(until - wall clock, what was left at the last anchor)
 *
 * The first part of the minimum counts the time in which no process ran. The second part is for a clock that was set
 * back: real time never runs backwards, so nothing has more left than it had before. Without it a clock that is set
 * back just before a kill, when nobody can move `until` any more, lengthens the override by that step.
 *
 * So a duration lasts exactly as long as it should, unless the clock is set while nobody looks: between two processes,
 * or just before a kill. Set forward, it ends earlier by that step at most. Set back, the time in which no process ran
 * does not count, nor does the time since the last anchor: a minute at most.
 *
 * @module
 */
import type { Millis, UnixMillis } from "../../model.ts";
import {
  type End,
  type Ended,
  type Moment,
  type Override,
  type OverrideChange,
  overrideText,
  unchanged,
} from "./override.ts";

/** An override sleeps so long at most. */
export const sleepLimitMs: Millis = 30 * 24 * 3_600_000;
/** What was left is noted so often at least. */
export const anchorMs: Millis = 60_000;
/** A wall clock that moved by no more than this against the monotonic one was not set. */
const toleranceMs: Millis = 1_000;

/** When an override shall end: at an hour, or after a duration. */
export type EndWish =
  | { readonly kind: "hour"; readonly until: UnixMillis }
  | { readonly kind: "duration"; readonly ms: Millis };

/** The end of an override that is set now. */
export function endOf(wish: EndWish, now: Moment): End {
  if (wish.kind === "hour") return wish;
  return { kind: "duration", until: now.wall + wish.ms, left: wish.ms, at: now.mono };
}

/** Time until an end, in this process; not above 0: it is over. */
function leftOf(end: End, now: Moment): Millis {
  return end.kind === "hour" ? end.until - now.wall : end.at + end.left - now.mono;
}

function sleepLeft(override: Override, now: Moment): Millis | null {
  const { scope, sleeping } = override;
  return sleeping === null || scope !== "here" ? null : sleeping.since + sleepLimitMs - now.wall;
}

/** Time until time alone ends one of the overrides, at least 0; null: never. */
export function untilDue(list: readonly Override[], now: Moment): Millis | null {
  const left = list.flatMap((override) => {
    const { end } = override;
    return [end === null ? null : leftOf(end, now), sleepLeft(override, now)].filter((ms) => ms !== null);
  });
  return left.length === 0 ? null : Math.max(0, Math.min(...left));
}

/** Ends what is over. */
export function expire(list: readonly Override[], now: Moment): OverrideChange {
  const ended: Ended[] = [];
  const kept = list.filter((override) => {
    const { end } = override;
    if (end !== null && leftOf(end, now) <= 0) {
      ended.push({ override, cause: "hour", detail: `${overrideText(override)} is over` });
      return false;
    }
    if ((sleepLeft(override, now) ?? 1) > 0) return true;
    ended.push({
      override,
      cause: "gone",
      detail: `${overrideText(override)}: it did not come back in 30 days`,
    });
    return false;
  });
  return ended.length === 0 ? unchanged(list) : { ...unchanged(kept), ended };
}

/**
 * Notes what is left of durations, for the next process; the same list when nothing is worth noting.
 *
 * @param last nothing follows: each is noted exactly
 */
export function anchored(list: readonly Override[], now: Moment, last = false): readonly Override[] {
  let moved = false;
  const next = list.map((override) => {
    const { end } = override;
    if (end?.kind !== "duration") return override;
    const left = Math.max(0, leftOf(end, now));
    const until = now.wall + left;
    const isNoted = Math.abs(until - end.until) <= toleranceMs && end.left - left < anchorMs;
    if (isNoted && !last) return override;
    moved = true;
    return { ...override, end: { ...end, until, left, at: now.mono } };
  });
  return moved ? next : list;
}

/** Overrides of an earlier process, whose monotonic clock is gone. */
export function restored(list: readonly Override[], now: Moment): readonly Override[] {
  return list.map((override) => {
    const { end } = override;
    const again = { ...override, restored: true };
    if (end?.kind !== "duration") return again;
    const left = Math.min(end.until - now.wall, end.left);
    return { ...again, end: { ...end, until: now.wall + left, left, at: now.mono } };
  });
}
