import type { Clock } from "../clock.ts";
import type { CheckResult } from "../config/check.ts";
import type { Refusal } from "../control.ts";
import { err, ok, type Result } from "../result.ts";
import type { CheckRequest } from "./checker_worker.ts";

/** Checks under way at once; each takes a thread and the text's memory several times over. */
const atOnce = 2;
/** A check that takes longer has met a text made to take long, in ms. */
const limitMs = 10_000;

/** Checks configurations off the main thread. */
export class Checker {
  readonly #clock: Clock;
  readonly #room: () => boolean;
  #running = 0;

  /** Makes a checker; each has its own bound on checks under way. `room` tells whether a thread may be started. */
  constructor(clock: Clock, room: () => boolean) {
    this.#clock = clock;
    this.#room = room;
  }

  /**
   * Checks a file, or posted text. Refused `busy` when two checks are under way, when there are no descriptors for
   * another thread, or when this one takes over 10 s.
   */
  async check(request: CheckRequest): Promise<Result<CheckResult, Refusal>> {
    if (this.#running >= atOnce) {
      return err({ type: "busy", detail: `${atOnce} checks are under way already` });
    }
    if (!this.#room()) {
      const detail = "no file descriptors are left for the check's thread; raise the limit (LimitNOFILE)";
      return err({ type: "busy", detail });
    }
    this.#running++;
    const worker = new Worker(new URL("./checker_worker.ts", import.meta.url), { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<Result<CheckResult, Refusal>>();
    using _deadline = this.#clock.after(
      limitMs,
      () => resolve(err({ type: "busy", detail: `the check was not done after ${limitMs / 1000} s` })),
    );
    try {
      worker.onmessage = ({ data }: MessageEvent<CheckResult>) => resolve(ok(data));
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the configuration checker failed: ${event.message}`));
      };
      worker.postMessage(request);
      return await promise;
    } finally {
      worker.terminate();
      this.#running--;
    }
  }
}
