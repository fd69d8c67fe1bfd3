/**
 * Packets through a simulated VPP: which server they go to, and which counters they move. The choice is the
 * exact one of the new-flow table and the flow hash, and a flow once begun stays where it is.
 *
 * @module
 */
import type { IpAddress } from "../model.ts";
import { flowHash } from "../lb/table/flow.ts";
import { type FlowTable, newFlowTable, serverOf } from "../lb/table/table.ts";
import { family, hostPrefix } from "../net/ip.ts";
import { lbPrefixOf, masked } from "./address.ts";
import { FLAG_USED, rowOf, type Vip } from "./vip.ts";
import type { SimulatedVpp } from "./vpp.ts";
import { octetsOf } from "./address.ts";
import type { VipCounter } from "./statsegment.ts";

/** Packets of one flow. */
export interface Packets {
  /** Source address. */
  readonly client: IpAddress;
  /** Source port. */
  readonly clientPort: number;
  /** Destination address. */
  readonly vip: IpAddress;
  /** Destination port. */
  readonly port: number;
  /** 6 or 17. */
  readonly protocol: number;
  /** How many, default 1. */
  readonly packets?: number;
  /** Octets of each as it arrives, default 100. */
  readonly octets?: number;
  /** Thread that forwards them, default 0. */
  readonly thread?: number;
}

/** Octets that an encapsulation adds. */
const OVERHEAD = { gre4: 24, gre6: 44 } as const;

/** Computed tables; a table is good until its VIP's next rebuild. */
const tables = new WeakMap<Vip, { readonly rebuilds: number; readonly table: FlowTable }>();

/**
 * Sends packets of one flow.
 *
 * @param now Seconds since VPP's start.
 * @returns The server that they went to; null when they were dropped.
 * @throws {VppCrash} For a sticky table that VPP cannot make.
 */
export function forward(vpp: SimulatedVpp, flow: Packets, now: number): IpAddress | null {
  const { packets = 1, octets = 100, thread = 0 } = flow;
  const hit = vipFor(vpp, flow);
  if (hit === null) return null;
  const { prefix, vip } = hit;
  const toVip = vpp.routes.statsIndex(prefix);
  if (toVip !== null) vpp.stats.countRoute("/net/route/to", toVip, packets, packets * octets, thread);
  const count = (name: VipCounter, n: number): void => {
    if (n > 0) vpp.stats.countVip(name, vip?.index ?? 0, n, thread);
  };
  if (vip === null) {
    count("no server configured", packets);
    return null;
  }
  const hash = flowHash({
    client: flow.client,
    clientPort: flow.clientPort,
    vip: flow.vip,
    vipPort: flow.port,
    srcIpSticky: vip.sticky,
  });
  if (vpp.heap.forward(thread, vpp.lb.conf.sticky_buckets_per_core)) vpp.lb.sticky.clear();
  const timeout = vpp.lb.conf.flow_timeout;
  const pinned = vpp.lb.sticky.find(vip.index, hash, now, timeout);
  const address = pinned === null ? serverOf(tableOf(vip), hash)?.address : undefined;
  const row = pinned === null
    ? address === undefined ? undefined : rowOf(vip, octetsOf(address))
    : [...vip.servers].find(({ row }) => row.index === pinned)?.row;
  if (row === undefined) {
    count("no server configured", packets);
    return null;
  }
  if (pinned === null) vpp.lb.sticky.pin(vip.index, hash, row.index, now, timeout);
  count("first session packet", pinned === null ? 1 : 0);
  count("packet from existing sessions", pinned === null ? packets - 1 : packets);
  const overhead = vip.type.endsWith("gre6") ? OVERHEAD.gre6 : vip.type.endsWith("gre4") ? OVERHEAD.gre4 : 0;
  vpp.stats.countRoute("/net/route/via", row.dpo, packets, packets * (octets + overhead), thread);
  return row.address;
}

/** The VIP of a packet: null inside for an address that has VIPs but none on this port; null for no VIP at all. */
function vipFor(
  vpp: SimulatedVpp,
  { vip: address, protocol, port }: Packets,
): { prefix: { octets: string; length: number }; vip: Vip | null } | null {
  const host = lbPrefixOf(hostPrefix(address));
  for (let length = host.length; length >= (family(address) === 4 ? 96 : 0); length--) {
    const octets = masked(host.octets, length);
    const here = [...vpp.lb.vips()].filter((one) => one.octets === octets && one.length === length);
    if (here.length === 0) continue;
    const vip = here.find((one) => one.port === 0 || (one.port === port && one.protocol === protocol));
    return { prefix: { octets, length }, vip: vip ?? null };
  }
  return null;
}

function tableOf(vip: Vip): FlowTable {
  const known = tables.get(vip);
  if (known !== undefined && known.rebuilds === vip.rebuilds) return known.table;
  const servers = [...vip.servers].map(({ row }) => row).filter(({ flags }) => (flags & FLAG_USED) !== 0);
  const table = newFlowTable(vip.tableLength, servers.map(({ address, weight }) => ({ address, weight })));
  tables.set(vip, { rebuilds: vip.rebuilds, table });
  return table;
}
