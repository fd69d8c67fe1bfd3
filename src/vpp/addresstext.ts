/**
 * Addresses and prefixes that stand in messages, from octets to text and back. A dump names the same few again and again, and making a
 * text costs more than all the rest of a row, so the last ones made are kept.
 *
 * @module
 */
import type { IpAddress } from "../model.ts";
import { family, ipFromOctets, octets, parseIp } from "../net/ip.ts";

/** Texts kept of each family; a power of two. */
const SLOTS = 16_384;
const SLOT_BITS = 14;

/** What a slot holds: an address, and the text of the last prefix of it. */
interface Kept {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly text: IpAddress;
  length: number;
  prefix: string;
}

const kept4 = new Array<Kept | undefined>(SLOTS).fill(undefined);
const kept6 = new Array<Kept | undefined>(SLOTS).fill(undefined);

/** Spreads addresses that differ in a few bits over the slots. */
function slotOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - SLOT_BITS);
}

function find4(view: DataView, at: number): Kept {
  const a = view.getUint32(at);
  const slot = slotOf(a);
  const there = kept4[slot];
  if (there !== undefined && there.a === a) return there;
  const text = ipFromOctets([a >>> 24, (a >>> 16) & 255, (a >>> 8) & 255, a & 255]);
  return kept4[slot] = { a, b: 0, c: 0, d: 0, text, length: -1, prefix: "" };
}

function find6(view: DataView, at: number): Kept {
  const a = view.getUint32(at);
  const b = view.getUint32(at + 4);
  const c = view.getUint32(at + 8);
  const d = view.getUint32(at + 12);
  const slot = slotOf(a ^ Math.imul(b, 3) ^ Math.imul(c, 5) ^ Math.imul(d, 7));
  const there = kept6[slot];
  if (there !== undefined && there.a === a && there.b === b && there.c === c && there.d === d) return there;
  const text = ipFromOctets(new Uint8Array(view.buffer, view.byteOffset + at, 16));
  return kept6[slot] = { a, b, c, d, text, length: -1, prefix: "" };
}

/** Text of the 4 octets at an offset that was checked. */
export function ip4Text(view: DataView, at: number): IpAddress {
  return find4(view, at).text;
}

/** Text of the 16 octets at an offset that was checked. */
export function ip6Text(view: DataView, at: number): IpAddress {
  return find6(view, at).text;
}

/** The text `address/length` of the 4 octets (`ipv6` false) or 16 octets at an offset that was checked. */
export function prefixText(view: DataView, at: number, ipv6: boolean, length: number): string {
  const kept = ipv6 ? find6(view, at) : find4(view, at);
  if (kept.length !== length) {
    kept.length = length;
    kept.prefix = `${kept.text}/${length}`;
  }
  return kept.prefix;
}

/**
 * Octets by the text that they were made of: one backend of 1,000 VIPs is named in 1,000 messages, and reading an
 * address costs more than all the rest of a message. Forgotten when there are too many.
 */
type Octets = Map<string, Uint8Array<ArrayBuffer>>;

const ofAddress: Octets = new Map();
const ofPrefix: Octets = new Map();

function keep(known: Octets, text: string, octets: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (known.size >= SLOTS) known.clear();
  known.set(text, octets);
  return octets;
}

/** The 17 octets of an address: family and 16 octets, IPv4 in the first four. The same array each time; do not change it. */
export function addressOctets(address: IpAddress): Uint8Array<ArrayBuffer> {
  const known = ofAddress.get(address);
  if (known !== undefined) return known;
  const short = octets(address);
  const made = new Uint8Array(17);
  made[0] = short.length === 4 ? 0 : 1;
  made.set(short, 1);
  return keep(ofAddress, address, made);
}

/** The 18 octets of `address/length`, or what is wrong with it. The same array each time; do not change it. */
export function prefixOctets(prefix: string): Uint8Array<ArrayBuffer> | string {
  const known = ofPrefix.get(prefix);
  if (known !== undefined) return known;
  const slash = prefix.indexOf("/");
  const host = parseIp(prefix.slice(0, slash));
  const length = Number(prefix.slice(slash + 1));
  if (slash < 0 || host === null || !Number.isInteger(length) || length < 0) {
    return `"${prefix}" is not a prefix`;
  }
  const bits = family(host) === 4 ? 32 : 128;
  if (length > bits) return `"${prefix}" is longer than ${bits} bits`;
  const made = new Uint8Array(18);
  made.set(addressOctets(host));
  made[17] = length;
  return keep(ofPrefix, prefix, made);
}
