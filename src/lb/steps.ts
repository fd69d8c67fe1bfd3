/**
 * The parts of a plan: steps (one change with the messages that make it), why a step is held, and the units they are sent
 * in. Pure.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { ActualConf, Encap, IpAddress, VipKey } from "../model.ts";
import type { Op } from "./balancer.ts";
import type { ServerChange } from "./diff.ts";

/** What a step changes; the API has the same names. */
export type StepKind =
  | "conf_set"
  | "vip_added"
  | "vip_removed"
  | "vip_recreated"
  | "as_added"
  | "as_removed"
  | "as_weight_updated";

/** The server that a step changes. */
export interface StepServer {
  /** Where VPP sends the packets. */
  readonly address: IpAddress;
  /** Name of the backend; null: none that is known. */
  readonly backend: string | null;
  /** Weight before, 0...255; null: VPP does not have it. */
  readonly before: number | null;
  /** Weight after, 0...255; null: it is removed. */
  readonly after: number | null;
}

/** What a VIP is made with. */
export interface VipSettings {
  /** Its encapsulation. */
  readonly encap: Encap;
  /** Entries of its new-flow table, a power of two. */
  readonly tableLength: number;
  /** Whether VPP hashes on the addresses alone. */
  readonly srcIpSticky: boolean;
}

/** What a step changes, for the digest. */
export interface StepFacts {
  /** What it does. */
  readonly kind: StepKind;
  /** Name of the frontend; null: the global settings, or a VIP that none has. */
  readonly frontend: string | null;
  /** The VIP; null: the global settings. */
  readonly key: VipKey | null;
  /** The server; null: none in particular. */
  readonly server: StepServer | null;
  /** Whether flows end. */
  readonly flush: boolean;
  /** Whether it disturbs flows that are not meant. */
  readonly trafficAffecting: boolean;
  /** The global settings as they become; null: it does not set them. */
  readonly conf: ActualConf | null;
  /** What a VIP is made with; null: it makes none. */
  readonly settings: VipSettings | null;
}

/** One change and the messages that make it. */
export interface Step extends StepFacts {
  /** Why, for operators. */
  readonly reason: string;
  /** Messages, in order. */
  readonly ops: readonly Op[];
  /** Why an ordinary sync does not send it. */
  readonly holds: Holds;
  /** `vipId` of the VIP that changes; null for the global settings. */
  readonly vip: string | null;
  /** A server that is down, disabled or removed: lowered even when a raise of its VIP failed. */
  readonly dead: boolean;
  /** For the log: who set the weight, where that is the reason. */
  readonly by?: string | null;
  /** For the log, with the deletion of a VIP: whose it was. */
  readonly owner?: VipOwner;
}

/** Whose a VIP was that is deleted. */
export interface VipOwner {
  /** `stale`: a configuration of this process or of an earlier one named it; `foreign`: none did. */
  readonly origin: "stale" | "foreign";
  /** Name of the frontend that had it last; null: foreign. */
  readonly frontend: string | null;
}

/** A message of a rebuild and the step that it belongs to. */
export interface StepOp {
  /** The step. */
  readonly step: Step;
  /** The message. */
  readonly op: Op;
}

/** Changes in place, or the addition, of one VIP. */
export interface VipUnit {
  /** Changes of one VIP. */
  readonly kind: "vip";
  /** The VIP. */
  readonly key: VipKey;
  /** Its frontend. */
  readonly frontend: string;
  /** Why an ordinary sync sends nothing of it; single servers may be held besides. */
  readonly holds: Holds;
  /** Not null: the VIP is made first. */
  readonly add: Step | null;
  /** Additions and raises of servers. */
  readonly raises: readonly Step[];
  /** Lowers, flushes and removals of servers, which wait for the raises. */
  readonly lowers: readonly Step[];
  /** Whether a server that VPP has already carries new flows after the changes. */
  readonly keepsCapacity: boolean;
  /** A held rebuild that, once it is sent, makes these changes needless. */
  readonly supersededBy: RebuildUnit | null;
}

/** VIPs of one prefix that are deleted and made again, all in one write. */
export interface RebuildUnit {
  /** A recreate. */
  readonly kind: "rebuild";
  /** The VIP; of a rebuild the first. */
  readonly key: VipKey;
  /** Why an ordinary sync does not send it. */
  readonly holds: Holds;
  /** What the rebuild does, VIP by VIP. */
  readonly steps: readonly Step[];
  /** Its messages: deletions first. */
  readonly ops: readonly StepOp[];
}

/** What is sent as one: units run side by side, the steps of one in order. */
export type Unit = VipUnit | RebuildUnit;

/** Units by frontend. A rebuild belongs to the frontend of each VIP that it makes anew. */
export function unitsByFrontend(units: readonly Unit[]): ReadonlyMap<string, readonly Unit[]> {
  const byFrontend = new Map<string, Unit[]>();
  for (const unit of units) {
    const names = unit.kind === "vip" ? [unit.frontend] : new Set(unit.steps.map(({ frontend }) => frontend));
    for (const name of names) {
      if (name === null) continue;
      const own = byFrontend.get(name);
      if (own === undefined) byFrontend.set(name, [unit]);
      else own.push(unit);
    }
  }
  return byFrontend;
}

/** Whether it makes VIPs anew, and is held. */
export function isHeldRebuild(unit: Unit): unit is RebuildUnit {
  return unit.kind === "rebuild" && unit.holds.length > 0;
}

/** Whether a step is a weight that may be sent now. */
function isFreeWeight({ holds, kind }: Step): boolean {
  return kind === "as_weight_updated" && holds.length === 0;
}

