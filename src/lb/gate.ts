/**
 * What may be written now: the warm-up.
 *
 * @module
 */
import type { Millis } from "../model.ts";
import { hold, type Holds } from "./holds.ts";
import type { PlanHolds } from "./plan.ts";
import {
  askFor,
  beginWarmup,
  isOpen,
  isWaiting,
  keepFrontends,
  stepWarmup,
  type Warmup,
  warmupDue,
} from "./warmup.ts";
import type { ReconcilerParts } from "./world.ts";

/** Where the warm-up stands, for display. */
export interface WarmupView {
  /** As the API names it. */
  readonly phase: Warmup["phase"];
  /** Monotonic time. */
  readonly endsAt: Millis;
  /** Names of those that are not released yet. */
  readonly heldFrontends: readonly string[];
}

/** What the gate's last move makes due. */
export interface Opened {
  /** Writing became possible, or deleting did. */
  readonly all: boolean;
  /** Names of those that were released. */
  readonly frontends: readonly string[];
}

const warmup: Holds = [hold("warm-up")];

/** Keeps the warm-up of one process. */
export class Gate {
  readonly #parts: ReconcilerParts;
  #warmup: Warmup;

  /** Begins the warm-up of the frontends that are configured now. */
  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    const { frontends, lb } = parts.world().config;
    this.#warmup = beginWarmup(
      parts.startedAt,
      lb.startupMinDelayMs,
      lb.startupMaxDelayMs,
      frontends.keys(),
    );
  }

  /** Whether the warm-up is over. */
  get done(): boolean {
    return this.#warmup.phase === "done";
  }

  /** Whether nothing at all may be written yet. */
  get frozen(): boolean {
    return !isOpen(this.#warmup);
  }

  /** Where the warm-up stands. */
  get view(): WarmupView {
    const { phase, endsAt, waiting } = this.#warmup;
    return { phase, endsAt, heldFrontends: [...waiting] };
  }

  /** When time alone changes something next; null: never. */
  get dueAt(): Millis | null {
    return warmupDue(this.#warmup);
  }

  /** An operator asked for these frontends; null: for all. */
  ask(frontends: Iterable<string> | null): void {
    this.#warmup = askFor(this.#warmup, frontends ?? this.#parts.world().config.frontends.keys());
  }

  /** Forgets frontends that are not configured any more. */
  keep(): void {
    const { frontends } = this.#parts.world().config;
    this.#warmup = keepFrontends(this.#warmup, (frontend) => frontends.has(frontend));
  }

  /** Takes time and states into account. */
  step(): Opened {
    const { clock, log, world } = this.#parts;
    const { config, status } = world();
    const complete = (name: string) => {
      const pools = config.frontends.get(name)?.pools ?? [];
      return pools.every((pool) => pool.members.every(({ backend }) => status(backend).state !== "unknown"));
    };
    const step = stepWarmup(this.#warmup, clock.now(), complete);
    this.#warmup = step.warmup;
    for (const { frontend, reason } of step.released) log.info("warmup-released", { frontend, reason });
    return {
      all: step.opened || step.finished,
      frontends: step.released.map(({ frontend }) => frontend),
    };
  }

  /** What may not be sent now. */
  holds(): Omit<PlanHolds, "raise"> {
    const state = this.#warmup;
    return {
      conf: isOpen(state) ? [] : warmup,
      deletions: state.phase === "done" ? [] : warmup,
      frontend: (name) => isWaiting(state, name) ? warmup : [],
    };
  }

  /** Whether the VIP of this frontend must be left alone now. */
  isHeld(frontend: string): boolean {
    return isWaiting(this.#warmup, frontend);
  }
}
