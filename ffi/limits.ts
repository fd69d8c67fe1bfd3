import { check, cString, E, ErrnoError, libc } from "./libc.ts";
import { Fd } from "./fd.ts";

const RLIMIT_NOFILE = 7;

/** How many descriptors this process may have open at once (`RLIMIT_NOFILE`, the soft limit). Throws ErrnoError. */
export function descriptorLimit(): number {
  const limits = new BigUint64Array(2);
  check(libc.getrlimit(RLIMIT_NOFILE, new Uint8Array(limits.buffer)), "getrlimit");
  // RLIM_INFINITY is 2^64 − 1.
  return Math.min(Number(limits[0] ?? 0n), Number.MAX_SAFE_INTEGER);
}

const O_RDONLY_DIRECTORY_CLOEXEC = 0o2200000;

/**
 * Descriptors that the process has open. Asked of the kernel and not of Deno, which gives nobody /proc but those
 * who may do everything.
 */
export function openDescriptors(): number {
  using folder = new Fd(
    check(libc.open(cString("/proc/self/fd"), O_RDONLY_DIRECTORY_CLOEXEC, 0), "open", "/proc/self/fd"),
  );
  const entries = new Uint8Array(32_768);
  const view = new DataView(entries.buffer);
  let count = 0;
  for (;;) {
    const length = check(libc.getdents64(folder.number, entries, BigInt(entries.length)), "getdents64");
    if (length === 0) break;
    // struct linux_dirent64: inode and offset of 8 octets each, then the length of the entry, 2 octets.
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) count++;
  }
  // Without ".", ".." and the folder itself.
  return count - 3;
}

/** Descriptors that the process has open and may have open. Where none is left to count with, all of them are open. */
export function descriptorUse(): { open: number; max: number } {
  const max = descriptorLimit();
  try {
    return { open: openDescriptors(), max };
  } catch (error) {
    if (error instanceof ErrnoError && (error.errno === E.EMFILE || error.errno === E.ENFILE)) {
      return { open: max, max };
    }
    throw error;
  }
}

/** Descriptors that a new thread takes while it starts: nine were counted; the others for what is opened meanwhile. */
const THREAD_NEEDS = 32;

/**
 * Whether a thread (a Worker) may be started now. Where the descriptors for it are missing the runtime does not
 * fail, it ends the process.
 */
export function roomForThread(): boolean {
  const { max, open } = descriptorUse();
  return max - open >= THREAD_NEEDS;
}
