/**
 * When to probe: which interval applies, and how first probes are spread at start. Pure.
 *
 * @module
 */
import type { Millis } from "../model.ts";
import { type BackendHealth, isDegraded } from "./backend.ts";

/** The three intervals of a health check, in ms. */
export interface Intervals {
  /** While healthy. */
  readonly intervalMs: Millis;
  /** While unknown or degraded. */
  readonly fastIntervalMs: Millis;
  /** While fully down. */
  readonly downIntervalMs: Millis;
}

/** Longest time over which first probes are spread at start, in ms. */
export const MAX_SPREAD_MS: Millis = 2_000;

/**
 * Time between two probes as the backend stands, in ms, before the random factor: the down-interval when it is
 * fully down, the fast-interval while a verdict is still open, else the interval.
 */
export function intervalFor(health: BackendHealth, intervals: Intervals): Millis {
  if (health.state === "down" && health.counter === 0) return intervals.downIntervalMs;
  if (health.state === "unknown" || isDegraded(health)) return intervals.fastIntervalMs;
  return intervals.intervalMs;
}

/**
 * Wait before the first probe of backend `index` of `count` at start, in ms: evenly over the least of its
 * fast-interval and two seconds, so that a start is no burst and yet no backend waits long for its verdict.
 */
export function startDelay(index: number, count: number, fastIntervalMs: Millis): Millis {
  return Math.min(fastIntervalMs, MAX_SPREAD_MS) * (index / Math.max(1, count));
}
