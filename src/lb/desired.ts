/**
 * The running configuration, the states of backends and what VPP has, to the VIPs and application servers
 * that VPP should have. Pure.
 *
 * @module
 */
import { frontendWeights, type MemberStatus } from "../health/frontend.ts";
import type { ActualConf, ActualVip, Config, Encap, Frontend, IpAddress, State, VipKey } from "../model.ts";
import { family } from "../net/ip.ts";
import { frontendVip, vipId } from "./vips.ts";

/** An application server that a VIP should have. */
export interface DesiredServer {
  /** Where VPP sends the packets. */
  readonly address: IpAddress;
  /** Name in the configuration. */
  readonly backend: string;
  /** Pool of the frontend in which the backend stands. */
  readonly pool: string;
  /** State of the backend. */
  readonly state: State;
  /** False: judged by what VPP has (no counted result and no operator's action since the daemon's start). */
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

/** State of a backend by its name. */
export type StatusOf = (backend: string) => MemberStatus;

/** The VIP as VPP has it, by `vipId`; null: none, or never read. */
export type ActualOf = (id: string) => ActualVip | null;

/** The weight that `vip` has for a server in VPP; null: the server is not there. */
export function weightInVpp(vip: ActualVip | null, address: IpAddress): number | null {
  return vip?.servers.find((server) => server.address === address)?.weight ?? null;
}

/** What VPP should have for one frontend. */
export function desiredVip(
  config: Config,
  frontend: Frontend,
  status: StatusOf,
  actual: ActualVip | null,
): DesiredVip {
  const vip = frontendVip(frontend);
  const addressOf = (backend: string) => config.backends.get(backend)?.address;
  const weights = frontendWeights(frontend, status, (backend) => {
    const address = addressOf(backend);
    return address === undefined ? null : weightInVpp(actual, address);
  });
  const servers: DesiredServer[] = [];
  for (const member of weights.members) {
    const address = addressOf(member.backend);
    // A checked configuration has every member; a state named `removed` is on its way out of it.
    if (address === undefined || member.state === "removed") continue;
    servers.push({
      address,
      backend: member.backend,
      pool: member.pool,
      state: member.state,
      known: member.known,
      configured: member.configured,
      weight: member.effective,
    });
  }
  const first = servers[0];
  return {
    id: vipId(vip),
    vip,
    frontend: frontend.name,
    encap: first !== undefined && family(first.address) === 6 ? "gre6" : "gre4",
    srcIpSticky: frontend.srcIpSticky,
    tableLength: frontend.newFlowsTableLength,
    tableLengthAuto: frontend.newFlowsTableLengthAuto,
    activePool: weights.activePool,
    servers,
  };
}

/** What VPP should have for every frontend, in the file's order. */
export function desiredVips(config: Config, status: StatusOf, actual: ActualOf): DesiredVip[] {
  return [...config.frontends.values()].map((frontend) =>
    desiredVip(config, frontend, status, actual(vipId(frontendVip(frontend))))
  );
}

/** Global settings that VPP should have. */
export function desiredConf(config: Config): ActualConf {
  const { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds } = config.lb;
  return { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds };
}
