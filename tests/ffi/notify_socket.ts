/** The service manager's end of sd_notify: a unix socket that takes datagrams. */
import { E, linux } from "../../ffi/constants.ts";
import { Fd } from "../../ffi/fd.ts";
import { check, errno, ErrnoError, libc } from "../../ffi/libc.ts";

/** Takes messages. Does not block. */
export class NotifySocket implements Disposable {
  readonly #fd: Fd;

  /**
   * Makes it.
   *
   * @param name a path that does not exist yet, or `@name`
   */
  constructor(readonly name: string) {
    const type = linux.SOCK_DGRAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC;
    this.#fd = new Fd(check(libc.socket(linux.AF_UNIX, type, 0), "socket"));
    const octets = new TextEncoder().encode(name);
    if (name.startsWith("@")) octets[0] = 0;
    const address = new Uint8Array([linux.AF_UNIX, 0, ...octets]);
    check(libc.bind(this.#fd.number, address, address.length), "bind", name);
  }

  /** The next message, or null if there is none yet. */
  next(): string | null {
    const buffer = new Uint8Array(4096);
    const length = libc.recv(this.#fd.number, buffer, BigInt(buffer.length), 0);
    if (length >= 0) return new TextDecoder().decode(buffer.subarray(0, length));
    const number = errno();
    if (number === E.EAGAIN) return null;
    throw new ErrnoError("recv", number, this.name);
  }

  /** All messages that are there. */
  all(): string[] {
    const messages: string[] = [];
    for (let message = this.next(); message !== null; message = this.next()) messages.push(message);
    return messages;
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}
