import { setImmediate } from "node:timers";
import type { Clock } from "../src/clock.ts";
import type { Millis, UnixMillis } from "../src/model.ts";

interface Timer {
  readonly due: Millis;
  readonly order: number;
  readonly run: () => void;
}

/** Lets everything run that waits for a settled promise, however long the chain. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Time that moves only when a test says so. Timers run in the order in which they are due (equal ones in the
 * order in which they were set), each at its own time, and what waits on one has run before the next one does.
 */
export class FakeClock implements Clock {
  #now: Millis;
  #wallAhead: Millis;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /**
   * Stands still from the start.
   *
   * @param start first reading of the monotonic clock, in ms
   * @param wall first reading of the wall clock; it moves along with the monotonic one
   */
  constructor(start: Millis = 1_000, wall: UnixMillis = Date.UTC(2026, 0, 1)) {
    this.#now = start;
    this.#wallAhead = wall - start;
  }

  /** Monotonic time in ms. */
  now(): Millis {
    return this.#now;
  }

  /** Wall-clock time. */
  wall(): UnixMillis {
    return this.#now + this.#wallAhead;
  }

  /** Number of timers that wait; 0 proves that everything was released. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Monotonic time at which the next timer is due, or null. */
  get nextDue(): Millis | null {
    return this.#next()?.due ?? null;
  }

  /** Steps the wall clock, as a correction by NTP does; the monotonic clock stays. */
  setWall(wall: UnixMillis): void {
    this.#wallAhead = wall - this.#now;
  }

  /** Moves the monotonic clock without running timers: the process did not get to run. Timers are late afterwards. */
  stall(ms: Millis): void {
    this.#now += ms;
  }

  /** Resolves once time was advanced by `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: Millis, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        timer[Symbol.dispose]();
        reject(signal?.reason);
      };
      const timer = this.after(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Runs `callback` once time was advanced by `ms`, unless the handle is disposed first. */
  after(ms: Millis, callback: () => void): Disposable {
    const timer: Timer = { due: this.#now + Math.max(0, ms), order: this.#order++, run: callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** Lets `ms` pass; every timer that falls into it has run, with all that follows from it, when this resolves. */
  async advance(ms: Millis): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let timer = this.#next(); timer !== null && timer.due <= end; timer = this.#next()) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.due);
      timer.run();
      await settle();
    }
    this.#now = Math.max(this.#now, end);
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (next === null || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }
}
