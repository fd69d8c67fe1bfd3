import { E, linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, cString, errno, libc } from "./libc.ts";

/** How many descriptors this process may have open at once (`RLIMIT_NOFILE`, the soft limit). Throws ErrnoError. */
export function descriptorLimit(): number {
  const limits = new BigUint64Array(2);
  check(libc.getrlimit(linux.RLIMIT_NOFILE, new Uint8Array(limits.buffer)), "getrlimit");
  // RLIM_INFINITY is 2^64 - 1.
  return Math.min(Number(limits[0] ?? 0n), Number.MAX_SAFE_INTEGER);
}

/**
 * Descriptors that the process has open; null where they cannot be counted. Asked of the kernel and not of Deno, which
 * gives nobody /proc but those who may do everything. It never throws: timers ask for it.
 */
export function openDescriptors(): number | null {
  const flags = linux.O_RDONLY | linux.O_DIRECTORY | linux.O_CLOEXEC;
  const number = libc.open(cString("/proc/self/fd"), flags, 0);
  if (number < 0) {
    // Where none is left to count with, all of them are open.
    const reason = errno();
    return reason === E.EMFILE || reason === E.ENFILE ? descriptorLimit() : null;
  }
  using folder = new Fd(number);
  const entries = new Uint8Array(32_768);
  const view = new DataView(entries.buffer);
  let count = 0;
  for (;;) {
    const length = libc.getdents64(folder.number, entries, BigInt(entries.length));
    if (length < 0) return null;
    if (length === 0) break;
    // struct linux_dirent64: inode and offset of 8 octets each, then the length of the entry, 2 octets.
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) count++;
  }
  // Without ".", ".." and the folder itself.
  return count - 3;
}

/** Descriptors that the process has open (null: not known), and may have open. */
export function descriptorUse(): { open: number | null; max: number } {
  return { open: openDescriptors(), max: descriptorLimit() };
}

/** Descriptors that a new thread takes while it starts: nine were counted; the others for what is opened meanwhile. */
const THREAD_NEEDS = 32;

/** Threads of the system that a Worker takes: its own and one for its files were counted; two in reserve. */
const WORKER_THREADS = 4;

/** glibc's `sem_t` on x86_64 and aarch64, octets. */
const SEMAPHORE = 32;

/**
 * Whether the system gives this process `count` threads more at once. It starts them, since neither RLIMIT_NPROC
 * nor a control group's `pids.max` can be compared with a number that is at hand. They wait on a semaphore and
 * have ended when this returns (0.4 to 3 ms).
 */
export function canStartThreads(count: number): boolean {
  const semaphore = new Uint8Array(SEMAPHORE);
  check(libc.sem_init(semaphore, 0, 0), "sem_init");
  const wait = libc.dlsym(null, cString("sem_wait"));
  if (wait === null) throw new Error("Cannot find sem_wait in the C library");
  const argument = Deno.UnsafePointer.of(semaphore);
  const threads: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const thread = new BigUint64Array(1);
    if (libc.pthread_create(new Uint8Array(thread.buffer), null, wait, argument) !== 0) break;
    threads.push(thread[0] ?? 0n);
  }
  for (const _ of threads) libc.sem_post(semaphore);
  for (const thread of threads) libc.pthread_join(thread, null);
  return threads.length === count;
}

/**
 * What is missing to start a thread (a Worker) now; null: nothing. The runtime does not fail where descriptors or
 * the second thread of a Worker are missing: it ends the process.
 */
export function lackForThread(): "descriptors" | "threads" | null {
  const { max, open } = descriptorUse();
  if (open !== null && max - open < THREAD_NEEDS) return "descriptors";
  return canStartThreads(WORKER_THREADS) ? null : "threads";
}
