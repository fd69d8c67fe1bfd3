/** Exit codes of maglevc. */
export const exit = {
  /** Done. */
  done: 0,
  /** The server refused it, or it failed. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The server cannot be reached. */
  unreachable: 3,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof exit)[keyof typeof exit];
