import { errorText } from "../log/error_text.ts";
import type { Log } from "../log/mod.ts";

/** Longest time for an orderly end, in ms; whoever stops a service waits for it. */
const limitMs = 4500;

/** Exit code after a second signal, and after an end that took too long: what a shell reports for SIGTERM. */
const terminated = 143;

/** SIGTERM and SIGINT: the first asks for an orderly end, the second ends the process at once. */
export class StopSignals implements Disposable {
  readonly #log: Log;
  readonly #asked = Promise.withResolvers<Deno.Signal>();
  readonly #onTerm = () => this.#take("SIGTERM");
  readonly #onInt = () => this.#take("SIGINT");
  #deadline: ReturnType<typeof setTimeout> | null = null;
  #first: Deno.Signal | null = null;

  /** Listens from now on. */
  constructor(log: Log) {
    this.#log = log;
    Deno.addSignalListener("SIGTERM", this.#onTerm);
    Deno.addSignalListener("SIGINT", this.#onInt);
  }

  /** Resolves with the first signal. */
  get asked(): Promise<Deno.Signal> {
    return this.#asked.promise;
  }

  /** Stops listening; signals have their usual effect again. */
  [Symbol.dispose](): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    Deno.removeSignalListener("SIGTERM", this.#onTerm);
    Deno.removeSignalListener("SIGINT", this.#onInt);
  }

  #take(signal: Deno.Signal): void {
    if (this.#first !== null) {
      this.#log.warn("stopping", { signal, detail: "asked again: ending at once" });
      Deno.exit(terminated);
    }
    this.#first = signal;
    this.#deadline = setTimeout(() => {
      this.#log.error("stopping", {
        signal,
        detail: `not everything was closed after ${limitMs / 1000} s: ending now`,
      });
      Deno.exit(0);
    }, limitMs);
    this.#asked.resolve(signal);
  }
}

/** SIGHUP, whose usual effect is the end of the process: from the first moment on it is listened to, and kept. */
export class Hangups implements Disposable {
  readonly #onHangup = () => this.#take();
  #missed = false;
  #handler: (() => void) | null = null;

  /** Listens from now on. */
  constructor() {
    Deno.addSignalListener("SIGHUP", this.#onHangup);
  }

  /** Has `handler` called for every one from now on, and at once if there was one already. */
  handle(handler: () => void): void {
    this.#handler = handler;
    if (this.#missed) handler();
    this.#missed = false;
  }

  /** Stops listening; the signal has its usual effect again. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGHUP", this.#onHangup);
  }

  #take(): void {
    if (this.#handler === null) this.#missed = true;
    else this.#handler();
  }
}

/**
 * Has an error that nobody handled end the process with a record and exit code 70: a daemon in an unknown state
 * must not go on deciding, and VPP keeps forwarding as it is.
 */
export function endOnUnhandled(log: Log): Disposable {
  const end = (error: unknown) => {
    log.error("unhandled-error", { error: errorText(error) });
    Deno.exit(70);
  };
  const onRejection = (event: PromiseRejectionEvent) => end(event.reason);
  const onError = (event: ErrorEvent) => end(event.error);
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}
