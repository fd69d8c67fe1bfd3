/**
 * What differs between one VIP as it should be and as VPP has it. Pure; sends nothing and orders only within
 * the VIP: additions and raises come first, so that capacity is there before any is taken away.
 *
 * @module
 */
import type { ActualVip, IpAddress } from "../model.ts";
import type { DesiredServer, DesiredVip } from "./desired.ts";
import { newestFlush, type PendingFlushes } from "./pending_flushes.ts";
import {
  additionReason,
  byOperator,
  movedReason,
  notConfigured,
  type ReasonContext,
  weightReason,
} from "./reasons.ts";
import { encapFamily, sortedByAddress } from "./vips.ts";

/** One change of one application server. */
export interface ServerChange {
  /** As the API names it. */
  readonly kind: "as_added" | "as_removed" | "as_weight_updated";
  /** Which server. */
  readonly address: IpAddress;
  /** Null: no backend of the running configuration, and none that is remembered. */
  readonly backend: string | null;
  /** Null for an addition. */
  readonly before: number | null;
  /** Null for a removal. */
  readonly after: number | null;
  /** Whether its flows end with the message. */
  readonly flush: boolean;
  /** Down, disabled or removed: it is lowered even when an addition or raise of the VIP failed. */
  readonly dead: boolean;
  /** Why, for operators. */
  readonly reason: string;
  /** Who set the weight, where that is the reason; else null. */
  readonly by: string | null;
}

/** Changes of one VIP's servers, each list in numeric address order. */
export interface ServerDiff {
  /** Additions and raises. */
  readonly raises: readonly ServerChange[];
  /** Lowers, flushes at the same weight, and removals: sent when every raise was answered. */
  readonly lowers: readonly ServerChange[];
  /** Whether a server that VPP has already carries new flows after the changes. */
  readonly keepsCapacity: boolean;
}

const noChange: ServerDiff = { raises: [], lowers: [], keepsCapacity: true };

/** The addition of a server to a VIP that is made. */
export function serverAddition(server: DesiredServer, reason: string): ServerChange {
  return {
    kind: "as_added",
    address: server.address,
    backend: server.backend,
    before: null,
    after: server.weight,
    flush: false,
    dead: false,
    reason,
    by: null,
  };
}

function removal(
  address: IpAddress,
  weight: number,
  desired: DesiredVip,
  context: ReasonContext,
): ServerChange {
  const was = context.previous?.servers.find((old) => old.address === address);
  const moved = desired.servers.find((server) => server.backend === was?.backend);
  return {
    kind: "as_removed",
    address,
    backend: was?.backend ?? null,
    before: weight,
    after: null,
    flush: true,
    // The previous server of a backend that moved goes when the new one is there.
    dead: moved === undefined || isDead(moved),
    reason: moved === undefined ? notConfigured : movedReason(moved),
    by: null,
  };
}

function isDead({ state }: DesiredServer): boolean {
  return state === "down" || state === "disabled";
}

/**
 * Compares the servers of a VIP that VPP has. Additions to a VIP of another encapsulation are left out, since only
 * a recreate can bring them: VPP refuses servers of the other family, and does not survive a server that is added
 * to a NAT VIP for all ports.
 */
export function diffServers(
  desired: DesiredVip,
  actual: ActualVip,
  flushes: PendingFlushes,
  context: ReasonContext,
): ServerDiff {
  const carried = encapFamily(actual.encap) === encapFamily(desired.encap);
  if (!carried) return noChange;
  const missing = new Map<IpAddress, DesiredServer>();
  for (const server of desired.servers) missing.set(server.address, server);
  const raises: ServerChange[] = [];
  const lowers: ServerChange[] = [];
  let keepsCapacity = false;
  for (const { address, weight } of actual.servers) {
    const server = missing.get(address);
    if (server === undefined) {
      lowers.push(removal(address, weight, desired, context));
      continue;
    }
    missing.delete(address);
    keepsCapacity ||= server.weight > 0;
    const flush = newestFlush(flushes, address);
    if (server.weight === weight && flush === null) continue;
    const reason = weightReason(desired, server, weight, flush, context);
    (server.weight > weight ? raises : lowers).push({
      kind: "as_weight_updated",
      address,
      backend: server.backend,
      before: weight,
      after: server.weight,
      flush: flush !== null,
      dead: isDead(server),
      reason,
      by: reason === byOperator ? context.weightBy(server.backend) : null,
    });
  }
  for (const server of actual.encap === desired.encap ? missing.values() : []) {
    raises.push(serverAddition(server, additionReason(server, context)));
  }
  if (raises.length === 0 && lowers.length === 0) return noChange;
  return { raises: sortedByAddress(raises), lowers: sortedByAddress(lowers), keepsCapacity };
}
