/**
 * ICMP echo: sockets with kernel filters, requests that go out together, and messages that come in together
 * (RFC 792, RFC 4443). What a message says is read by src/probes/echo.ts.
 *
 *   raw, IPv4        messages carry the IP header before the ICMP header
 *   raw, IPv6        messages begin at the ICMP header; the kernel makes the checksum
 *   datagram, both   messages begin at the ICMP header; the kernel owns the identifier, and gives echo replies only
 *
 * @module
 */
import { linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, errno, libc } from "./libc.ts";
import { sockaddr } from "./sockaddr.ts";

/** Types of ICMP and ICMPv6 messages. */
export const ICMP_TYPES = {
  4: { echoRequest: 8, echoReply: 0, unreachable: 3, timeExceeded: 11 },
  6: { echoRequest: 128, echoReply: 129, unreachable: 1, timeExceeded: 3 },
} as const;

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
  const { echoReply, unreachable, timeExceeded } = ICMP_TYPES[family];
  const wanted = [echoReply, unreachable, timeExceeded];
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
/** Where the address itself begins in `sockaddr_in` and `sockaddr_in6`. */
const ADDRESS_AT = { 4: 4, 6: 8 } as const;

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  const pointer = Deno.UnsafePointer.of(bytes);
  if (pointer === null) throw new Error("Cannot take the address of a buffer");
  return Deno.UnsafePointer.value(pointer);
}

/** Packets of one size, each behind the socket address of its peer, with headers for `sendmmsg` and `recvmmsg`. */
class Packets {
  /** Octets from one packet's place to the next one's. */
  readonly slot: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly headers: Uint8Array<ArrayBuffer>;
  readonly headersView: DataView<ArrayBuffer>;
  /** Pointed to by the headers, so it must live as long as they do. */
  readonly #iovecs = new DataView(new ArrayBuffer(ECHO_BATCH * IOVEC_SIZE));

