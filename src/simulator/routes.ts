/**
 * The part of VPP's routing tables that a controller sees: one route a VIP prefix and one a server address, each
 * with the number of its counters (the `stats_index` of a route lookup, the `dpo` of the plugin's text).
 *
 * @module
 */
import { family, ip } from "../net/ip.ts";
import type { BodyOf, messages } from "../vpp/messages.ts";
import { addressOf, isV4, type LbPrefix, masked, type Octets, octetsOf, prefixIsV4 } from "./address.ts";
import { Pool } from "./pool.ts";

/** Fields of `ip_route_lookup`. */
export type LookupRequest = BodyOf<typeof messages.ip_route_lookup>;
/** Fields of its reply. */
export type LookupReply = BodyOf<typeof messages.ip_route_lookup_reply>;

const NO_SUCH_FIB = -3;
const NO_SUCH_ENTRY = -6;
/** Kinds of path in VPP's API. */
const PATH_NORMAL = 0;
const PATH_DROP = 2;
const NO_INTERFACE = 0xffffffff;

interface Route {
  readonly statsIndex: number;
  readonly version: 4 | 6;
  readonly octets: Octets;
  /** In bits of its own family. */
  readonly length: number;
  /** What it was before the plugin came, or null for a route that exists for the plugin only. */
  readonly base: number | null;
  /** Whether a VIP stands on it. */
  vip: boolean;
  /** How many rows of application servers hold it. */
  servers: number;
}

/** What an untouched VPP has; their indexes come first. */
const BASE: readonly (readonly [prefix: string, path: number])[] = [
  ["0.0.0.0/0", PATH_DROP],
  ["0.0.0.0/32", PATH_DROP],
  ["240.0.0.0/4", PATH_DROP],
  ["224.0.0.0/4", PATH_DROP],
  ["255.255.255.255/32", PATH_DROP],
  ["::/0", PATH_DROP],
  ["fe80::/10", PATH_NORMAL],
];

/** Routes of table 0, both families. */
export class Routes {
  readonly #routes = new Map<string, Route>();
  readonly #indexes = new Pool<number>();
  readonly #added: (statsIndex: number) => void;

  /** Makes the routes of an untouched VPP; `added` hears of every index that a route takes, to clear its counters. */
  constructor(added: (statsIndex: number) => void) {
    this.#added = added;
    for (const [text, path] of BASE) {
      const slash = text.indexOf("/");
      const address = ip(text.slice(0, slash));
      this.#make(family(address), octetsOf(address), Number(text.slice(slash + 1)), path);
    }
    // One more that belongs to no prefix, as in the VPP that was recorded: its first VIP got index 8.
    added(this.#indexes.take((index) => index));
  }

  /** Puts the route of a VIP's prefix there unless it is. */
  addVip(prefix: LbPrefix): void {
    this.#of(prefix).vip = true;
  }

  /** Takes the route of a VIP's prefix away. */
  removeVip(prefix: LbPrefix): void {
    const route = this.#of(prefix);
    route.vip = false;
    this.#dropUnused(route);
  }

  /** Counts one more row of the server at `octets`; returns the index of its route. */
  addServer(octets: Octets): number {
    const route = this.#of({ octets, length: 128 });
    route.servers++;
    return route.statsIndex;
  }

  /** Counts one row of the server less. */
  removeServer(octets: Octets): void {
    const route = this.#of({ octets, length: 128 });
    route.servers--;
    this.#dropUnused(route);
  }

  /** Index of the counters of a prefix of the plugin, or null without a route. */
  statsIndex(prefix: LbPrefix): number | null {
    return this.#routes.get(keyOf(prefix))?.statsIndex ?? null;
  }

  /** Answers `ip_route_lookup`. */
  lookup(request: LookupRequest): { retval: number; body: LookupReply } {
    const nothing: LookupReply = { table_id: 0, stats_index: 0, prefix: "0.0.0.0/0", paths: [] };
    if (request.table_id !== 0) return { retval: NO_SUCH_FIB, body: nothing };
    const slash = request.prefix.indexOf("/");
    const address = ip(request.prefix.slice(0, slash));
    const route = this.#find(
      family(address),
      octetsOf(address),
      Number(request.prefix.slice(slash + 1)),
      request.exact !== 0,
    );
    if (route === null) return { retval: NO_SUCH_ENTRY, body: nothing };
    const host = route.version === 4 ? addressOf(route.octets) : textOfV6(route.octets);
    const path = route.vip ? PATH_NORMAL : route.base ?? PATH_DROP;
    return {
      retval: 0,
      body: {
        table_id: request.table_id,
        stats_index: route.statsIndex,
        prefix: `${host}/${route.length}`,
        paths: [pathOf(path, route.version)],
      },
    };
  }

  #find(version: 4 | 6, octets: Octets, length: number, exact: boolean): Route | null {
    const offset = version === 4 ? 96 : 0;
    for (let bits = length; bits >= 0; bits--) {
      const found = this.#routes.get(`${version}/${masked(octets, bits + offset)}/${bits}`);
      if (found !== undefined) return found;
      if (exact) break;
    }
    return null;
  }

  #of(prefix: LbPrefix): Route {
    const version = prefixIsV4(prefix) ? 4 : 6;
    return this.#routes.get(keyOf(prefix)) ??
      this.#make(version, prefix.octets, prefix.length - (version === 4 ? 96 : 0), null);
  }

  #make(version: 4 | 6, octets: Octets, length: number, base: number | null): Route {
    const statsIndex = this.#indexes.take((index) => index);
    const route: Route = { statsIndex, version, octets, length, base, vip: false, servers: 0 };
    this.#routes.set(`${version}/${octets}/${length}`, route);
    this.#added(statsIndex);
    return route;
  }

  #dropUnused(route: Route): void {
    if (route.vip || route.servers > 0 || route.base !== null) return;
    this.#routes.delete(`${route.version}/${route.octets}/${route.length}`);
    this.#indexes.put(route.statsIndex);
  }
}

function keyOf(prefix: LbPrefix): string {
  const version = prefixIsV4(prefix) ? 4 : 6;
  return `${version}/${prefix.octets}/${prefix.length - (version === 4 ? 96 : 0)}`;
}

/** Unlike the plugin, routes know their family: ::/0 stays IPv6. */
function textOfV6(octets: Octets): string {
  return isV4(octets) ? ip(`::${octets.slice(24, 28)}:${octets.slice(28)}`) : addressOf(octets);
}

function pathOf(type: number, version: 4 | 6): LookupReply["paths"][number] {
  const label = { is_uniform: 0, label: 0, ttl: 0, exp: 0 };
  return {
    sw_if_index: NO_INTERFACE,
    table_id: 0,
    rpf_id: 0,
    weight: 1,
    preference: 0,
    type,
    flags: 0,
    proto: version === 4 ? 0 : 1,
    nh: { address: new Uint8Array(16), via_label: 0, obj_id: 0, classify_table_index: 0 },
    n_labels: 0,
    label_stack: new Array<typeof label>(16).fill(label),
  };
}
