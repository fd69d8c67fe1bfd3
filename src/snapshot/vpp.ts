/**
 * What VPP has and counted, as the API shows it. Pure.
 *
 * @module
 */
import { confView } from "../lb/report.ts";
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import { frontendVip, protocolName, vipId } from "../lb/vips.ts";
import type { ActualConf, ActualVip, IpAddress, UnixMillis, VipKey } from "../model.ts";
import type { Config } from "../configuration.ts";
import type { LbCounts } from "../vpp/counters.ts";
import type { VppInfo } from "../vpp/session.ts";

/** Finds the configuration's names for VPP's VIPs and servers. */
export class Names {
  readonly #frontends = new Map<
    string,
    { readonly name: string; readonly servers: ReadonlyMap<IpAddress, string> }
  >();
  readonly #backends = new Map<IpAddress, string>();
  /** VIPs that were shown; one that VPP still has as it was is the same object. */
  readonly #views = new WeakMap<ActualVip, api.Vip>();

  /**
   * Names of a configuration.
   *
   * @param previous address of the server that serves for a backend while its new address waits for a verdict
   */
  constructor(config: Config, previous: ReadonlyMap<string, IpAddress>) {
    for (const backend of config.backends.values()) {
      if (!this.#backends.has(backend.address)) this.#backends.set(backend.address, backend.name);
    }
    for (const [name, address] of previous) {
      if (!this.#backends.has(address)) this.#backends.set(address, name);
    }
    for (const frontend of config.frontends.values()) {
      const servers = new Map<IpAddress, string>();
      const members = frontend.pools.flatMap((pool) => pool.members.map(({ backend }) => backend));
      for (const name of members) {
        const address = previous.get(name);
        if (address !== undefined) servers.set(address, name);
      }
      for (const name of members) {
        const address = config.backends.get(name)?.address;
        if (address !== undefined && !servers.has(address)) servers.set(address, name);
      }
      this.#frontends.set(vipId(frontendVip(frontend)), { name: frontend.name, servers });
    }
  }

  /** One VIP as the API shows it; made once. */
  view(vip: ActualVip): api.Vip {
    const known = this.#views.get(vip);
    if (known !== undefined) return known;
    const made = vipView(vip, this);
    this.#views.set(vip, made);
    return made;
  }

  /** The frontend that a VIP belongs to; null: foreign. */
  frontend(vip: VipKey): string | null {
    return this.#frontends.get(vipId(vip))?.name ?? null;
  }

  /** The backend that a server of a VIP is; null: not in the configuration. */
  server(vip: VipKey, address: IpAddress): string | null {
    return this.#frontends.get(vipId(vip))?.servers.get(address) ?? null;
  }

  /** The first backend of an address, whatever frontend uses it; null: not in the configuration. */
  backend(address: IpAddress): string | null {
    return this.#backends.get(address) ?? null;
  }
}

function key(vip: VipKey, names: Names): Pick<api.Vip, "frontend" | "prefix" | "protocol" | "port"> {
  const { prefix, port } = vip;
  return { frontend: names.frontend(vip), prefix, protocol: protocolName(vip.protocol), port };
}

function vipView(vip: ActualVip, names: Names): api.Vip {
  return {
    ...key(vip, names),
    encap: vip.encap,
    src_ip_sticky: vip.srcIpSticky,
    flow_table_length: vip.tableLength,
    index: vip.index,
    application_servers: vip.servers.map((server) => ({
      address: server.address,
      backend: names.server(vip, server.address),
      weight: server.weight,
      flags: server.flags,
      num_buckets: server.numBuckets,
      in_use_since: server.inUseSince,
    })),
  };
}

/** Everything that was read of the lb plugin. */
export function lbStateView(
  readAt: UnixMillis,
  conf: ActualConf,
  vips: readonly ActualVip[],
  names: Names,
): api.LbState {
  return { read_at: timeText(readAt), conf: confView(conf), vips: vips.map((vip) => names.view(vip)) };
}

/** Counters as last read; null: none were read in this session. */
export function countersView(counts: LbCounts | null, names: Names): api.LbCounters {
  if (counts === null) return { read_at: null, vips: [], servers: [], unmatched: 0 };
  return {
    read_at: timeText(counts.readAt),
    vips: counts.vips.map((vip) => ({
      ...key(vip, names),
      next: vip.next,
      first: vip.first,
      untracked: vip.untracked,
      no_server: vip.noServer,
      packets: vip.packets,
      bytes: vip.bytes,
    })),
    servers: counts.servers.map((server) => ({
      address: server.address,
      backend: names.backend(server.address),
      packets: server.packets,
      bytes: server.bytes,
      vips: server.vips.map((vip) => key(vip, names)),
    })),
    unmatched: counts.unmatched,
  };
}

/** The VPP of the present session. */
export function vppInfoView(info: VppInfo): api.VppInfo {
  const boottime = info.bootTime * 1000;
  return {
    version: info.version,
    build_date: info.buildDate,
    build_directory: info.buildDirectory,
    pid: info.pid,
    boottime_ns: nanosText(boottime),
    connecttime_ns: nanosText(info.connectedAt),
    boottime: timeText(boottime),
    connecttime: timeText(info.connectedAt),
  };
}
