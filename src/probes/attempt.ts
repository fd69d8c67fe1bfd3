import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import type { ProbePlan } from "./plan.ts";
import type { Verdict } from "./result.ts";
import { LATE } from "./stream.ts";

/** Ends a probe that was cancelled, thrown out of its wait or handed to `fail`; never reported. */
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
  /** From the request to the first octet of the answer; for an echo from its start, some tenths of a ms before it. */
  firstByteMs: Millis | null;
}

/** Probes that run, and do not wait, at this moment. */
export interface Gauge {
  /** Their number. */
  awake: number;
}

/** What a probe waits for. Exactly one of these is called, or the wait is ended by `heard`. */
export interface Listener {
  /** The deadline passed before there was an answer. */
  late(): void;
  /** The probe was cancelled. */
  cancelled(): void;
}

/**
 * One running probe: what it is to do, its phases' times, and the single place where it waits. The engine ends
 * a wait from outside, by its deadline or by cancelling. It ends by `finish` or `fail`, once.
 */
export class Attempt implements PhaseTimes {
  /** What to probe and how. */
  readonly plan: ProbePlan;
  /** When it began, on the monotonic clock. */
  readonly start: Millis;
  /** See `PhaseTimes`. */
  connectMs: Millis | null = null;
  /** See `PhaseTimes`. */
  tlsMs: Millis | null = null;
  /** See `PhaseTimes`. */
  firstByteMs: Millis | null = null;
  /** Stalls of the thread before this probe began, to tell later what fell into it. */
  readonly stalledBefore: Millis;
  readonly #clock: Pick<Clock, "now">;
  readonly #gauge: Gauge;
  #phaseStart: Millis;
  #listener: Listener | null = null;
  #expired = false;
  #cancelled = false;
  #over = false;
  #heldMs: Millis = 0;
  #heldSince: Millis | null = null;

  /** Begins a probe at `start`, now. It counts as awake in `gauge` until it waits, and again until it ends. */
  constructor(
    plan: ProbePlan,
    clock: Pick<Clock, "now">,
    start: Millis,
    stalledBefore: Millis,
    gauge: Gauge = { awake: 0 },
  ) {
    this.#gauge = gauge;
    gauge.awake++;
    this.plan = plan;
    this.#clock = clock;
    this.start = start;
    this.#phaseStart = start;
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
    if (this[name] !== null) return;
    const now = this.#clock.now();
    this[name] = now - this.#phaseStart;
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

  /** Waits for one thing, told to `listener` if it does not come; its answer is announced by `heard`. */
  listen(listener: Listener): void {
    if (this.#cancelled) return listener.cancelled();
    if (this.#expired) return listener.late();
    this.#listener = listener;
    this.#gauge.awake--;
  }

  /** The answer that `listener` waited for is there. False: it waits no longer, and the answer comes too late. */
  heard(listener: Listener): boolean {
    if (this.#listener !== listener) return false;
    this.#listener = null;
    this.#gauge.awake++;
    return true;
  }

  /**
   * Waits for one thing. `begin` gets the function that answers; answers after the wait are ignored.
   *
   * @returns the answer, or `LATE` when the deadline passes first (or had passed)
   * @throws Cancelled when the probe is cancelled
   */
  wait<T>(begin: (answer: (value: T) => void) => void): Promise<T | typeof LATE> {
    return new Promise((resolve, reject) => {
      const listener: Listener = { late: () => resolve(LATE), cancelled: () => reject(new Cancelled()) };
      this.listen(listener);
      if (this.#listener !== listener) return;
      begin((value) => {
        if (this.heard(listener)) resolve(value);
      });
    });
  }

  /** The deadline has passed: ends the wait under way, or the next one. What has arrived already still counts. */
  expire(): void {
    this.#expired = true;
    const listener = this.#listener;
    if (listener !== null && this.heard(listener)) this.guard(() => listener.late());
  }

  /** Cancels: the wait under way, or the next one, ends with that. */
  cancel(): void {
    this.#cancelled = true;
    const listener = this.#listener;
    if (listener !== null && this.heard(listener)) this.guard(() => listener.cancelled());
  }

  /** Ends with what was found out, if it has not ended. */
  finish(found: Verdict): void {
    if (this.#end()) this.ended(found, null);
  }

  /** Ends by an error, Cancelled or a defect of this program, if it has not ended. */
  fail(error: unknown): void {
    if (this.#end()) this.ended(null, error);
  }

  /** Runs a part of the probe: what it throws ends the probe, and nothing else. Throws what is thrown after the end. */
  guard(part: () => void): void {
    try {
      part();
    } catch (error) {
      if (this.#over) throw error;
      this.fail(error);
    }
  }

  /** Ends when `probe` does, with what it found or by what it threw. */
  until(probe: Promise<Verdict>): void {
    probe.then((found) => this.finish(found), (error) => this.fail(error));
  }

  /** Told once of the end: what was found, or else the error. */
  protected ended(_found: Verdict | null, _error: unknown): void {}

  /** Whether this is the end. */
  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    if (this.#listener === null) this.#gauge.awake--;
    this.#listener = null;
    return true;
  }
}
