/**
 * TCP sockets for probes: nonblocking and close-on-exec from birth, bound to a source address, closed with a
 * reset. Expected failures of the hot path come back as negative errno numbers, because a thrown error costs
 * more than the whole system call.
 *
 * @module
 */
import { E, linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, errno, libc } from "./libc.ts";
import { sockaddr } from "./sockaddr.ts";

const one = Int32Array.of(1);
/** `struct linger {1, 0}`: close sends RST and leaves no TIME_WAIT that would hold a source port for a minute. */
const lingerReset = Int32Array.of(1, 0);

/**
 * Makes a TCP socket that closes with a reset.
 *
 * @param family 4 or 6
 * @param source address to bind to (4 or 16 octets, any port), or null
 * @throws ErrnoError with `call` `socket`, `setsockopt` or `bind`
 */
export function openTcp(family: 4 | 6, source: Uint8Array | null): Fd {
  const number = libc.socket(
    family === 4 ? linux.AF_INET : linux.AF_INET6,
    linux.SOCK_STREAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC,
    0,
  );
  const fd = new Fd(check(number, "socket"));
  try {
    check(
      libc.setsockopt(number, linux.SOL_SOCKET, linux.SO_LINGER, lingerReset, 8),
      "setsockopt",
      "SO_LINGER",
    );
    if (source !== null) {
      // The port is chosen at connect, when the peer is known, so that one source address serves 28,000 probes
      // to each backend and not 28,000 in all. The option belongs to IPPROTO_IP for both families. Kernels before 4.2
      // and emulators do not have it; there the port is chosen at bind.
      libc.setsockopt(number, linux.IPPROTO_IP, linux.IP_BIND_ADDRESS_NO_PORT, one, 4);
      const address = sockaddr(source, 0);
      check(libc.bind(number, address, address.length), "bind");
    }
    return fd;
  } catch (error) {
    fd[Symbol.dispose]();
    throw error;
  }
}

/**
 * Starts or follows up a connect without waiting.
 *
 * @param fd a socket of `openTcp`
 * @param address of `sockaddr`, family of the socket
 * @returns 0 once connected, `-EINPROGRESS` or `-EALREADY` while under way, else the negative errno of its failure
 */
export function connect(fd: Fd, address: Uint8Array<ArrayBuffer>): number {
  if (libc.connect(fd.number, address, address.length) === 0) return 0;
  const number = errno();
  return number === E.EISCONN ? 0 : -number;
}

/** A socket address of no family (`AF_UNSPEC`, 0). */
const nobody = new Uint8Array(16);

/**
 * Ends the connection of a socket, or its connect, with a reset, and gives its port back; the socket can be connected
 * again, see connect(2). False: the kernel does not do that, and the socket is of no more use.
 */
export function dissolve(fd: Fd): boolean {
  return libc.connect(fd.number, nobody, nobody.length) === 0;
}

const end = new Uint8Array(28);
const endLength = new Uint8Array(4);
/** Where the address begins in a socket address, and how many octets it has. */
const ADDRESS = { 16: [4, 4], 28: [8, 16] } as const;

/**
 * Whether a connected socket is connected to itself: TCP opens such a connection by itself, with nobody listening,
 * where a host connects to a port of its own and the kernel chooses that port as the source.
 *
 * @param address that it was connected to, of `sockaddr`
 */
export function toItself(fd: Fd, address: Uint8Array<ArrayBuffer>): boolean {
  endLength[0] = end.length;
  check(libc.getsockname(fd.number, end, endLength), "getsockname");
  if (end[2] !== address[2] || end[3] !== address[3]) return false;
  const [from, octets] = ADDRESS[address.length === 16 ? 16 : 28];
  for (let i = from; i < from + octets; i++) {
    if (end[i] !== address[i]) return false;
  }
  return true;
}

/** Whether a result of `connect` means that the outcome is not known yet. */
export function underWay(result: number): boolean {
  return result === -E.EINPROGRESS || result === -E.EALREADY;
}

/** Sends what fits without waiting; returns the number of octets or a negative errno, e.g. `-EAGAIN`. */
export function send(fd: Fd, bytes: Uint8Array<ArrayBuffer>): number {
  const sent = libc.send(fd.number, bytes, BigInt(bytes.length), linux.MSG_NOSIGNAL);
  return sent < 0 ? -errno() : sent;
}

/**
 * Receives without waiting.
 *
 * @param size of the buffer; its own length if not given
 * @returns the number of octets, 0 at the peer's close, or a negative errno
 */
export function receive(
  fd: Fd,
  buffer: Uint8Array<ArrayBuffer>,
  size: bigint = BigInt(buffer.length),
): number {
  const got = libc.recv(fd.number, buffer, size, 0);
  return got < 0 ? -errno() : got;
}
