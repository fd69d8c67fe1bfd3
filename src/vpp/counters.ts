/**
 * What VPP counts for each VIP and each application server.
 *
 * The lb plugin counts packets by VIP index. Octets come from the routes: `/net/route/to` of a VIP's prefix counts
 * what came for it, `/net/route/via` of a server's host route what was sent to it after encapsulation. The columns
 * of those are found by `ip_route_lookup`, which holds VPP's workers, so only when VIPs or servers changed.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { ActualVip, IpAddress, UnixMillis, VipKey } from "../model.ts";
import { hostPrefix } from "../net/ip.ts";
import type { VppClient } from "./client.ts";
import { calls } from "./messages.ts";
import type { Outcome, Segment } from "./segment.ts";
import { type Pulse, readPulse, STAT_NAMES, type StatsSource, VIP_COUNTERS } from "./stats.ts";

/** Counters of one VIP. Packets and octets of the route are those of the prefix: all its VIPs show the same. */
export interface VipCounts extends VipKey {
  /** Packets of flows that were known. */
  readonly next: number;
  /** First packets of flows. */
  readonly first: number;
  /** Packets of flows that found no place in the sticky table. */
  readonly untracked: number;
  /** Packets dropped because no server had a weight. */
  readonly noServer: number;
  /** Packets to the VIP's prefix. */
  readonly packets: number;
  /** Octets to the VIP's prefix. */
  readonly bytes: number;
}

/** Counters of one server, summed over all VIPs that share it. */
export interface ServerCounts {
  /** The server. */
  readonly address: IpAddress;
  /** Packets sent to it, after encapsulation. */
  readonly packets: number;
  /** Octets sent to it, after encapsulation. */
  readonly bytes: number;
  /** VIPs that share it. */
  readonly vips: readonly VipKey[];
}

/** All counters of one moment. */
export interface LbCounts {
  /** When they were read. */
  readonly readAt: UnixMillis;
  /** In VPP's order; without those whose index is not known. */
  readonly vips: readonly VipCounts[];
  /** In the order in which VPP first names them. */
  readonly servers: readonly ServerCounts[];
  /** Packets to a VIP's address on a port that no VIP has. */
  readonly unmatched: number;
}

/** Route lookups in flight at a time. */
const MAX_IN_FLIGHT = 32;
/** Column of the plugin's counters that belongs to no VIP. */
const UNMATCHED = 0;

/** Stands for the column of a route that VPP does not have: beyond every row, so it counts 0. */
const NO_COLUMN = Infinity;

/** Which columns to read, worked out once for a set of VIPs and servers. */
interface Layout {
  /** The VIPs it was worked out for. */
  readonly of: readonly ActualVip[];
  readonly vips: readonly (VipKey & { readonly prefixRow: number })[];
  /** VIP indexes in the order of `vips`, then column 0. */
  readonly vipColumns: readonly number[];
  /** Route column of each distinct prefix, or NO_COLUMN. */
  readonly prefixColumns: readonly number[];
  readonly servers: readonly { readonly address: IpAddress; readonly vips: readonly VipKey[] }[];
  readonly serverColumns: readonly number[];
}

/** Whether the same columns belong to both: the same VIPs in the same order, with the same servers. */
function sameColumns(a: readonly ActualVip[], b: readonly ActualVip[]): boolean {
  return a.length === b.length && a.every((one, i) => {
    const other = b[i];
    return other !== undefined && one.prefix === other.prefix && one.protocol === other.protocol &&
      one.port === other.port && one.index === other.index && one.servers.length === other.servers.length &&
      one.servers.every((server, n) => server.address === other.servers[n]?.address);
  });
}

function keyOf({ prefix, protocol, port }: VipKey): VipKey {
  return { prefix, protocol, port };
}

/** Reads the counters of one session. Owns neither the session nor the segment. */
export class Counters {
  readonly #client: VppClient;
  readonly #stats: StatsSource;
  readonly #clock: Clock;
  /** Replaced only by VIPs that have other columns. */
  #vips: readonly ActualVip[] = [];
  #layout: Layout | null = null;
  #counts: LbCounts | null = null;

  /** Counts by `stats`; asks for routes by `client`. */
  constructor(client: VppClient, stats: StatsSource, clock: Clock) {
    this.#client = client;
    this.#stats = stats;
    this.#clock = clock;
  }

  /** The last counters that were read, or null. */
  get counts(): LbCounts | null {
    return this.#counts;
  }

