import { E, linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, cString, errno, ErrnoError, libc } from "./libc.ts";

const { O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDONLY, POLLIN, POLLOUT } = linux;

/** Octets asked for at once. */
const PIECE = 65_536;

/** Octets of a pipe's page (`PIPE_BUF`): a pipe that is ready takes them all, and may take no more. */
export const PIPE_PIECE = 4096;

/** What came of reading a file. */
export type Whole =
  /** All of it. */
  | { readonly kind: "whole"; readonly octets: Uint8Array<ArrayBuffer> }
  /** It holds more octets than it may. */
  | { readonly kind: "too-large" }
  /** Its end did not come in time. */
  | { readonly kind: "late" };

/**
 * Reads a file of any kind to its end: an ordinary file, a pipe, a device. Octets and time are counted while it is
 * read, since only the end of a pipe tells its size. Blocks the thread for `timeoutMs` at most; only the opening of
 * a file on a file system that hangs can take longer.
 *
 * @param limit octets that it may hold
 * @param timeoutMs time until its end must have come
 * @param now monotonic time in ms
 * @throws ErrnoError of `open` (ENXIO for a socket), `poll` or `read` (EISDIR for a directory)
 */
export function readWhole(path: string, limit: number, timeoutMs: number, now: () => number): Whole {
  const end = now() + timeoutMs;
  // Without O_NONBLOCK the opening of a FIFO waits until somebody writes to it, and nothing could end that wait.
  const flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  using file = new Fd(check(libc.open(cString(path), flags, 0), "open", path));
  const pieces: Uint8Array[] = [];
  let total = 0;
  while (total <= limit) {
    if (!readable(file.number, end - now())) return { kind: "late" };
    const piece = new Uint8Array(PIECE);
    const length = libc.read(file.number, piece, BigInt(PIECE));
    if (length < 0) {
      const number = errno();
      // Another reader was faster; `poll` waits for the next octets.
      if (number === E.EAGAIN || number === E.EINTR) continue;
      throw new ErrnoError("read", number, path);
    }
    if (length === 0) return { kind: "whole", octets: joined(pieces, total) };
    pieces.push(piece.subarray(0, length));
    total += length;
  }
  return { kind: "too-large" };
}

/** Waits until a read would not block, an end included; false if that takes longer than `ms`. */
function readable(fd: number, ms: number): boolean {
  return ms > 0 && happens(fd, POLLIN, Math.ceil(ms));
}

/**
 * Whether a write to `fd` of at most `PIPE_PIECE` octets ends at once, by taking them or with an error. Throws
 * ErrnoError.
 */
export function writableNow(fd: number): boolean {
  return happens(fd, POLLOUT, 0);
}

/** Whether one of `events`, or an error, happens within `ms`. */
function happens(fd: number, events: number, ms: number): boolean {
  // struct pollfd: int fd, short events, short revents.
  const request = new Uint8Array(8);
  const view = new DataView(request.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  const ready = libc.poll(request, 1, ms);
  if (ready >= 0) return ready > 0;
  const number = errno();
  // A signal; the read that follows says EAGAIN if there is nothing, and the time is looked at again.
  if (number === E.EINTR) return true;
  throw new ErrnoError("poll", number);
}

function joined(pieces: readonly Uint8Array[], total: number): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    octets.set(piece, at);
    at += piece.length;
  }
  return octets;
}
