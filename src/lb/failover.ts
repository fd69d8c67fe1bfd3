/**
 * Failover first: weights of servers that VPP is known to have are sent without a read before, ahead of all that
 * is under way, and for all VIPs that changed in one turn of the event loop together.
 *
 *   changed in this turn --all that differs are weights--> sent at once --> read back within a second
 *                        |--messages for the VIP under way--> again when VPP has answered them
 *                        |--anything else-------------------> an ordinary sync, which reads
 *
 * @module
 */
import type { FrontendSync } from "./frontend_sync.ts";
import type { SyncPlan } from "./plan.ts";
import type { Unit, VipUnit } from "./steps.ts";
import type { VppState } from "./vpp_state.ts";

/** What is to be done with the frontends that changed. */
export interface Sorted {
  /** Only weights differ: may be sent at once. */
  readonly urgent: readonly string[];
  /** Nothing differs. */
  readonly settled: readonly string[];
  /** Wait until VPP has answered what is under way for their VIPs. */
  readonly busy: readonly string[];
  /** Need a read first. */
  readonly ordinary: readonly string[];
}

/**
 * Sorts frontends by whether their VIPs can be changed from what is known.
 *
 * @param plan makes the plan of some frontends from what is known
 */
export function sortChanged(
  records: readonly Pick<FrontendSync, "name" | "vip">[],
  state: VppState,
  plan: (names: readonly string[]) => SyncPlan,
): { readonly sorted: Sorted; readonly plan: SyncPlan | null } {
  const busy: string[] = [];
  const known: string[] = [];
  const ordinary: string[] = [];
  for (const { name, vip } of records) {
    if (state.vip(vip) === null) ordinary.push(name);
    else if (state.untilSettled(vip) !== null) busy.push(name);
    else known.push(name);
  }
  if (known.length === 0) return { sorted: { urgent: [], settled: [], busy, ordinary }, plan: null };
  const whole = plan(known);
  const byFrontend = Map.groupBy(whole.units, frontendOf);
  const urgent: string[] = [];
  const settled: string[] = [];
  const units: VipUnit[] = [];
  for (const name of known) {
    const own = byFrontend.get(name) ?? [];
    const weights = own.flatMap((unit) => onlyWeights(unit) ?? []);
    // A recreate that is held (a table length) changes nothing here; one that is not needs an ordinary sync.
    const others = own.filter((unit) => onlyWeights(unit) === null && !isHeldRebuild(unit));
    if (others.length > 0) ordinary.push(name);
    else if (weights.length === 0) settled.push(name);
    else {
      urgent.push(name);
      units.push(...weights);
    }
  }
  const steps = units.flatMap((unit) => [...unit.raises, ...unit.lowers]);
  const part: SyncPlan = {
    ...whole,
    conf: [],
    confGoal: null,
    clearing: [],
    removals: [],
    units,
    steps,
    changes: steps.map((step) => step.change),
  };
  return { sorted: { urgent, settled, busy, ordinary }, plan: urgent.length === 0 ? null : part };
}

function frontendOf(unit: Unit): string | null {
  return unit.kind === "vip" ? unit.frontend : unit.steps[0]?.change.frontend ?? null;
}

function isHeldRebuild(unit: Unit): boolean {
  return unit.kind === "rebuild" && unit.holds.length > 0;
}

/** The unit by itself if all it does is change weights that may be sent now; null: it does something else. */
function onlyWeights(unit: Unit): VipUnit | null {
  if (unit.kind !== "vip" || unit.add !== null) return null;
  const steps = [...unit.raises, ...unit.lowers];
  const free = steps.every(({ change, holds }) => change.kind === "as_weight_updated" && holds.length === 0);
  return free ? { ...unit, supersededBy: null } : null;
}
