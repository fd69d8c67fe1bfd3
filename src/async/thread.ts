/**
 * Starts threads (Workers) where the system may have none to give.
 *
 * @module
 */

/** What is missing for another thread: file descriptors, or threads themselves (TasksMax=, ulimit -u). */
export type ThreadLack = "descriptors" | "threads";

/** What to do about it, for operators. */
export const threadHints: Readonly<Record<ThreadLack, string>> = {
  descriptors: "no file descriptors are left for another thread; raise the limit (LimitNOFILE=, ulimit -n)",
  threads: "the system starts no further thread; raise the limit (TasksMax=, ulimit -u)",
};

/** EAGAIN has a class of its own in Deno, ENOMEM has not. */
function isLack(error: unknown): boolean {
  return error instanceof Deno.errors.WouldBlock ||
    (error instanceof Error && error.message.includes("os error 12"));
}

/**
 * Starts a thread.
 *
 * @param make makes the worker
 * @param lack what is missing for a thread now; null: nothing
 * @returns the worker, or what is missing
 */
export function startThread(make: () => Worker, lack: () => ThreadLack | null): Worker | ThreadLack {
  const missing = lack();
  if (missing !== null) return missing;
  try {
    return make();
  } catch (error) {
    // The last thread may be taken between the question and the start.
    if (isLack(error)) return "threads";
    throw error;
  }
}
