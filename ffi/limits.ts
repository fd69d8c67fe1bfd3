import { check, libc } from "./libc.ts";

const RLIMIT_NOFILE = 7;

/** How many descriptors this process may have open at once (`RLIMIT_NOFILE`, the soft limit). Throws ErrnoError. */
export function descriptorLimit(): number {
  const limits = new BigUint64Array(2);
  check(libc.getrlimit(RLIMIT_NOFILE, new Uint8Array(limits.buffer)), "getrlimit");
  // RLIM_INFINITY is 2^64 − 1.
  return Math.min(Number(limits[0] ?? 0n), Number.MAX_SAFE_INTEGER);
}
