/**
 * Time in which the probing thread did not run. Pure: time is an argument.
 *
 * The loop of the thread passes here at least every 10 ms; a gap above 30 ms is a stall, and the whole gap
 * counts as one. What falls into a probe moves its deadline, so that a backend always gets its full timeout
 * of a thread that listens; a probe that lost more than three timeouts that way says nothing.
 *
 * @module
 */
import type { Millis } from "../model.ts";
import type { Verdict } from "./result.ts";

/** Longest time between two passes of a loop that is not busy. */
export const TICK_MS = 10;
/** A longer gap between two passes is a stall. */
export const STALL_MS = 30;
/** Timeouts that may be lost to stalls before a failure is void. */
const LOST_TIMEOUTS = 3;

/** Sums up stalls. Probes begin by a pass, so a stall lies in a probe or it does not, never partly. */
export class StallMeter {
  #last: Millis;
  #total: Millis = 0;

  /** Starts with a first pass at `now`. */
  constructor(now: Millis) {
    this.#last = now;
  }

  /** All stalls so far; the difference between two points in time is the stall between them. */
  get total(): Millis {
    return this.#total;
  }

  /** The loop passed at `now`; returns the length of the stall that has just ended, or 0. */
  pass(now: Millis): Millis {
    const gap = now - this.#last;
    if (gap < 0) return 0;
    this.#last = now;
    if (gap <= STALL_MS) return 0;
    this.#total += gap;
    return gap;
  }
}

/** Deadline of a probe begun at `start` that `stalledMs` fell into. */
export function deadline(start: Millis, timeoutMs: Millis, stalledMs: Millis): Millis {
  return start + timeoutMs + stalledMs;
}

/** Whether so much of a probe was lost to stalls that a time-out says nothing. */
export function tooLate(timeoutMs: Millis, stalledMs: Millis): boolean {
  return stalledMs > LOST_TIMEOUTS * timeoutMs;
}

/**
 * The verdict with stalls taken into account: a time-out, or a close or reset by the peer, of a probe that lost
 * more than three timeouts is void. A pass stays a pass; what the network or the backend clearly said counts.
 */
export function judge(found: Verdict, timeoutMs: Millis, stalledMs: Millis): Verdict {
  if (!found.mayBeLate || found.void !== null || !tooLate(timeoutMs, stalledMs)) return found;
  return { ...found, void: "late" };
}
