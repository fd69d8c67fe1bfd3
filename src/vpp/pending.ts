import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import type { Head, Message } from "./messages.ts";
import type { Cursor } from "./wire.ts";

/** What waits for a context. */
export interface Waiting {
  /** Name of the request. */
  readonly msg: string;
  /** When it must be answered, on the monotonic clock. */
  readonly deadlineAt: Millis;
  /** The message that this context may bring. */
  readonly expects: Message<unknown>;
  /** Takes that message; true if the context is done with. Throws DecodeError. */
  take(head: Head, fields: Cursor): boolean;
  /** Told that no answer will come. */
  reject(reason: unknown): void;
}

/** A timer later than this means that this process did not run; that says nothing about VPP, so it gets more time. */
const LATE_MS = 500;
/** How much more. */
const GRACE_MS = 1000;

/** Requests without an answer, by context. All have the same time to be answered, so the oldest is due first. */
export class Pending {
  readonly #clock: Clock;
  readonly #deadlineMs: Millis;
  readonly #expired: (msg: string) => void;
  /** Oldest first: a map keeps the order of insertion. */
  readonly #waiting = new Map<number, Waiting>();
  #context = 0;
  #timer: Disposable | null = null;
  #timerDueAt: Millis = 0;

  /** Gives each request `deadlineMs`, and calls `expired` with the name of one that had no answer by then. */
  constructor(clock: Clock, deadlineMs: Millis, expired: (msg: string) => void) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#expired = expired;
  }

  /** A context that nothing waits for; never 0. */
  nextContext(): number {
    do this.#context = (this.#context + 1) >>> 0; while (
      this.#context === 0 || this.#waiting.has(this.#context)
    );
    return this.#context;
  }

  /** When a request that is sent now must be answered. */
  deadline(): Millis {
    return this.#clock.now() + this.#deadlineMs;
  }

  /** Waits for a context from now on. */
  add(context: number, waiting: Waiting): void {
    this.#waiting.set(context, waiting);
    if (this.#timer === null) this.#arm(waiting.deadlineAt);
  }

  /** What waits for a context. */
  get(context: number): Waiting | undefined {
    return this.#waiting.get(context);
  }

  /** Nothing waits for the context any more. */
  delete(context: number): void {
    this.#waiting.delete(context);
  }

  /** Stops the timer and rejects everything. */
  close(reason: unknown): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(reason);
  }

  #arm(dueAt: Millis): void {
    this.#timerDueAt = dueAt;
    this.#timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => this.#expire());
  }

  #expire(): void {
    this.#timer = null;
    const [oldest] = this.#waiting.values();
    if (oldest === undefined) return;
    const now = this.#clock.now();
    if (oldest.deadlineAt > now) return this.#arm(oldest.deadlineAt);
    if (now - this.#timerDueAt > LATE_MS) return this.#arm(now + GRACE_MS);
    this.#expired(oldest.msg);
  }
}
