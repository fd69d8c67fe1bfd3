/**
 * From what VPP should have, what it has and which flushes are pending, to the ordered changes between them. Pure.
 *
 *   global settings
 *     +> deletions that stand in the way of an addition on the same prefix
 *          +> additions, changes and recreates, VIP by VIP in numeric order
 *               +> all other deletions
 *
 * What an ordinary sync must not send is in the plan too, held and with the reason why.
 *
 * @module
 */
import type { ActualConf, ActualVip, VipKey } from "../model.ts";
import type { ForeignVips } from "../configuration.ts";
import { type BrakeContext, braked } from "./ownership.ts";
import type { DesiredVip, GuardedServer } from "./desired.ts";
import { configured, diffServers, drift, type ReasonContext, type ServerChange } from "./diff.ts";
import type { PendingFlushes } from "./pending_flushes.ts";
import {
  confStep,
  type Hold,
  hold,
  type Holds,
  none,
  planDigest,
  type RebuildUnit,
  serverStep,
  type Step,
  together,
  type Unit,
} from "./steps.ts";
import { additionUnit, rebuildUnit, type Rebuilt, removalStep } from "./vip_steps.ts";
import { isAllPort, sortedByVip, vipId, vipText } from "./vips.ts";
import { type HeapAnswer, type Shortage, shortageText } from "./vpp_heap.ts";

/** What may not be sent at this moment, whatever the differences are. */
export interface PlanHolds {
  /** Of the global settings. */
  readonly conf: Holds;
  /** Of the deletion of VIPs. */
  readonly deletions: Holds;
  /** Of a frontend's VIP. */
  readonly frontend: (name: string) => Holds;
  /** Of a server that gets a weight. */
  readonly raise: (server: GuardedServer) => Holds;
}

/** Everything a plan depends on. */
export interface PlanInput {
  /** Everything, or the VIPs of some frontends. */
  readonly scope: "all" | "vip";
  /** Frontends whose VIPs are changed; null: all. */
  readonly frontends: ReadonlySet<string> | null;
  /** With scope `all` every configured VIP, with scope `vip` at least those on the prefixes concerned. */
  readonly desired: readonly DesiredVip[];
  /** By `vipId`, with scope `all` every VIP of VPP; with scope `vip` the VIPs concerned and, for conflicts, their prefix. */
  readonly actual: ReadonlyMap<string, ActualVip>;
  /** What VPP's main heap has no room for. */
  readonly shortages: HeapAnswer;
  /** Null: known to be as it should. */
  readonly conf: {
    readonly desired: ActualConf;
    readonly actual: ActualConf;
    /** What was in sync last on this VPP; null: never. */
    readonly previous: ActualConf | null;
  } | null;
  /** By `vipId`, flushes that go out with the next message for their servers. */
  readonly flushes: (vip: string) => PendingFlushes;
  /** Serial of the next flush. */
  readonly nextFlush: number;
  /** What reasons depend on, by `vipId`. */
  readonly reasons: (vip: string) => ReasonContext;
  /** `vipId` of every VIP that a configuration of this process or of an earlier one named. */
  readonly named: Pick<ReadonlySet<string>, "has">;
  /** Name of the frontend that has a VIP (by `vipId`), or had it last; null: no configuration named it. */
  readonly lastName: (vip: string) => string | null;
  /** What the brake on deletions knows besides VPP's VIPs. */
  readonly brake: () => BrakeContext;
  /** What becomes of VIPs that nobody named. */
  readonly foreign: ForeignVips;
  /** What may not be sent now. */
  readonly holds: PlanHolds;
}

/** An ordered plan. Units are sent side by side, but each list waits for the one before it. */
export interface SyncPlan {
  /** Everything, or the VIPs of some frontends. */
  readonly scope: "all" | "vip";
  /** The global settings, which come first. Two steps where the number of buckets is held and the rest is not. */
  readonly conf: readonly Step[];
  /** The settings that VPP has once all is sent that is not held; null: not part of the plan. */
  readonly confGoal: ActualConf | null;
  /** Deletions that stand in the way of additions. */
  readonly clearing: readonly Step[];
  /** Additions, changes and recreates. */
  readonly units: readonly Unit[];
  /** All other deletions, which come last. */
  readonly removals: readonly Step[];
  /** All steps in the order of sending. */
  readonly steps: readonly Step[];
  /** Digest of `steps`. */
  readonly digest: string;
  /** What VPP's main heap has no room for; empty: all fits. */
  readonly shortages: readonly Shortage[];
  /** VIPs whose deletion the brake holds, whatever else holds it too; by `vipId`. */
  readonly braked: ReadonlyMap<string, VipKey>;
  /** Pending flushes with serials below it are carried out by this plan's messages. */
  readonly flushesBefore: number;
}

