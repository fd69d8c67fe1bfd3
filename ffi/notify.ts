/**
 * What a service tells the service manager that started it (sd_notify(3)): one datagram to a unix socket.
 *
 * @module
 */
import { linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, libc } from "./libc.ts";

/** Octets of `sun_path`. */
const PATH_SIZE = 108;

/**
 * The socket's address: a path, or a name without a file (`@name`), which begins with NUL and whose length counts.
 *
 * @throws RangeError for anything else (systemd knows `vsock:`, for virtual machines) and for what is too long
 */
function address(socket: string): Uint8Array<ArrayBuffer> {
  const octets = new TextEncoder().encode(socket);
  if (!/^[/@]./.test(socket) || octets.length > PATH_SIZE - 1) {
    throw new RangeError(`Cannot use "${socket}": only a path or @name of less than ${PATH_SIZE} octets`);
  }
  if (socket.startsWith("@")) octets[0] = 0;
  const bytes = new Uint8Array(2 + octets.length + (socket.startsWith("@") ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, linux.AF_UNIX, true);
  bytes.set(octets, 2);
  return bytes;
}

/**
 * Sends one message, e.g. `READY=1`. Never waits. A socket of its own for each: a service manager may have made
 * its socket anew since.
 *
 * @param socket value of NOTIFY_SOCKET
 * @throws RangeError for a socket of another kind; ErrnoError of `connect` or `send` (EAGAIN: the queue is full)
 */
export function notify(socket: string, message: string): void {
  const to = address(socket);
  const type = linux.SOCK_DGRAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC;
  using own = new Fd(check(libc.socket(linux.AF_UNIX, type, 0), "socket"));
  check(libc.connect(own.number, to, to.length), "connect", socket);
  const octets = new TextEncoder().encode(message);
  check(libc.send(own.number, octets, BigInt(octets.length), linux.MSG_NOSIGNAL), "send", socket);
}
