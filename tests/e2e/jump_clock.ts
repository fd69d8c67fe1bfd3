import type { Clock } from "../../src/clock.ts";
import type { Millis, UnixMillis } from "../../src/model.ts";

interface Waiting {
  readonly due: Millis;
  readonly callback: () => void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The machine's clock, which a test can set forward: what becomes due by that runs at once, in order. */
export class JumpClock implements Clock {
  readonly #waiting = new Set<Waiting>();
  #ahead: Millis = 0;
  #held = false;

  now(): Millis {
    return performance.now() + this.#ahead;
  }

  wall(): UnixMillis {
    return Date.now() + this.#ahead;
  }

  after(ms: Millis, callback: () => void): Disposable {
    const waiting: Waiting = { due: this.now() + ms, callback, timer: undefined };
    this.#arm(waiting);
    return {
      [Symbol.dispose]: () => {
        clearTimeout(waiting.timer);
        this.#waiting.delete(waiting);
      },
    };
  }

  sleep(ms: Millis, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = this.after(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      const onAbort = () => {
        timer[Symbol.dispose]();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Sets the clock forward. Periodic work runs once, as after a sleep of the machine. */
  jump(ms: Millis): void {
    this.#ahead += ms;
    const order = [...this.#waiting].sort((a, b) => a.due - b.due);
    for (const waiting of order) {
      if (!this.#waiting.has(waiting)) continue;
      clearTimeout(waiting.timer);
      if (waiting.due > this.now()) this.#arm(waiting);
      else this.#run(waiting);
    }
  }

  /** Until this is disposed nothing becomes due, so that what is there now can be looked at for as long as it takes. */
  hold(): Disposable {
    this.#held = true;
    return {
      [Symbol.dispose]: () => {
        this.#held = false;
        this.jump(0);
      },
    };
  }

  #arm(waiting: Waiting): void {
    this.#waiting.add(waiting);
    const ms = Math.min(Math.max(0, waiting.due - this.now()), 2 ** 31 - 1);
    waiting.timer = setTimeout(() => this.#run(waiting), ms);
  }

  #run(waiting: Waiting): void {
    if (this.#held) return;
    this.#waiting.delete(waiting);
    waiting.callback();
  }
}
