/**
 * Descriptors handed over a SOCK_SEQPACKET unix socket (SCM_RIGHTS), both ends. Nothing here blocks: what is not
 * there yet is null, and the caller decides how long to go on asking.
 *
 * @module
 */
import { E, linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, errno, ErrnoError, libc } from "./libc.ts";

/** Octets of `sun_path`, its NUL included. */
const PATH_SIZE = 108;

// One buffer holds msghdr, iovec, data and control message, at the offsets of the 64-bit ABI.
const IOVEC = 56;
const DATA = 72;
const CONTROL = 80;
const DATA_SIZE = 8;
/** cmsghdr and one descriptor without padding: with it a second, unexpected descriptor would fit and leak. */
const CONTROL_SIZE = 20;

function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const octets = new TextEncoder().encode(path);
  if (octets.length === 0 || octets.length >= PATH_SIZE) {
    throw new RangeError(`Cannot use socket path "${path}": it must have 1\u2026${PATH_SIZE - 1} octets`);
  }
  const address = new Uint8Array(2 + PATH_SIZE);
  new DataView(address.buffer).setUint16(0, linux.AF_UNIX, true);
  address.set(octets, 2);
  return address;
}

function newSocket(): Fd {
  const type = linux.SOCK_SEQPACKET | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC;
  return new Fd(check(libc.socket(linux.AF_UNIX, type, 0), "socket"));
}

/** A msghdr with one iovec and room for one descriptor. Keep the view's buffer alive across the call. */
function messageBuffer(): DataView<ArrayBuffer> {
  const bytes = new Uint8Array(128);
  const pointer = Deno.UnsafePointer.of(bytes);
  if (pointer === null) throw new Error("Cannot take the address of a message buffer");
  const start = Deno.UnsafePointer.value(pointer);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(16, start + BigInt(IOVEC), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, start + BigInt(CONTROL), true);
  view.setBigUint64(40, BigInt(CONTROL_SIZE), true);
  view.setBigUint64(IOVEC, start + BigInt(DATA), true);
  view.setBigUint64(IOVEC + 8, BigInt(DATA_SIZE), true);
  return view;
}

/** A connection to a server that sends one descriptor to whoever connects. Owns the socket. */
export class FdReceiver implements Disposable {
  readonly #socket: Fd;
  readonly #path: string;

  /** Connects to the SOCK_SEQPACKET socket at `path`. Throws ErrnoError (EAGAIN: the server's backlog is full). */
  constructor(path: string) {
    const address = unixAddress(path);
    const socket = newSocket();
    try {
      check(libc.connect(socket.number, address, address.length), "connect", path);
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
    this.#socket = socket;
    this.#path = path;
  }

  /**
   * The descriptor, close-on-exec, or null if the server has not sent it yet. Throws ErrnoError (EPROTO: the
   * server closed the connection or sent something else).
   */
  receive(): Fd | null {
    const view = messageBuffer();
    const result = libc.recvmsg(this.#socket.number, view, linux.MSG_CMSG_CLOEXEC);
    if (result < 0) {
      const number = errno();
      if (number === E.EAGAIN || number === E.EINTR) return null;
      throw new ErrnoError("recvmsg", number, this.#path);
    }
    const controlLength = Number(view.getBigUint64(40, true));
    const holdsOne = controlLength >= CONTROL_SIZE &&
      Number(view.getBigUint64(CONTROL, true)) === CONTROL_SIZE &&
      view.getInt32(CONTROL + 8, true) === linux.SOL_SOCKET &&
      view.getInt32(CONTROL + 12, true) === linux.SCM_RIGHTS;
    if (!holdsOne) throw new ErrnoError("recvmsg", E.EPROTO, `${this.#path} (no descriptor in the message)`);
    const fd = new Fd(view.getInt32(CONTROL + 16, true));
    if ((view.getInt32(48, true) & linux.MSG_CTRUNC) !== 0) {
      fd[Symbol.dispose]();
      throw new ErrnoError("recvmsg", E.EPROTO, `${this.#path} (more than one descriptor in the message)`);
    }
    return fd;
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/**
 * An error must come so often before it counts. Once ENOENT was read, which accept4 never has, so something else had
 * probably set errno before it was read. To accept again costs nothing.
 */
const ACCEPT_TRIES = 3;

/**
 * A SOCK_SEQPACKET socket that accepts connections. Owns the descriptor, not the file: whoever listens at a path
 * removes it.
 */
export class SeqpacketListener implements Disposable {
  readonly #socket: Fd;

  /** Listens at `path`, which must not exist. Throws ErrnoError. */
  constructor(path: string, backlog = 64) {
    const address = unixAddress(path);
    const socket = newSocket();
    try {
      check(libc.bind(socket.number, address, address.length), "bind", path);
      check(libc.listen(socket.number, backlog), "listen", path);
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
    this.#socket = socket;
  }

  /** Number of the listening descriptor, for `poll` and the like; it stays ours. */
  get number(): number {
    return this.#socket.number;
  }

  /** The next waiting connection, non-blocking and close-on-exec, or null. Throws ErrnoError. */
  accept(): Fd | null {
    for (let left = ACCEPT_TRIES;; left--) {
      const number = libc.accept4(this.#socket.number, null, null, linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC);
      if (number >= 0) return new Fd(number);
      const reason = errno();
      if (reason === E.EAGAIN || reason === E.EINTR || reason === E.ECONNABORTED) return null;
      if (left === 1) throw new ErrnoError("accept", reason);
    }
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** Sends a copy of descriptor `fd` over connection `socket`; both stay with their owners. Throws ErrnoError. */
export function sendFd(socket: Fd, fd: Fd): void {
  const view = messageBuffer();
  view.setBigUint64(CONTROL, BigInt(CONTROL_SIZE), true);
  view.setInt32(CONTROL + 8, linux.SOL_SOCKET, true);
  view.setInt32(CONTROL + 12, linux.SCM_RIGHTS, true);
  view.setInt32(CONTROL + 16, fd.number, true);
  check(libc.sendmsg(socket.number, view, linux.MSG_NOSIGNAL), "sendmsg");
}
