/**
 * Flushes that VPP has not carried out yet. Pure. Nothing here decides whether a flush is due: a transition tells it,
 * or the operator who sets a weight.
 *
 *   transition that flushes ────┐             ┌─ VPP answered 0 to a message for the server that ends its flows
 *   run-time weight with flush ─┼──▶ owed ──▶─┼─ the backend left the state that owed it
 *                               │             ├─ VPP restarted (its boot time changed)
 *                               └─            └─ the VIP or the server left the configuration: a deletion flushes
 *
 * @module
 */
import type { Config, IpAddress } from "../model.ts";
import { frontendVip, vipId } from "./vips.ts";

/** What made a flush owed. */
export type OwedCause = "down" | "disabled" | "weight";

/** One owed flush. */
export interface OwedFlush {
  /** The server. */
  readonly address: IpAddress;
  /** Name of its backend. */
  readonly backend: string;
  /** What made it owed. */
  readonly cause: OwedCause;
  /** Grows with every flush that becomes owed, so that a late answer does not settle a newer one. */
  readonly serial: number;
}

/** All owed flushes. */
export interface OwedFlushes {
  /** Serial of the next one. */
  readonly next: number;
  /** By `vipId`. */
  readonly byVip: ReadonlyMap<string, readonly OwedFlush[]>;
}

/** The server of a backend on a VIP. */
export interface VipServer {
  /** `vipId` of the VIP. */
  readonly vip: string;
  /** The server. */
  readonly address: IpAddress;
  /** Name of the backend. */
  readonly backend: string;
}

/** The place of one backend in one frontend, as VPP sees it. */
export interface Membership extends VipServer {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Who set its weight at run time; null: it is the file's. */
  readonly weightBy: string | null;
}

/** Memberships by backend. */
export type Memberships = ReadonlyMap<string, readonly Membership[]>;

/** Nothing is owed. */
export const noneOwed: OwedFlushes = { next: 1, byVip: new Map() };

/** Lists where every backend of a configuration serves. */
export function memberships(config: Config): Memberships {
  const all = new Map<string, Membership[]>();
  for (const frontend of config.frontends.values()) {
    const vip = vipId(frontendVip(frontend));
    for (const pool of frontend.pools) {
      for (const { backend, byOperator = null } of pool.members) {
        const address = config.backends.get(backend)?.address;
        if (address === undefined) continue;
        const list = all.get(backend) ?? [];
        list.push({ vip, frontend: frontend.name, address, backend, weightBy: byOperator });
        all.set(backend, list);
      }
    }
  }
  return all;
}

/** The flushes of one VIP that `keep` keeps; the same object when it keeps all. */
function filtered(owed: OwedFlushes, vip: string, keep: (flush: OwedFlush) => boolean): OwedFlushes {
  const list = owed.byVip.get(vip);
  const kept = list?.filter(keep);
  if (list === undefined || kept === undefined || kept.length === list.length) return owed;
  const byVip = new Map(owed.byVip);
  if (kept.length === 0) byVip.delete(vip);
  else byVip.set(vip, kept);
  return { next: owed.next, byVip };
}

/** A flush is due with the next message for a server. */
export function owe(owed: OwedFlushes, { vip, address, backend }: VipServer, cause: OwedCause): OwedFlushes {
  const others = (owed.byVip.get(vip) ?? []).filter((f) => f.address !== address || f.cause !== cause);
  const flush = { address, backend, cause, serial: owed.next };
  return { next: owed.next + 1, byVip: new Map([...owed.byVip, [vip, [...others, flush]]]) };
}

/** A backend left the state that owed a flush. */
export function leaveState(owed: OwedFlushes, { vip, backend }: VipServer): OwedFlushes {
  return filtered(owed, vip, (flush) => flush.backend !== backend || flush.cause === "weight");
}

/**
 * Takes a configuration into account: what left it owes nothing, nor does a server that is another backend's now. A
 * backend that only changed its name stays who it is. A flush that an operator asked for stays with its VIP, since it
 * may be for the previous server of a backend that has a new address.
 */
export function keepMembers(owed: OwedFlushes, before: Memberships, now: Memberships): OwedFlushes {
  if (owed.byVip.size === 0) return owed;
  const places = new Map<string, string>();
  for (const { vip, address, backend } of [...now.values()].flat()) places.set(`${vip} ${address}`, backend);
  const vips = new Set([...now.values()].flat().map(({ vip }) => vip));
  const byVip = new Map<string, readonly OwedFlush[]>();
  for (const [vip, list] of owed.byVip) {
    const kept = list.flatMap((flush) => {
      if (flush.cause === "weight") return vips.has(vip) ? flush : [];
      const is = places.get(`${vip} ${flush.address}`);
      if (is === undefined || is === flush.backend) return is === undefined ? [] : flush;
      const renamed = !now.has(flush.backend) && !before.has(is);
      return renamed ? { ...flush, backend: is } : [];
    });
    if (kept.length > 0) byVip.set(vip, kept);
  }
  return { next: owed.next, byVip };
}

/**
 * VPP answered 0 to a message that ended flows.
 *
 * @param address null: of the whole VIP
 * @param before serials below it were owed when the message was planned
 */
export function settleFlush(
  owed: OwedFlushes,
  vip: string,
  address: IpAddress | null,
  before: number,
): OwedFlushes {
  return filtered(owed, vip, (f) => f.serial >= before || (address !== null && f.address !== address));
}

/** VPP restarted: its flow table is empty, so nothing is owed any more. */
export function settleRestart(owed: OwedFlushes): OwedFlushes {
  return { next: owed.next, byVip: new Map() };
}

/** The newest flush that is owed to a server, or null. */
export function owedTo(owed: OwedFlushes, vip: string, address: IpAddress): OwedFlush | null {
  let newest: OwedFlush | null = null;
  for (const flush of owed.byVip.get(vip) ?? []) {
    if (flush.address === address && (newest === null || flush.serial > newest.serial)) newest = flush;
  }
  return newest;
}
