/**
 * The running configuration, the states of backends and their witnesses, to the VIPs and application servers that
 * VPP should have. Pure.
 *
 * @module
 */
import {
  frontendWeights,
  type MemberFacts,
  type MemberScratch,
  type MemberStatus,
  type MemberWeight,
} from "../health/frontend.ts";
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
  /** Weight of the running configuration, 0...100. */
  readonly configured: number;
  /** Weight that VPP should have, 0...255: VPP may have what no configuration can. */
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
  /** Weight that the first full read of this process showed for a server on a VIP, 0...255; null: none. */
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

/** The servers that a VIP should have; those that are as before are the same objects. */
function wantedServers(
  members: readonly MemberWeight[],
  before: readonly DesiredServer[],
): readonly DesiredServer[] {
  let servers: DesiredServer[] | null = null;
  let count = 0;
  for (const member of members) {
    const { address, backend, configured, effective, judged, known, pool } = member;
    // A checked configuration has every member; a state named `removed` is on its way out of it.
    if (address === null || member.state === "removed") continue;
    const was = before[count++];
    const isSame = was !== undefined && was.weight === effective && was.state === judged &&
      was.backend === backend && was.address === address && was.pool === pool && was.known === known &&
      was.configured === configured;
    if (isSame) continue;
    servers ??= before.slice();
    servers[count - 1] = { address, backend, pool, state: judged, known, configured, weight: effective };
  }
  if (servers === null && count === before.length) return before;
  servers ??= before.slice();
  servers.length = count;
  return servers;
}

/** Judges VIPs one after the other, with as little as possible made for each. */
class Judge {
  readonly #facts: MemberFacts;
  readonly #scratch: MemberScratch = [];
  /** `vipId` of the VIP that is judged. */
  #id = "";

  constructor(config: Config, status: StatusOf, known: KnownServers) {
    this.#facts = {
      status,
      address: (backend) => config.backends.get(backend)?.address ?? null,
      witness: (address) => known.witness(this.#id, address),
      inVpp: (address) => known.weight(this.#id, address),
    };
  }

  wanted(placed: Placed): DesiredVip {
    const { encap, frontend, id, last, vip } = placed;
    this.#id = id;
    const { activePool, members } = frontendWeights(frontend, this.#facts, this.#scratch);
    const servers = wantedServers(members, last?.servers ?? []);
    if (last?.servers === servers && last.activePool === activePool) return last;
    return placed.last = {
      id,
      vip,
      frontend: frontend.name,
      encap,
      srcIpSticky: frontend.srcIpSticky,
      tableLength: frontend.newFlowsTableLength,
      tableLengthAuto: frontend.newFlowsTableLengthAuto,
      activePool,
      servers,
    };
  }
}

/** Whether each server has the configured address of its backend. */
function areConfigured(config: Config, servers: readonly DesiredServer[]): boolean {
  for (const { address, backend } of servers) {
    if (config.backends.get(backend)?.address !== address) return false;
  }
  return true;
}

/**
 * One family for all VIPs of a prefix, as VPP wants it. A reload may move backends to the other family, and each has
 * its verdict at another time: the family that carries more weight is the one, else the previous one while it has
 * servers. Servers of the other family are left out.
 */
function oneFamily(config: Config, vips: readonly DesiredVip[]): readonly DesiredVip[] {
  // The configured servers have one family; only the previous one of a backend may be of the other.
  if (vips.every(({ servers }) => areConfigured(config, servers))) return vips;
  const configured: Family = vips[0]?.encap === "gre6" ? 6 : 4;
  const fits = ({ address }: DesiredServer) => family(address) === configured;
  if (vips.every(({ servers }) => servers.every(fits))) return vips;
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

/** What of a frontend a configuration alone decides. */
interface Placed {
  readonly frontend: Frontend;
  /** Place in the file. */
  readonly place: number;
  readonly vip: VipKey;
  /** `vipId` of `vip`. */
  readonly id: string;
  /** After the configured servers. */
  readonly encap: Encap;
  /** Those with the same address, itself included, in the file's order. */
  readonly neighbours: Placed[];
  /** What was wanted of it last, whoever asked: what is kept of thousands of VIPs is what the garbage collector copies. */
  last: DesiredVip | null;
}

/**
 * Frontends by name. A configuration never changes, and to go through all of it, or to make texts of a VIP, takes longer
 * than to plan one.
 */
const placedIn = new WeakMap<Config, Map<string, Placed>>();

function placedBy(config: Config): Map<string, Placed> {
  const known = placedIn.get(config);
  if (known !== undefined) return known;
  const placed = new Map<string, Placed>();
  const byAddress = new Map<IpAddress, Placed[]>();
  for (const frontend of config.frontends.values()) {
    const vip = frontendVip(frontend);
    const neighbours = byAddress.get(frontend.address) ?? [];
    if (neighbours.length === 0) byAddress.set(frontend.address, neighbours);
    const encap = encapOf(configuredFamily(config, frontend));
    const one = { frontend, place: placed.size, vip, id: vipId(vip), encap, neighbours, last: null };
    neighbours.push(one);
    placed.set(frontend.name, one);
  }
  placedIn.set(config, placed);
  return placed;
}

/** Whether one stands behind the one before it. */
function isInOrder({ place }: Placed, index: number, all: readonly Placed[]): boolean {
  return (all[index - 1]?.place ?? -1) < place;
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
  const placed = placedBy(config);
  const asked: Placed[] = [];
  for (const name of names === null ? placed.keys() : new Set(names)) {
    const one = placed.get(name);
    if (one !== undefined) asked.push(one);
  }
  if (names !== null && !asked.every(isInOrder)) asked.sort((a, b) => a.place - b.place);
  const shared = new Map<readonly Placed[], readonly DesiredVip[]>();
  const judge = new Judge(config, status, known);
  return asked.map((one) => {
    const { neighbours } = one;
    if (neighbours.length === 1) {
      const vip = judge.wanted(one);
      if (areConfigured(config, vip.servers)) return vip;
    }
    let vips = shared.get(neighbours);
    if (vips === undefined) {
      vips = oneFamily(config, neighbours.map((each) => judge.wanted(each)));
      if (neighbours.length > 1) shared.set(neighbours, vips);
    }
    return vips[neighbours.indexOf(one)] ?? judge.wanted(one);
  });
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

/** Whether VPP makes a VIP, when a sync brings it to `vip`, from what it has. One whose table length is held stays. */
function isMade(vip: DesiredVip, has: ActualVip | null): boolean {
  if (has === null || has.encap !== vip.encap) return true;
  if (has.srcIpSticky !== null && has.srcIpSticky !== vip.srcIpSticky) return true;
  return has.tableLength !== vip.tableLength && !vip.tableLengthAuto;
}

/** Whether VPP makes any VIP when a sync brings it to `desired`. */
export function makesVips(
  desired: readonly DesiredVip[],
  actual: (id: string) => ActualVip | null,
): boolean {
  return desired.some((vip) => isMade(vip, actual(vip.id)));
}

/** The VIPs that VPP makes when a sync brings it to `desired`, in the plan's order: those that it lacks and those recreated. */
export function madeVips(
  desired: readonly DesiredVip[],
  actual: (id: string) => ActualVip | null,
): DesiredVip[] {
  return sortedByVip(desired.filter((vip) => isMade(vip, actual(vip.id))), ({ vip }) => vip);
}

/** Global settings that VPP should have. */
export function desiredConf(config: Config): ActualConf {
  const { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds } = config.lb;
  return { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds };
}
