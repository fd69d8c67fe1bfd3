/**
 * Raw sockets for tests that send packets which no honest host sends, or read what a host should not see. The calls
 * that only tests need are bound here.
 *
 * @module
 */
import { E, linux } from "../ffi/constants.ts";
import { Fd } from "../ffi/fd.ts";
import { check, errno, ErrnoError, libc } from "../ffi/libc.ts";
import { inNamespace } from "../ffi/netns.ts";
import { sockaddr } from "../ffi/sockaddr.ts";

const own = Deno.dlopen("libc.so.6", {
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
}).symbols;

const POLLIN = 1;

/** A raw socket of one protocol. It does not block. */
export class RawSocket implements Disposable {
  readonly #fd: Fd;
  readonly #buffer = new Uint8Array(65_536);

  /**
   * Makes it. Throws ErrnoError.
   *
   * @param namespace a name under /var/run/netns
   * @param protocol number in the IP header; 255: what is sent has a header of its own
   * @param source address to bind to, or null
   */
  constructor(namespace: string, family: 4 | 6, protocol: number, source: Uint8Array | null = null) {
    this.#fd = inNamespace(`/var/run/netns/${namespace}`, () => {
      const type = linux.SOCK_RAW | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC;
      const fd = new Fd(
        check(libc.socket(family === 4 ? linux.AF_INET : linux.AF_INET6, type, protocol), "socket"),
      );
      if (source === null) return fd;
      const address = sockaddr(source, 0);
      check(libc.bind(fd.number, address, address.length), "bind");
      return fd;
    });
  }

  /** Number of the descriptor; it stays with this object. */
  get number(): number {
    return this.#fd.number;
  }

  /** Sends a packet to an address of 4 or 16 octets. Throws ErrnoError. */
  send(packet: Uint8Array<ArrayBuffer>, to: Uint8Array): void {
    const address = sockaddr(to, 0);
    const sent = own.sendto(this.#fd.number, packet, BigInt(packet.length), 0, address, address.length);
    check(sent, "sendto");
  }

  /** What has arrived, valid until the next call; null: nothing. With an IP header if the family is IPv4. */
  receive(): Uint8Array<ArrayBuffer> | null {
    const length = libc.recv(this.#fd.number, this.#buffer, BigInt(this.#buffer.length), 0);
    return length < 0 ? null : this.#buffer.subarray(0, length);
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** Waits with the whole thread until one of these descriptors is readable; whether each one is. Throws ErrnoError. */
export function pollReadable(descriptors: readonly number[], timeoutMs: number): boolean[] {
  const wanted = new DataView(new ArrayBuffer(8 * descriptors.length));
  for (const [i, fd] of descriptors.entries()) {
    wanted.setInt32(8 * i, fd, true);
    wanted.setInt16(8 * i + 4, POLLIN, true);
  }
  while (own.poll(new Uint8Array(wanted.buffer), descriptors.length, timeoutMs) < 0) {
    const reason = errno();
    if (reason !== E.EINTR) throw new ErrnoError("poll", reason);
  }
  return descriptors.map((_, i) => wanted.getInt16(8 * i + 6, true) !== 0);
}
