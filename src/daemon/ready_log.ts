import type { Ready } from "../api/mod.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis } from "../model.ts";

/** Nobody tells when blindness ends, so it is looked at this often, in ms. */
const BLIND_LOOK_MS: Millis = 1000;

/** What a `ReadyLog` needs. */
export interface ReadyLogParts {
  /** Monotonic time and timers. */
  readonly clock: Clock;
  /** Where it is said. */
  readonly log: Log;
  /** Whether the daemon is ready, and how its probes are. */
  readonly ready: () => Pick<Ready, "ready" | "probes">;
  /** Monotonic start of the process. */
  readonly startedAtMs: Millis;
}

/** Logs `ready` once, when the daemon is ready for the first time. */
export class ReadyLog implements Disposable {
  readonly #parts: ReadyLogParts;
  #timer: Disposable | null = null;
  #done = false;

  /** Looks at once. */
  constructor(parts: ReadyLogParts) {
    this.#parts = parts;
    this.look();
  }

  /** A sync is through, or the session with VPP began or ended. */
  look(): void {
    if (this.#done) return;
    const { clock, log, ready, startedAtMs } = this.#parts;
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    const { probes, ready: yes } = ready();
    if (yes) {
      this.#done = true;
      log.info("ready", { after_ms: Math.round(clock.now() - startedAtMs) });
    } else if (probes === "blind") {
      this.#timer = clock.after(BLIND_LOOK_MS, () => this.look());
    }
  }

  /** Ends the looking. */
  [Symbol.dispose](): void {
    this.#done = true;
    this.#timer?.[Symbol.dispose]();
  }
}
