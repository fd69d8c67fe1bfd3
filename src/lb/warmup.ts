/**
 * May VPP be written to yet? Once per process, so that a restart of the daemon does not act on states that
 * nobody has found out yet. Pure: time is an argument.
 *
 *   start ──▶ hold ──min-delay──▶ release ──last frontend released──▶ done
 *
 *   hold      nothing is written; once an operator released a frontend, it and the global settings are
 *   release   the global settings and the released frontends are written; no VIP is deleted
 *   done      everything is written
 *
 * A frontend is released when an operator asks for it, at once; from min-delay on when all its backends have a state
 * other than unknown; or at max-delay. One that a reload brings later was never held.
 *
 * @module
 */
import type { Millis } from "../model.ts";

/** Where the warm-up stands. */
export type WarmupPhase = "hold" | "release" | "done";

/** The warm-up; a value, replaced whole. */
export interface Warmup {
  /** See above. */
  readonly phase: WarmupPhase;
  /** Monotonic time at which frontends are released by themselves. */
  readonly opensAt: Millis;
  /** Monotonic time at which every frontend is released. */
  readonly endsAt: Millis;
  /** Frontends that are not released yet. */
  readonly waiting: ReadonlySet<string>;
  /** Frontends that an operator asked for since the last step. */
  readonly asked: ReadonlySet<string>;
  /** Frontends that an operator released before min-delay. */
  readonly free: ReadonlySet<string>;
}

/** A frontend that was released, and why. */
export interface Released {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Why now. */
  readonly reason: "all backends have a state" | "max-delay" | "operator";
}

/** What a step brought. */
export interface WarmupStep {
  /** The warm-up after the step. */
  readonly warmup: Warmup;
  /** Frontends that were released, in the file's order. */
  readonly released: readonly Released[];
  /** From this step on the global settings may be written, or those frontends that were never held. */
  readonly opened: boolean;
  /** The last frontend was released with this step: VIPs may be deleted from now on. */
  readonly finished: boolean;
}

/**
 * Begins the warm-up.
 *
 * @param now monotonic start of the process
 * @param minDelayMs nothing is written before; 0…maxDelayMs
 * @param maxDelayMs everything is released at the latest; with both 0 there is no warm-up
 * @param frontends names in the configuration
 */
export function beginWarmup(
  now: Millis,
  minDelayMs: Millis,
  maxDelayMs: Millis,
  frontends: Iterable<string>,
): Warmup {
  const none = minDelayMs === 0 && maxDelayMs === 0;
  return {
    phase: none ? "done" : "hold",
    opensAt: now + minDelayMs,
    endsAt: now + maxDelayMs,
    waiting: new Set(none ? [] : frontends),
    asked: new Set(),
    free: new Set(),
  };
}

/** An operator asked for these frontends; they are released by the next step that may. */
export function askFor(warmup: Warmup, frontends: Iterable<string>): Warmup {
  return warmup.phase === "done" ? warmup : { ...warmup, asked: new Set([...warmup.asked, ...frontends]) };
}

/** A reload took frontends away; those that it brought were never held. */
export function keepFrontends(warmup: Warmup, configured: (frontend: string) => boolean): Warmup {
  const gone = [...warmup.waiting].some((frontend) => !configured(frontend));
  if (!gone) return warmup;
  return { ...warmup, waiting: new Set([...warmup.waiting].filter(configured)) };
}

/**
 * Takes the time and the states into account.
 *
 * @param complete whether all backends of a frontend have a state other than unknown
 */
export function stepWarmup(
  warmup: Warmup,
  now: Millis,
  complete: (frontend: string) => boolean,
): WarmupStep {
  const due = now >= warmup.opensAt;
  if (warmup.phase === "done" || (!due && warmup.asked.size === 0)) {
    return { warmup, released: [], opened: false, finished: false };
  }
  const released: Released[] = [];
  const waiting = new Set<string>();
  for (const frontend of warmup.waiting) {
    if (warmup.asked.has(frontend)) released.push({ frontend, reason: "operator" });
    else if (due && complete(frontend)) released.push({ frontend, reason: "all backends have a state" });
    else if (now >= warmup.endsAt) released.push({ frontend, reason: "max-delay" });
    else waiting.add(frontend);
  }
  const phase = waiting.size === 0 ? "done" : due ? "release" : "hold";
  const free = new Set([...warmup.free, ...warmup.asked]);
  return {
    warmup: { ...warmup, phase, waiting, asked: new Set(), free },
    released,
    opened: !isOpen(warmup) || (warmup.phase === "hold" && phase !== "hold"),
    finished: phase === "done",
  };
}

/** Whether the global settings may be written: an operator released a frontend, or min-delay has passed. */
export function isOpen({ free, phase }: Warmup): boolean {
  return phase !== "hold" || free.size > 0;
}

/** Whether nothing of a frontend may be written. One that a reload brought waits for min-delay only. */
export function isWaiting({ free, phase, waiting }: Warmup, frontend: string): boolean {
  return phase === "hold" ? !free.has(frontend) : waiting.has(frontend);
}

/** When time alone changes something next; null: never. */
export function warmupDue(warmup: Warmup): Millis | null {
  if (warmup.phase === "done") return null;
  return warmup.phase === "hold" ? warmup.opensAt : warmup.endsAt;
}
