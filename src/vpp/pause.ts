/** What is asked for, in ms; the timers of Linux are up to 0.05 ms late. */
const PAUSE_MS = 0.03;

/** Nobody ever wakes it up. */
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Puts this thread to sleep for about a tenth of a millisecond: 0.03 ms, and what the kernel adds.
 *
 * VPP hands over each row by a write of its own. A thread that takes them away one by one while VPP goes on
 * writing is woken up for every few of them, and the two get in each other's way at the socket; one that comes when
 * most are there has far less work, and is not later for it, for it has to wait for VPP anyway. A timer is no help:
 * its thread would sleep where each row wakes it up.
 */
export function briefPause(): void {
  Atomics.wait(never, 0, 0, PAUSE_MS);
}
