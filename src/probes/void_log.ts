import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis, VoidCause } from "../model.ts";

/** One line a second is enough to know what is wrong with this host. */
const EVERY_MS: Millis = 1000;

/** Writes `probe-void` at most once a second; what falls between two lines is counted in the second one. */
export class VoidLog implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counts = new Map<VoidCause, number>();
  #last: { backend: string; cause: VoidCause; detail: string } | null = null;
  #quiet: Disposable | null = null;

  /** Writes to `log`. */
  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Notes one void result. */
  note(backend: string, cause: VoidCause, detail: string): void {
    this.#counts.set(cause, (this.#counts.get(cause) ?? 0) + 1);
    this.#last = { backend, cause, detail };
    if (this.#quiet === null) this.#write();
  }

  /** Writes what is left. */
  [Symbol.dispose](): void {
    this.#quiet?.[Symbol.dispose]();
    this.#write();
    this.#quiet?.[Symbol.dispose]();
    this.#quiet = null;
  }

  #write(): void {
    this.#quiet = null;
    if (this.#last === null) return;
    this.#log.warn("probe-void", { ...this.#last, count: Object.fromEntries(this.#counts) });
    this.#last = null;
    this.#counts.clear();
    this.#quiet = this.#clock.after(EVERY_MS, () => this.#write());
  }
}
