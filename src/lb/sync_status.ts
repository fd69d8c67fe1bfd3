/**
 * How VPP and its VIPs are, from what the last syncs made of them.
 *
 * @module
 */
import type { Unsynced } from "./differences.ts";
import type { Runs } from "./runs.ts";
import type { SyncCore } from "./sync_core.ts";

/** How VPP is as a whole, but for `refused`, which only the link knows. */
export type VppStanding = "off" | "disconnected" | "warming-up" | "out-of-sync" | "in-sync";

/** How the VIP of a frontend is. */
export type VipStanding = "in-sync" | "pending" | "held" | "drift" | "error" | "disconnected" | "off";

/** Answers how VPP is; one per reconciler. */
export class SyncStatus {
  readonly #core: SyncCore;
  readonly #runs: Runs;

  /** Answers from these. */
  constructor(core: SyncCore, runs: Runs) {
    this.#core = core;
    this.#runs = runs;
  }

  /** How a frontend's VIP is. */
  standing(frontend: string): VipStanding {
    if (!this.#core.parts.enabled) return "off";
    const record = this.#core.syncs.get(frontend);
    if (this.#core.session() === null) return record?.weightUnsent === true ? "pending" : "disconnected";
    if (record === null) return "pending";
    if (this.#core.gate.isHeld(record.release)) return "held";
    const { changed, dueAt, running, standing, urgent, vip } = record;
    if (standing === "error") return "error";
    if (this.#runs.drifts.of(frontend) !== null) return "drift";
    const waits = changed || urgent > 0 || running > 0 || dueAt !== null || this.#core.state.isUnderWay(vip);
    return standing === null || waits ? "pending" : standing;
  }

  /** Why a frontend's VIP is as it is; "" when in sync or off. */
  detail(frontend: string): string {
    const record = this.#core.syncs.get(frontend);
    switch (this.standing(frontend)) {
      case "off":
      case "in-sync":
        return "";
      case "disconnected":
        return "VPP is not connected";
      case "pending":
        return this.#core.session() === null
          ? "a weight waits for VPP to connect"
          : "a sync of the VIP is under way or due";
      case "held":
        return record !== null && this.#core.gate.isHeld(record.release) ? "warm-up" : record?.detail ?? "";
      case "drift":
        return this.#runs.drifts.of(frontend) ?? "";
      default:
        return record?.detail ?? "";
    }
  }

  /** What VPP does not have as it should, since when, and what it said. */
  get unsynced(): readonly Unsynced[] {
    if (this.#core.session() === null) return [];
    const vips = this.#core.syncs.some(null).flatMap(({ detail, name, since, standing }) =>
      standing === "error" ? [{ object: name, since, detail: detail ?? "" }] : []
    );
    return [...this.#runs.full.unsynced, ...vips];
  }

  /**
   * How VPP is as a whole.
   *
   * @param reloads whether the full sync of a reload is not through
   */
  overall(reloads: boolean): VppStanding {
    if (!this.#core.parts.enabled) return "off";
    if (this.#core.session() === null) return "disconnected";
    if (!this.#core.gate.done) return "warming-up";
    return this.#runs.inSync && !reloads ? "in-sync" : "out-of-sync";
  }
}
