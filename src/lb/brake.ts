/**
 * The brake on deletions of VIPs. A wrong file, or the wrong VPP, must not empty a load balancer. Pure.
 *
 *   to be deleted ─┬─ held before, by this process or an earlier one ───────────────┐
 *                  ├─ more than half of what VPP had before (and two), or all ──────┼─▶ held
 *                  ├─ first full sync, memory lost: a VIP that this process did not │
 *                  │  name ─────────────────────────────────────────────────────────┤
 *                  └─ first full sync, no memory: two foreign VIPs, or one that is  │
 *                     older than a VIP of ours ─────────────────────────────────────┘
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
import type { ActualVip } from "../model.ts";
import { vipId } from "./vips.ts";

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
