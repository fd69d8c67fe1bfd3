import type { Standing, Synced } from "./synced.ts";

/** How VPP stands as a whole, but for `refused`, which only the link knows. */
export type VppStanding = "off" | "disconnected" | "warming-up" | "out-of-sync" | "in-sync";

/** How VPP stands after the syncs of this session. */
export class Standings {
  readonly #byFrontend = new Map<string, Standing>();
  /** Those with a run-time weight that no sync has dealt with yet; outlasts a session. */
  readonly #untold = new Set<string>();
  #heldChanges = 0;
  #complete = false;

  /** Changes that the last full sync held. */
  get heldChanges(): number {
    return this.#heldChanges;
  }

  /** Whether a full sync of this session went through and every VIP is as it should be. */
  get inSync(): boolean {
    return this.#complete && [...this.#byFrontend.values()].every((standing) => standing === "in-sync");
  }

  /** How a frontend's VIP stands; null: it was not synced yet. */
  of(frontend: string): Standing | null {
    return this.#byFrontend.get(frontend) ?? null;
  }

  /** An operator set a run-time weight, which VPP is to be told. */
  weightSet(frontend: string): void {
    this.#untold.add(frontend);
  }

  /** Whether a run-time weight waits for the next session. */
  isUntold(frontend: string): boolean {
    return this.#untold.has(frontend);
  }

  /** Another configuration: each VIP stands anew. */
  forget(): void {
    this.#untold.clear();
    this.#byFrontend.clear();
  }

  /** The session ended. */
  clear(): void {
    this.#byFrontend.clear();
    this.#heldChanges = 0;
    this.#complete = false;
  }

  /** A sync could not even read; null: a full one. */
  failed(frontends: readonly string[] | null): void {
    if (frontends === null) this.#complete = false;
    for (const frontend of frontends ?? []) this.#byFrontend.set(frontend, "error");
  }

  /** A sync is through. */
  synced({ frontends, othersFailed, results, standings }: Synced): void {
    for (const [frontend, standing] of standings) {
      this.#byFrontend.set(frontend, standing);
      this.#untold.delete(frontend);
    }
    if (frontends !== null) return;
    this.#complete = !othersFailed;
    this.#heldChanges =
      results.filter(({ step, status }) => step.holds.length > 0 && status === "skipped").length;
  }
}
