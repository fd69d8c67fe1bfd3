import type { Millis } from "../model.ts";
import { Attempt, type Ending } from "./attempt.ts";
import type { ProbePlan } from "./plan.ts";
import type { ProbeTarget } from "./prober.ts";
import { nextAfterVoid, nextDue } from "./schedule.ts";
import type { Timed } from "./timers.ts";
import type { Turns } from "./turns.ts";

/** What a backend waits for between probes; only the interval's wait follows a change of the interval. */
export type Wait = "first" | "interval" | "repeat";

/** One backend being probed. */
export interface Slot<T extends ProbeTarget> extends Timed {
  /** What is probed. */
  readonly target: T;
  /** Worked out before the first probe, so that a thousand new targets are not worked out at once. */
  plan: ProbePlan | null;
  /** Interval that applies now, before the random factor. */
  intervalMs: Millis;
  /** What it waits for. */
  wait: Wait;
  /** When the running or next probe is due. */
  due: Millis;
  /** When the one before it was. */
  lastDue: Millis;
  /** Random factor of the wait, see schedule.ts. */
  factor: number;
  /** How late the running probe began. */
  lateMs: Millis;
  /** The running probe. */
  attempt: Attempt | null;
  /** Void results in a row. */
  voids: number;
  /** Counted results of one kind in a row: passes, or failures as a negative number. */
  row: number;
  /** Whether the last probe ended by its deadline; such probes hold a place for their whole timeout. */
  slow: boolean;
}

/**
 * Notes what the running probe of a slot came to, and when the next one is due.
 *
 * @param isVoid whether the result counts neither way
 * @param factor random factor of the next wait
 * @returns whether the result may change a state: only a long row of the same surely does not, and its reports may wait
 *   for company
 */
export function conclude<T extends ProbeTarget>(
  slot: Slot<T>,
  attempt: Attempt,
  ok: boolean,
  isVoid: boolean,
  factor: number,
  now: Millis,
): boolean {
  const { check } = slot.target;
  slot.attempt = null;
  slot.lastDue = slot.due;
  slot.factor = factor;
  // One that ends in a hurry has answered.
  slot.slow = attempt.expired && attempt.hurryAt === Infinity;
  slot.voids = isVoid ? slot.voids + 1 : 0;
  if (!isVoid) slot.row = (slot.row > 0) === ok ? slot.row + (ok ? 1 : -1) : ok ? 1 : -1;
  slot.wait = isVoid ? "repeat" : "interval";
  slot.due = isVoid
    ? nextAfterVoid(slot, check.fastIntervalMs, slot.voids, now)
    : nextDue(slot, slot.intervalMs, now);
  const length = isVoid ? slot.voids : Math.abs(slot.row);
  return length < check.rise + check.fall;
}

/** A probe of a slot. */
export class Run<T extends ProbeTarget> extends Attempt {
  /** Whose probe it is. */
  readonly slot: Slot<T>;
  /** Whether it holds one of the places for backends that do not answer. */
  readonly slow: boolean;
  readonly #hurried: (run: Run<T>) => void;
  readonly #over: (run: Run<T>, ending: Ending) => void;

  /** Begins it at `start`, which is now; `hurried` is told that it has to hurry, and `over` of its end. */
  constructor(
    slot: Slot<T>,
    plan: ProbePlan,
    turns: Turns,
    start: Millis,
    stalledBefore: Millis,
    hurried: (run: Run<T>) => void,
    over: (run: Run<T>, ending: Ending) => void,
  ) {
    super(plan, turns, start, stalledBefore);
    this.slot = slot;
    this.slow = slot.slow;
    this.#hurried = hurried;
    this.#over = over;
  }

  /** Tells that it has to hurry. */
  protected override hurried(): void {
    this.#hurried(this);
  }

  /** Tells of the end. */
  protected override ended(ending: Ending): void {
    this.#over(this, ending);
  }
}
