import type { Revisions } from "./synced.ts";

/** Counts changes of what plans are made from, so that a plan knows whether it still holds. */
export class RevisionCounter {
  #configuration = 0;
  readonly #frontends = new Map<string, number>();

  /** Another configuration runs; what is counted of frontends that it lacks is forgotten. */
  reloaded(configured: (frontend: string) => boolean): void {
    this.#configuration++;
    for (const name of this.#frontends.keys()) if (!configured(name)) this.#frontends.delete(name);
  }

  /** States or weights of members of these frontends changed. */
  changed(frontends: Iterable<string>): void {
    for (const name of frontends) this.#frontends.set(name, (this.#frontends.get(name) ?? 0) + 1);
  }

  /** The revisions of this moment. */
  get now(): Revisions {
    const frontends = new Map(this.#frontends);
    return { configuration: this.#configuration, frontend: (name) => frontends.get(name) ?? 0 };
  }

  /** Whether the configuration is still the one of `then`. */
  sameConfiguration(then: Revisions): boolean {
    return then.configuration === this.#configuration;
  }

  /** Whether nothing that concerns the frontend changed since `then`. */
  isCurrent(then: Revisions, frontend: string): boolean {
    return this.sameConfiguration(then) && then.frontend(frontend) === (this.#frontends.get(frontend) ?? 0);
  }
}
