/**
 * A program on a core of its own, as VPP's main thread is: VPP pins it to its `main-core`, or to the one it starts on, and it
 * polls there. So it never waits for the machine's scheduler. A simulated VPP sleeps when nothing comes. Where the machine
 * lets it take turns with the daemon on one core, a benchmark would measure the scheduler.
 *
 * @module
 */

/** How a program is started. */
export interface Start {
  /** The program. */
  readonly command: string;
  /** Its arguments. */
  readonly args: string[];
}

/** Starts `deno` with these arguments on the last core that this process may use, before others there; or on its only one. */
export function onOwnCore(args: readonly string[]): Start {
  const [, cores = ""] = /^Cpus_allowed_list:\s*(.+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ??
    [];
  const [last] = /\d+$/.exec(cores) ?? [];
  if (last === undefined || last === cores) return { command: Deno.execPath(), args: [...args] };
  // Without the right to it `nice` complains and starts the program all the same.
  return { command: "nice", args: ["-n", "-20", "taskset", "-c", last, Deno.execPath(), ...args] };
}
