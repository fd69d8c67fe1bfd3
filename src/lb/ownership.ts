/**
 * Which VIPs are the daemon's own, what VPP had before the daemon added any, and what the brake holds.
 *
 * @module
 */
import type { ActualVip, Config, NamedVip, VipKey, VipRecord } from "../model.ts";
import type { BrakeContext } from "./brake.ts";
import { frontendVip, vipId } from "./vips.ts";

function keyOf({ prefix, protocol, port }: VipKey): VipKey {
  return { prefix, protocol, port };
}

/** The ownership of VIPs in one process, with what an earlier one left. */
export class Ownership {
  readonly #changed: () => void;
  /** Every VIP that was named, by `vipId`, with the last name. */
  readonly #named = new Map<string, NamedVip>();
  #configured: ReadonlySet<string> = new Set();
  readonly #held = new Map<string, VipKey>();
  #before: ReadonlySet<string> | null = null;
  /** Null: VPP was not read whole in this session. */
  #present: Set<string> | null = null;
  #blind: boolean;

  /**
   * Begins with what an earlier process left.
   *
   * @param record null: there is no memory of one
   * @param changed told that `record` may be another
   */
  constructor(record: VipRecord | null, changed: () => void) {
    this.#changed = changed;
    this.#blind = record === null;
    if (record !== null) this.#take(record);
  }

  /** `vipId` of every VIP that a configuration of this process or of an earlier one named. */
  get named(): Pick<ReadonlySet<string>, "has"> {
    return this.#named;
  }

  /** Name of the frontend that has a VIP (by `vipId`), or had it last; null: no configuration named it. */
  lastName(id: string): string | null {
    return this.#named.get(id)?.frontend ?? null;
  }

  /** What the brake knows. */
  get brake(): BrakeContext {
    return { before: this.#before ?? new Set(), held: new Set(this.#held.keys()), blind: this.#blind };
  }

  /** What the next process must know. A VIP that is neither configured nor in VPP any more is nobody's. */
  get record(): VipRecord {
    const present = this.#present;
    const named = [...this.#named]
      .filter(([id]) => this.#configured.has(id) || present === null || present.has(id))
      .map(([, vip]) => vip);
    return { named, held: [...this.#held.values()] };
  }

  /** What an earlier process left came late. What is held by now stays held. */
  recall(record: VipRecord): void {
    this.#blind = false;
    this.#take(record);
    this.#changed();
  }

  /** The running configuration names these VIPs. */
  configured(config: Config): void {
    const ids = new Set<string>();
    for (const frontend of config.frontends.values()) {
      const vip = { ...frontendVip(frontend), frontend: frontend.name };
      const id = vipId(vip);
      ids.add(id);
      this.#named.set(id, vip);
    }
    this.#configured = ids;
    this.#changed();
  }

  /** Another configuration runs: what VPP has now is what it had before. */
  reloaded(): void {
    this.#before = this.#present === null ? null : new Set(this.#present);
  }

  /** VPP was read whole. */
  read(vips: readonly ActualVip[]): void {
    const present = new Set(vips.map(vipId));
    const gone = this.#present === null || [...this.#present].some((id) => !present.has(id));
    this.#present = present;
    this.#before ??= new Set(present);
    if (gone) this.#changed();
  }

  /** One VIP was read, made or deleted. */
  found(id: string, exists: boolean): void {
    if (exists) this.#present?.add(id);
    else if (this.#present?.delete(id) === true && !this.#configured.has(id)) this.#changed();
  }

  /**
   * A full sync is through. What it held, or was held before, stays held until it is gone or configured; a sync that
   * carries a digest has deleted it by now.
   *
   * @param braked VIPs whose deletion the brake held, by `vipId`
   */
  synced(braked: ReadonlyMap<string, VipKey>): void {
    this.#blind = false;
    const held = [...new Map([...this.#held, ...braked])].filter(([id]) =>
      this.#present?.has(id) !== false && !this.#configured.has(id)
    );
    const same = held.length === this.#held.size && held.every(([id]) => this.#held.has(id));
    if (same) return;
    this.#held.clear();
    for (const [id, vip] of held) this.#held.set(id, keyOf(vip));
    this.#changed();
  }

  /** A session began or ended. With `restarted` VPP is a new one, which has other VIPs. */
  session(restarted: boolean): void {
    this.#present = null;
    if (restarted) this.#before = null;
  }

  #take({ held, named }: VipRecord): void {
    for (const vip of named) {
      const id = vipId(vip);
      if (!this.#named.has(id)) this.#named.set(id, { ...keyOf(vip), frontend: vip.frontend });
    }
    for (const vip of held) this.#held.set(vipId(vip), keyOf(vip));
  }
}
