import type { IpAddress } from "../model.ts";
import { octets } from "../net/ip.ts";

/** Why an address cannot stand in the configuration. */
export interface Refused {
  /** With its article: `a multicast address`. */
  readonly kind: string;
  /** What to write instead, or null. */
  readonly hint: string | null;
}

function refuse(kind: string, hint: string | null = null): Refused {
  return { kind, hint };
}

/** Blocks of the IANA registries of special addresses (RFC 6890) that no packet of VPP or of a probe can carry. */
function refusedV4([first = 0, second = 0, third = 0, fourth = 0]: Uint8Array): Refused | null {
  const all = [first, second, third, fourth];
  if (all.every((octet) => octet === 0)) return refuse("the unspecified address");
  if (first === 0) return refuse('an address of 0.0.0.0/8, which means "this network"');
  if (all.every((octet) => octet === 255)) return refuse("the broadcast address");
  if (first >= 240) return refuse("a reserved address of 240.0.0.0/4");
  return first >= 224 ? refuse("a multicast address") : null;
}

function refusedV6(list: Uint8Array): Refused | null {
  const zeros = (count: number) => list.subarray(0, count).every((octet) => octet === 0);
  if (zeros(16)) return refuse("the unspecified address");
  if (zeros(15) && list[15] === 1) return null;
  if (zeros(12)) return refuse("an address of ::/96, which embeds an IPv4 address", "write the IPv4 address");
  if (zeros(10) && list[10] === 0xff && list[11] === 0xff) {
    return refuse("an IPv4-mapped address", "write the IPv4 address itself");
  }
  if (list[0] === 0xff) return refuse("a multicast address");
  if (list[0] === 0xfe && ((list[1] ?? 0) & 0xc0) === 0x80) {
    return refuse("a link-local address", "it needs a zone, and there is no way to give one");
  }
  return null;
}

/**
 * Judges an address of the file, whatever key it stands at: backends, VIPs, GRE sources, sources of probes.
 *
 * @returns null if it can be used, else why not
 */
export function refusedAddress(address: IpAddress): Refused | null {
  const list = octets(address);
  return list.length === 4 ? refusedV4(list) : refusedV6(list);
}
