/**
 * One backend as the tracker keeps it: its configuration, its health, and what its probes told. Pure.
 *
 * A backend flaps after six changes between up and down within ten minutes, until ten minutes pass without one.
 *
 *   steady   --the sixth change within ten minutes--> flapping since the first of the six
 *   flapping --ten minutes without a change--> steady
 *
 * Only verdicts of probes count. What an operator does is no flapping.
 *
 * @module
 */
import type {
  LeafCertificate,
  Millis,
  ProbeCode,
  ProbeResult,
  State,
  Transition,
  UnixMillis,
  VoidCause,
} from "../model.ts";
import type { Backend, HealthCheck } from "../configuration.ts";
import { type BackendHealth, type Failure, type Flows, freshHealth, isProbed } from "./backend.ts";
import { blindAfter, type Blindness, HINTS, isBlind, type VoidRun } from "./blind.ts";
import { type Membership, ruleOf } from "./config.ts";
import { type LatencyWindow, SharedArrays } from "./latency.ts";

/** Everything that is known of one backend; owned and altered by the tracker alone. */
export class Entry {
  /** As configured now. */
  backend: Backend;
  /** Its health check, or null. */
  check: HealthCheck | null;
  /** Its health. */
  health: BackendHealth;
  /** Its places in the frontends. */
  places: readonly Membership[];
  /** Generation of the running target; 0 while it is not probed, which no report carries. */
  generation = 0;
  /** Interval that the prober was last given, in ms. */
  intervalMs: Millis = 0;
  /** Monotonic time of the last counted result, or of the first probe's due time. */
  countedAt: Millis = 0;
  /** The last failure that counted. */
  lastFailure: Failure | null = null;
  /** The void results since the last counted one. */
  lastVoid: VoidRun | null = null;
  /** Its changes between up and down by probes. */
  flapping: Flapping = steady;
  /** Whether the ERROR line of the present blindness was written. */
  blindTold = false;
  readonly #last = new LastProbe();
  /** How long its probes took under its present check; null: no result has counted yet. */
  latency: LatencyWindow | null = null;
  /** The certificate that it last showed under its present check; null for none. */
  certificate: LeafCertificate | null = null;
  /** The newest transition is the first state in this process, told before VPP was read for the first time. */
  toldUnread = false;
  /** Newest first. */
  history: Transition[] = [];
  /** What an earlier process left, until the first state of this one. */
  #left: { readonly state: State; readonly since: UnixMillis } | null = null;
  /** When the blindness since the counted result at `countedAt` began. */
  #blind: { readonly countedAt: Millis; readonly since: UnixMillis } | null = null;

  /** A backend of which nothing is known yet. */
  constructor(
    backend: Backend,
    check: HealthCheck | null,
    places: readonly Membership[],
    now: UnixMillis,
    flows: Flows,
  ) {
    this.backend = backend;
    this.check = check;
    this.places = places;
    this.health = freshHealth(check === null ? null : ruleOf(check), now, flows);
  }

  /** The last result, void ones included. */
  get lastProbe(): ProbeResult | null {
    return this.#last.result;
  }

  /** Keeps a copy of the last result; null forgets it. */
  set lastProbe(result: ProbeResult | null) {
    if (result === null) this.#last.forget();
    else this.#last.keep(result);
  }

  /** When the next probe is due; null while it is not probed. */
  get nextDueAt(): UnixMillis | null {
    return this.#last.nextDueAt;
  }

  /** Notes when the next probe is due. */
  set nextDueAt(at: UnixMillis | null) {
    this.#last.nextDueAt = at;
  }

  /** Names of the frontends it belongs to, each once. */
  get frontends(): string[] {
    return this.places.map((place) => place.frontend);
  }

  /** Keeps a transition; the oldest beyond `limit` are dropped. */
  remember(transition: Transition, limit: number): void {
    // Of the exact length: `unshift` would keep room for 17, and most backends have one transition.
    this.history = [transition].concat(this.history.slice(0, Math.max(0, limit - 1)));
    this.trim(limit);
  }

  /** Drops the oldest transitions beyond `limit`. */
  trim(limit: number): void {
    if (this.history.length > limit) this.history.length = limit;
  }

  /**
   * Takes what the journal has of it. The state that an earlier process left goes on if the first state of this one
   * is the same, which may have been told already.
   *
   * @param left transitions of earlier processes, newest first; at least one
   * @param since when the last of their states began
   * @param limit transitions kept
   */
  recall(left: readonly Transition[], since: UnixMillis, limit: number): void {
    const own = this.history.length;
    const first = this.history[own - 1];
    const state = left[0]?.to;
    this.history.push(...left.slice(0, Math.max(0, limit - own)));
    if (state === undefined || state === "unknown") return;
    if (first === undefined && this.health.state === "unknown") this.#left = { state, since };
    else if (own <= 1 && this.health.state === state && first?.from === "unknown") {
      this.health = { ...this.health, since };
    }
  }

