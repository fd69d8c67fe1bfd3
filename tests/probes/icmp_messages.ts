/**
 * ICMP messages about an echo, honest and forged, as octets that begin at the ICMP header.
 *
 * @module
 */
import type { Family } from "../../src/model.ts";

const TYPES = { 4: { reply: 0, unreachable: 3 }, 6: { reply: 129, unreachable: 1 } } as const;

/** What a peer answers to the octets of an echo request. */
export function echoReply(family: Family, request: Uint8Array): Uint8Array<ArrayBuffer> {
  const reply = new Uint8Array(request);
  reply[0] = TYPES[family].reply;
  return summed(family, reply);
}

/**
 * The error message of a router about a request that `from` sent to `to`.
 *
 * @param type of the ICMP message; `unreachable` if not given
 */
export function echoError(
  family: Family,
  request: Uint8Array,
  from: Uint8Array,
  to: Uint8Array,
  code = 1,
  type: number = TYPES[family].unreachable,
): Uint8Array<ArrayBuffer> {
  const quoted = family === 4 ? ipv4(request, from, to) : ipv6(request, from, to);
  const message = new Uint8Array(8 + quoted.length);
  message[0] = type;
  message[1] = code;
  message.set(quoted, 8);
  return summed(family, message);
}

/** An IPv4 header of `size` octets before `rest`. */
export function ipv4(
  rest: Uint8Array,
  from: Uint8Array,
  to: Uint8Array,
  size = 20,
  protocol = 1,
): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(size + rest.length);
  packet[0] = 0x40 | (size / 4);
  packet[3] = packet.length;
  packet[8] = 64;
  packet[9] = protocol;
  packet.set(from, 12);
  packet.set(to, 16);
  packet.set(rest, size);
  return packet;
}

/** An IPv6 header before `rest`. */
export function ipv6(rest: Uint8Array, from: Uint8Array, to: Uint8Array, next = 58): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(40 + rest.length);
  packet[0] = 0x60;
  packet[5] = rest.length;
  packet[6] = next;
  packet[7] = 64;
  packet.set(from, 8);
  packet.set(to, 24);
  packet.set(rest, 40);
  return packet;
}

/** The Internet checksum (RFC 1071) of an even number of octets. */
export function internetChecksum(octets: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < octets.length; i += 2) sum += ((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Puts the checksum in; that of ICMPv6 covers addresses, and the kernel makes it. */
function summed(family: Family, message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  message.set([0, 0], 2);
  if (family === 6) return message;
  const sum = internetChecksum(message);
  message.set([sum >> 8, sum & 0xff], 2);
  return message;
}
