/**
 * How many probes may run at once.
 *
 * @module
 */

/** Descriptors that stay for the rest of the daemon: its share of the limit, and this many at least. */
const RESERVED_SHARE = 0.25;
const RESERVED = 128;

/**
 * How many probes may run at once, each with one descriptor.
 *
 * @param descriptors limit of open files of the process
 * @param share part of them that is this prober's, 0...1
 */
export function probeLimit(descriptors: number, share = 1): number {
  const free = descriptors - Math.max(RESERVED, descriptors * RESERVED_SHARE);
  return Math.max(16, Math.floor(free * share));
}
