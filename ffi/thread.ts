import { E } from "./constants.ts";
import { check, ErrnoError, libc } from "./libc.ts";

/** Number of this thread, as the kernel counts them. */
export function threadId(): number {
  return libc.gettid();
}

/** Whether a thread of this process still runs. Throws ErrnoError. */
export function threadRuns(id: number): boolean {
  try {
    // Signal 0 is none: the kernel only looks whether it could be sent.
    check(libc.tgkill(libc.getpid(), id, 0), "tgkill");
    return true;
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === E.ESRCH) return false;
    throw error;
  }
}
