/**
 * The parts of a plan: steps (one change with the messages that make it) and the units they are sent in. Pure.
 *
 * @module
 */
import type { Change } from "../api.ts";
import type { ActualConf, ActualVip, VipKey } from "../model.ts";
import type { Op } from "./balancer.ts";
import type { DesiredVip } from "./desired.ts";
import { serverAddition, type ServerChange } from "./diff.ts";
import { notConfigured } from "./reasons.ts";
import { protocolName, sortedByAddress, vipId } from "./vips.ts";

/** Why a step is not sent by an ordinary sync. */
export interface Hold {
  /** For the plan's `held`. */
  readonly text: string;
  /** True: not even by a sync that carries the plan's digest. */
  readonly blocked: boolean;
}

/** One change and the messages that make it. */
export interface Step {
  /** As the API shows it; `seq` is set when the plan is complete. */
  readonly change: Change;
  /** Messages, in order. */
  readonly ops: readonly Op[];
  /** Null: nothing keeps it back. */
  readonly hold: Hold | null;
  /** `vipId` of the VIP that changes; null for the global settings. */
  readonly vip: string | null;
  /** A server that is down, disabled or removed: lowered even when a raise of its VIP failed. */
  readonly dead: boolean;
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
  /** The VIP; of a rebuild the first. */
  readonly key: VipKey;
  /** Its frontend. */
  readonly frontend: string;
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
  /** Null: nothing keeps it back. */
  readonly hold: Hold | null;
  /** What the rebuild does, VIP by VIP. */
  readonly steps: readonly Step[];
  /** Its messages: deletions first. */
  readonly ops: readonly StepOp[];
}

/** What is sent as one: units run side by side, the steps of one in order. */
export type Unit = VipUnit | RebuildUnit;

interface ChangeFields {
  readonly kind: Change["kind"];
  readonly frontend?: string | null;
  readonly key?: VipKey;
  readonly server?: ServerChange;
  readonly trafficAffecting?: boolean;
  readonly hold: Hold | null;
  readonly reason: string;
}

function change(fields: ChangeFields): Change {
  const { kind, key, server, hold, reason } = fields;
  return {
    seq: 0,
    kind,
    frontend: fields.frontend ?? null,
    prefix: key?.prefix ?? null,
    protocol: key === undefined ? null : protocolName(key.protocol),
    port: key?.port ?? null,
    address: server?.address ?? null,
    backend: server?.backend ?? null,
    weight_before: server?.before ?? null,
    weight_after: server?.after ?? null,
    flush: server?.flush ?? kind === "vip_removed",
    traffic_affecting: fields.trafficAffecting ?? false,
    held: hold?.text ?? null,
    reason,
  };
}

/** Sets the global settings. */
export function confStep(desired: ActualConf, actual: ActualConf, reason: string, hold: Hold | null): Step {
  return {
    change: change({
      kind: "conf_set",
      // Workers throw their flow tables away when the number of buckets changes.
      trafficAffecting: desired.stickyBucketsPerCore !== actual.stickyBucketsPerCore,
      hold,
      reason,
    }),
    ops: [{ kind: "conf-set", conf: desired }],
    hold,
    vip: null,
    dead: false,
  };
}

/** Changes one server of a VIP. */
export function serverStep(key: VipKey, frontend: string, server: ServerChange, hold: Hold | null): Step {
  const { address, flush } = server;
  const weight = server.after ?? 0;
  const op: Op = server.kind === "as_added"
    ? { kind: "as-add", vip: key, address, weight }
    : server.kind === "as_removed"
    ? { kind: "as-delete", vip: key, address }
    : { kind: "as-weight", vip: key, address, weight, flush };
  return {
    change: change({ kind: server.kind, frontend, key, server, hold, reason: server.reason }),
    ops: [op],
    hold,
    vip: vipId(key),
    dead: server.dead,
  };
}

/** Deletes a VIP with all its servers; `lb_flush_vip` first, so that its flows end. */
export function removalStep(actual: ActualVip, hold: Hold | null): Step {
  const key = keyOf(actual);
  return {
    change: change({ kind: "vip_removed", key, trafficAffecting: true, hold, reason: notConfigured }),
    ops: removalOps(actual),
    hold,
    vip: vipId(key),
    dead: true,
  };
}

function keyOf({ prefix, protocol, port }: VipKey): VipKey {
  return { prefix, protocol, port };
}

function removalOps(actual: ActualVip): Op[] {
  const vip = keyOf(actual);
  return [{ kind: "vip-flush", vip }, { kind: "vip-delete", vip, encap: actual.encap }];
}

function additionOp(desired: DesiredVip): Op {
  const { vip, encap, tableLength, srcIpSticky } = desired;
  return { kind: "vip-add", vip, encap, tableLength, srcIpSticky };
}

/** Makes a VIP that VPP does not have, with its servers. */
export function additionUnit(desired: DesiredVip, reason: string, hold: Hold | null): VipUnit {
  const { vip: key, frontend } = desired;
  return {
    kind: "vip",
    key,
    frontend,
    add: {
      change: change({ kind: "vip_added", frontend, key, hold, reason }),
      ops: [additionOp(desired)],
      hold,
      vip: desired.id,
      dead: false,
    },
    raises: sortedByAddress(desired.servers)
      .map((server) => serverStep(key, frontend, serverAddition(server, reason), hold)),
    lowers: [],
    keepsCapacity: false,
    supersededBy: null,
  };
}

/** One VIP of a rebuild; `actual` null: VPP does not have it yet. */
export interface Rebuilt {
  /** What it becomes. */
  readonly desired: DesiredVip;
  /** What it is. */
  readonly actual: ActualVip | null;
  /** Why, for operators. */
  readonly reason: string;
}

/** Deletes the VIPs that are there, then makes all of them anew. */
export function rebuildUnit(vips: readonly Rebuilt[], hold: Hold | null): RebuildUnit {
  const steps: Step[] = [];
  const deletions: StepOp[] = [];
  const additions: StepOp[] = [];
  for (const { desired, actual, reason } of vips) {
    const { vip: key, frontend } = desired;
    const add = additionOp(desired);
    const gone = actual === null ? [] : removalOps(actual);
    const made: Step = {
      change: change({
        kind: actual === null ? "vip_added" : "vip_recreated",
        frontend,
        key,
        trafficAffecting: actual !== null,
        hold,
        reason,
      }),
      ops: [...gone, add],
      hold,
      vip: desired.id,
      dead: false,
    };
    steps.push(made);
    for (const op of gone) deletions.push({ step: made, op });
    additions.push({ step: made, op: add });
    for (const server of sortedByAddress(desired.servers)) {
      const step = serverStep(key, frontend, serverAddition(server, reason), hold);
      steps.push(step);
      for (const op of step.ops) additions.push({ step, op });
    }
  }
  const key = vips[0]?.desired.vip ?? { prefix: "", protocol: 0, port: 0 };
  return { kind: "rebuild", key, hold, steps, ops: [...deletions, ...additions] };
}
