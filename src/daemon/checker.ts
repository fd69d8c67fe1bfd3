import { startThread, threadHints, type ThreadLack } from "../async/thread.ts";
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
  readonly #lack: () => ThreadLack | null;
  readonly #make: () => Worker;
  #running = 0;

  /**
   * Makes a checker; each has its own bound on checks under way.
   *
   * @param lack what is missing for another thread now; null: nothing
   * @param make makes a worker of `checker_worker.ts`
   */
  constructor(
    clock: Clock,
    lack: () => ThreadLack | null,
    make = (): Worker => new Worker(new URL("./checker_worker.ts", import.meta.url), { type: "module" }),
  ) {
    this.#clock = clock;
    this.#lack = lack;
    this.#make = make;
  }

  /**
   * Checks a file, or posted text. Refused `busy` when two checks are under way, when no thread can be started for
   * this one, or when it takes over 10 s.
   *
   * @param signal aborted when nobody waits for the answer any more; the check ends `busy`
   */
  async check(request: CheckRequest, signal?: AbortSignal): Promise<Result<CheckResult, Refusal>> {
    if (this.#running >= atOnce) {
      return err({ type: "busy", detail: `${atOnce} checks are under way already` });
    }
    const worker = startThread(this.#make, this.#lack);
    if (typeof worker === "string") {
      return err({ type: "busy", detail: `the check has no thread: ${threadHints[worker]}` });
    }
    this.#running++;
    const { promise, resolve, reject } = Promise.withResolvers<Result<CheckResult, Refusal>>();
    using _deadline = this.#clock.after(
      limitMs,
      () => resolve(err({ type: "busy", detail: `the check was not done after ${limitMs / 1000} s` })),
    );
    const ended = () => resolve(err({ type: "busy", detail: "the check was ended" }));
    try {
      if (signal?.aborted) ended();
      signal?.addEventListener("abort", ended, { once: true });
      worker.onmessage = ({ data }: MessageEvent<CheckResult>) => resolve(ok(data));
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the configuration checker failed: ${event.message}`));
      };
      worker.postMessage(request);
      return await promise;
    } finally {
      signal?.removeEventListener("abort", ended);
      worker.terminate();
      this.#running--;
    }
  }
}
