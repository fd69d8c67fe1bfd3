/**
 * Flushes that are owed to application servers. Pure.
 *
 *   transition to down (with flush-on-down) ─┐                 ┌─ VPP answered 0 to a message that flushed
 *   transition to disabled ──────────────────┼──▶  owed  ──▶───┼─ the backend left that state
 *   run-time weight with flush ──────────────┘                 ├─ VPP restarted (its boot time changed)
 *                                                              └─ VPP does not have the server
 *
 * The first state after the daemon's start is special: what was down before a restart of the daemon is found
 * down again, and flushing it again would make a restart in an unchanged world write to VPP. So a first state
 * owes none for a server that VPP has at weight 0.
 *
 * @module
 */
import type { ActualVip, Config, IpAddress, State } from "../model.ts";
import { frontendVip, vipId } from "./vips.ts";

/** What made a flush owed. */
export type OwedCause = "down" | "disabled" | "weight";

/** One owed flush. */
export interface OwedFlush {
  /** The server. */
  readonly address: IpAddress;
  /** Name of the backend. */
  readonly backend: string;
  /** What made it owed. */
  readonly cause: OwedCause;
  /** Owed by the backend's first state after the daemon's start. */
  readonly first: boolean;
  /** Grows with every flush that becomes owed, so that a late answer cannot pay a newer one. */
  readonly serial: number;
}

/** All owed flushes. */
export interface OwedFlushes {
  /** Serial of the next one. */
  readonly next: number;
  /** By `vipId`. */
  readonly byVip: ReadonlyMap<string, readonly OwedFlush[]>;
}

/** The place of one backend in one frontend, as VPP sees it. */
export interface Membership {
  /** `vipId` of the frontend's VIP. */
  readonly vip: string;
  /** Name of the frontend. */
  readonly frontend: string;
  /** The server. */
  readonly address: IpAddress;
  /** Name of the backend. */
  readonly backend: string;
  /** Whether the frontend flushes a backend that goes down. */
  readonly flushOnDown: boolean;
}

/** Memberships by backend. */
export type Memberships = ReadonlyMap<string, readonly Membership[]>;

/** A backend's change of state, as far as flushes depend on it. */
export interface StateChange {
  /** Name of the backend. */
  readonly backend: string;
  /** The state that it has now. */
  readonly to: State;
  /** Whether this is its first state after the daemon's start, found by a probe and not made by an operator. */
  readonly first: boolean;
}

/** Nothing is owed. */
export const noneOwed: OwedFlushes = { next: 1, byVip: new Map() };

/** Lists where every backend of a configuration serves. */
export function memberships(config: Config): Memberships {
  const all = new Map<string, Membership[]>();
  for (const frontend of config.frontends.values()) {
    const vip = vipId(frontendVip(frontend));
    for (const pool of frontend.pools) {
      for (const { backend } of pool.members) {
        const address = config.backends.get(backend)?.address;
        if (address === undefined) continue;
        const list = all.get(backend) ?? [];
        list.push({ vip, frontend: frontend.name, address, backend, flushOnDown: frontend.flushOnDown });
        all.set(backend, list);
      }
    }
  }
  return all;
}

class Draft {
  next: number;
  readonly byVip: Map<string, readonly OwedFlush[]>;

  constructor(owed: OwedFlushes) {
    this.next = owed.next;
    this.byVip = new Map(owed.byVip);
  }

  add(member: Membership, cause: OwedCause, first: boolean): void {
    const { address, backend } = member;
    const others = (this.byVip.get(member.vip) ?? [])
      .filter((flush) => flush.address !== address || flush.cause !== cause);
    this.byVip.set(member.vip, [...others, { address, backend, cause, first, serial: this.next++ }]);
  }

  keep(vip: string, wanted: (flush: OwedFlush) => boolean): void {
    const list = this.byVip.get(vip);
    if (list === undefined) return;
    const kept = list.filter(wanted);
    if (kept.length === 0) this.byVip.delete(vip);
    else if (kept.length < list.length) this.byVip.set(vip, kept);
  }

  done(): OwedFlushes {
    return { next: this.next, byVip: this.byVip };
  }
}

