/**
 * ICMP echo: sockets with kernel filters, and the packets (RFC 792, RFC 4443).
 *
 *   raw, IPv4        replies carry the IP header before the ICMP header
 *   raw, IPv6        replies begin at the ICMP header; the kernel makes the checksum
 *   datagram, both   replies begin at the ICMP header; the kernel owns the identifier
 *
 * @module
 */
import { linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, errno, libc } from "./libc.ts";
import { sockaddr } from "./sockaddr.ts";

const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
const ECHO_REPLY = { 4: 0, 6: 129 } as const;
const UNREACHABLE = { 4: 3, 6: 1 } as const;
const TIME_EXCEEDED = { 4: 11, 6: 3 } as const;

/** Octets of the echo's own data: what `ping` sends, so that no filter on the way finds it odd. */
const DATA_SIZE = 56;
const HEADER_SIZE = 8;
const PACKET_SIZE = HEADER_SIZE + DATA_SIZE;
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
    family === 4 ? linux.AF_INET : linux.AF_INET6,
    (kind === "raw" ? linux.SOCK_RAW : linux.SOCK_DGRAM) | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC,
    family === 4 ? linux.IPPROTO_ICMP : linux.IPPROTO_ICMPV6,
  );
  const fd = new Fd(check(number, "socket"));
  try {
    // The forced size needs CAP_NET_ADMIN; without it the kernel's limit has to do.
    const size = Int32Array.of(BUFFER_SIZE);
    const sizes = [[linux.SO_SNDBUFFORCE, linux.SO_SNDBUF], [linux.SO_RCVBUFFORCE, linux.SO_RCVBUF]] as const;
    for (const [forced, plain] of sizes) {
      if (libc.setsockopt(number, linux.SOL_SOCKET, forced, size, 4) === 0) continue;
      check(libc.setsockopt(number, linux.SOL_SOCKET, plain, size, 4), "setsockopt");
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
  const [level, option] = family === 4
    ? [linux.SOL_RAW, linux.ICMP_FILTER]
    : [linux.IPPROTO_ICMPV6, linux.ICMPV6_FILTER];
  check(libc.setsockopt(number, level, option, blocked, blocked.byteLength), "setsockopt", "ICMP filter");
}

/** Echoes that go out, or come in, with one call. Most of what a call costs beside the packet is saved by a few. */
export const ECHO_BATCH = 32;

// `struct mmsghdr` of the 64-bit ABI: a msghdr and the length of its packet.
const MMSGHDR_SIZE = 64;
const NAME = 0;
const NAME_LENGTH = 8;
const IOVEC = 16;
const IOVEC_COUNT = 24;
const LENGTH = 56;
const IOVEC_SIZE = 16;
/** Room for a `sockaddr_in6`, aligned. */
const NAME_SIZE = 32;

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  const pointer = Deno.UnsafePointer.of(bytes);
  if (pointer === null) throw new Error("Cannot take the address of a buffer");
  return Deno.UnsafePointer.value(pointer);
}

/** Packets of one size with their headers for `sendmmsg` and `recvmmsg`. */
class Packets {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly headers: Uint8Array<ArrayBuffer>;
  readonly headersView: DataView<ArrayBuffer>;
  readonly names = new Uint8Array(new ArrayBuffer(ECHO_BATCH * NAME_SIZE));
  /** Pointed to by the headers, so it must live as long as they do. */
  readonly #iovecs = new DataView(new ArrayBuffer(ECHO_BATCH * IOVEC_SIZE));