type GuardedChange = Pick<ServerChange, "address" | "backend" | "before" | "after">;

class Planner {
  readonly #input: PlanInput;
  readonly #actual: ReadonlyMap<string, ActualVip>;
  readonly #unmatched: ReadonlyMap<string, readonly ActualVip[]>;
  readonly #doomed: readonly ActualVip[];
  readonly #braked: ReadonlyMap<string, ActualVip>;
  readonly #clearing = new Map<string, Step>();
  readonly #units: Unit[] = [];
  readonly #conf: readonly Step[];

  constructor(input: PlanInput) {
    this.#input = input;
    this.#conf = confChanges(input);
    this.#actual = input.actual;
    const unmatched = unmatchedVips(input);
    this.#unmatched = Map.groupBy(unmatched, (vip) => vip.prefix);
    this.#doomed = unmatched.filter((vip) => this.#mayGo(vip));
    // Only what would go is judged.
    this.#braked = this.#doomed.length === 0
      ? new Map()
      : braked({ ...input.brake(), doomed: this.#doomed, actual: [...input.actual.values()] });
  }

  /** Stale VIPs go; foreign ones as the configuration says. */
  #mayGo(vip: ActualVip): boolean {
    return this.#input.scope === "all" &&
      (this.#input.named.has(vipId(vip)) || this.#input.foreign === "delete");
  }

  #frontendHolds(frontend: string): Holds {
    return this.#input.holds.frontend(frontend);
  }

  /** Why a VIP cannot be made; the reason gets the figures. */
  #shortage({ id }: DesiredVip, reason: string): { readonly hold: Hold | null; readonly reason: string } {
    const shortage = this.#input.shortages.vips.get(id);
    if (shortage === undefined) return { hold: null, reason };
    return { hold: hold("VPP memory"), reason: `${reason}; ${shortageText(shortage)}` };
  }

