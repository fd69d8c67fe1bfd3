/**
 * May VPP be written to yet? The warm-up, once per process, so that a restart of the daemon does not act on states that
 * nobody has found out yet. The functions are pure: time is an argument.
 *
 *   start --> hold --min-delay--> release --last frontend released--> done
 *
 *   hold      nothing is written; once an operator released a frontend, it and the global settings are
 *   release   the global settings and the released frontends are written; no VIP is deleted
 *   done      everything is written
 *
 * A frontend is released when an operator asks for it, at once; from min-delay on when all its backends have a state
 * other than unknown; or at max-delay. One that a reload brings waits for min-delay only.
 *
 * While nobody knows what operators set before a restart, a weight of 0 in VPP may be their word. So no server that
 * VPP had at weight 0 is raised for a while; then the daemon goes by what it knows, and says which servers it raised.
 *
 *   memory lost --> guarded --max(startup-max-delay, 30 s)--> open: each raise is told
 *                   +- the memory came late: over
 *
 * A daemon of a fleet that has neither the store nor a memory of it does not know what operators want everywhere. Until
 * the first list, or for 30 s, it neither raises such a server nor adds one with a weight.
 *
 * @module
 */
import type { IpAddress, Millis } from "../model.ts";
import type { ReconcilerParts } from "./parts.ts";
import type { GuardedServer } from "./desired.ts";
import type { PlanHolds } from "./plan.ts";
import { hold, type Holds, together } from "./steps.ts";

/** How far a frontend is: `brought` by a reload, `asked` for by an operator since the last step. */
export type Release = "waiting" | "brought" | "asked" | "released";

/** A frontend in the warm-up: a part of its record. */
export interface Warming {
  /** Its name. */
  readonly name: string;
  /** How far it is. */
  release: Release;
}

/** The warm-up but for the frontends; a value, replaced whole. */
export interface Warmup {
  /** See above. */
  readonly phase: "hold" | "release" | "done";
  /** Monotonic time at which frontends are released by themselves. */
  readonly opensAt: Millis;
  /** Monotonic time at which every frontend is released. */
  readonly endsAt: Millis;
  /** Whether the global settings may be written. */
  readonly open: boolean;
}

/** A frontend that is released, and why. */
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
  /** Frontends to be released, in the file's order. */
  readonly released: readonly Released[];
  /** From this step on the global settings may be written, or those frontends that a reload brought. */
  readonly opened: boolean;
  /** The last frontend is released with this step: VIPs may be deleted from now on. */
  readonly finished: boolean;
}

/**
 * Begins the warm-up.
 *
 * @param now monotonic start of the process
 * @param minDelayMs nothing is written before; 0...maxDelayMs
 * @param maxDelayMs everything is released at the latest; with both 0 there is no warm-up
 */
export function beginWarmup(now: Millis, minDelayMs: Millis, maxDelayMs: Millis): Warmup {
  const none = minDelayMs === 0 && maxDelayMs === 0;
  return { phase: none ? "done" : "hold", opensAt: now + minDelayMs, endsAt: now + maxDelayMs, open: none };
}

/**
 * Takes the time and the states into account.
 *
 * @param complete whether all backends of a frontend have a state other than unknown
 */
export function stepWarmup(
  warmup: Warmup,
  frontends: Iterable<Warming>,
  now: Millis,
  complete: (frontend: string) => boolean,
): WarmupStep {
  const none: WarmupStep = { warmup, released: [], opened: false, finished: false };
  if (warmup.phase === "done") return none;
  const due = now >= warmup.opensAt;
  const released: Released[] = [];
  let waiting = 0;
  for (const { name: frontend, release } of frontends) {
    if (release === "asked") released.push({ frontend, reason: "operator" });
    else if (release !== "waiting") continue;
    else if (due && complete(frontend)) released.push({ frontend, reason: "all backends have a state" });
    else if (now >= warmup.endsAt) released.push({ frontend, reason: "max-delay" });
    else waiting++;
  }
  if (!due && released.length === 0) return none;
  const phase = waiting === 0 ? "done" : due ? "release" : "hold";
  return {
    warmup: { ...warmup, phase, open: true },
    released,
    opened: !warmup.open || (warmup.phase === "hold" && phase !== "hold"),
    finished: phase === "done",
  };
}