  constructor(size: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(ECHO_BATCH * size));
    this.view = new DataView(this.bytes.buffer);
    this.headers = new Uint8Array(new ArrayBuffer(ECHO_BATCH * MMSGHDR_SIZE));
    this.headersView = new DataView(this.headers.buffer);
    const bytes = addressOf(this.bytes);
    const iovecs = addressOf(new Uint8Array(this.#iovecs.buffer));
    for (let i = 0; i < ECHO_BATCH; i++) {
      this.#iovecs.setBigUint64(i * IOVEC_SIZE, bytes + BigInt(i * size), true);
      this.#iovecs.setBigUint64(i * IOVEC_SIZE + 8, BigInt(size), true);
      this.headersView.setBigUint64(i * MMSGHDR_SIZE + IOVEC, iovecs + BigInt(i * IOVEC_SIZE), true);
      this.headersView.setBigUint64(i * MMSGHDR_SIZE + IOVEC_COUNT, 1n, true);
    }
  }
}

/** The echo requests of one socket, gathered and sent together. */
export class EchoSender {
  readonly #fd: Fd;
  readonly #packets = new Packets(PACKET_SIZE);
  readonly #checksum: boolean;
  /** Sum of what is the same in each, see `checksum`. */
  readonly #sum: number;
  #count = 0;

  /** For requests over `fd` that share the identifier and the high half of the cookie. */
  constructor(fd: Fd, family: 4 | 6, identifier: number, cookieHigh: number) {
    this.#fd = fd;
    this.#checksum = family === 4;
    const { bytes, view, names, headersView } = this.#packets;
    const namesAt = addressOf(names);
    for (let i = 0; i < ECHO_BATCH; i++) {
      const at = i * PACKET_SIZE;
      for (let octet = HEADER_SIZE + 8; octet < PACKET_SIZE; octet++) bytes[at + octet] = octet;
      view.setUint8(at, ECHO_REQUEST[family]);
      view.setUint16(at + 4, identifier);
      view.setUint32(at + 8, cookieHigh);
      headersView.setBigUint64(i * MMSGHDR_SIZE + NAME, namesAt + BigInt(i * NAME_SIZE), true);
    }
    this.#sum = ~checksum(bytes.subarray(0, PACKET_SIZE)) & 0xffff;
  }

  /** Requests that wait to be sent, at most `ECHO_BATCH`. */
  get count(): number {
    return this.#count;
  }

