/**
 * Threads that were ended without their help, and what they leave behind.
 *
 * `terminate` does not end a thread that is busy: it runs on until it comes back to its event loop. Our own loops look
 * at a stop flag for that reason. As long as the thread runs it may close one of its descriptors itself, and the number
 * may then be another thread's; so its descriptors are closed only when the kernel knows it no more.
 *
 * @module
 */
import { closeRecorded } from "../../ffi/fd.ts";
import { threadRuns } from "../../ffi/thread.ts";
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";

/** How often the threads are looked for, in ms. */
const LOOK_MS: Millis = 100;
/** Looks at a thread that never told its number: it owns nothing yet, and may still begin. */
const UNKNOWN_LOOKS = 50;
/** Looks after which a thread that still runs is told of: it hangs, and takes a processor. */
const HANGING_LOOKS = 100;

/** What is known of a thread that was ended. */
export interface DeadThread {
  /** Its number; 0 while it has not told it. */
  readonly number: () => number;
  /** The descriptors that it recorded, see ffi/fd.ts. */
  readonly descriptors: Uint8Array<SharedArrayBuffer>;
}

/** What is told of them. */
export interface DeadThreadEvents {
  /** A thread is gone, and so many descriptors of it were closed. */
  gone(descriptors: number): void;
  /** A thread still runs after ten seconds; told once. */
  hanging(): void;
}

/** Closes the descriptors of dead threads. */
export class DeadThreads implements Disposable {
  readonly #clock: Clock;
  readonly #events: DeadThreadEvents;
  readonly #runs: (number: number) => boolean;
  #waiting: { readonly thread: DeadThread; looks: number }[] = [];
  #look: Disposable | null = null;

  /** `runs` tells whether a thread of this number exists. */
  constructor(clock: Clock, events: DeadThreadEvents, runs: (number: number) => boolean = threadRuns) {
    this.#clock = clock;
    this.#events = events;
    this.#runs = runs;
  }

  /** Adds a thread that is about to end. */
  add(thread: DeadThread): void {
    this.#waiting.push({ thread, looks: 0 });
    this.#look ??= this.#clock.after(LOOK_MS, () => this.#lookAfter());
  }

  /** Stops looking. */
  [Symbol.dispose](): void {
    this.#look?.[Symbol.dispose]();
    this.#look = null;
  }

  #lookAfter(): void {
    this.#waiting = this.#waiting.filter((waiting) => !this.#isGone(waiting));
    this.#look = this.#waiting.length === 0 ? null : this.#clock.after(LOOK_MS, () => this.#lookAfter());
  }

  #isGone(waiting: { readonly thread: DeadThread; looks: number }): boolean {
    const { thread } = waiting;
    const number = thread.number();
    waiting.looks++;
    if (number === 0) return waiting.looks >= UNKNOWN_LOOKS;
    if (this.#runs(number)) {
      if (waiting.looks === HANGING_LOOKS) this.#events.hanging();
      return false;
    }
    this.#events.gone(closeRecorded(thread.descriptors));
    return true;
  }
}