/** Whether nothing of a frontend may be written. */
export function isHeld({ phase }: Warmup, release: Release): boolean {
  if (phase === "done" || release === "released") return false;
  return phase === "hold" || release !== "brought";
}

/** When time alone changes something next; null: never. */
export function warmupDue({ endsAt, opensAt, phase }: Warmup): Millis | null {
  return phase === "done" ? null : phase === "hold" ? opensAt : endsAt;
}

/** Where the warm-up is, for display. */
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

const unmoved: Opened = { all: false, frontends: [] };
const held: Holds = [hold("warm-up")];

function holdsOf(
  warmup: Warmup,
  release: (frontend: string) => Release | null,
): Omit<PlanHolds, "raise"> {
  return {
    conf: warmup.open ? [] : held,
    deletions: warmup.phase === "done" ? [] : held,
    frontend: (name) => isHeld(warmup, release(name) ?? "released") ? held : [],
  };
}

/** Keeps the warm-up of one process. Who is released is in the frontends' records. */
export class WriteGate {
  readonly #parts: ReconcilerParts;
  readonly #records: () => Iterable<Warming>;
  #warmup: Warmup;

  /** Begins the warm-up. */
  constructor(parts: ReconcilerParts, records: () => Iterable<Warming>) {
    this.#parts = parts;
    this.#records = records;
    const { lb } = parts.world().config;
    this.#warmup = beginWarmup(parts.startedAt, lb.startupMinDelayMs, lb.startupMaxDelayMs);
  }

  /** Whether the warm-up is over. */
  get done(): boolean {
    return this.#warmup.phase === "done";
  }

  /** Whether nothing at all may be written yet. */
  get frozen(): boolean {
    return !this.#warmup.open;
  }

  /** Where the warm-up is. */
  get view(): WarmupView {
    const { phase, endsAt } = this.#warmup;
    const waiting = [...this.#records()].filter(({ release }) =>
      release === "waiting" || release === "asked"
    );
    return { phase, endsAt, heldFrontends: phase === "done" ? [] : waiting.map(({ name }) => name) };
  }

