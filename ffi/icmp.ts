/**
 * ICMP echo: sockets with kernel filters, and the packets (RFC 792, RFC 4443).
 *
 *   raw, IPv4        replies carry the IP header before the ICMP header
 *   raw, IPv6        replies begin at the ICMP header; the kernel makes the checksum
 *   datagram, both   replies begin at the ICMP header; the kernel owns the identifier
 *
 * @module
 */
import { Fd } from "./fd.ts";
import { check, errno, libc } from "./libc.ts";
import { AF_INET, AF_INET6, sockaddr } from "./sockaddr.ts";

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const ICMPV6_FILTER = 1;

const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
const ECHO_REPLY = { 4: 0, 6: 129 } as const;
const UNREACHABLE = { 4: 3, 6: 1 } as const;
const TIME_EXCEEDED = { 4: 11, 6: 3 } as const;

/** Octets of the echo's own data: what `ping` sends, so that no filter on the way finds it odd. */
const DATA_SIZE = 56;
const HEADER_SIZE = 8;
const PACKET_SIZE = BigInt(HEADER_SIZE + DATA_SIZE);
/** Room for the echoes of some thousand backends that wait for a neighbour, or for this thread; in octets. */
const BUFFER_SIZE = 4 * 1024 * 1024;

/** A kind of echo socket: `raw` needs CAP_NET_RAW, `datagram` a group in net.ipv4.ping_group_range. */
export type EchoKind = "raw" | "datagram";

/**
 * Makes a socket for echoes.
 *
 * @param source address to bind to (4 or 16 octets), or null
 * @throws ErrnoError with `call` `socket`, `setsockopt` or `bind`
 */
export function openEcho(family: 4 | 6, kind: EchoKind, source: Uint8Array | null): Fd {
  const number = libc.socket(
    family === 4 ? AF_INET : AF_INET6,
    (kind === "raw" ? SOCK_RAW : SOCK_DGRAM) | NONBLOCK_CLOEXEC,
    family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
  );
  const fd = new Fd(check(number, "socket"));
  try {
    // The forced size needs CAP_NET_ADMIN; without it the kernel's limit has to do.
    for (const [forced, plain] of [[SO_SNDBUFFORCE, SO_SNDBUF], [SO_RCVBUFFORCE, SO_RCVBUF]] as const) {
      const size = Int32Array.of(BUFFER_SIZE);
      if (libc.setsockopt(number, SOL_SOCKET, forced, size, 4) === 0) continue;
      check(libc.setsockopt(number, SOL_SOCKET, plain, size, 4), "setsockopt");
    }
    if (kind === "raw") setFilter(number, family);
    if (source !== null) {
      const address = sockaddr(source, 0);
      check(libc.bind(number, address, address.length), "bind");
    }
    return fd;
  } catch (error) {
    fd[Symbol.dispose]();
    throw error;
  }
}

/** Without a filter a raw socket gets every ICMP message of the host, neighbour discovery included. */
function setFilter(number: number, family: 4 | 6): void {
  const wanted = [ECHO_REPLY[family], UNREACHABLE[family], TIME_EXCEEDED[family]];
  const blocked = new Uint32Array(family === 4 ? 1 : 8).fill(0xffffffff);
  for (const type of wanted) blocked[type >> 5] = (blocked[type >> 5] ?? 0) & ~(1 << (type & 31));
  const [level, option] = family === 4 ? [SOL_RAW, ICMP_FILTER] : [IPPROTO_ICMPV6, ICMPV6_FILTER];
  check(libc.setsockopt(number, level, option, blocked, blocked.byteLength), "setsockopt", "ICMP filter");
}

/** Names one echo. All numbers unsigned: 16 bits each, and two times 32 bits of cookie. */
export interface EchoId {
  /** Of the socket that sent it; 0 to 65535. */
  readonly identifier: number;
  /** Of the echo on its socket; 0 to 65535. */
  readonly sequence: number;
  /** What only the sender knows; two times 32 bits. */
  readonly cookie: readonly [high: number, low: number];
}

/** Writes the echo requests of one socket, all into one buffer. */
export class EchoWriter {
  readonly #packet = new Uint8Array(HEADER_SIZE + DATA_SIZE);
  readonly #view = new DataView(this.#packet.buffer);
  readonly #checksum: boolean;
  /** Sum of what is the same in each, see `checksum`. */
  readonly #sum: number;

