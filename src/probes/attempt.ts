import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import type { ProbePlan } from "./plan.ts";
import { LATE } from "./stream.ts";

/** Thrown out of a wait of a probe that was cancelled; unwinds the probe, never reported. */
export class Cancelled extends Error {
  /** Makes the error. */
  constructor() {
    super("Probe cancelled");
    this.name = "Cancelled";
  }
}

/** Durations of the phases that a probe went through, in ms. */
export interface PhaseTimes {
  /** From the start to the connection; null until there is one. */
  connectMs: Millis | null;
  /** Of the TLS handshake. */
  tlsMs: Millis | null;
  /** From the request, or the echo, to the first octet of the answer. */
  firstByteMs: Millis | null;
}

/** Probes that run, and do not wait, at this moment. */
export interface Gauge {
  /** Their number. */
  awake: number;
}

interface Pending {
  readonly resolve: (value: typeof LATE) => void;
  readonly reject: (error: Cancelled) => void;
}

/**
 * One running probe: what it is to do, its phases' times, and the single place where it waits. The engine ends
 * a wait from outside, by its deadline or by cancelling.
 */
export class Attempt {
  /** What to probe and how. */
  readonly plan: ProbePlan;
  /** When it began, on the monotonic clock. */
  readonly start: Millis;
  /** Filled in as phases end. */
  readonly times: PhaseTimes = { connectMs: null, tlsMs: null, firstByteMs: null };
  /** Stalls of the thread before this probe began, to tell later what fell into it. */
  readonly stalledBefore: Millis;
  readonly #clock: Pick<Clock, "now">;
  readonly #gauge: Gauge;
  #phaseStart: Millis;
  #pending: Pending | null = null;
  #expired = false;
  #cancelled = false;
  #heldMs: Millis = 0;
  #heldSince: Millis | null = null;

  /** Begins a probe now. It counts as awake in `gauge` until it waits, and again until its owner ends it. */
  constructor(
    plan: ProbePlan,
    clock: Pick<Clock, "now">,
    stalledBefore: Millis,
    gauge: Gauge = { awake: 0 },
  ) {
    this.#gauge = gauge;
    gauge.awake++;
    this.plan = plan;
    this.#clock = clock;
    this.start = clock.now();
    this.#phaseStart = this.start;
    this.stalledBefore = stalledBefore;
  }

  /** Whether it was cancelled. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Whether its deadline has passed. */
  get expired(): boolean {
    return this.#expired;
  }

  /** Ends a phase: notes how long it took and begins the next; only the first end of a phase counts. */
  phase(name: keyof PhaseTimes): void {
    if (this.times[name] !== null) return;
    const now = this.#clock.now();
    this.times[name] = now - this.#phaseStart;
    this.#phaseStart = now;
  }

  /** Begins a time that is not held against the backend: it waits for a resource of this host. */
  hold(): void {
    this.#heldSince ??= this.#clock.now();
  }

  /** Ends such a time, if one has begun. */
  unhold(): void {
    this.#heldMs = this.held(this.#clock.now());
    this.#heldSince = null;
  }

  /** Whether such a time is under way. */
  get holding(): boolean {
    return this.#heldSince !== null;
  }

  /** All such times until `now`, in ms. */
  held(now: Millis): Millis {
    return this.#heldMs + (this.#heldSince === null ? 0 : now - this.#heldSince);
  }

  /**
   * Waits for one thing. `begin` gets the function that answers; answers after the wait are ignored.
   *
   * @returns the answer, or `LATE` when the deadline passes first (or had passed)
   * @throws Cancelled when the probe is cancelled
   */
  wait<T>(begin: (answer: (value: T) => void) => void): Promise<T | typeof LATE> {
    return new Promise((resolve, reject) => {
      if (this.#cancelled) return reject(new Cancelled());
      if (this.#expired) return resolve(LATE);
      const pending: Pending = { resolve, reject };
      this.#pending = pending;
      this.#gauge.awake--;
      begin((value) => {
        if (this.#pending === pending) this.#awake(() => resolve(value));
      });
    });
  }

  /** The deadline has passed: ends the wait under way, or the next one. What has arrived already still counts. */
  expire(): void {
    this.#expired = true;
    const pending = this.#pending;
    if (pending !== null) this.#awake(() => pending.resolve(LATE));
  }

  /** Cancels: the wait under way, or the next one, throws. */
  cancel(): void {
    this.#cancelled = true;
    const pending = this.#pending;
    if (pending !== null) this.#awake(() => pending.reject(new Cancelled()));
  }

  /** It is over: no longer awake. */
  end(): void {
    this.#gauge.awake--;
  }

  #awake(answer: () => void): void {
    this.#pending = null;
    this.#gauge.awake++;
    answer();
  }
}
