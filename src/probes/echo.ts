/**
 * What an ICMP message says about an echo of ours, and whether it may be believed. Pure.
 *
 * Whoever can send us a packet can send us a forged message. So a message counts only if it is about the address
 * that was asked, and carries what nobody but this thread and that address has seen:
 *
 *   message   address that must be the asked one   what it must carry
 *   reply     the one that it came from            identifier, sequence number, 64 random bits
 *   error     the one that the quoted packet       the same; or, where a router quotes 8 octets only (RFC 792):
 *             went to                              identifier, sequence number, checksum, 16 random bits each
 *
 * @module
 */
import { echoChecksum, type EchoId, type EchoKind, ICMP_TYPES } from "../../ffi/icmp.ts";
import type { Family } from "../model.ts";

const HEADER_SIZE = 8;
const COOKIE_SIZE = 8;
/** Protocol numbers in IP headers. */
const ICMP = { 4: 1, 6: 58 } as const;

/** A message about an echo. */
export interface EchoMessage extends EchoId {
  /** An answer, or that the echo could not be delivered. */
  readonly kind: "reply" | "error";
  /** Offset in the view of the address that it is about. */
  readonly address: number;
  /** Of the quoted echo, where its cookie is not quoted; else null. */
  readonly checksum: number | null;
  /** For humans: `host is unreachable`; "" for a reply. */
  readonly detail: string;
}

/**
 * Reads what an echo socket received; null for anything that cannot be about an echo.
 *
 * @param source offset in `view` of the address that it came from
 * @param from offset of its first octet in `view`
 * @param end offset behind its last octet
 */
export function parseEcho(
  family: Family,
  socket: EchoKind,
  view: DataView,
  source: number,
  from: number,
  end: number,
): EchoMessage | null {
  const start = family === 4 && socket === "raw" ? from + ipv4HeaderSize(view, from, end) : from;
  if (start < from || end < start + HEADER_SIZE) return null;
  const types = ICMP_TYPES[family];
  const type = view.getUint8(start);
  if (type === types.echoReply) {
    return end < start + HEADER_SIZE + COOKIE_SIZE ? null : read("reply", view, start, source, true, "");
  }
  if (type !== types.unreachable && type !== types.timeExceeded) return null;
  const quoted = start + HEADER_SIZE;
  const size = family === 4 ? ipv4HeaderSize(view, quoted, end, ICMP[4]) : ipv6HeaderSize(view, quoted, end);
  const echo = quoted + size;
  if (size < 0 || end < echo + HEADER_SIZE || view.getUint8(echo) !== types.echoRequest) return null;
  const whole = end >= echo + HEADER_SIZE + COOKIE_SIZE;
  // A router that speaks IPv6 quotes as much as fits into 1,280 octets (RFC 4443, section 2.4).
  if (!whole && family === 6) return null;
  const detail = describe(family, type, view.getUint8(start + 1));
  return read("error", view, echo, quoted + (family === 4 ? 16 : 24), whole, detail);
}

function read(
  kind: "reply" | "error",
  view: DataView,
  echo: number,
  address: number,
  whole: boolean,
  detail: string,
): EchoMessage {
  return {
    kind,
    address,
    identifier: view.getUint16(echo + 4),
    sequence: view.getUint16(echo + 6),
    cookieHigh: whole ? view.getUint32(echo + 8) : 0,
    cookieLow: whole ? view.getUint32(echo + 12) : 0,
    checksum: whole ? null : view.getUint16(echo + 2),
    detail,
  };
}

/**
 * Whether `message` is about `echo`, which was sent to `peer`.
 *
 * @param view where the message was read
 * @param peer octets of the address that was asked
 */
export function isAbout(
  message: EchoMessage,
  view: DataView,
  echo: EchoId,
  peer: Uint8Array,
  socket: EchoKind,
): boolean {
  if (message.sequence !== echo.sequence) return false;
  // The kernel chose the identifier of a datagram socket, and compared it.
  if (socket === "raw" && message.identifier !== echo.identifier) return false;
  const proven = message.checksum === null
    ? message.cookieHigh === echo.cookieHigh && message.cookieLow === echo.cookieLow
    : message.checksum === echoChecksum(echo);
  if (!proven) return false;
  for (let i = 0; i < peer.length; i++) {
    if (view.getUint8(message.address + i) !== peer[i]) return false;
  }
  return true;
}

/** Size of an IPv4 header at `offset`, -1 if there is none or it carries another protocol. */
function ipv4HeaderSize(view: DataView, offset: number, end: number, protocol?: number): number {
  if (end < offset + 20 || view.getUint8(offset) >> 4 !== 4) return -1;
  if (protocol !== undefined && view.getUint8(offset + 9) !== protocol) return -1;
  const size = (view.getUint8(offset) & 15) * 4;
  return size < 20 ? -1 : size;
}

/** Size of an IPv6 header at `offset` directly before ICMPv6 (our echoes have no extension headers), else -1. */
function ipv6HeaderSize(view: DataView, offset: number, end: number): number {
  if (end < offset + 40 || view.getUint8(offset) >> 4 !== 6) return -1;
  return view.getUint8(offset + 6) === ICMP[6] ? 40 : -1;
}

const UNREACHABLE_TEXT: Readonly<Record<Family, Readonly<Record<number, string>>>> = {
  4: {
    0: "network is unreachable",
    1: "host is unreachable",
    2: "protocol is unreachable",
    3: "port is unreachable",
    9: "network is prohibited",
    10: "host is prohibited",
    13: "communication is prohibited",
  },
  6: {
    0: "no route to destination",
    1: "communication is prohibited",
    3: "address is unreachable",
    4: "port is unreachable",
    5: "source address failed policy",
    6: "route rejects destination",
  },
};

function describe(family: Family, type: number, code: number): string {
  if (type === ICMP_TYPES[family].timeExceeded) return "time to live exceeded";
  return UNREACHABLE_TEXT[family][code] ?? `destination is unreachable (code ${code})`;
}
