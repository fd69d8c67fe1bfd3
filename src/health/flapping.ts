/**
 * Whether a backend flaps: six changes between up and down within ten minutes, until ten minutes without one. Pure.
 *
 *   steady   --the sixth change within ten minutes--> flapping since the first of the six
 *   flapping --ten minutes without a change--> steady
 *
 * Only verdicts of probes count. What an operator does is no flapping.
 *
 * @module
 */
import type { Millis, UnixMillis } from "../model.ts";

/** So many changes make flapping. */
export const flapChanges = 6;
/** Within so long, in ms; it ends after as long without a change. */
export const flapMs: Millis = 600_000;

/** What is kept of a backend's changes. */
export interface Flapping {
  /** Times of the newest changes, oldest first; at most six. */
  readonly changes: readonly UnixMillis[];
  /** Since when it flaps; null: it did not at its newest change. */
  readonly since: UnixMillis | null;
}

/** No change so far. */
export const steady: Flapping = { changes: [], since: null };

/** Since when it flaps at `now`; null: it does not. */
export function flappingSince({ changes, since }: Flapping, now: UnixMillis): UnixMillis | null {
  const last = changes.at(-1);
  return since === null || last === undefined || now - last >= flapMs ? null : since;
}

/** The same after a change at `now`. */
export function flapped(flapping: Flapping, now: UnixMillis): Flapping {
  const changes = [...flapping.changes, now].slice(-flapChanges);
  const [first] = changes;
  const begins = changes.length === flapChanges && first !== undefined && now - first <= flapMs;
  return { changes, since: flappingSince(flapping, now) ?? (begins ? first : null) };
}
