/**
 * Who waits for the next sync of a VIP: requests that answer when VPP was told, and the clock that runs from a
 * deciding result to VPP's reply.
 *
 * @module
 */
import type { Millis } from "../model.ts";

/** What one sync answers for. */
export interface Taken {
  /** When the change of each frontend was decided; monotonic. */
  readonly decided: ReadonlyMap<string, Millis>;
  /** The sync is through, for better or worse. */
  readonly done: () => void;
}

/** The waits of all frontends. */
export class Waits {
  readonly #decided = new Map<string, Millis>();
  readonly #resolvers = new Map<string, (() => void)[]>();

  /** A result that touches these frontends was decided at `at`; the earliest one counts. */
  decided(frontends: Iterable<string>, at: Millis): void {
    for (const frontend of frontends) {
      this.#decided.set(frontend, Math.min(this.#decided.get(frontend) ?? at, at));
    }
  }

  /** Resolves when the next sync of the frontend that begins from now on is through. */
  next(frontend: string): Promise<void> {
    return new Promise((resolve) => {
      this.#resolvers.set(frontend, [...(this.#resolvers.get(frontend) ?? []), resolve]);
    });
  }

  /** A sync begins; what comes meanwhile waits for the one after it. Null: of all frontends. */
  take(frontends: readonly string[] | null): Taken {
    const names = frontends ?? [...new Set([...this.#decided.keys(), ...this.#resolvers.keys()])];
    const decided = new Map<string, Millis>();
    const resolvers: (() => void)[] = [];
    for (const name of names) {
      const at = this.#decided.get(name);
      if (at !== undefined) decided.set(name, at);
      resolvers.push(...(this.#resolvers.get(name) ?? []));
      this.#decided.delete(name);
      this.#resolvers.delete(name);
    }
    return {
      decided,
      done: () => {
        for (const resolve of resolvers) resolve();
      },
    };
  }
}