  /** For requests that share the identifier and the high half of the cookie. */
  constructor(family: 4 | 6, identifier: number, cookieHigh: number) {
    this.#packet.set(Array.from(this.#packet, (_, i) => i));
    this.#packet.fill(0, 0, HEADER_SIZE + 8);
    this.#view.setUint8(0, ECHO_REQUEST[family]);
    this.#view.setUint16(4, identifier);
    this.#view.setUint32(8, cookieHigh);
    this.#checksum = family === 4;
    this.#sum = ~checksum(this.#packet) & 0xffff;
  }

  /** One request, checksum included; valid until the next call. */
  write(sequence: number, cookieLow: number): Uint8Array<ArrayBuffer> {
    this.#view.setUint16(6, sequence);
    this.#view.setUint32(12, cookieLow);
    // IPv6 needs an address in its sum, and the kernel makes it.
    if (this.#checksum) {
      this.#view.setUint16(2, fold(this.#sum + sequence + (cookieLow >>> 16) + (cookieLow & 0xffff)));
    }
    return this.#packet;
  }
}

/** The Internet checksum (RFC 1071) of an even number of octets. */
export function checksum(octets: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < octets.length; i += 2) sum += ((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0);
  return fold(sum);
}

function fold(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return ~rest & 0xffff;
}

/** A message about one of our echoes. */
export type EchoMessage =
  | { readonly kind: "reply"; readonly id: EchoId }
  /** An error message quotes at least the first 8 octets of the echo, and that is without the cookie. */
  | {
    readonly kind: "error";
    readonly identifier: number;
    readonly sequence: number;
    /** For humans: `host unreachable`. */
    readonly detail: string;
  };

/**
 * Reads what a socket of `openEcho` received; null for anything that cannot be about an echo of ours.
 *
 * @param length octets of `view` that were received
 */
export function parseEcho(
  family: 4 | 6,
  kind: EchoKind,
  view: DataView,
  length: number = view.byteLength,
): EchoMessage | null {
  const start = family === 4 && kind === "raw" ? ipv4HeaderSize(view, length, 0) : 0;
  if (start < 0 || length < start + HEADER_SIZE) return null;
  const type = view.getUint8(start);
  if (type === ECHO_REPLY[family]) {
    if (length < start + HEADER_SIZE + 8) return null;
    const cookie = [view.getUint32(start + 8), view.getUint32(start + 12)] as const;
    const id = { identifier: view.getUint16(start + 4), sequence: view.getUint16(start + 6), cookie };
    return { kind: "reply", id };
  }
  if (type !== UNREACHABLE[family] && type !== TIME_EXCEEDED[family]) return null;
  const quoted = start + HEADER_SIZE;
  const inner = family === 4
    ? ipv4HeaderSize(view, length, quoted, IPPROTO_ICMP)
    : ipv6HeaderSize(view, length, quoted);
  if (inner < 0 || length < quoted + inner + HEADER_SIZE) return null;
  const echo = quoted + inner;
  if (view.getUint8(echo) !== ECHO_REQUEST[family]) return null;
  const detail = describe(family, type, view.getUint8(start + 1));
  return { kind: "error", identifier: view.getUint16(echo + 4), sequence: view.getUint16(echo + 6), detail };
}

/** Size of an IPv4 header at `offset`, −1 if there is none or it carries another protocol. */
function ipv4HeaderSize(view: DataView, length: number, offset: number, protocol?: number): number {
  if (length < offset + 20 || view.getUint8(offset) >> 4 !== 4) return -1;
  if (protocol !== undefined && view.getUint8(offset + 9) !== protocol) return -1;
  const size = (view.getUint8(offset) & 15) * 4;
  return size < 20 ? -1 : size;
}

/** Size of an IPv6 header at `offset` directly before ICMPv6 (our echoes have no extension headers), else −1. */
function ipv6HeaderSize(view: DataView, length: number, offset: number): number {
  if (length < offset + 40 || view.getUint8(offset) >> 4 !== 6) return -1;
  return view.getUint8(offset + 6) === IPPROTO_ICMPV6 ? 40 : -1;
}

const UNREACHABLE_TEXT: Readonly<Record<4 | 6, Readonly<Record<number, string>>>> = {
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

function describe(family: 4 | 6, type: number, code: number): string {
  if (type === TIME_EXCEEDED[family]) return "time to live exceeded";
  return UNREACHABLE_TEXT[family][code] ?? `destination is unreachable (code ${code})`;
}

/** Sends one packet of an `EchoWriter` without waiting; returns its length or a negative errno. */
export function sendEcho(fd: Fd, packet: Uint8Array<ArrayBuffer>, address: Uint8Array<ArrayBuffer>): number {
  const sent = libc.sendto(fd.number, packet, PACKET_SIZE, 0, address, address.length);
  return sent < 0 ? -errno() : sent;
}
