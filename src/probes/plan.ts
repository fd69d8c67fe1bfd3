import { sockaddr } from "../../ffi/sockaddr.ts";
import type { Family, IpAddress } from "../model.ts";
import { family, octets } from "../net/ip.ts";
import { isLoopbackAddress } from "../net/loopback.ts";
import type { ProbeTarget } from "./prober.ts";
import { requestBytes } from "./request.ts";
import { type BodyPattern, compileBody } from "./body.ts";

/** A target with everything worked out that is the same for each of its probes. */
export interface ProbePlan {
  /** What to probe. */
  readonly target: ProbeTarget;
  /** Of the backend's address. */
  readonly family: Family;
  /** Octets of the source address, or null. */
  readonly source: Uint8Array<ArrayBuffer> | null;
  /** Where to connect; port 0 for icmp. */
  readonly address: Uint8Array<ArrayBuffer>;
  /** Octets of the backend's address. */
  readonly peer: Uint8Array<ArrayBuffer>;
  /** Whether that is an address of loopback. */
  readonly loopback: boolean;
  /** What an echo socket is shared by: namespace, family, source, and whether it is loopback. */
  readonly ground: string;
  /** The whole request of an http(s) check, else null. */
  readonly request: Uint8Array<ArrayBuffer> | null;
  /** The pattern of the body, or null. */
  readonly pattern: BodyPattern | null;
}

/**
 * Works out a target's plan.
 *
 * @param version of the product, for the User-Agent
 */
export function probePlan(target: ProbeTarget, version: string): ProbePlan {
  const { check, address } = target;
  const own = family(address);
  const loopback = isLoopbackAddress(address);
  const peer = octets(address);
  const source: IpAddress | null = own === 4 ? check.probeIpv4Src : check.probeIpv6Src;
  const http = check.type === "http" || check.type === "https" ? check : null;
  const expression = http?.params.responseRegexp ?? null;
  return {
    target,
    family: own,
    source: source === null ? null : octets(source),
    address: sockaddr(peer, check.port ?? 0),
    peer,
    loopback,
    ground: `${target.netns}|${own}|${source ?? ""}|${loopback}`,
    request: http === null ? null : requestBytes(http.type, address, http.port, http.params, version),
    pattern: expression === null ? null : compileBody(expression),
  };
}