  constructor(size: number) {
    this.slot = NAME_SIZE + size;
    this.bytes = new Uint8Array(new ArrayBuffer(ECHO_BATCH * this.slot));
    this.view = new DataView(this.bytes.buffer);
    this.headers = new Uint8Array(new ArrayBuffer(ECHO_BATCH * MMSGHDR_SIZE));
    this.headersView = new DataView(this.headers.buffer);
    const bytes = addressOf(this.bytes);
    const iovecs = addressOf(new Uint8Array(this.#iovecs.buffer));
    for (let i = 0; i < ECHO_BATCH; i++) {
      this.#iovecs.setBigUint64(i * IOVEC_SIZE, bytes + BigInt(this.packet(i)), true);
      this.#iovecs.setBigUint64(i * IOVEC_SIZE + 8, BigInt(size), true);
      const header = i * MMSGHDR_SIZE;
      this.headersView.setBigUint64(header + NAME, bytes + BigInt(this.name(i)), true);
      this.headersView.setBigUint64(header + IOVEC, iovecs + BigInt(i * IOVEC_SIZE), true);
      this.headersView.setBigUint64(header + IOVEC_COUNT, 1n, true);
    }
  }

  /** Offset of the `i`-th peer's socket address. */
  name(i: number): number {
    return i * this.slot;
  }

  /** Offset of the `i`-th packet. */
  packet(i: number): number {
    return i * this.slot + NAME_SIZE;
  }

  /** Says how long the `i`-th peer's socket address is, or may be. */
  nameLength(i: number, length: number): void {
    this.headersView.setUint32(i * MMSGHDR_SIZE + NAME_LENGTH, length, true);
  }
}

/** What names one echo and proves it: all but 64 bits could be guessed. Unsigned numbers. */
export interface EchoId {
  /** 16 bits. The kernel overwrites it on a datagram socket. */
  readonly identifier: number;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 of the 64 bits that only the sender knows. */
  readonly cookieHigh: number;
  /** The other 32. */
  readonly cookieLow: number;
}

/** The echo requests of one socket, gathered and sent together. */
export class EchoSender {
  readonly #fd: Fd;
  readonly #packets = new Packets(PACKET_SIZE);
  readonly #family: 4 | 6;
  #count = 0;

  /** For requests over `fd`. */
  constructor(fd: Fd, family: 4 | 6) {
    this.#fd = fd;
    this.#family = family;
    const { bytes, view } = this.#packets;
    for (let i = 0; i < ECHO_BATCH; i++) {
      const at = this.#packets.packet(i);
      for (let octet = HEADER_SIZE + 8; octet < PACKET_SIZE; octet++) bytes[at + octet] = octet;
      view.setUint8(at, ICMP_TYPES[family].echoRequest);
    }
  }

  /** Requests that wait to be sent, at most `ECHO_BATCH`. */
  get count(): number {
    return this.#count;
  }

  /** Adds a request to `address` (of `sockaddr`); there must be room for one. */
  add(echo: EchoId, address: Uint8Array<ArrayBuffer>): void {
    const { bytes, view } = this.#packets;
    const i = this.#count++;
    const at = this.#packets.packet(i);
    view.setUint16(at + 4, echo.identifier);
    view.setUint16(at + 6, echo.sequence);
    view.setUint32(at + 8, echo.cookieHigh);
    view.setUint32(at + 12, echo.cookieLow);
    // IPv6 needs an address in its sum, and the kernel makes it.
    if (this.#family === 4) view.setUint16(at + 2, echoChecksum(echo));
    const name = this.#packets.name(i);
    // Some numbers more than a call of `set` costs.
    for (let octet = 0; octet < address.length; octet++) bytes[name + octet] = address[octet] ?? 0;
    this.#packets.nameLength(i, address.length);
  }

  /** The request that was added as the `i`-th since the last `send`, for tests. */
  packet(i: number): Uint8Array {
    const at = this.#packets.packet(i);
    return this.#packets.bytes.subarray(at, at + PACKET_SIZE);
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
      failed(view.getUint16(this.#packets.packet(next) + 6), errno());
      next++;
    }
  }
}

/** Octets kept of a message: an IP header with options twice, the ICMP header twice, and the cookie. */
const RECEIVE_SIZE = 192;

/** What arrives at one socket, several messages at a time. */
export class EchoReceiver {
  readonly #fd: Fd;
  readonly #family: 4 | 6;
  readonly #packets = new Packets(RECEIVE_SIZE);

  /** Receives at `fd`. */
  constructor(fd: Fd, family: 4 | 6) {
    this.#fd = fd;
    this.#family = family;
    for (let i = 0; i < ECHO_BATCH; i++) this.#packets.nameLength(i, NAME_SIZE);
  }

  /** Where all messages stand, see `start`. */
  get view(): DataView<ArrayBuffer> {
    return this.#packets.view;
  }

  /** Receives without waiting; the number of messages, at most `ECHO_BATCH`, or a negative errno. */
  receive(): number {
    const got = libc.recvmmsg(this.#fd.number, this.#packets.headers, ECHO_BATCH, 0, null);
    if (got < 0) return -errno();
    // The kernel has written there how much of the room it took.
    for (let i = 0; i < got; i++) this.#packets.nameLength(i, NAME_SIZE);
    return got;
  }

  /** Offset of the `i`-th message in `view`. */
  start(i: number): number {
    return this.#packets.packet(i);
  }

  /** Offset behind the last octet of the `i`-th message in `view`; a longer message was cut. */
  end(i: number): number {
    return this.start(i) + this.#packets.headersView.getUint32(i * MMSGHDR_SIZE + LENGTH, true);
  }

  /** Offset in `view` of the address (4 or 16 octets) that the `i`-th message came from. */
  source(i: number): number {
    return this.#packets.name(i) + ADDRESS_AT[this.#family];
  }
}

/** Sum of the words of an echo request that are the same in all of them, IPv4. */
const COMMON_SUM = commonSum();

function commonSum(): number {
  let sum = ICMP_TYPES[4].echoRequest << 8;
  for (let octet = HEADER_SIZE + 8; octet < PACKET_SIZE; octet += 2) sum += (octet << 8) | (octet + 1);
  return sum;
}

/** The Internet checksum (RFC 1071) of an echo request of `EchoSender`, IPv4. */
export function echoChecksum({ identifier, sequence, cookieHigh, cookieLow }: EchoId): number {
  let sum = COMMON_SUM + identifier + sequence + (cookieHigh >>> 16) + (cookieHigh & 0xffff) +
    (cookieLow >>> 16) + (cookieLow & 0xffff);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