function owesByState(member: Membership, state: State): OwedCause | null {
  if (state === "disabled") return "disabled";
  return state === "down" && member.flushOnDown ? "down" : null;
}

/** Takes transitions into account: leaving a state pays what it owed, entering one may owe a flush. */
export function oweTransitions(
  owed: OwedFlushes,
  changes: readonly StateChange[],
  members: Memberships,
): OwedFlushes {
  if (changes.length === 0) return owed;
  const draft = new Draft(owed);
  for (const { backend, to, first } of changes) {
    for (const member of members.get(backend) ?? []) {
      draft.keep(member.vip, (flush) => flush.backend !== backend || flush.cause === "weight");
      const cause = owesByState(member, to);
      if (cause !== null) draft.add(member, cause, first);
    }
  }
  return draft.done();
}

/** A run-time weight was set with a flush. */
export function oweWeight(owed: OwedFlushes, member: Membership): OwedFlushes {
  const draft = new Draft(owed);
  draft.add(member, "weight", false);
  return draft.done();
}

/**
 * Takes a configuration into account (the first, or a reloaded one). Members that were not there before owe
 * what their state owes, as a first state; members that are gone owe nothing, since a deletion flushes.
 */
export function oweMembers(
  owed: OwedFlushes,
  before: Memberships,
  now: Memberships,
  state: (backend: string) => State,
): OwedFlushes {
  const placesOf = (list: readonly Membership[] | undefined) =>
    new Map((list ?? []).map((member) => [`${member.vip} ${member.address}`, member]));
  const draft = new Draft(owed);
  const present = new Map<string, Membership>();
  for (const [backend, list] of now) {
    const old = placesOf(before.get(backend));
    for (const [place, member] of placesOf(list)) {
      present.set(`${place} ${backend}`, member);
      if (old.has(place)) continue;
      const cause = owesByState(member, state(backend));
      if (cause !== null) draft.add(member, cause, true);
    }
  }
  for (const vip of [...draft.byVip.keys()]) {
    draft.keep(vip, (flush) => {
      const member = present.get(`${vip} ${flush.address} ${flush.backend}`);
      return member !== undefined && (flush.cause !== "down" || member.flushOnDown);
    });
  }
  return draft.done();
}

/**
 * Takes a read of one VIP into account: a server that VPP does not have has no flows, and a first state owes
 * none for a server at weight 0.
 *
 * @param actual null: VPP does not have the VIP
 */
export function settleRead(owed: OwedFlushes, vip: string, actual: ActualVip | null): OwedFlushes {
  if (!owed.byVip.has(vip)) return owed;
  const draft = new Draft(owed);
  draft.keep(vip, (flush) => {
    const weight = actual?.servers.find((server) => server.address === flush.address)?.weight;
    return weight !== undefined && !(flush.first && weight === 0);
  });
  return draft.done();
}

/**
 * VPP answered 0 to a message that flushed.
 *
 * @param address null: the whole VIP was flushed
 * @param before serials below it were owed when the message was planned
 */
export function settleFlush(
  owed: OwedFlushes,
  vip: string,
  address: IpAddress | null,
  before: number,
): OwedFlushes {
  if (!owed.byVip.has(vip)) return owed;
  const draft = new Draft(owed);
  draft.keep(
    vip,
    (flush) => flush.serial >= before || (address !== null && flush.address !== address),
  );
  return draft.done();
}

/** VPP restarted: its flow table is empty, so nothing is owed any more. */
export function settleRestart(owed: OwedFlushes): OwedFlushes {
  return { next: owed.next, byVip: new Map() };
}

/**
 * The newest flush that is owed to a server, or null.
 *
 * @param weight what VPP has, as read for the plan: a first state that came after that read owes none at weight 0
 */
export function owedTo(
  owed: OwedFlushes,
  vip: string,
  address: IpAddress,
  weight: number,
): OwedFlush | null {
  let newest: OwedFlush | null = null;
  for (const flush of owed.byVip.get(vip) ?? []) {
    if (flush.address !== address || (flush.first && weight === 0)) continue;
    if (newest === null || flush.serial > newest.serial) newest = flush;
  }
  return newest;
}
