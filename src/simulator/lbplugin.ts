/**
 * The state of VPP's lb plugin and what its messages do to it, error for error. It knows neither sockets nor
 * time: whoever calls gives the seconds since VPP's start.
 *
 * A server that is deleted keeps its row, without the flag, until the collection of its VIP: at the next change
 * of a server of that VIP or when VPP collects everywhere, 60 s after the last collection, and not within 10 s of
 * the delete nor while a flow refers to it. A VIP that is deleted keeps its index until VPP collects everywhere
 * and finds no row left in it: every 60 s, and at some commands.
 *
 * @module
 */
import { ip } from "../net/ip.ts";
import type { BodyOf, messages } from "../vpp/messages.ts";
import {
  addressOf,
  isV4,
  type LbPrefix,
  lbPrefixOf,
  type Octets,
  octetsOf,
  prefixIsV4,
  prefixText,
  toHex,
} from "./address.ts";
import { Pool } from "./pool.ts";
import type { MainHeap } from "./mainheap.ts";
import type { Routes } from "./routes.ts";
import { StickyTable } from "./sticky.ts";
import {
  dumpedRows,
  encapArguments,
  encapIsV4,
  encapOf,
  encaps,
  FLAG_USED,
  forget,
  isNat,
  rebuild,
  rowOf,
  type ServerRow,
  typeOf,
  type Vip,
} from "./vip.ts";

/** Fields of a message by its name. */
export type Body<Name extends keyof typeof messages> = BodyOf<(typeof messages)[Name]>;

/** Errors of the plugin, by their names in VPP without the prefix. */
export const retvals = {
  NO_SUCH_ENTRY: -6,
  INVALID_MEMORY_SIZE: -70,
  INVALID_ARGUMENT: -73,
  VALUE_EXIST: -81,
  INVALID_ADDRESS_FAMILY: -97,
} as const;

const LB_GARBAGE_RUN = 60;
const LB_CONCURRENCY_TIMEOUT = 10;
const KEEP = 0xffffffff;
const ANY = 255;

/** VPP is gone: it did what makes the real one end. */
export class VppCrash extends Error {
  /** Makes the end of a VPP for the reason in `text`. */
  constructor(text: string) {
    super(text);
    this.name = "VppCrash";
  }
}

/** What the plugin touches outside of itself. */
export interface Surroundings {
  /** VIPs and servers put their routes there. */
  readonly routes: Routes;
  /** New-flow tables take their memory there. */
  readonly heap: MainHeap;
  /** A VIP took this index: its counters exist from now on and are cleared. */
  vipAdded(index: number): void;
  /** The caller did what VPP does not forgive, although it answered. */
  hazard(text: string): void;
}

/** The plugin. Methods named like messages take their fields and return their retval. */
export class LbPlugin {
  /** Global settings, as `lb_conf_get` reports them. */
  conf: Body<"lb_conf_get_reply"> = {
    ip4_src_address: ip("255.255.255.255"),
    ip6_src_address: ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    sticky_buckets_per_core: 1024,
    flow_timeout: 40,
  };
  /** Flows that are pinned to servers. */
  readonly sticky: StickyTable = new StickyTable();

  readonly #around: Surroundings;
  /** Index 0 is the plugin's own placeholder, null here. */
  readonly #vips = new Pool<Vip | null>();
  readonly #servers = new Pool<ServerRow | null>();
  /** By the 16 octets of the prefix, in order of index, deleted ones too: what lookups and filters go through. */
  readonly #byOctets = new Map<Octets, Vip[]>();

  /** Makes the plugin of a VPP that just started. */
  constructor(around: Surroundings) {
    this.#around = around;
    this.#vips.take(() => null);
    this.#servers.take(() => null);
  }

  /** Number of VIPs with the placeholder and deleted ones, as `show lb` counts. */
  get vipCount(): number {
    return this.#vips.size;
  }

  /** Number of rows of servers, deleted ones too, as `show lb` counts. */
  get serverCount(): number {
    return this.#servers.size - 1;
  }

  /** `lb_conf`. */
  lb_conf(body: Body<"lb_conf">): number {
    const keep = (value: number, present: number): number => value === KEEP ? present : value;
    const conf = {
      ...body,
      sticky_buckets_per_core: keep(body.sticky_buckets_per_core, this.conf.sticky_buckets_per_core),
      flow_timeout: keep(body.flow_timeout, this.conf.flow_timeout),
    };
    if (!isPowerOfTwoOrZero(conf.sticky_buckets_per_core)) return retvals.INVALID_MEMORY_SIZE;
    this.conf = conf;
    return 0;
  }

  /**
   * `lb_add_del_vip_v2`.
   *
   * @param now Seconds since VPP's start, whole.
   * @throws {VppCrash} For a table length that VPP tries to allocate and cannot.
   */
  lb_add_del_vip_v2(body: Body<"lb_add_del_vip_v2">, now: number): number {
    const prefix = lbPrefixOf(body.pfx);
    const protocol = body.port === 0 ? ANY : body.protocol;
    return body.is_del
      ? this.#deleteVip(prefix, protocol, body.port, now)
      : this.#addVip(body, prefix, protocol, now);
  }

