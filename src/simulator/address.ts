/**
 * Addresses as the lb plugin keeps them: 16 octets, IPv4 in the last four after twelve zero octets. It tells the
 * families apart by those zeros alone, so ::192.0.2.1 is an IPv4 address to it.
 *
 * @module
 */
import type { IpAddress } from "../model.ts";
import { family, ip, ipFromOctets, octets, octets16 } from "../net/ip.ts";

/** Sixteen octets as 32 hex digits: a key of maps whose text order is the numeric order. */
export type Octets = string;

/** A prefix of the plugin. */
export interface LbPrefix {
  /** With the bits beyond the length cleared. */
  readonly octets: Octets;
  /** 0…128: an IPv4 prefix counts from the start of the 16 octets, so /32 is 128. */
  readonly length: number;
}

const V4_START = "0".repeat(24);

/** The 16 octets of an address. */
export function octetsOf(address: IpAddress): Octets {
  return toHex(octets16(address));
}

/** Sixteen octets as hex digits. */
export function toHex(list: Uint8Array): Octets {
  let text = "";
  for (const octet of list) text += (octet < 16 ? "0" : "") + octet.toString(16);
  return text;
}

function fromHex(text: Octets): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 16 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** Whether the plugin takes these octets for IPv4. */
export function isV4(text: Octets): boolean {
  return text.startsWith(V4_START);
}

/** The address that the plugin reports for these octets. */
export function addressOf(text: Octets): IpAddress {
  const list = fromHex(text);
  return ipFromOctets(isV4(text) ? list.subarray(12) : list);
}

/** Octets with all but the first `length` bits cleared. */
export function masked(text: Octets, length: number): Octets {
  const list = fromHex(text);
  for (let i = 0; i < 16; i++) {
    const kept = Math.min(8, Math.max(0, length - 8 * i));
    list[i] = (list[i] ?? 0) & (0xff << (8 - kept));
  }
  return toHex(list);
}

/** Reads `address/length` as the plugin does. Throws TypeError for another text. */
export function lbPrefixOf(pfx: string): LbPrefix {
  const slash = pfx.indexOf("/");
  const address = ip(pfx.slice(0, slash));
  // The plugin adds in eight bits.
  const length = (Number(pfx.slice(slash + 1)) + (family(address) === 4 ? 96 : 0)) & 255;
  return { octets: masked(octetsOf(address), length), length };
}

/** Whether the plugin takes a prefix for IPv4: by the octets, and only from /0 of IPv4 on. */
export function prefixIsV4({ octets, length }: LbPrefix): boolean {
  return length >= 96 && isV4(octets);
}

/** The prefix as API rows show it: the address's family by the octets, the length by the whole prefix. */
export function prefixText(prefix: LbPrefix): string {
  return `${addressOf(prefix.octets)}/${prefixIsV4(prefix) ? prefix.length - 96 : prefix.length}`;
}

/**
 * An address in VPP's own text. It differs from RFC 5952 for IPv4-mapped addresses, which VPP writes in hex
 * words.
 */
export function vppText(address: IpAddress): string {
  if (family(address) === 4 || !address.startsWith("::ffff:") || !address.includes(".")) return address;
  const [a = 0, b = 0, c = 0, d = 0] = octets(address).subarray(12);
  return `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
