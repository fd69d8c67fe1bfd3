/**
 * The one table of C library calls, and errno. No pointer leaves `ffi/`. Every wrapper of another file in
 * this folder checks its result and throws `ErrnoError`.
 *
 * Results that are `ssize_t` in C are declared `i32` here: every buffer of ours is far smaller than 2 GiB,
 * and a 64-bit result would arrive as a bigint off the fast path. Sizes are `usize` pre-made bigints or u32.
 *
 * @module
 */
import { E } from "./constants.ts";

/** The calls with their C types. */
export const symbols = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "pointer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fstat: { parameters: ["i32", "buffer"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
  sem_init: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  sem_post: { parameters: ["buffer"], result: "i32" },
  pthread_create: { parameters: ["buffer", "pointer", "pointer", "pointer"], result: "i32" },
  pthread_join: { parameters: ["u64", "pointer"], result: "i32" },
  gettid: { parameters: [], result: "i32" },
  tgkill: { parameters: ["i32", "i32", "i32"], result: "i32" },
  getpid: { parameters: [], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library. Only files in `ffi/` may import it. */
export const libc: Deno.DynamicLibrary<typeof symbols>["symbols"] = Deno.dlopen("libc.so.6", symbols).symbols;

const errnoPointer = libc.__errno_location();
if (errnoPointer === null) throw new Error("Cannot find errno: __errno_location() returned null");
// errno lives as long as its thread, and a module is loaded once a thread, so the view never dangles.
const errnoView = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(errnoPointer, 4));

/** errno of the last synchronous call; read it on the very next line. */
export function errno(): number {
  return errnoView[0] ?? 0;
}

const names = new Map<number, string>(Object.entries(E).map(([name, number]) => [number, name]));

/** Name of an errno, e.g. `ECONNREFUSED`; `errno 71` style for one that is not in the table. */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}

/** A C library call that failed. */
export class ErrnoError extends Error {
  /** The call, e.g. `bind`. */
  readonly call: string;
  /** The number, to compare with `E`. */
  readonly errno: number;
  /** The name, e.g. `EADDRNOTAVAIL`, under the key that Node's errors use. */
  readonly code: string;

  /** Makes the error of `call` that failed with `number` on `subject` (an address, a path, ...). */
  constructor(call: string, number: number, subject = "") {
    const code = errnoName(number);
    super(`${call}${subject === "" ? "" : ` ${subject}`}: ${code}`);
    this.name = "ErrnoError";
    this.call = call;
    this.errno = number;
    this.code = code;
  }
}

/** Returns `result` if it is not negative, else throws the `ErrnoError` of the call just made. */
export function check(result: number, call: string, subject = ""): number {
  if (result < 0) throw new ErrnoError(call, errno(), subject);
  return result;
}

/** A NUL-terminated copy of `text` for a `buffer` parameter. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