  /**
   * `lb_add_del_as_v2`.
   *
   * @param now Seconds since VPP's start, whole.
   * @throws {VppCrash} For a new server of a NAT VIP for all ports.
   */
  lb_add_del_as_v2(body: Body<"lb_add_del_as_v2">, now: number): number {
    const vip = this.#vipOf(body);
    if (vip === undefined) return retvals.NO_SUCH_ENTRY;
    const octets = octetsOf(body.as_address);
    return body.is_del
      ? this.#deleteServers(vip, [octets], body.is_flush, now)
      : this.#addServer(vip, octets, body.weight, body.is_flush, now);
  }

  /** `lb_as_set_weight`. */
  lb_as_set_weight(body: Body<"lb_as_set_weight">): number {
    const vip = this.#vipOf(body);
    if (vip === undefined) return retvals.NO_SUCH_ENTRY;
    const row = rowOf(vip, octetsOf(body.as_address));
    if (row === undefined || (row.flags & FLAG_USED) === 0) return retvals.NO_SUCH_ENTRY;
    row.weight = body.weight;
    this.#rebuild(vip);
    if (body.is_flush) this.sticky.flush(vip.index, row.index);
    return 0;
  }

  /** `lb_flush_vip`: always 0. */
  lb_flush_vip(body: Body<"lb_flush_vip">): number {
    const vip = this.#vipOf(body);
    if (vip === undefined) {
      this.#around.hazard(
        `lb_flush_vip of ${body.pfx} ${body.protocol}/${body.port}, which is not there: VPP uses an index that it never set`,
      );
    } else {
      this.sticky.flush(vip.index, null);
    }
    return 0;
  }

  /** VIPs in the order of their indexes; with `deleted` also those that are gone for the API. */
  *vips(deleted = false): Generator<Vip> {
    for (const vip of this.#vips) if (vip !== null && (deleted || vip.used)) yield vip;
  }

  /** The VIP that `lb_vip_find_index` finds. */
  find(prefix: LbPrefix, protocol: number, port: number): Vip | undefined {
    return this.#onPrefix(prefix).find((vip) => vip.protocol === protocol && vip.port === port);
  }

  /** The VIP of an index, if it is one. */
  byIndex(index: number): Vip | null {
    return this.#vips.get(index) ?? null;
  }

  /** The rows of `lb_vip_dump`; its filter has no effect. */
  *lb_vip_dump(): Generator<Body<"lb_vip_details">> {
    for (const { listed } of this.vips()) yield listed;
  }

  /**
   * The rows of `lb_as_v2_dump`. Sixteen zero octets list everything; otherwise the octets, the protocol and the
   * port must equal the plugin's own, the prefix length and the af octet do not matter. Rows of deleted VIPs are
   * listed too.
   */
  *lb_as_v2_dump(body: Body<"lb_as_v2_dump">): Generator<Body<"lb_as_v2_details">> {
    const octets = toHex(body.pfx.octets);
    const all = /^0+$/.test(octets);
    for (const vip of all ? this.vips(true) : this.#byOctets.get(octets) ?? []) {
      if (all || (vip.protocol === body.protocol && vip.port === body.port)) yield* dumpedRows(vip);
    }
  }

  /** The rows of `lb_as_dump`, filtered as those of `lb_as_v2_dump`. */
  *lb_as_dump(body: Body<"lb_as_dump">): Generator<Body<"lb_as_details">> {
    for (const { weight: _weight, num_buckets: _buckets, ...row } of this.lb_as_v2_dump(body)) yield row;
  }

  /** Collects in every VIP that is due and frees the indexes of deleted VIPs without rows: VPP does so every 60 s. */
  collect(now: number): void {
    for (const vip of [...this.vips(true)]) {
      this.#collectServers(vip, now);
      if (vip.used || vip.servers.size > 0) continue;
      this.#around.heap.freeTable(vip.tableLength);
      this.#vips.put(vip.index);
      const rest = this.#byOctets.get(vip.octets)?.filter((other) => other !== vip) ?? [];
      if (rest.length > 0) this.#byOctets.set(vip.octets, rest);
      else this.#byOctets.delete(vip.octets);
    }
  }

  #vipOf(body: { readonly pfx: string; readonly protocol: number; readonly port: number }): Vip | undefined {
    return this.find(lbPrefixOf(body.pfx), body.port === 0 ? ANY : body.protocol, body.port);
  }

  #onPrefix({ octets, length }: LbPrefix): Vip[] {
    return (this.#byOctets.get(octets) ?? []).filter((vip) => vip.used && vip.length === length);
  }

  #addVip(body: Body<"lb_add_del_vip_v2">, prefix: LbPrefix, protocol: number, now: number): number {
    const { port, new_flows_table_length: tableLength } = body;
    const v4 = prefixIsV4(prefix);
    const type = typeOf(v4, body.encap);
    const others = this.#onPrefix(prefix);
    const same = (vip: Vip): boolean => vip.protocol === protocol && vip.port === port;
    if (others.some(same)) return retvals.VALUE_EXIST;
    if (others.some((vip) => (vip.port === 0) !== (port === 0))) return retvals.VALUE_EXIST;
    if (others.some((vip) => vip.type !== type)) return retvals.INVALID_ARGUMENT;
    if (!isPowerOfTwoOrZero(tableLength)) return retvals.INVALID_MEMORY_SIZE;
    if (v4 !== type.startsWith("ip4")) return retvals.INVALID_ADDRESS_FAMILY;
    // 0 passes VPP's own test, and wraps.
    this.#around.heap.makeTable(tableLength === 0 ? 2 ** 32 : tableLength);
    const vip = this.#vips.take((index, stale): Vip => {
      const shown = { pfx: prefixText(prefix), protocol, port };
      const { encapOctet, targetPort } = encapArguments(body, type, stale);
      return {
        ...prefix,
        index,
        protocol,
        port,
        type,
        encapOctet,
        targetPort,
        sticky: body.src_ip_sticky,
        tableLength,
        used: true,
        lastCollection: now,
        servers: new Pool(),
        shown,
        listed: {
          vip: shown,
          encap: encaps[encapOf(type)],
          dscp: encapOctet,
          srv_type: encapOctet,
          target_port: targetPort,
          flow_table_length: tableLength & 0xffff,
        },
        buckets: null,
        dumped: null,
        rebuilds: 1,
      };
    });
    if (vip === null) throw new TypeError("Cannot happen: the placeholder was taken again");
    const list = [...this.#byOctets.get(prefix.octets) ?? [], vip];
    this.#byOctets.set(prefix.octets, list.sort((a, b) => a.index - b.index));
    this.#around.vipAdded(vip.index);
    this.#around.routes.addVip(prefix);
    return 0;
  }

  #deleteVip(prefix: LbPrefix, protocol: number, port: number, now: number): number {
    const vip = this.find(prefix, protocol, port);
    if (vip === undefined) return retvals.NO_SUCH_ENTRY;
    const rows = [...vip.servers].map(({ row }) => row.octets);
    if (rows.length > 0) this.#deleteServers(vip, rows, false, now);
    vip.used = false;
    if (this.#onPrefix(prefix).length === 0) this.#around.routes.removeVip(prefix);
    return 0;
  }

  #addServer(vip: Vip, octets: Octets, weight: number, flush: boolean, now: number): number {
    const present = rowOf(vip, octets);
    if (present !== undefined) {
      if ((present.flags & FLAG_USED) !== 0) return retvals.VALUE_EXIST;
      present.flags = FLAG_USED;
      present.weight = weight;
      if (flush) this.sticky.flush(vip.index, present.index);
    } else {
      if (isV4(octets) !== encapIsV4(vip.type)) return retvals.INVALID_ADDRESS_FAMILY;
      if (isNat(vip) && vip.port === 0) {
        throw new VppCrash(
          `${addressOf(octets)}: VPP has no node for the servers of a NAT VIP for all ports`,
        );
      }
      const row = this.#servers.take((index, stale) => ({
        index,
        octets,
        address: addressOf(octets),
        flags: FLAG_USED,
        weight,
        lastUsed: stale?.lastUsed ?? 0,
        dpo: this.#around.routes.addServer(octets),
      }));
      if (row === null) throw new TypeError("Cannot happen: the placeholder was taken again");
      vip.servers.take((slot) => ({ slot, row }));
    }
    this.#rebuild(vip);
    this.#collectServers(vip, now);
    return 0;
  }

  #deleteServers(vip: Vip, list: readonly Octets[], flush: boolean, now: number): number {
    const rows: ServerRow[] = [];
    for (const octets of list) {
      const row = rowOf(vip, octets);
      if (row === undefined) return retvals.NO_SUCH_ENTRY;
      rows.push(row);
    }
    // It collects before it marks, so a row may be freed first and marked afterwards; that stays without effect.
    this.#collectServers(vip, now);
    for (const row of rows) {
      row.flags &= ~FLAG_USED;
      row.lastUsed = now;
      if (flush) this.sticky.flush(vip.index, row.index);
    }
    this.#rebuild(vip);
    return 0;
  }

  /** The new-flow table follows a change of servers or weights. */
  #rebuild(vip: Vip): void {
    this.#around.heap.remakeTable(vip.tableLength);
    rebuild(vip);
  }

  #collectServers(vip: Vip, now: number): void {
    if (now - vip.lastCollection < LB_GARBAGE_RUN) return;
    vip.lastCollection = now;
    for (const { slot, row } of [...vip.servers]) {
      const idle = now - row.lastUsed >= LB_CONCURRENCY_TIMEOUT;
      if ((row.flags & FLAG_USED) !== 0 || !idle || this.sticky.references(row.index) > 0) continue;
      this.#around.routes.removeServer(row.octets);
      vip.servers.put(slot);
      this.#servers.put(row.index);
    }
    forget(vip);
  }
}

/** VPP's own test lets 0 pass. */
function isPowerOfTwoOrZero(value: number): boolean {
  return (value & (value - 1)) === 0;
}