/** Whether all it does is to change weights that may be sent now. */
export function isOnlyWeights(unit: Unit): boolean {
  return unit.kind === "vip" && unit.add === null &&
    unit.raises.every(isFreeWeight) && unit.lowers.every(isFreeWeight);
}

/**
 * Digest of a plan: equal for equal changes with equal settings in equal order, whatever their reasons and holds. 16 hex
 * digits, short enough to be typed back by an operator.
 */
export function planDigest(steps: readonly StepFacts[]): string {
  const rows = steps.map(({ conf, flush, frontend, key, kind, server, settings, trafficAffecting }) => [
    [kind, frontend, flush, trafficAffecting],
    key === null ? null : [key.prefix, key.protocol, key.port],
    server === null ? null : [server.address, server.backend, server.before, server.after],
    conf === null
      ? null
      : [conf.ipv4SrcAddress, conf.ipv6SrcAddress, conf.stickyBucketsPerCore, conf.flowTimeoutSeconds],
    settings === null ? null : [settings.encap, settings.tableLength, settings.srcIpSticky],
  ]);
  return createHash("sha256").update(JSON.stringify(rows)).digest("hex").slice(0, 16);
}

/** What most steps do not change. */
export const nothing = {
  server: null,
  flush: false,
  trafficAffecting: false,
  conf: null,
  settings: null,
  dead: false,
} as const;

/**
 * Sets the global settings.
 *
 * @param keepsBuckets VPP keeps its sticky buckets, which `desired` repeats
 */
export function confStep(
  desired: ActualConf,
  actual: ActualConf,
  reason: string,
  holds: Holds,
  keepsBuckets = false,
): Step {
  return {
    ...nothing,
    kind: "conf_set",
    frontend: null,
    key: null,
    // Workers throw their flow tables away when the number of buckets changes.
    trafficAffecting: desired.stickyBucketsPerCore !== actual.stickyBucketsPerCore,
    conf: desired,
    reason,
    ops: [{ kind: "conf-set", conf: desired, ...(keepsBuckets ? { keepsBuckets } : {}) }],
    holds,
    vip: null,
  };
}

/**
 * Changes one server of a VIP.
 *
 * @param id `vipId` of the VIP
 */
export function serverStep(
  key: VipKey,
  id: string,
  frontend: string,
  server: ServerChange,
  holds: Holds,
): Step {
  const { address, flush } = server;
  const weight = server.after ?? 0;
  const op: Op = server.kind === "as_added"
    ? { kind: "as-add", vip: key, address, weight }
    : server.kind === "as_removed"
    ? { kind: "as-delete", vip: key, address }
    : { kind: "as-weight", vip: key, address, weight, flush };
  // Nearly all steps are such, so their object is made at once.
  return {
    kind: server.kind,
    frontend,
    key,
    server: { address, backend: server.backend, before: server.before, after: server.after },
    flush,
    trafficAffecting: false,
    conf: null,
    settings: null,
    reason: server.reason,
    ops: [op],
    holds,
    vip: id,
    dead: server.dead,
    by: server.by,
  };
}

/** Kinds of holds; the name is the API's text for it, except for `obstacle`. */
export type HoldKind =
  | "VPP memory"
  | "mass deletion"
  | "obstacle"
  | "table length"
  | "memory lost"
  | "fleet unknown"
  | "warm-up";

/** The gravest first: what would end VPP, what would end traffic, what only waits. */
const gravity: readonly HoldKind[] = [
  "VPP memory",
  "mass deletion",
  "obstacle",
  "table length",
  "memory lost",
  "fleet unknown",
  "warm-up",
];

/** One reason why a step is held. */
export interface Hold {
  /** Its kind. */
  readonly kind: HoldKind;
  /** For the plan's `held` and `holds`. */
  readonly text: string;
  /** True: not even a sync that carries the plan's digest sends the step. */
  readonly blocked: boolean;
}

/** All reasons why a step is held, the gravest first. Empty: nothing holds it. */
export type Holds = readonly Hold[];

/** Makes a hold. */
export function hold(kind: HoldKind, blocked = false, text: string = kind): Hold {
  return { kind, text, blocked };
}

/** Nothing holds a step. */
export const none: Holds = [];

function isHolding(one: Hold | Holds | null): boolean {
  return one !== null && (!(one instanceof Array) || one.length > 0);
}

/** All of these holds, the gravest first, each text once. */
export function together(...holds: readonly (Hold | Holds | null)[]): Holds {
  if (!holds.some(isHolding)) return none;
  const all = holds.flatMap((one) => one ?? []);
  if (all.length < 2) return all;
  const byText = new Map<string, Hold>();
  for (const one of all) {
    const same = byText.get(one.text);
    byText.set(one.text, { ...one, blocked: one.blocked || same?.blocked === true });
  }
  return [...byText.values()].sort((a, b) => gravity.indexOf(a.kind) - gravity.indexOf(b.kind));
}

/** Whether an ordinary sync sends what is held so; with `release` one that carries the plan's digest. */
export function isSent({ holds }: { readonly holds: Holds }, release: boolean): boolean {
  return holds.length === 0 || (release && !isBlocked(holds));
}

/** Whether not even the plan's digest releases it. */
export function isBlocked(holds: Holds): boolean {
  return holds.some(({ blocked }) => blocked);
}

/** Whether VPP's memory is the one thing that holds it. */
export function isOnlyMemory(holds: Holds): boolean {
  return holds.length > 0 && holds.every(({ kind }) => kind === "VPP memory");
}

/** Whether time alone releases it: the daemon just started. */
export function passes(holds: Holds): boolean {
  return holds.every(({ kind }) => kind === "warm-up" || kind === "memory lost" || kind === "fleet unknown");
}
