/**
 * The running configuration, the states of backends and their witnesses, to the VIPs and application servers that
 * VPP should have. Pure.
 *
 * @module
 */
import { frontendWeights, type MemberStatus } from "../health/frontend.ts";
import type { ActualConf, ActualVip, Encap, Family, IpAddress, State, VipKey } from "../model.ts";
import type { Config, Frontend } from "../configuration.ts";
import { family } from "../net/ip.ts";
import { frontendVip, sortedByVip, vipId } from "./vips.ts";

/** An application server that a VIP should have. */
export interface DesiredServer {
  /** Where VPP sends the packets. */
  readonly address: IpAddress;
  /** Name in the configuration. */
  readonly backend: string;
  /** Pool of the frontend in which the backend stands. */
  readonly pool: string;
  /** State that the backend is judged by; see `MemberWeight.judged`. */
  readonly state: State;
  /** False: judged by its witness while it is unknown. */
  readonly known: boolean;
  /** Weight of the running configuration, 0…100. */
  readonly configured: number;
  /** Weight that VPP should have, 0…255: VPP may have what no configuration can. */
  readonly weight: number;
}

/** A VIP that VPP should have. */
export interface DesiredVip {
  /** `vipId` of `vip`. */
  readonly id: string;
  /** Identity in VPP. */
  readonly vip: VipKey;
  /** Name in the configuration. */
  readonly frontend: string;
  /** GRE4 or GRE6, after the servers' family: it names the outer header. */
  readonly encap: Encap;
  /** Whether VPP hashes on the addresses alone. */
  readonly srcIpSticky: boolean;
  /** Entries, a power of two. */
  readonly tableLength: number;
  /** True: a live VIP keeps the length it has. */
  readonly tableLengthAuto: boolean;
  /** The pool whose members carry weight. */
  readonly activePool: string;
  /** All members of all pools, those outside the active pool at weight 0, so that failover only changes weights. */
  readonly servers: readonly DesiredServer[];
}

/** A server on a VIP, in the words of the plan. */
export interface GuardedServer {
  /** `vipId` of the VIP. */
  readonly vip: string;
  /** Where VPP sends the packets. */
  readonly address: IpAddress;
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the backend; null: none that is known. */
  readonly backend: string | null;
}

/** State of a backend by its name. */
export type StatusOf = (backend: string) => MemberStatus;

/** What is known of VPP's servers, by `vipId`. */
export interface KnownServers {
  /** Weight that the first full read of this process showed for a server on a VIP, 0…255; null: none. */
  witness(vip: string, address: IpAddress): number | null;
  /** Weight of a server on a VIP as VPP has it, as last read or changed; null: none, or not read. */
  weight(vip: string, address: IpAddress): number | null;
}

function encapOf(servers: Family): Encap {
  return servers === 6 ? "gre6" : "gre4";
}

/** Family of the configured addresses of a frontend's members; a checked configuration has but one. */
function configuredFamily(config: Config, frontend: Frontend): Family {
  for (const { members } of frontend.pools) {
    for (const { backend } of members) {
      const address = config.backends.get(backend)?.address;
      if (address !== undefined) return family(address);
    }
  }
  return 4;
}

function wantedVip(config: Config, frontend: Frontend, status: StatusOf, known: KnownServers): DesiredVip {
  const vip = frontendVip(frontend);
  const id = vipId(vip);
  const weights = frontendWeights(frontend, {
    status,
    address: (backend) => config.backends.get(backend)?.address ?? null,
    witness: (address) => known.witness(id, address),
    inVpp: (address) => known.weight(id, address),
  });
  const servers: DesiredServer[] = [];
  for (const member of weights.members) {
    const { address, backend, configured, effective, judged, pool } = member;
    // A checked configuration has every member; a state named `removed` is on its way out of it.
    if (address === null || member.state === "removed") continue;
    servers.push({
      address,
      backend,
      pool,
      state: judged,
      known: member.known,
      configured,
      weight: effective,
    });
  }
  return {
    id,
    vip,
    frontend: frontend.name,
    encap: encapOf(configuredFamily(config, frontend)),
    srcIpSticky: frontend.srcIpSticky,
    tableLength: frontend.newFlowsTableLength,
    tableLengthAuto: frontend.newFlowsTableLengthAuto,
    activePool: weights.activePool,
    servers,
  };
}

