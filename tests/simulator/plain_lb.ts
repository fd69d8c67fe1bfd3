/**
 * The lb plugin once more, as plain lists and without its pools: what its documentation would say if it had one.
 * Slow, and written to be read against the rules rather than against the simulator.
 */
import type { IpAddress } from "../../src/model.ts";
import { newFlowTable } from "../../src/lb/table/table.ts";
import { family, ip, ipFromOctets, octets } from "../../src/net/ip.ts";
import type { Operation } from "./operations.ts";

interface PlainServer {
  readonly address: IpAddress;
  weight: number;
  /** Null while in use, else the second of the delete. */
  deletedAt: number | null;
}

interface PlainVip {
  readonly prefix: string;
  readonly protocol: number;
  readonly port: number;
  readonly kind: string;
  readonly length: number;
  readonly sticky: boolean;
  collectedAt: number;
  deleted: boolean;
  servers: PlainServer[];
}

/** ::a.b.c.d is a.b.c.d to the plugin. */
export function plainAddress(address: IpAddress): IpAddress {
  if (family(address) === 4) return address;
  const list = octets(address);
  return list.subarray(0, 12).every((octet) => octet === 0) ? ipFromOctets(list.subarray(12)) : address;
}

/** The prefix with its host bits cleared, IPv4 where the plugin takes it for IPv4. */
export function plainPrefix(pfx: string): string {
  const [text = "", bits = ""] = pfx.split("/");
  const address = plainAddress(ip(text));
  const list = octets(address);
  const length = Number(bits) - (family(ip(text)) === 6 && list.length === 4 ? 96 : 0);
  const binary = [...list].map((octet) => octet.toString(2).padStart(8, "0")).join("");
  const cleared = binary.slice(0, length).padEnd(binary.length, "0");
  return `${ipFromOctets((cleared.match(/.{8}/g) ?? []).map((octet) => parseInt(octet, 2)))}/${length}`;
}

const NAMES = ["gre4", "gre6", "l3dsr", "nat4", "nat6"];

/** The plain plugin. */
export class PlainLb {
  vips: PlainVip[] = [];
  conf = { buckets: 1024, timeout: 40 };
  now = 1;

