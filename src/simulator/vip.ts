/**
 * A VIP of the lb plugin and the rows of its application servers.
 *
 * @module
 */
import { bucketCountsInOrder } from "../lb/table/table.ts";
import type { IpAddress } from "../model.ts";
import type { BodyOf, messages } from "../vpp/messages.ts";
import type { LbPrefix, Octets } from "./address.ts";
import type { Pool } from "./pool.ts";

/** Kinds of VIP: the family of the VIP, then the encapsulation. */
export type VipType =
  | "ip6-gre6"
  | "ip6-gre4"
  | "ip4-gre6"
  | "ip4-gre4"
  | "ip4-l3dsr"
  | "ip4-nat4"
  | "ip6-nat6";

/** Numbers of the encapsulations in the API. */
export const encaps = { gre4: 0, gre6: 1, l3dsr: 2, nat4: 3, nat6: 4 } as const;

/** Flag of a row that is in use. */
export const FLAG_USED: number = 1;

/** A row of an application server in one VIP. */
export interface ServerRow {
  /** In the pool of all servers. */
  readonly index: number;
  /** Its address. */
  readonly octets: Octets;
  /** Its address as rows show it. */
  readonly address: IpAddress;
  /** Bit 0: in use. */
  flags: number;
  /** 0…255; VPP checks no bound. */
  weight: number;
  /** Seconds of VPP's clock of the last delete, not cleared by adding again. */
  lastUsed: number;
  /** Number of its route. */
  readonly dpo: number;
}

/** A VIP, also one that was deleted and not yet collected. */
export interface Vip extends LbPrefix {
  /** In the pool: column of the counters. */
  readonly index: number;
  /** 6, 17 or another; 255 with port 0. */
  readonly protocol: number;
  /** 0: all ports. */
  readonly port: number;
  /** Family and encapsulation. */
  readonly type: VipType;
  /** One octet for two meanings: the DSCP of L3DSR, the service type of NAT. */
  readonly encapOctet: number;
  /** Port of the servers of a NAT VIP. */
  readonly targetPort: number;
  /** Whether flows are hashed by their addresses alone. */
  readonly sticky: boolean;
  /** Entries of the new-flow table. */
  readonly tableLength: number;
  /** False: deleted. */
  used: boolean;
  /** Seconds of VPP's clock of the last collection of deleted servers, or of the start. */
  lastCollection: number;
  /** Rows in the order of dumps. */
  readonly servers: Pool<{ readonly slot: number; readonly row: ServerRow }>;
  /** Identity as API rows show it. */
  readonly shown: { readonly pfx: string; readonly protocol: number; readonly port: number };
  /** The row of the VIP dump, which never changes. */
  readonly listed: BodyOf<typeof messages.lb_vip_details>;
  /** Buckets by server row, or null after a change. */
  buckets: ReadonlyMap<ServerRow, number> | null;
  /** Rows of the server dump, or null after a change: the same objects as long as nothing changes. */
  dumped: readonly BodyOf<typeof messages.lb_as_v2_details>[] | null;
  /** Grows with every rebuild of the new-flow table. */
  rebuilds: number;
}

/** Buckets of a row in its VIP's new-flow table, counted only when somebody asks. */
export function bucketsOf(vip: Vip, row: ServerRow): number {
  if (vip.buckets === null) {
    const rows = [...vip.servers].map(({ row }) => row)
      .filter(({ flags, weight }) => (flags & FLAG_USED) !== 0 && weight > 0)
      .sort((a, b) => a.octets < b.octets ? -1 : 1);
    const counts = bucketCountsInOrder(vip.tableLength, rows.map(({ weight }) => weight));
    vip.buckets = new Map(rows.map((row, i) => [row, counts[i] ?? 0]));
  }
  return vip.buckets.get(row) ?? 0;
}

/** What follows a change of a VIP's servers or weights. */
export function rebuild(vip: Vip): void {
  forget(vip);
  vip.rebuilds++;
}

/** Forgets what was computed from the rows. */
export function forget(vip: Vip): void {
  vip.buckets = null;
  vip.dumped = null;
}

/** The rows of a VIP's servers as `lb_as_v2_dump` lists them. */
export function dumpedRows(vip: Vip): readonly BodyOf<typeof messages.lb_as_v2_details>[] {
  vip.dumped ??= Array.from(vip.servers, ({ row }) => ({
    vip: vip.shown,
    app_srv: row.address,
    flags: row.flags,
    in_use_since: row.lastUsed,
    weight: row.weight,
    num_buckets: bucketsOf(vip, row),
  }));
  return vip.dumped;
}

/** The row of a server, also a deleted one. */
export function rowOf(vip: Vip, octets: Octets): ServerRow | undefined {
  for (const { row } of vip.servers) if (row.octets === octets) return row;
  return undefined;
}

/** Kind of a VIP by family and number of encapsulation: one that does not fit the family falls back to the type whose number is 0. */
export function typeOf(v4: boolean, encap: number): VipType {
  const types: Partial<Record<number, VipType>> = v4
    ? {
      [encaps.gre4]: "ip4-gre4",
      [encaps.gre6]: "ip4-gre6",
      [encaps.l3dsr]: "ip4-l3dsr",
      [encaps.nat4]: "ip4-nat4",
    }
    : { [encaps.gre4]: "ip6-gre4", [encaps.gre6]: "ip6-gre6", [encaps.nat6]: "ip6-nat6" };
  return types[encap] ?? "ip6-gre6";
}

/** Encapsulation of a kind of VIP. */
export function encapOf(type: VipType): keyof typeof encaps {
  switch (type) {
    case "ip4-gre4":
    case "ip6-gre4":
      return "gre4";
    case "ip4-gre6":
    case "ip6-gre6":
      return "gre6";
    case "ip4-l3dsr":
      return "l3dsr";
    case "ip4-nat4":
      return "nat4";
    case "ip6-nat6":
      return "nat6";
  }
}

/** Whether servers of such a VIP have IPv4 addresses. */
export function encapIsV4(type: VipType): boolean {
  return type !== "ip6-gre6" && type !== "ip4-gre6" && type !== "ip6-nat6";
}

/** What a VIP's slot keeps of its encapsulation: for GRE the slot keeps what its last owner had there. */
export function encapArguments(
  body: BodyOf<typeof messages.lb_add_del_vip_v2>,
  type: VipType,
  stale: Vip | null | undefined,
): { encapOctet: number; targetPort: number } {
  const before = { encapOctet: stale?.encapOctet ?? 0, targetPort: stale?.targetPort ?? 0 };
  if (type === "ip4-l3dsr") return { ...before, encapOctet: body.dscp & 0x3f };
  if (isNat({ type })) {
    // The plugin keeps one octet of a number that it does not swap: of type 1 it sees the leading 0.
    return { encapOctet: body.type >>> 24, targetPort: body.target_port };
  }
  return before;
}

/** Whether the VIP rewrites addresses. VPP makes one for all ports too, and does not survive a server of it. */
export function isNat({ type }: Pick<Vip, "type">): boolean {
  return type === "ip4-nat4" || type === "ip6-nat6";
}
