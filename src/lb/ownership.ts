/**
 * Which VIPs are the daemon's own, what VPP had before the daemon added any, and what the brake holds.
 *
 * The brake on deletions of VIPs. A wrong file, or the wrong VPP, must not empty a load balancer. Pure.
 *
 *   to be deleted -+- held before, by this process or an earlier one ---------------+
 *                  +- more than half of what VPP had before (and two), or all ------+-> held
 *                  +- first full sync, memory lost: a VIP that this process did not |
 *                  |  name ---------------------------------------------------------+
 *                  +- first full sync, no memory: two foreign VIPs, or one that is  |
 *                     older than a VIP of ours -------------------------------------+
 *
 * "Before" is before this daemon added any VIP under the running configuration: else its own additions would make
 * the deletions a minority. What is held stays held until a sync carries its digest, or until it need not be deleted.
 *
 * Without the memory of an earlier process nobody knows what that process made and held. So the rule of the first
 * full sync depends on nothing that the daemon itself changes: not on the number of VIPs that it added. VPP numbers
 * VIPs as they are made. A foreign VIP that is older than one of ours was seen when ours was made, and was left.
 * Where there was a memory and it is lost, a foreign VIP may be one that was held, so it stays. A memory that is older
 * than the last one is no better: what it says is stale may have been held since.
 *
 * @module
 */
import type { ActualVip, MemoryLeft, NamedVip, VipKey, VipRecord } from "../model.ts";
import type { Config } from "../configuration.ts";
import { frontendVip, vipId } from "./vips.ts";

function keyOf({ prefix, protocol, port }: VipKey): VipKey {
  return { prefix, protocol, port };
}

/** The ownership of VIPs in one process, with what an earlier one left. */
export class Ownership {
  readonly #changed: () => void;
  /** Every VIP that was named, by `vipId`, with the last name. */
  readonly #named = new Map<string, NamedVip>();
  /** VIPs that only an older memory names, by `vipId`. */
  readonly #doubtful = new Set<string>();
  #configured: ReadonlySet<string> = new Set();
  readonly #held = new Map<string, VipKey>();
  /** Null: VPP was not read whole since the running configuration runs. */
  #before: ReadonlySet<string> | null = null;
  /** VIPs that VPP had when the running configuration began to run, as far as was known then. */
  #base: ReadonlySet<string> = new Set();
  /** VIPs that the daemon added under the running configuration. */
  readonly #made = new Set<string>();
  /** Null: VPP was not read whole in this session. */
  #present: Set<string> | null = null;
  #blind: Blind;

