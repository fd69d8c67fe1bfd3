/**
 * Memory shared with another process.
 *
 * A view on memory that is no longer mapped would crash the process, and so would a write through a view on a
 * read-only mapping. So a mapping has one owner, and its disposal first detaches the buffer: whoever still holds
 * a view then reads nothing instead of crashing.
 *
 * @module
 */
import { linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, cString, errno, ErrnoError, libc } from "./libc.ts";

/** What mmap returns on failure, as a pointer's value. */
const MAP_FAILED = 0xffffffffffffffffn;
/** Offset of `st_size` in `struct stat`, on x86_64 and on aarch64. */
const ST_SIZE = 48;

/** Size of the file behind a descriptor, in octets. Throws ErrnoError. */
export function fileSize(fd: Fd): number {
  const stat = new Uint8Array(256);
  check(libc.fstat(fd.number, stat), "fstat");
  return Number(new DataView(stat.buffer).getBigInt64(ST_SIZE, true));
}

/** Whether the file behind a descriptor can never be made shorter. A file that knows no seals is not sealed. */
export function isSealed(fd: Fd): boolean {
  const seals = libc.fcntl(fd.number, linux.F_GET_SEALS, 0);
  return seals >= 0 && (seals & linux.F_SEAL_SHRINK) !== 0;
}

/** Makes a file shorter or longer. Throws ErrnoError (EPERM: it is sealed). */
export function resize(fd: Fd, size: number): void {
  check(libc.ftruncate(fd.number, BigInt(size)), "ftruncate");
}

/**
 * An anonymous file of `size` octets of zeros in memory, to be mapped and handed over. Throws ErrnoError.
 *
 * @param sealed whether nobody can make it shorter, so that who maps it is safe
 */
export function createMemfd(name: string, size: number, sealed = true): Fd {
  const flags = linux.MFD_CLOEXEC | linux.MFD_ALLOW_SEALING;
  const fd = new Fd(check(libc.memfd_create(cString(name), flags), "memfd_create", name));
  try {
    resize(fd, size);
    if (sealed) check(libc.fcntl(fd.number, linux.F_ADD_SEALS, linux.F_SEAL_SHRINK), "fcntl", "F_ADD_SEALS");
  } catch (error) {
    fd[Symbol.dispose]();
    throw error;
  }
  return fd;
}

/** A file mapped into memory, shared. Views on `buffer` are valid until disposal; after it they are detached. */
export class Mapping implements Disposable {
  /** The mapping itself, not a copy. Writing to it crashes the process unless it was mapped writable. */
  readonly buffer: ArrayBuffer;
  /** Length in octets. */
  readonly size: number;
  #pointer: Deno.PointerValue;

  /**
   * Maps the first `size` octets (more than 0) of the file behind `fd`, which may be closed afterwards. Reading what
   * the file no longer has ends the process (SIGBUS): it must be sealed (`isSealed`), or its size looked at before
   * each read. Throws ErrnoError.
   */
  constructor(fd: Fd, size: number, access: "read" | "write" = "read") {
    if (!Number.isSafeInteger(size) || size <= 0) throw new RangeError(`Cannot map ${size} octets`);
    const protection = access === "write" ? linux.PROT_READ | linux.PROT_WRITE : linux.PROT_READ;
    const pointer = libc.mmap(null, BigInt(size), protection, linux.MAP_SHARED, fd.number, 0n);
    const reason = errno();
    if (pointer === null || Deno.UnsafePointer.value(pointer) === MAP_FAILED) {
      throw new ErrnoError("mmap", reason, `${size} octets`);
    }
    this.#pointer = pointer;
    this.size = size;
    this.buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, size);
  }

  /** Detaches every view, then unmaps. */
  [Symbol.dispose](): void {
    const pointer = this.#pointer;
    if (pointer === null) return;
    this.#pointer = null;
    // The transfer leaves `buffer` detached; the clone is dropped at once, and nobody reads through it.
    structuredClone(this.buffer, { transfer: [this.buffer] });
    check(libc.munmap(pointer, BigInt(this.size)), "munmap");
  }
}
