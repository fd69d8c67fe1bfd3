/**
 * When a backend is probed. Pure: time and randomness are arguments.
 *
 *   next due = max(last due + interval × factor, now),  factor in [0.9, 1.1]
 *
 * Counting from the last due time and not from the end of the probe keeps the spacing free of drift; `now` as
 * the floor skips missed turns instead of catching up on them, and starts the next probe at once where the
 * timeout is longer than the interval.
 *
 * @module
 */
import type { Millis } from "../model.ts";

/** Turns of one backend. */
export interface Turn {
  /** When the running or last probe was due; where the next is counted from. */
  readonly lastDue: Millis;
  /** Random factor of the wait under way, 0.9...1.1; kept when the interval changes. */
  readonly factor: number;
}

/** A factor in [0.9, 1.1] from `random` in [0, 1). */
export function jitter(random: number): number {
  return 0.9 + 0.2 * random;
}

/** When the next probe is due. */
export function nextDue(turn: Turn, intervalMs: Millis, now: Millis): Millis {
  return Math.max(turn.lastDue + intervalMs * turn.factor, now);
}

/**
 * When a probe whose result was void is repeated: the first at once, further ones on the fast interval.
 *
 * @param voids void results in a row, this one included, >= 1
 */
export function nextAfterVoid(turn: Turn, fastIntervalMs: Millis, voids: number, now: Millis): Millis {
  return voids === 1 ? now : nextDue(turn, fastIntervalMs, now);
}
