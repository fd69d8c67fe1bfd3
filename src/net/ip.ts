/**
 * IP addresses: strict parsing, the canonical text of RFC 5952, octets and numeric order.
 *
 * @module
 */
import type { Family, IpAddress } from "../model.ts";

function parseV4(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const octets: number[] = [];
  for (const part of parts) {
    // A leading zero reads as octal elsewhere, so it is refused instead of guessed.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return null;
    const value = Number(part);
    if (value > 255) return null;
    octets.push(value);
  }
  return octets;
}

function parseV6(text: string): number[] | null {
  let source = text;
  const dot = source.indexOf(".");
  if (dot >= 0) {
    const colon = source.lastIndexOf(":");
    if (colon < 0) return null;
    const v4 = parseV4(source.slice(colon + 1));
    if (v4 === null) return null;
    const [a = 0, b = 0, c = 0, d = 0] = v4;
    source = `${source.slice(0, colon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = source.split("::");
  if (halves.length > 2) return null;
  const words = (half: string): number[] | null => {
    if (half === "") return [];
    const out: number[] = [];
    for (const word of half.split(":")) {
      if (!/^[0-9a-fA-F]{1,4}$/.test(word)) return null;
      out.push(parseInt(word, 16));
    }
    return out;
  };
  const head = words(halves[0] ?? "");
  if (head === null) return null;
  let all = head;
  if (halves.length === 2) {
    const tail = words(halves[1] ?? "");
    if (tail === null || head.length + tail.length > 7) return null;
    all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  }
  if (all.length !== 8) return null;
  return all.flatMap((word) => [word >> 8, word & 255]);
}

function formatV6(octets: ArrayLike<number>): string {
  const word = (i: number) => ((octets[2 * i] ?? 0) << 8) | (octets[2 * i + 1] ?? 0);
  const words = [0, 1, 2, 3, 4, 5, 6, 7].map(word);
  if (words.slice(0, 5).every((w) => w === 0) && words[5] === 0xffff) {
    return `::ffff:${octets[12]}.${octets[13]}.${octets[14]}.${octets[15]}`;
  }
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && words[i + length] === 0) length++;
    if (length > bestLength) {
      best = i;
      bestLength = length;
    }
  }
  const hex = (part: number[]) => part.map((w) => w.toString(16)).join(":");
  if (best < 0) return hex(words);
  return `${hex(words.slice(0, best))}::${hex(words.slice(best + bestLength))}`;
}

/** Makes an address of 4 (IPv4) or 16 (IPv6) octets in network order. Throws RangeError for another length. */
export function ipFromOctets(octets: ArrayLike<number>): IpAddress {
  if (octets.length === 4) return `${octets[0]}.${octets[1]}.${octets[2]}.${octets[3]}` as IpAddress;
  if (octets.length === 16) return formatV6(octets) as IpAddress;
  throw new RangeError(`Cannot make an IP address of ${octets.length} octets`);
}

/** Reads an IPv4 or IPv6 literal; null if it is none. No zone, no leading zeros, no short forms of IPv4. */
export function parseIp(text: string): IpAddress | null {
  const octets = text.includes(":") ? parseV6(text) : parseV4(text);
  return octets === null ? null : ipFromOctets(octets);
}

/** Like `parseIp`, for literals that are known to be good. Throws TypeError otherwise. */
export function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (address === null) throw new TypeError(`Not an IP address: "${text}"`);
  return address;
}

/** Family of an address. */
export function family(address: IpAddress): Family {
  return address.includes(":") ? 6 : 4;
}

/** The 4 or 16 octets of an address in network order. */
export function octets(address: IpAddress): Uint8Array<ArrayBuffer> {
  const list = address.includes(":") ? parseV6(address) : parseV4(address);
  if (list === null) throw new TypeError(`Not an IP address: "${address}"`);
  return Uint8Array.from(list);
}

/** The 16 octets that VPP's lb plugin sorts by: IPv4 in the last four, twelve zeros before (wire.md). */
export function octets16(address: IpAddress): Uint8Array<ArrayBuffer> {
  const short = octets(address);
  if (short.length === 16) return short;
  const long = new Uint8Array(16);
  long.set(short, 12);
  return long;
}

/** Numeric order, every IPv4 address before every IPv6 address; for Array.sort. */
export function compareIp(a: IpAddress, b: IpAddress): number {
  const byFamily = family(a) - family(b);
  if (byFamily !== 0) return byFamily;
  const left = octets(a);
  const right = octets(b);
  for (let i = 0; i < left.length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The host prefix of an address: `/32` or `/128`. */
export function hostPrefix(address: IpAddress): string {
  return `${address}/${family(address) === 4 ? 32 : 128}`;
}