  /** Does one operation; returns the retval. */
  apply(operation: Operation): number {
    switch (operation.name) {
      case "wait":
        for (let second = 0; second < operation.seconds; second++) {
          this.now++;
          if (this.now % 60 === 0) this.#collectEverywhere();
        }
        return 0;
      case "lb_conf": {
        const { sticky_buckets_per_core: buckets, flow_timeout: timeout } = operation.body;
        if (buckets !== 0xffffffff && !Number.isInteger(Math.log2(buckets))) return -70;
        if (buckets !== 0xffffffff) this.conf.buckets = buckets;
        if (timeout !== 0xffffffff) this.conf.timeout = timeout;
        return 0;
      }
      case "lb_add_del_vip_v2":
        return operation.body.is_del ? this.#deleteVip(operation.body) : this.#addVip(operation.body);
      case "lb_add_del_as_v2": {
        const vip = this.#find(operation.body);
        if (vip === undefined) return -6;
        const address = plainAddress(operation.body.as_address);
        return operation.body.is_del
          ? this.#deleteServer(vip, address)
          : this.#addServer(vip, address, operation.body.weight);
      }
      case "lb_as_set_weight": {
        const address = plainAddress(operation.body.as_address);
        const server = this.#find(operation.body)?.servers.find((s) =>
          s.address === address && s.deletedAt === null
        );
        if (server === undefined) return -6;
        server.weight = operation.body.weight;
        return 0;
      }
    }
  }

  /** What a dump of all servers lists, deleted rows included, as sorted lines. */
  serverLines(): string[] {
    return this.vips.flatMap((vip) => {
      const used = vip.servers.filter(({ deletedAt }) => deletedAt === null);
      const counts = new Map<IpAddress | undefined, number>();
      for (const at of newFlowTable(vip.length, used).buckets) {
        counts.set(used[at]?.address, (counts.get(used[at]?.address) ?? 0) + 1);
      }
      return vip.servers.map(({ address, weight, deletedAt }) => {
        const buckets = deletedAt === null ? counts.get(address) ?? 0 : 0;
        return `${vip.prefix} ${vip.protocol} ${vip.port} ${address} ${
          deletedAt === null ? 1 : 0
        } ${weight} ${buckets}`;
      });
    }).sort();
  }

  /** What a dump of all VIPs lists, as sorted lines. */
  vipLines(): string[] {
    return this.vips.filter(({ deleted }) => !deleted)
      .map((v) => `${v.prefix} ${v.protocol} ${v.port} ${NAMES.indexOf(v.kind.slice(4))} ${v.length % 65536}`)
      .sort();
  }

  #find({ pfx, protocol, port }: { pfx: string; protocol: number; port: number }): PlainVip | undefined {
    const prefix = plainPrefix(pfx);
    return this.vips.find((vip) =>
      !vip.deleted && vip.prefix === prefix && vip.port === port && (port === 0 || vip.protocol === protocol)
    );
  }

  #addVip(body: Extract<Operation, { name: "lb_add_del_vip_v2" }>["body"]): number {
    const prefix = plainPrefix(body.pfx);
    const v = prefix.includes(":") ? 6 : 4;
    const fits = v === 4 ? ["gre4", "gre6", "l3dsr", "nat4"] : ["gre4", "gre6", "nat6"];
    const encap = NAMES[body.encap] ?? "";
    // What does not fit is taken for GRE6 in IPv6, which an IPv4 prefix cannot be.
    const kind = fits.includes(encap) ? `ip${v}-${encap}` : "ip6-gre6";
    const there = this.vips.filter((vip) => !vip.deleted && vip.prefix === prefix);
    if (this.#find(body) !== undefined) return -81;
    if (there.some(({ port }) => port === 0) || (body.port === 0 && there.length > 0)) return -81;
    if (there.some((vip) => vip.kind !== kind)) return -73;
    if (!Number.isInteger(Math.log2(body.new_flows_table_length))) return -70;
    if (!kind.startsWith(`ip${v}`)) return -97;
    this.vips.push({
      prefix,
      protocol: body.port === 0 ? 255 : body.protocol,
      port: body.port,
      kind,
      length: body.new_flows_table_length,
      sticky: body.src_ip_sticky,
      collectedAt: this.now,
      deleted: false,
      servers: [],
    });
    return 0;
  }

  #deleteVip(body: { pfx: string; protocol: number; port: number }): number {
    const vip = this.#find(body);
    if (vip === undefined) return -6;
    if (vip.servers.length > 0) this.#collect(vip);
    for (const server of vip.servers) server.deletedAt = this.now;
    vip.deleted = true;
    return 0;
  }

  #addServer(vip: PlainVip, address: IpAddress, weight: number): number {
    const present = vip.servers.find((server) => server.address === address);
    if (present?.deletedAt === null) return -81;
    if (present === undefined) {
      const wanted = /gre6|nat6/.test(vip.kind) ? 6 : 4;
      if (family(address) !== wanted) return -97;
      vip.servers.push({ address, weight, deletedAt: null });
    } else {
      present.deletedAt = null;
      present.weight = weight;
    }
    this.#collect(vip);
    return 0;
  }

  #deleteServer(vip: PlainVip, address: IpAddress): number {
    const server = vip.servers.find((server) => server.address === address);
    if (server === undefined) return -6;
    this.#collect(vip);
    server.deletedAt = this.now;
    return 0;
  }

  #collectEverywhere(): void {
    for (const vip of this.vips) this.#collect(vip);
    this.vips = this.vips.filter(({ deleted, servers }) => !deleted || servers.length > 0);
  }

  #collect(vip: PlainVip): void {
    if (this.now < vip.collectedAt + 60) return;
    vip.collectedAt = this.now;
    vip.servers = vip.servers.filter(({ deletedAt }) => deletedAt === null || this.now < deletedAt + 10);
  }
}
