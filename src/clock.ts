import type { Millis, UnixMillis } from "./model.ts";

/** Time as an argument: everything that waits or stamps takes one, so that tests own it. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start; never set back. */
  now(): Millis;
  /** Wall-clock time. */
  wall(): UnixMillis;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: Millis, signal?: AbortSignal): Promise<void>;
  /** Runs `callback` once after `ms` unless the returned handle is disposed first. */
  after(ms: Millis, callback: () => void): Disposable;
}

/** The runtime's timers hold a 32-bit number of milliseconds; a longer wait would end at once. */
const longestTimer: Millis = 2 ** 31 - 1;

function after(ms: Millis, callback: () => void): Disposable {
  let timer: ReturnType<typeof setTimeout>;
  const arm = (left: Millis) => {
    timer = left > longestTimer
      ? setTimeout(() => arm(left - longestTimer), longestTimer)
      : setTimeout(callback, left);
  };
  arm(ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        timer[Symbol.dispose]();
        reject(signal?.reason);
      };
      const timer = after(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
  after,
};
