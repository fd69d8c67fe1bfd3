/**
 * Looks once a second for backends that went blind and says so once, with the cause and what is missing.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis } from "../model.ts";
import { type BlindBackend, blindReason } from "./blind.ts";
import type { Entry } from "./entry.ts";

/** Time between two looks, in ms; what asks for blindness meanwhile computes it exactly. */
export const LOOK_EVERY_MS: Millis = 1_000;

/** Writes `backend-blind` when a backend goes blind, and once more when it is seen again. */
export class BlindWatch implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #entries: () => Iterable<Entry>;
  readonly #netns: () => string;
  #timer: Disposable | null = null;

  /** Watches nothing before `start`. */
  constructor(clock: Clock, log: Log, entries: () => Iterable<Entry>, netns: () => string) {
    this.#clock = clock;
    this.#log = log;
    this.#entries = entries;
    this.#netns = netns;
  }

  /** Begins to look. */
  start(): void {
    this.#timer = this.#clock.after(LOOK_EVERY_MS, () => {
      this.start();
      this.#look();
    });
  }

  /** A counted result of this backend arrived. */
  heard(entry: Entry): void {
    if (!entry.blindTold) return;
    entry.blindTold = false;
    this.#log.info("backend-blind", {
      backend: entry.backend.name,
      blind: false,
      detail: "results count again",
    });
  }

  /** The backends that are blind now, in the file's order, and the number of those that are probed. */
  all(): { readonly backends: readonly BlindBackend[]; readonly probed: number } {
    const [now, wall] = [this.#clock.now(), this.#clock.wall()];
    const entries = [...this.#entries()];
    const backends = entries.flatMap((entry) => {
      const blindness = entry.blindness(now, wall);
      return blindness === null ? [] : [{ name: entry.backend.name, ...blindness }];
    });
    return { backends, probed: entries.filter((entry) => entry.isProbed).length };
  }

  /** Ends the looking. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
  }

  #look(): void {
    const now = this.#clock.now();
    for (const entry of this.#entries()) {
      if (entry.blindTold || entry.check === null || !entry.isBlind(now)) continue;
      entry.blindTold = true;
      const { cause, missing, hint } = blindReason(entry.lastVoid, entry.check.type, this.#netns());
      this.#log.error("backend-blind", {
        backend: entry.backend.name,
        blind: true,
        cause,
        ...(missing === "" ? {} : { missing }),
        detail: entry.lastVoid?.detail ?? "",
        ...(entry.health.previous === null ? {} : { serves_meanwhile: entry.health.previous.address }),
        hint,
        silent_ms: Math.round(now - entry.countedAt),
      });
    }
  }
}