  /** When time alone changes something next; null: never. */
  get dueAt(): Millis | null {
    return warmupDue(this.#warmup);
  }

  /** An operator asked for these frontends; they are released by the next step. */
  ask(records: Iterable<Warming>): void {
    for (const record of records) if (record.release !== "released") record.release = "asked";
  }

  /** Takes time and states into account. */
  step(): Opened {
    // Asked in each turn that changes something, and over for the rest of the process after the first minute.
    if (this.done) return unmoved;
    const { clock, log, world } = this.#parts;
    const { config, status } = world();
    const complete = (name: string) => {
      const pools = config.frontends.get(name)?.pools ?? [];
      return pools.every((pool) => pool.members.every(({ backend }) => status(backend).state !== "unknown"));
    };
    const step = stepWarmup(this.#warmup, this.#records(), clock.now(), complete);
    this.#warmup = step.warmup;
    const names = new Set(step.released.map(({ frontend }) => frontend));
    for (const record of this.#records()) if (names.has(record.name)) record.release = "released";
    for (const { frontend, reason } of step.released) log.info("warmup-released", { frontend, reason });
    return { all: step.opened || step.finished, frontends: [...names] };
  }

  /** What may not be sent now. */
  holds(release: (frontend: string) => Release | null): Omit<PlanHolds, "raise"> {
    return holdsOf(this.#warmup, release);
  }

  /** What may not be sent if an operator asks for some of these frontends: those with release `asked`. */
  holdsIf(frontends: readonly Warming[]): Omit<PlanHolds, "raise"> {
    const { released, warmup } = stepWarmup(this.#warmup, frontends, this.#parts.clock.now(), () => false);
    const names = new Set(released.map(({ frontend }) => frontend));
    const kept = new Map(
      frontends.map(({ name, release }) => [name, names.has(name) ? "released" : release]),
    );
    return holdsOf(warmup, (name) => kept.get(name) ?? null);
  }

  /** Whether the VIP of a frontend must be left alone now. */
  isHeld(release: Release): boolean {
    return isHeld(this.#warmup, release);
  }
}

/** Servers are guarded so long at least. */
const leastMs: Millis = 30_000;

/**
 * Monotonic time at which a memory is given up that did not come.
 *
 * @param startedAt monotonic start of the process
 * @param maxDelayMs `startup-max-delay` at the start
 */
export function givenUpAt(startedAt: Millis, maxDelayMs: Millis): Millis {
  return startedAt + Math.max(maxDelayMs, leastMs);
}

const lost: Holds = [hold("memory lost")];
const unknown: Holds = [hold("fleet unknown")];

/** What a guard asks. */
export interface GuardParts {
  /** Whether there was a memory that cannot be read. */
  readonly memoryLost: boolean;
  /** Whether it is not known what operators want in the whole fleet. */
  readonly fleetUnknown: boolean;
  /** Monotonic start of the process. */
  readonly startedAt: Millis;
  /** `startup-max-delay` at the start. */
  readonly maxDelayMs: Millis;
  /** Weight that the first full read of this process showed for a server on a VIP; null: none. */
  readonly witness: (vip: string, address: IpAddress) => number | null;
  /** Whether an operator of this process gave the server its weight. */
  readonly weighed: (frontend: string, backend: string) => boolean;
}

/** The guard of one process. */
export class RaiseGuard {
  readonly #parts: GuardParts;
  readonly #opensAt: Millis;
  readonly #told = new Set<string>();
  /** Backends that an operator of this process enabled or resumed. */
  readonly #enabled = new Set<string>();
  readonly #fleetOpensAt: Millis;
  #phase: "guarded" | "open" | "over";
  #fleetUnknown: boolean;

  /** Guards nothing unless the memory is lost or the fleet is not known. */
  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#phase = parts.memoryLost ? "guarded" : "over";
    this.#opensAt = givenUpAt(parts.startedAt, parts.maxDelayMs);
    this.#fleetUnknown = parts.fleetUnknown;
    this.#fleetOpensAt = parts.startedAt + leastMs;
  }

  /** When time alone changes something next; null: never. */
  get dueAt(): Millis | null {
    const due = [
      ...this.#phase === "guarded" ? [this.#opensAt] : [],
      ...this.#fleetUnknown ? [this.#fleetOpensAt] : [],
    ];
    return due.length === 0 ? null : Math.min(...due);
  }

  /** Takes time into account; true if servers may be raised from now on. */
  step(now: Millis): boolean {
    const wasFleet = this.#fleetUnknown;
    if (now >= this.#fleetOpensAt) this.#fleetUnknown = false;
    if (this.#phase !== "guarded" || now < this.#opensAt) return wasFleet && !this.#fleetUnknown;
    this.#phase = "open";
    return true;
  }

  /** An operator of this process enabled or resumed a backend: its servers may be raised. */
  enabled(backend: string): void {
    this.#enabled.add(backend);
  }

  /** What an earlier process left is known after all. */
  end(): void {
    this.#phase = "over";
  }

  /** What operators want in the whole fleet is known. True if that was waited for. */
  fleetKnown(): boolean {
    const waited = this.#fleetUnknown;
    this.#fleetUnknown = false;
    return waited;
  }

  /**
   * Why the server may not be raised, or added with a weight, now.
   *
   * @param wanted who else wants servers to serve, for a plan that is only made
   */
  holds(server: GuardedServer, wanted: (server: GuardedServer) => boolean = () => false): Holds {
    if (wanted(server)) return [];
    const memory = this.#phase === "guarded" && this.#concerns(server, false) ? lost : [];
    const fleet = this.#fleetUnknown && this.#concerns(server, true) ? unknown : [];
    return together(memory, fleet);
  }

  /** Whether the raise of a server must be told: nobody knows whether its weight of 0 was an operator's word. */
  mustTell(server: GuardedServer): boolean {
    const key = `${server.vip} ${server.address}`;
    if (this.#phase !== "open" || this.#told.has(key) || !this.#concerns(server, false)) return false;
    this.#told.add(key);
    return true;
  }

  #concerns({ address, backend, frontend, vip }: GuardedServer, alsoNew: boolean): boolean {
    const { weighed, witness } = this.#parts;
    if ((witness(vip, address) ?? (alsoNew ? 0 : null)) !== 0) return false;
    return backend === null || !(this.#enabled.has(backend) || weighed(frontend, backend));
  }
}
