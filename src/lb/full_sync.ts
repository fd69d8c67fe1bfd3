/**
 * What the full syncs of a session left that belongs to no single frontend: whether one is through, what it held, and
 * what VPP refused.
 *
 * @module
 */
import type { UnixMillis } from "../model.ts";
import { type HeldGroup, heldGroups, type Synced } from "./outcome.ts";

/** Something that VPP does not have as it should. */
export interface Unsynced {
  /** Name of the frontend, a VIP that none has, or "" for VPP as a whole. */
  readonly object: string;
  /** Since when. */
  readonly since: UnixMillis;
  /** What VPP said. */
  readonly detail: string;
}

/** The outcome of the last full sync. */
export class FullSync {
  #complete = false;
  #heldChanges = 0;
  #held: readonly HeldGroup[] = [];
  #refused: readonly Unsynced[] = [];
  /** Not null: the last one could not even read. */
  #unread: Unsynced | null = null;

  /** Whether one of this session is through, but for what belongs to frontends. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Changes that the last one held. */
  get heldChanges(): number {
    return this.#heldChanges;
  }

  /** The same by reason, without what time alone releases. */
  get held(): readonly HeldGroup[] {
    return this.#held;
  }

  /** What the last one could not do that belongs to no frontend. */
  get unsynced(): readonly Unsynced[] {
    return this.#unread === null ? this.#refused : [this.#unread, ...this.#refused];
  }

  /** The session ended. */
  disconnected(): void {
    this.#complete = false;
    this.#heldChanges = 0;
    this.#held = [];
    this.#refused = [];
    this.#unread = null;
  }

  /** A full sync could not even read. */
  failed(detail: string, now: UnixMillis): void {
    this.#complete = false;
    this.#unread = { object: "", since: this.#unread?.since ?? now, detail };
  }

  /** A full sync is through. */
  through({ others, plan, results }: Pick<Synced, "others" | "plan" | "results">, now: UnixMillis): void {
    this.#complete = others.size === 0;
    this.#unread = null;
    const before = this.#refused;
    this.#refused = [...others].map(([object, detail]) => ({
      object,
      since: before.find((one) => one.object === object)?.since ?? now,
      detail,
    }));
    const held = results.filter(({ step, status }) => step.holds.length > 0 && status === "skipped");
    this.#heldChanges = held.length;
    this.#held = heldGroups(held.map(({ step }) => step), plan.shortages, this.#held, now);
  }
}