  /** Adds a request to `address` (of `sockaddr`); there must be room for one. */
  add(sequence: number, cookieLow: number, address: Uint8Array<ArrayBuffer>): void {
    const { view, names, headersView } = this.#packets;
    const i = this.#count++;
    const at = i * PACKET_SIZE;
    view.setUint16(at + 6, sequence);
    view.setUint32(at + 12, cookieLow);
    // IPv6 needs an address in its sum, and the kernel makes it.
    if (this.#checksum) {
      view.setUint16(at + 2, fold(this.#sum + sequence + (cookieLow >>> 16) + (cookieLow & 0xffff)));
    }
    // Some numbers more than a call of `set` costs.
    for (let octet = 0; octet < address.length; octet++) names[i * NAME_SIZE + octet] = address[octet] ?? 0;
    headersView.setUint32(i * MMSGHDR_SIZE + NAME_LENGTH, address.length, true);
  }

  /** The request that was added as the `i`-th since the last `send`, for tests. */
  packet(i: number): Uint8Array {
    return this.#packets.bytes.subarray(i * PACKET_SIZE, (i + 1) * PACKET_SIZE);
  }

  /** Sends all without waiting, in order; `failed` gets the sequence number and the errno of each that could not be. */
  send(failed: (sequence: number, errno: number) => void): void {
    const count = this.#count;
    this.#count = 0;
    const { headers, view } = this.#packets;
    for (let next = 0; next < count;) {
      const rest = next === 0 ? headers : headers.subarray(next * MMSGHDR_SIZE);
      const sent = libc.sendmmsg(this.#fd.number, rest, count - next, 0);
      if (sent > 0) {
        next += sent;
        continue;
      }
      // The kernel tells the error of the first request only, and stops there.
      failed(view.getUint16(next * PACKET_SIZE + 6), errno());
      next++;
    }
  }
}

/** Octets kept of a message: an IP header with options twice, the ICMP header twice, and the cookie. */
const RECEIVE_SIZE = 192;

/** What arrives at one socket, several messages at a time. */
export class EchoReceiver {
  readonly #fd: Fd;
  readonly #packets = new Packets(RECEIVE_SIZE);

  /** Receives at `fd`. */
  constructor(fd: Fd) {
    this.#fd = fd;
  }

  /** Where all messages stand, see `start`. */
  get view(): DataView<ArrayBuffer> {
    return this.#packets.view;
  }

  /** Receives without waiting; the number of messages, at most `ECHO_BATCH`, or a negative errno. */
  receive(): number {
    const got = libc.recvmmsg(this.#fd.number, this.#packets.headers, ECHO_BATCH, 0, null);
    return got < 0 ? -errno() : got;
  }

  /** Offset of the `i`-th message in `view`. */
  start(i: number): number {
    return i * RECEIVE_SIZE;
  }

  /** Offset behind the last octet of the `i`-th message in `view`; a longer message was cut. */
  end(i: number): number {
    return i * RECEIVE_SIZE + this.#packets.headersView.getUint32(i * MMSGHDR_SIZE + LENGTH, true);
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

/**
 * A message about one of our echoes. The identifier is of the socket that sent it, the sequence number of the echo on
 * its socket (16 bits each); the cookie is what only the sender knows, two times 32 bits. All are unsigned.
 */
export type EchoMessage =
  | {
    readonly kind: "reply";
    readonly identifier: number;
    readonly sequence: number;
    readonly cookieHigh: number;
    readonly cookieLow: number;
  }
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
 * @param from offset of its first octet in `view`
 * @param end offset behind its last octet
 */
export function parseEcho(
  family: 4 | 6,
  kind: EchoKind,
  view: DataView,
  from = 0,
  end: number = view.byteLength,
): EchoMessage | null {
  const start = family === 4 && kind === "raw" ? from + ipv4HeaderSize(view, from, end) : from;
  if (start < from || end < start + HEADER_SIZE) return null;
  const type = view.getUint8(start);
  if (type === ECHO_REPLY[family]) {
    if (end < start + HEADER_SIZE + 8) return null;
    return {
      kind: "reply",
      identifier: view.getUint16(start + 4),
      sequence: view.getUint16(start + 6),
      cookieHigh: view.getUint32(start + 8),
      cookieLow: view.getUint32(start + 12),
    };
  }
  if (type !== UNREACHABLE[family] && type !== TIME_EXCEEDED[family]) return null;
  const quoted = start + HEADER_SIZE;
  const inner = family === 4
    ? ipv4HeaderSize(view, quoted, end, linux.IPPROTO_ICMP)
    : ipv6HeaderSize(view, quoted, end);
  if (inner < 0 || end < quoted + inner + HEADER_SIZE) return null;
  const echo = quoted + inner;
  if (view.getUint8(echo) !== ECHO_REQUEST[family]) return null;
  const detail = describe(family, type, view.getUint8(start + 1));
  return { kind: "error", identifier: view.getUint16(echo + 4), sequence: view.getUint16(echo + 6), detail };
}

/** Size of an IPv4 header at `offset`, −1 if there is none or it carries another protocol. */
function ipv4HeaderSize(view: DataView, offset: number, end: number, protocol?: number): number {
  if (end < offset + 20 || view.getUint8(offset) >> 4 !== 4) return -1;
  if (protocol !== undefined && view.getUint8(offset + 9) !== protocol) return -1;
  const size = (view.getUint8(offset) & 15) * 4;
  return size < 20 ? -1 : size;
}

/** Size of an IPv6 header at `offset` directly before ICMPv6 (our echoes have no extension headers), else −1. */
function ipv6HeaderSize(view: DataView, offset: number, end: number): number {
  if (end < offset + 40 || view.getUint8(offset) >> 4 !== 6) return -1;
  return view.getUint8(offset + 6) === linux.IPPROTO_ICMPV6 ? 40 : -1;
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
