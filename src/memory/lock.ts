/**
 * One daemon a folder.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";

/** The file of the lock. */
export const lockName = "lock";

/** A daemon that is told to stop ends within 5 s; whoever starts in its place waits a little longer. */
export const lockPatienceMs: Millis = 6_000;

/** Between two tries. */
const againMs: Millis = 100;

/**
 * Takes a lock that another process may have.
 *
 * @param take tries once; null: another process has it
 * @returns null: another process has had it for 6 s
 * @throws what `take` throws
 */
export async function takeLock<T>(take: () => T | null, clock: Clock): Promise<T | null> {
  const end = clock.now() + lockPatienceMs;
  for (;;) {
    const taken = take();
    if (taken !== null || clock.now() >= end) return taken;
    await clock.sleep(againMs);
  }
}