  /**
   * Begins with what an earlier process left.
   *
   * @param record null: there is no memory of one
   * @param left how much there is of what it left
   * @param changed told that `record` may be another
   */
  constructor(record: VipRecord | null, left: MemoryLeft, changed: () => void) {
    this.#changed = changed;
    this.#blind = left !== "all" ? "lost" : record === null ? "first" : null;
    if (record !== null) this.#take(record, left === "older");
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
    return {
      explained: { has: (id) => this.#named.has(id) && !this.#doubtful.has(id) },
      before: this.#before ?? new Set(),
      held: new Set(this.#held.keys()),
      blind: this.#blind,
    };
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
  recall(record: VipRecord, isOlder: boolean): void {
    if (!isOlder) this.#blind = null;
    this.#take(record, isOlder);
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
      this.#doubtful.delete(id);
    }
    this.#configured = ids;
    this.#changed();
  }

  /** Another configuration runs: what VPP has now is what it had before. The next full read tells it. */
  reloaded(): void {
    this.#before = null;
    this.#base = new Set(this.#present);
    this.#made.clear();
  }

  /** VPP was read whole. */
  read(vips: readonly ActualVip[]): void {
    const present = new Set(vips.map(vipId));
    const had = this.#present;
    const differs = had === null || [...this.#named.keys()].some((id) => had.has(id) !== present.has(id));
    this.#present = present;
    this.#before ??= new Set([...present].filter((id) => !this.#made.has(id) || this.#base.has(id)));
    if (differs) this.#changed();
  }

  /** The daemon made a VIP. */
  made(id: string): void {
    this.#made.add(id);
    this.found(id, true);
  }

  /** One VIP was read or deleted. */
  found(id: string, exists: boolean): void {
    const present = this.#present;
    if (present === null || present.has(id) === exists) return;
    if (exists) present.add(id);
    else present.delete(id);
    if (this.#named.has(id) && !this.#configured.has(id)) this.#changed();
  }

  /**
   * A full sync is through. What it held, or was held before, stays held until it is gone or configured; a sync that
   * carries a digest has deleted it by now.
   *
   * @param braked VIPs whose deletion the brake held, by `vipId`
   */
  synced(braked: ReadonlyMap<string, VipKey>): void {
    this.#blind = null;
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
    if (!restarted) return;
    this.#before = null;
    this.#base = new Set();
    this.#made.clear();
  }

  /** The same, which nothing changes later and which tells nobody. */
  copy(): Ownership {
    const copy = new Ownership(null, "all", () => {});
    for (const [id, vip] of this.#named) copy.#named.set(id, vip);
    for (const id of this.#doubtful) copy.#doubtful.add(id);
    for (const [id, vip] of this.#held) copy.#held.set(id, vip);
    for (const id of this.#made) copy.#made.add(id);
    copy.#configured = this.#configured;
    copy.#before = this.#before;
    copy.#base = this.#base;
    copy.#present = this.#present === null ? null : new Set(this.#present);
    copy.#blind = this.#blind;
    return copy;
  }

  #take({ held, named }: VipRecord, isOlder: boolean): void {
    for (const vip of named) {
      const id = vipId(vip);
      if (this.#named.has(id)) continue;
      this.#named.set(id, { ...keyOf(vip), frontend: vip.frontend });
      if (isOlder) this.#doubtful.add(id);
    }
    for (const vip of held) this.#held.set(vipId(vip), keyOf(vip));
  }
}

/** Why nothing is known of earlier processes: there is no memory, or the last one is lost; null: it is known. */
export type Blind = "first" | "lost" | null;

/** What the brake knows besides VPP's VIPs. */
export type BrakeContext = Pick<BrakeInput, "explained" | "before" | "held" | "blind">;

/** What the brake judges. */
export interface BrakeInput {
  /** VIPs that a sync would delete. */
  readonly doomed: readonly ActualVip[];
  /** `vipId` of every VIP that is known to be ours, and not to be held. */
  readonly explained: Pick<ReadonlySet<string>, "has">;
  /** Every VIP of VPP. */
  readonly actual: readonly ActualVip[];
  /** `vipId` of what VPP had before this daemon added any under the running configuration. */
  readonly before: ReadonlySet<string>;
  /** `vipId` of what was held before. */
  readonly held: ReadonlySet<string>;
  /** Whether this is the first full sync of a process that does not know what earlier ones made and held last. */
  readonly blind: Blind;
}

/** More than half of what was there and two at least, or all of it. */
function isMass({ actual, before, doomed }: BrakeInput): boolean {
  if (doomed.length === 0) return false;
  if (doomed.length === actual.length) return true;
  if (doomed.length >= 2 && doomed.length > before.size / 2) return true;
  const going = new Set(doomed.map(vipId));
  const present = actual.filter((vip) => before.has(vipId(vip)));
  return present.length > 0 && present.every((vip) => going.has(vipId(vip)));
}

/** Foreign VIPs that a process without memory leaves alone. */
function unexplained({ actual, blind, doomed, explained }: BrakeInput): readonly ActualVip[] {
  const foreign = doomed.filter((vip) => !explained.has(vipId(vip)));
  const [only] = foreign;
  if (blind === "lost" || foreign.length !== 1 || only === undefined) return foreign;
  const { index } = only;
  const isNewer = (vip: ActualVip) => index !== null && vip.index !== null && vip.index > index;
  return actual.some((vip) => explained.has(vipId(vip)) && isNewer(vip)) ? foreign : [];
}

/** VIPs whose deletion is held as a mass deletion, by `vipId`. */
export function braked(input: BrakeInput): ReadonlyMap<string, ActualVip> {
  const { blind, doomed, held } = input;
  const strange = blind === null ? null : new Set(unexplained(input));
  const mass = isMass(input);
  return new Map(
    doomed.map((vip): [string, ActualVip] => [vipId(vip), vip])
      .filter(([id, vip]) => mass || held.has(id) || strange?.has(vip) === true),
  );
}