  #wanted(vip: DesiredVip): boolean {
    return this.#input.frontends?.has(vip.frontend) ?? true;
  }

  #deletionHolds(vip: ActualVip): Holds {
    const { holds } = this.#input;
    const mass = this.#braked.has(vipId(vip)) ? hold("mass deletion") : null;
    return together(holds.deletions, mass);
  }

  #removal(vip: ActualVip): Step {
    return removalStep(vip, this.#deletionHolds(vip), this.#input.lastName(vipId(vip)));
  }

  /** Clears a VIP out of the way of an addition, or says why it must stay. */
  #clear(vip: ActualVip): Holds {
    if (this.#mayGo(vip)) {
      const id = vipId(vip);
      if (!this.#clearing.has(id)) this.#clearing.set(id, this.#removal(vip));
      return this.#deletionHolds(vip);
    }
    const why = this.#input.scope === "vip"
      ? `VIP ${vipText(vip)} in the way, which a sync of one VIP does not delete`
      : `foreign VIP ${vipText(vip)} in the way`;
    return [hold("obstacle", true, why)];
  }

  /** Why a server may not get the weight that it should have. */
  #guard({ frontend, id }: DesiredVip, server: GuardedChange): Holds {
    const { address, after, backend, before } = server;
    if ((after ?? 0) === 0 || (before ?? 0) > 0) return none;
    return this.#input.holds.raise({ vip: id, address, frontend, backend });
  }

  /** The same of all servers of a VIP that is made. */
  #guards(desired: DesiredVip): Holds[] {
    return desired.servers.map(({ address, backend, weight }) =>
      this.#guard(desired, { address, backend, before: null, after: weight })
    );
  }

  #inPlace(desired: DesiredVip, actual: ActualVip, supersededBy: RebuildUnit | null): void {
    const { vip: key, frontend } = desired;
    const diff = diffServers(
      desired,
      actual,
      this.#input.flushes(desired.id),
      this.#input.reasons(desired.id),
    );
    if (diff.raises.length === 0 && diff.lowers.length === 0) return;
    const holds = this.#frontendHolds(frontend);
    // What a raise would carry must not be taken away from another server before.
    let waits = holds;
    const raises = diff.raises.length === 0 ? [] : diff.raises.map((server) => {
      const guard = this.#guard(desired, server);
      if (guard.length > 0) waits = together(waits, guard);
      return serverStep(key, desired.id, frontend, server, guard.length > 0 ? together(holds, guard) : holds);
    });
    const lowers = diff.lowers.length === 0
      ? []
      : diff.lowers.map((server) =>
        serverStep(key, desired.id, frontend, server, server.dead ? holds : waits)
      );
    this.#units.push({
      kind: "vip",
      key,
      frontend,
      holds,
      add: null,
      raises,
      lowers,
      keepsCapacity: diff.keepsCapacity,
      supersededBy,
    });
  }

  /** A rebuild; while it is held, or VPP may refuse what comes before it, the VIPs are kept right in place. */
  #rebuild(group: readonly Rebuilt[], others: Holds): void {
    const short = group.map(({ desired, reason }) => this.#shortage(desired, reason));
    const guards = group.flatMap(({ desired }) => this.#guards(desired));
    const held = together(others, ...short.map((one) => one.hold), ...guards);
    const vips = group.map((vip, index) => ({ ...vip, reason: short[index]?.reason ?? vip.reason }));
    const unit = rebuildUnit(vips, held);
    if (held.length > 0 || this.#conf.length > 0) {
      for (const { desired, actual } of vips) {
        if (actual !== null && this.#wanted(desired)) this.#inPlace(desired, actual, unit);
      }
    }
    this.#units.push(unit);
  }

  /** A VIP that VPP has with the right encapsulation. */
  #matched(desired: DesiredVip, actual: ActualVip): void {
    const frontend = this.#frontendHolds(desired.frontend);
    if (actual.srcIpSticky !== null && actual.srcIpSticky !== desired.srcIpSticky) {
      const reason = `src-ip-sticky is ${actual.srcIpSticky}, not ${desired.srcIpSticky}`;
      return this.#rebuild([{ desired, actual, reason }], frontend);
    }
    if (actual.tableLength !== desired.tableLength) {
      const reason = `table length is ${actual.tableLength}, not ${desired.tableLength}`;
      const length = desired.tableLengthAuto ? hold("table length") : null;
      return this.#rebuild([{ desired, actual, reason }], together(length, frontend));
    }
    this.#inPlace(desired, actual, null);
  }

  /** A prefix on which a VIP is missing or has another encapsulation. */
  #prefix(desired: readonly DesiredVip[]): void {
    const [first] = desired;
    if (first === undefined) return;
    const inTheWay = (this.#unmatched.get(first.vip.prefix) ?? [])
      .filter((vip) => vip.encap !== first.encap || isAllPort(vip) !== isAllPort(first.vip))
      .map((vip) => this.#clear(vip));
    const changed: Rebuilt[] = [];
    const missing: Rebuilt[] = [];
    for (const vip of desired) {
      const actual = this.#actual.get(vip.id) ?? null;
      if (actual === null) {
        if (!this.#wanted(vip)) continue;
        const had = this.#input.reasons(vip.id).previous !== null;
        missing.push({ desired: vip, actual, reason: had ? drift : configured });
      } else if (actual.encap !== vip.encap) {
        changed.push({ desired: vip, actual, reason: `encap is ${actual.encap}, not ${vip.encap}` });
      }
    }
    if (changed.length > 0) {
      const group = [...changed, ...missing];
      const held = group.map(({ desired: vip }) => this.#frontendHolds(vip.frontend));
      return this.#rebuild(group, together(...inTheWay, ...held));
    }
    for (const { desired: vip, reason } of missing) {
      const short = this.#shortage(vip, reason);
      const held = together(...inTheWay, short.hold, this.#frontendHolds(vip.frontend));
      this.#units.push(additionUnit(vip, short.reason, held, (server) => this.#guard(vip, server)));
    }
  }

  plan(): SyncPlan {
    const input = this.#input;
    const unsettled = new Set<string>();
    for (const desired of input.desired) {
      if (!this.#wanted(desired)) continue;
      const actual = this.#actual.get(desired.id);
      if (actual?.encap === desired.encap) this.#matched(desired, actual);
      else unsettled.add(desired.vip.prefix);
    }
    if (unsettled.size > 0) {
      const byPrefix = Map.groupBy(input.desired, (vip) => vip.vip.prefix);
      for (const prefix of unsettled) this.#prefix(sortedByVip(byPrefix.get(prefix) ?? [], (d) => d.vip));
    }
    const clearing = [...this.#clearing.values()];
    const removals = this.#doomed.filter((vip) => !this.#clearing.has(vipId(vip)));
    const { buckets, vips } = input.shortages;
    return planOf({
      scope: input.scope,
      conf: this.#conf,
      confGoal: confGoal(input),
      clearing: sortedByVip(clearing, ({ key }) => key ?? noVip),
      units: sortedByVip(this.#units, (unit) => unit.key),
      removals: sortedByVip(removals, (vip) => vip).map((vip) => this.#removal(vip)),
      shortages: [buckets, ...vips.values()].filter((one) => one !== null),
      braked: this.#braked,
      flushesBefore: input.nextFlush,
    });
  }
}

/** The VIPs that VPP has and nobody wants. */
function unmatchedVips({ actual, desired }: PlanInput): readonly ActualVip[] {
  const wanted = new Set<string>();
  for (const { id } of desired) if (actual.has(id)) wanted.add(id);
  // A change of weights has nothing but VIPs that both sides have.
  if (wanted.size === actual.size) return [];
  return [...actual].flatMap(([id, vip]) => wanted.has(id) ? [] : vip);
}

/** The settings without those that VPP's memory has no room for. */
function confGoal({ conf, shortages }: PlanInput): ActualConf | null {
  if (conf === null) return null;
  const { desired, actual } = conf;
  if (shortages.buckets === null) return desired;
  return { ...desired, stickyBucketsPerCore: actual.stickyBucketsPerCore };
}

function confChanges(input: PlanInput): Step[] {
  const { conf, holds, shortages: { buckets } } = input;
  const goal = confGoal(input);
  if (conf === null || goal === null) return [];
  const { actual, desired, previous } = conf;
  const steps: Step[] = [];
  if (!sameConf(goal, actual)) {
    const had = previous !== null && sameConf(previous, goal);
    steps.push(confStep(goal, actual, had ? drift : configured, holds.conf, buckets !== null));
  }
  if (buckets !== null) {
    const reason = `${configured}; ${shortageText(buckets)}`;
    steps.push(confStep(desired, goal, reason, together(hold("VPP memory"), holds.conf)));
  }
  return steps;
}

/** Whether two sets of global settings are equal. */
export function sameConf(a: ActualConf, b: ActualConf): boolean {
  return a.ipv4SrcAddress === b.ipv4SrcAddress && a.ipv6SrcAddress === b.ipv6SrcAddress &&
    a.stickyBucketsPerCore === b.stickyBucketsPerCore && a.flowTimeoutSeconds === b.flowTimeoutSeconds;
}

const noVip: VipKey = { prefix: "", protocol: 0, port: 0 };

function stepsOf(unit: Unit): readonly Step[] {
  if (unit.kind === "rebuild") return unit.steps;
  if (unit.add === null && unit.raises.length === 0) return unit.lowers;
  if (unit.add === null && unit.lowers.length === 0) return unit.raises;
  return [...(unit.add === null ? [] : [unit.add]), ...unit.raises, ...unit.lowers];
}

/** A plan of these parts. Its list of steps and its digest are made when they are asked for: a failover does not wait. */
function planOf(parts: Omit<SyncPlan, "steps" | "digest">): SyncPlan {
  let steps: readonly Step[] | null = null;
  return {
    ...parts,
    get steps() {
      const { clearing, conf, removals, units } = parts;
      return steps ??= [...conf, ...clearing, ...units.flatMap(stepsOf), ...removals];
    },
    get digest() {
      return planDigest(this.steps);
    },
  };
}

/** A part of a plan: some of its units and nothing else. */
export function onlyUnits(
  { braked, flushesBefore, scope, shortages }: SyncPlan,
  units: readonly Unit[],
): SyncPlan {
  const nothing = { conf: [], confGoal: null, clearing: [], removals: [] };
  return planOf({ ...nothing, scope, units, shortages, braked, flushesBefore });
}

/** Plans a sync. */
export function makePlan(input: PlanInput): SyncPlan {
  return new Planner(input).plan();
}
