/**
 * The running configuration, the states of backends and their witnesses, to the VIPs and application servers that
 * VPP should have. Pure.
 *
 * @module
 */
import { frontendWeights, type MemberStatus } from "../health/frontend.ts";
import type { ActualConf, Config, Encap, Frontend, IpAddress, State, VipKey } from "../model.ts";
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

/** State of a backend by its name. */
export type StatusOf = (backend: string) => MemberStatus;

/** What the first full read of this process showed. */
export interface WitnessOf {
  /** Weight of a server on a VIP (by `vipId`), 0…255; null: none. */
  weight(vip: string, address: IpAddress): number | null;
}

/** Encapsulation of a frontend: it names the outer header, so it follows the servers' family. */
export function frontendEncap(config: Config, frontend: Frontend): Encap {
  for (const { members } of frontend.pools) {
    for (const { backend } of members) {
      const address = config.backends.get(backend)?.address;
      if (address !== undefined) return family(address) === 6 ? "gre6" : "gre4";
    }
  }
  return "gre4";
}

/** What VPP should have for one frontend. */
export function desiredVip(
  config: Config,
  frontend: Frontend,
  status: StatusOf,
  witnesses: WitnessOf,
): DesiredVip {
  const vip = frontendVip(frontend);
  const id = vipId(vip);
  const weights = frontendWeights(frontend, {
    status,
    address: (backend) => config.backends.get(backend)?.address ?? null,
    witness: (address) => witnesses.weight(id, address),
  });
  const servers: DesiredServer[] = [];
  for (const { address, backend, configured, effective, known, pool, state } of weights.members) {
    // A checked configuration has every member; a state named `removed` is on its way out of it.
    if (address === null || state === "removed") continue;
    servers.push({ address, backend, pool, state, known, configured, weight: effective });
  }
  return {
    id,
    vip,
    frontend: frontend.name,
    encap: frontendEncap(config, frontend),
    srcIpSticky: frontend.srcIpSticky,
    tableLength: frontend.newFlowsTableLength,
    tableLengthAuto: frontend.newFlowsTableLengthAuto,
    activePool: weights.activePool,
    servers,
  };
}

/** What VPP should have for every frontend, in the file's order. */
export function desiredVips(config: Config, status: StatusOf, witnesses: WitnessOf): DesiredVip[] {
  return [...config.frontends.values()].map((frontend) => desiredVip(config, frontend, status, witnesses));
}

/** Global settings that VPP should have. */
export function desiredConf(config: Config): ActualConf {
  const { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds } = config.lb;
  return { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds };
}
