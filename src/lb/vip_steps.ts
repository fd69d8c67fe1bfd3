/**
 * The steps and units that delete and make whole VIPs. Pure.
 *
 * @module
 */
import type { ActualVip, VipKey } from "../model.ts";
import type { Op } from "./balancer.ts";
import type { DesiredVip } from "./desired.ts";
import { notConfigured, serverAddition, type ServerChange } from "./diff.ts";
import {
  type Holds,
  nothing,
  type RebuildUnit,
  serverStep,
  type Step,
  type StepOp,
  together,
  type VipOwner,
  type VipSettings,
  type VipUnit,
} from "./steps.ts";
import { sortedByAddress, vipId } from "./vips.ts";

/** Deletes a VIP with all its servers; `lb_flush_vip` first, so that its flows end. */
export function removalStep(actual: ActualVip, holds: Holds, lastName: string | null): Step {
  const key = keyOf(actual);
  const owner: VipOwner = { origin: lastName === null ? "foreign" : "stale", frontend: lastName };
  return {
    ...nothing,
    kind: "vip_removed",
    frontend: null,
    key,
    flush: true,
    trafficAffecting: true,
    reason: notConfigured,
    ops: removalOps(actual),
    holds,
    vip: vipId(key),
    dead: true,
    owner,
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

function settingsOf({ encap, tableLength, srcIpSticky }: DesiredVip): VipSettings {
  return { encap, tableLength, srcIpSticky };
}

/** Makes a VIP that VPP does not have, with its servers. */
export function additionUnit(
  desired: DesiredVip,
  reason: string,
  holds: Holds,
  more: (server: ServerChange) => Holds,
): VipUnit {
  const { vip: key, frontend } = desired;
  return {
    kind: "vip",
    key,
    frontend,
    holds,
    add: {
      ...nothing,
      kind: "vip_added",
      frontend,
      key,
      settings: settingsOf(desired),
      reason,
      ops: [additionOp(desired)],
      holds,
      vip: desired.id,
    },
    raises: sortedByAddress(desired.servers)
      .map((server) => serverAddition(server, reason))
      .map((server) => serverStep(key, desired.id, frontend, server, together(holds, more(server)))),
    lowers: [],
    keepsCapacity: false,
    supersededBy: null,
  };
}

/** One VIP of a rebuild. */
export interface Rebuilt {
  /** What it becomes. */
  readonly desired: DesiredVip;
  /** What it is; null: VPP does not have it yet. */
  readonly actual: ActualVip | null;
  /** Why, for operators. */
  readonly reason: string;
}

/** Deletes the VIPs that are there, then makes all of them anew. */
export function rebuildUnit(vips: readonly Rebuilt[], holds: Holds): RebuildUnit {
  const steps: Step[] = [];
  const deletions: StepOp[] = [];
  const additions: StepOp[] = [];
  for (const { desired, actual, reason } of vips) {
    const { vip: key, frontend } = desired;
    const add = additionOp(desired);
    const gone = actual === null ? [] : removalOps(actual);
    const made: Step = {
      ...nothing,
      kind: actual === null ? "vip_added" : "vip_recreated",
      frontend,
      key,
      trafficAffecting: actual !== null,
      settings: settingsOf(desired),
      reason,
      ops: [...gone, add],
      holds,
      vip: desired.id,
    };
    steps.push(made);
    for (const op of gone) deletions.push({ step: made, op });
    additions.push({ step: made, op: add });
    for (const server of sortedByAddress(desired.servers)) {
      const step = serverStep(key, desired.id, frontend, serverAddition(server, reason), holds);
      steps.push(step);
      for (const op of step.ops) additions.push({ step, op });
    }
  }
  const key = vips[0]?.desired.vip ?? { prefix: "", protocol: 0, port: 0 };
  return { kind: "rebuild", key, holds, steps, ops: [...deletions, ...additions] };
}
