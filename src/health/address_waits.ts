/**
 * After a reload that gave a backend a new address, its frontends are not synced before the new server has
 * answered or its timeout has passed: moving VPP at once would swap a server that works for one nobody has seen.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { isProbed } from "./backend.ts";
import type { Entry } from "./entry.ts";

/** The backends whose first answer is awaited, with a timer each. */
export class AddressWaits implements Disposable {
  readonly #clock: Clock;
  readonly #released: (frontends: readonly string[]) => void;
  readonly #waits = new Map<Entry, Disposable>();

  /**
   * Nothing is awaited yet.
   *
   * @param released told of frontends for which the last wait ran out of time
   */
  constructor(clock: Clock, released: (frontends: readonly string[]) => void) {
    this.#clock = clock;
    this.#released = released;
  }

  /** Whether this backend's first answer is awaited. */
  has(entry: Entry): boolean {
    return this.#waits.has(entry);
  }

  /** Begins, or begins again, for one timeout of its health check; a backend that is not probed is not awaited. */
  begin(entry: Entry): void {
    this.end(entry);
    if (entry.check === null || !isProbed(entry.health)) return;
    const timer = this.#clock.after(entry.check.timeoutMs, () => {
      this.end(entry);
      const waiting = this.frontends();
      const released = entry.frontends.filter((frontend) => !waiting.has(frontend));
      if (released.length > 0) this.#released(released);
    });
    this.#waits.set(entry, timer);
  }

  /** Ends a wait: it answered, or nobody asks any more. */
  end(entry: Entry): void {
    this.#waits.get(entry)?.[Symbol.dispose]();
    this.#waits.delete(entry);
  }

  /** Ends the waits of backends that are not probed any more. */
  prune(): void {
    for (const entry of [...this.#waits.keys()]) if (!isProbed(entry.health)) this.end(entry);
  }

  /** Names of the frontends that wait. */
  frontends(): Set<string> {
    return new Set([...this.#waits.keys()].flatMap((entry) => entry.frontends));
  }

  /** Ends all waits without telling. */
  [Symbol.dispose](): void {
    for (const entry of [...this.#waits.keys()]) this.end(entry);
  }
}