/**
 * One family for all VIPs of a prefix, as VPP wants it. A reload may move backends to the other family, and each has
 * its verdict at another time: the family that carries more weight is the one, else the previous one while it has
 * servers. Servers of the other family are left out.
 */
function oneFamily(vips: readonly DesiredVip[]): readonly DesiredVip[] {
  const configured: Family = vips[0]?.encap === "gre6" ? 6 : 4;
  const strangers = vips.flatMap((vip) => vip.servers).filter(({ address }) =>
    family(address) !== configured
  );
  if (strangers.length === 0) return vips;
  const carried = (of: Family) =>
    vips.flatMap((vip) => vip.servers).reduce((sum, s) => family(s.address) === of ? sum + s.weight : sum, 0);
  const previous: Family = configured === 4 ? 6 : 4;
  const chosen = carried(configured) > carried(previous) ? configured : previous;
  return vips.map((vip) => ({
    ...vip,
    encap: encapOf(chosen),
    servers: vip.servers.filter(({ address }) => family(address) === chosen),
  }));
}

interface Placed {
  readonly frontend: Frontend;
  /** Place in the file. */
  readonly place: number;
}

/** Frontends by address. A configuration never changes, and to go through all of it takes longer than to plan one VIP. */
const byAddress = new WeakMap<Config, Map<IpAddress, Placed[]>>();

/** The frontends that have the address of one of these, in the file's order. */
function onSameAddresses(config: Config, names: Iterable<string>): Frontend[] {
  let known = byAddress.get(config);
  if (known === undefined) {
    const all = [...config.frontends.values()].map((frontend, place) => ({ frontend, place }));
    byAddress.set(config, known = Map.groupBy(all, ({ frontend }) => frontend.address));
  }
  const found = new Set<Placed>();
  for (const name of names) {
    const address = config.frontends.get(name)?.address;
    for (const one of address === undefined ? [] : known.get(address) ?? []) found.add(one);
  }
  return [...found].sort((a, b) => a.place - b.place).map(({ frontend }) => frontend);
}

/**
 * What VPP should have, in the file's order.
 *
 * @param names of the frontends; null: all
 */
export function desiredVips(
  config: Config,
  status: StatusOf,
  known: KnownServers,
  names: Iterable<string> | null,
): readonly DesiredVip[] {
  const asked = names === null ? null : new Set(names);
  const frontends = asked === null ? [...config.frontends.values()] : onSameAddresses(config, asked);
  const vips = frontends.map((frontend) => wantedVip(config, frontend, status, known));
  const mixed = new Map<string, DesiredVip>();
  for (const group of Map.groupBy(vips, (vip) => vip.vip.prefix).values()) {
    for (const vip of oneFamily(group)) mixed.set(vip.frontend, vip);
  }
  return vips.flatMap(({ frontend }) =>
    asked === null || asked.has(frontend) ? mixed.get(frontend) ?? [] : []
  );
}

/** Address of the server that serves for a backend in a frontend; null: none. */
export function serverOf(
  config: Config,
  status: StatusOf,
  known: KnownServers,
  frontend: string,
  backend: string,
): IpAddress | null {
  const [vip] = desiredVips(config, status, known, [frontend]);
  return vip?.servers.find((server) => server.backend === backend)?.address ?? null;
}

/**
 * The VIPs that VPP makes when a sync brings it to `desired`, in the plan's order: those that it lacks and those
 * that are recreated. One whose table length is held is not recreated.
 */
export function madeVips(
  desired: readonly DesiredVip[],
  actual: (id: string) => ActualVip | null,
): DesiredVip[] {
  return sortedByVip(
    desired.filter((vip) => {
      const has = actual(vip.id);
      if (has === null || has.encap !== vip.encap) return true;
      if (has.srcIpSticky !== null && has.srcIpSticky !== vip.srcIpSticky) return true;
      return has.tableLength !== vip.tableLength && !vip.tableLengthAuto;
    }),
    ({ vip }) => vip,
  );
}

/** Global settings that VPP should have. */
export function desiredConf(config: Config): ActualConf {
  const { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds } = config.lb;
  return { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds };
}