  /** Takes its health after a change of state; the first one may be what an earlier process left. */
  enter(health: BackendHealth): void {
    const left = this.#left;
    this.#left = null;
    this.health = left !== null && left.state === health.state ? { ...health, since: left.since } : health;
  }

  /** Whether it is probed now. */
  get isProbed(): boolean {
    return this.check !== null && isProbed(this.health);
  }

  /** Since when it is blind and why; null: it is not. Its beginning stays the same whenever it is asked for. */
  blindness(now: Millis, wall: UnixMillis): Blindness | null {
    if (this.check === null || !this.isBlind(now)) return null;
    if (this.#blind?.countedAt !== this.countedAt) {
      const begun = this.countedAt + blindAfter(this.intervalMs, this.check.timeoutMs);
      this.#blind = { countedAt: this.countedAt, since: wall - (now - begun) };
    }
    const { cause, detail } = this.lastVoid ?? { cause: "no-result" as const, detail: HINTS["no-result"] };
    return { since: this.#blind.since, cause, detail };
  }

  /** Whether it is probed and yet nothing counted was heard for too long. */
  isBlind(now: Millis): boolean {
    return this.check !== null && this.isProbed &&
      isBlind(now, this.countedAt, this.intervalMs, this.check.timeoutMs);
  }
}

/** What stands for a phase that was not reached, and for no due time. */
const NONE = -1;
// Places in the array.
const SCHEDULED = 0;
const STARTED = 1;
const CONNECT = 2;
const TLS = 3;
const FIRST_BYTE = 4;
const TOTAL = 5;
const LAG = 6;
const NEXT_DUE = 7;
/** How many there are. */
const NUMBERS = 8;

const numbersTogether = 64;
const lastNumbers = new SharedArrays(
  numbersTogether,
  () => new Float64Array(numbersTogether * NUMBERS).fill(NONE),
);

/**
 * The last result of a backend, and when the next one is due. It is written over by the next one, and its numbers lie
 * in an array: objects and numbers of thousands of results a second, of which each lives until the next one of its
 * backend, are what the garbage collector copes with worst.
 */
export class LastProbe {
  readonly #numbers: Float64Array;
  readonly #first: number;
  #layer: ProbeResult["layer"] = "L4";
  #code: ProbeCode | null = null;
  #ok = false;
  #detail = "";
  #void: VoidCause | null = null;

  /** Nothing is known yet. */
  constructor() {
    const { arrays, part } = lastNumbers.next();
    this.#numbers = arrays;
    this.#first = part * NUMBERS;
  }

  /** Keeps a copy. */
  keep(result: ProbeResult): void {
    this.#ok = result.ok;
    this.#layer = result.layer;
    this.#code = result.code;
    // The same text is most often another string, and the older one is better known to the garbage collector.
    if (this.#detail !== result.detail) this.#detail = result.detail;
    this.#void = result.void;
    const numbers = this.#numbers;
    const first = this.#first;
    numbers[first + SCHEDULED] = result.scheduledAt;
    numbers[first + STARTED] = result.startedAt;
    numbers[first + CONNECT] = result.connectMs ?? NONE;
    numbers[first + TLS] = result.tlsMs ?? NONE;
    numbers[first + FIRST_BYTE] = result.firstByteMs ?? NONE;
    numbers[first + TOTAL] = result.totalMs;
    numbers[first + LAG] = result.lagMs;
  }

  /** Forgets the result. */
  forget(): void {
    this.#code = null;
  }

  /** A copy of what is kept; null for nothing. */
  get result(): ProbeResult | null {
    if (this.#code === null) return null;
    return {
      ok: this.#ok,
      layer: this.#layer,
      code: this.#code,
      detail: this.#detail,
      scheduledAt: this.#number(SCHEDULED),
      startedAt: this.#number(STARTED),
      connectMs: this.#phase(CONNECT),
      tlsMs: this.#phase(TLS),
      firstByteMs: this.#phase(FIRST_BYTE),
      totalMs: this.#number(TOTAL),
      lagMs: this.#number(LAG),
      void: this.#void,
    };
  }

  /** When the next probe is due; null while none is. */
  get nextDueAt(): UnixMillis | null {
    return this.#phase(NEXT_DUE);
  }

  /** Notes when the next probe is due. */
  set nextDueAt(at: UnixMillis | null) {
    this.#numbers[this.#first + NEXT_DUE] = at ?? NONE;
  }

  #number(place: number): number {
    return this.#numbers[this.#first + place] ?? 0;
  }

  #phase(place: number): Millis | null {
    const ms = this.#number(place);
    return ms === NONE ? null : ms;
  }
}

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
