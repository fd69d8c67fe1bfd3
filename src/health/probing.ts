/**
 * Which targets the prober has, and when each is probed: which interval applies, and how first probes are spread.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import type { Prober, ProbeTarget } from "../probes/prober.ts";
import { type BackendHealth, isDegraded, isProbed } from "./backend.ts";
import type { Entry } from "./entry.ts";

/** The targets that the prober was given. */
export class Targets {
  readonly #prober: Prober;
  readonly #clock: Clock;
  // One count for all backends: a name that leaves and comes back never meets an old generation again.
  #generation = 0;

  /** Talks to this prober. */
  constructor(prober: Prober, clock: Clock) {
    this.#prober = prober;
    this.#clock = clock;
  }

  /** Starts probing at the daemon's start: first probes are spread in time. */
  begin(entries: Iterable<Entry>, netns: string): void {
    const probed = [...entries].filter((entry) => isProbed(entry.health));
    const targets = probed.flatMap((entry, index) =>
      this.#target(entry, netns, startDelay(index, probed.length, entry.check?.fastIntervalMs ?? 0))
    );
    if (targets.length > 0) this.#prober.start(targets);
  }

  /**
   * Starts at once what should be probed and is not, and stops what should not be.
   *
   * @param restart entries whose running target is of no use any more
   */
  align(entries: Iterable<Entry>, netns: string, restart: ReadonlySet<Entry> = new Set()): void {
    const stops: string[] = [];
    const starts: ProbeTarget[] = [];
    for (const entry of entries) {
      if (isProbed(entry.health)) {
        if (entry.generation === 0 || restart.has(entry)) starts.push(...this.#target(entry, netns, 0));
      } else if (entry.generation !== 0) {
        entry.generation = 0;
        entry.nextDueAt = null;
        stops.push(entry.backend.name);
      }
    }
    if (stops.length > 0) this.#prober.stop(stops);
    if (starts.length > 0) this.#prober.start(starts);
  }

  /** Stops probing under the present name; `align` starts anew what should be probed. */
  forget(entry: Entry): void {
    if (entry.generation === 0) return;
    entry.generation = 0;
    this.#prober.stop([entry.backend.name]);
  }

  /** Tells the prober when another interval applies than before. */
  pace(entry: Entry): void {
    if (entry.check === null || entry.generation === 0) return;
    const intervalMs = intervalFor(entry.health, entry.check);
    if (intervalMs === entry.intervalMs) return;
    entry.intervalMs = intervalMs;
    this.#prober.pace(entry.backend.name, entry.generation, intervalMs);
  }

  #target(entry: Entry, netns: string, firstDelayMs: Millis): ProbeTarget[] {
    const { backend, check } = entry;
    if (check === null) return [];
    const generation = ++this.#generation;
    const intervalMs = intervalFor(entry.health, check);
    entry.generation = generation;
    entry.intervalMs = intervalMs;
    entry.countedAt = this.#clock.now() + firstDelayMs;
    entry.nextDueAt = this.#clock.wall() + firstDelayMs;
    entry.lastVoid = null;
    entry.blindTold = false;
    return [{
      backend: backend.name,
      generation,
      address: backend.address,
      check,
      netns,
      firstDelayMs,
      intervalMs,
    }];
  }
}

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
