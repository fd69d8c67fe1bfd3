/**
 * Flushes that VPP has not carried out yet. Pure. Nothing here decides whether a flush is due: a transition tells it,
 * or the operator who sets a weight.
 *
 *   transition that flushes ----+                +- VPP answered 0 to a message that ends the server's flows
 *   run-time weight with flush -+--> pending -->-+- the backend left the state that caused it
 *                               |                +- VPP restarted (its boot time changed)
 *                               +-               +- the VIP or the server left the configuration: a deletion flushes
 *
 * @module
 */
import type { IpAddress } from "../model.ts";
import type { Config } from "../configuration.ts";
import type { Op } from "./balancer.ts";
import { frontendVip, vipId } from "./vips.ts";

/** What made a flush pending. */
export type FlushCause = "down" | "disabled" | "weight";

/** One pending flush of a VIP. */
export interface PendingFlush {
  /** The server. */
  readonly address: IpAddress;
  /** Name of its backend. */
  readonly backend: string;
  /** What made it pending. */
  readonly cause: FlushCause;
  /** Grows with every flush, so that a late answer does not end a newer one. */
  readonly serial: number;
}

/** The pending flushes of one VIP. */
export type PendingFlushes = readonly PendingFlush[];

/** The place of one backend in one frontend, as VPP sees it. */
export interface Membership {
  /** Name of the frontend. */
  readonly frontend: string;
  /** `vipId` of its VIP. */
  readonly vip: string;
  /** The server. */
  readonly address: IpAddress;
  /** Name of the backend. */
  readonly backend: string;
  /** Who set its weight at run time; null: it is the file's. */
  readonly weightBy: string | null;
  /** Whether that was in this process. */
  readonly weightSetHere: boolean;
}

/** Memberships by backend. */
export type Memberships = ReadonlyMap<string, readonly Membership[]>;

/** Lists where every backend of a configuration serves. */
export function memberships(config: Config): Memberships {
  const all = new Map<string, Membership[]>();
  for (const frontend of config.frontends.values()) {
    const vip = vipId(frontendVip(frontend));
    for (const pool of frontend.pools) {
      for (const { backend, byOperator = null, restored = false } of pool.members) {
        const address = config.backends.get(backend)?.address;
        if (address === undefined) continue;
        const weightSetHere = byOperator !== null && !restored;
        const place = { vip, frontend: frontend.name, address, backend, weightBy: byOperator, weightSetHere };
        const list = all.get(backend);
        if (list === undefined) all.set(backend, [place]);
        else list.push(place);
      }
    }
  }
  return all;
}

/** Adds one; it replaces an older one of the same server and cause. */
export function addFlush(flushes: PendingFlushes, flush: PendingFlush): PendingFlushes {
  if (flushes.length === 0) return [flush];
  const { address, cause } = flush;
  return [...flushes.filter((one) => one.address !== address || one.cause !== cause), flush];
}

/** A backend left the state that caused a flush. An operator's flush stays. */
export function leaveState(flushes: PendingFlushes, backend: string): PendingFlushes {
  if (flushes.length === 0) return flushes;
  return flushes.filter((flush) => flush.backend !== backend || flush.cause === "weight");
}

/**
 * VPP answered 0 to a message that ended flows.
 *
 * @param address null: those of the whole VIP
 * @param before serials below it were pending when the message was planned
 */
export function flushed(flushes: PendingFlushes, address: IpAddress | null, before: number): PendingFlushes {
  return flushes.filter((flush) => flush.serial >= before || (address !== null && flush.address !== address));
}

/** What a message means for flows. */
export interface EndedFlows {
  /** Whose flows end; null: all of the VIP. */
  readonly address: IpAddress | null;
  /** True: none can begin before the next message for the server, so flushes that were asked for meanwhile are done, too. */
  readonly stays: boolean;
}

/**
 * Whose flows a message ends. A server that was just added has no flows, one that was deleted was flushed. Messages of a VIP
 * are sent one after the other, so none that raises the server is under way behind this one.
 */
export function endedFlows(op: Op): EndedFlows | null {
  switch (op.kind) {
    case "vip-flush":
      return { address: null, stays: false };
    case "as-add":
    case "as-delete":
      return { address: op.address, stays: false };
    case "as-weight":
      return op.flush ? { address: op.address, stays: op.weight === 0 } : null;
    default:
      return null;
  }
}

/**
 * Takes another configuration into account, for all pending flushes by VIP. A server that left has none any more, nor
 * has a server that is another backend's now. A backend that only changed its name stays who it is. A flush that an
 * operator asked for stays with its VIP, since it may be for the previous server of a backend with a new address.
 */
export function keepFlushes(
  byVip: ReadonlyMap<string, PendingFlushes>,
  before: Memberships,
  now: Memberships,
): ReadonlyMap<string, PendingFlushes> {
  if (byVip.size === 0) return byVip;
  const places = new Map<string, string>();
  for (const { vip, address, backend } of [...now.values()].flat()) places.set(`${vip} ${address}`, backend);
  const vips = new Set([...now.values()].flat().map(({ vip }) => vip));
  const kept = new Map<string, PendingFlushes>();
  for (const [vip, flushes] of byVip) {
    const list = flushes.flatMap((flush) => {
      if (flush.cause === "weight") return vips.has(vip) ? flush : [];
      const is = places.get(`${vip} ${flush.address}`);
      if (is === undefined || is === flush.backend) return is === undefined ? [] : flush;
      const renamed = !now.has(flush.backend) && !before.has(is);
      return renamed ? { ...flush, backend: is } : [];
    });
    if (list.length > 0) kept.set(vip, list);
  }
  return kept;
}

/** The newest flush that is pending for a server, or null. */
export function newestFlush(flushes: PendingFlushes, address: IpAddress): PendingFlush | null {
  let newest: PendingFlush | null = null;
  for (const flush of flushes) {
    if (flush.address === address && (newest === null || flush.serial > newest.serial)) newest = flush;
  }
  return newest;
}