  /** VPP's VIPs and servers as they were just read; columns that are not known are looked up at the next poll. */
  setVips(vips: readonly ActualVip[]): void {
    if (!sameColumns(this.#vips, vips)) this.#vips = vips;
  }

  /**
   * Reads all counters, and what tells that VPP is alive. `ok` renews `counts`; after anything else the old ones
   * stay. Rejects with VppSessionError when the session ends.
   */
  async poll(): Promise<Outcome<Pulse>> {
    let layout = this.#layout;
    if (layout?.of !== this.#vips) {
      layout = await this.#lookUp(this.#vips);
      this.#layout = layout;
    }
    const read = await this.#stats.read((segment) => ({
      pulse: readPulse(segment),
      ...readCounters(segment, layout),
    }));
    if (read.outcome !== "ok") return read;
    const { pulse, vips, servers, unmatched } = read.value;
    this.#counts = { readAt: this.#clock.wall(), vips, servers, unmatched };
    return { outcome: "ok", value: pulse };
  }

  async #lookUp(vips: readonly ActualVip[]): Promise<Layout> {
    const prefixes = new Map<string, number>();
    const servers = new Map<IpAddress, VipKey[]>();
    const rows: (VipKey & { readonly prefixRow: number })[] = [];
    const vipColumns: number[] = [];
    for (const vip of vips) {
      for (const { address } of vip.servers) {
        const sharing = servers.get(address) ?? [];
        sharing.push(keyOf(vip));
        servers.set(address, sharing);
      }
      if (vip.index === null) continue;
      const prefixRow = prefixes.get(vip.prefix) ?? prefixes.size;
      prefixes.set(vip.prefix, prefixRow);
      rows.push({ ...keyOf(vip), prefixRow });
      vipColumns.push(vip.index);
    }
    const columns = await this.#routes([...prefixes.keys(), ...[...servers.keys()].map(hostPrefix)]);
    return {
      of: vips,
      vips: rows,
      vipColumns: [...vipColumns, UNMATCHED],
      prefixColumns: columns.slice(0, prefixes.size),
      servers: [...servers].map(([address, sharing]) => ({ address, vips: sharing })),
      serverColumns: columns.slice(prefixes.size),
    };
  }

  /** Stats indexes of the routes to exactly these prefixes; NO_COLUMN where VPP has none. */
  async #routes(prefixes: readonly string[]): Promise<number[]> {
    const columns = new Array<number>(prefixes.length).fill(NO_COLUMN);
    let next = 0;
    const work = async (): Promise<void> => {
      for (let i = next++; i < prefixes.length; i = next++) {
        const prefix = prefixes[i] ?? "";
        const { retval, body } = await this.#client.request(calls.ipRouteLookup, {
          table_id: 0,
          exact: 1,
          prefix,
        });
        if (retval === 0 && body !== null) columns[i] = body.stats_index;
      }
    };
    await Promise.all(Array.from({ length: MAX_IN_FLIGHT }, work));
    return columns;
  }
}

function readCounters(segment: Segment, layout: Layout): Omit<LbCounts, "readAt"> {
  const places = segment.find(STAT_NAMES);
  // The plugin's counters appear with the first VIP; until then, and for a column that is not there, all is 0.
  const simple = VIP_COUNTERS.map((name) => {
    const place = places.get(name);
    return place === undefined ? [] : segment.sumSimple(place, layout.vipColumns);
  });
  const routes = (
    name: (typeof STAT_NAMES)[number],
    columns: readonly number[],
  ): ArrayLike<number> => {
    const place = places.get(name);
    return place === undefined ? [] : segment.sumCombined(place, columns);
  };
  const to = routes("/net/route/to", layout.prefixColumns);
  const via = routes("/net/route/via", layout.serverColumns);
  const [next = [], first = [], untracked = [], noServer = []] = simple;
  return {
    vips: layout.vips.map(({ prefix, protocol, port, prefixRow }, i) => ({
      prefix,
      protocol,
      port,
      next: next[i] ?? 0,
      first: first[i] ?? 0,
      untracked: untracked[i] ?? 0,
      noServer: noServer[i] ?? 0,
      packets: to[2 * prefixRow] ?? 0,
      bytes: to[2 * prefixRow + 1] ?? 0,
    })),
    servers: layout.servers.map((server, i) => ({
      ...server,
      packets: via[2 * i] ?? 0,
      bytes: via[2 * i + 1] ?? 0,
    })),
    unmatched: simple.reduce((sum, counter) => sum + (counter[layout.vips.length] ?? 0), 0),
  };
}
