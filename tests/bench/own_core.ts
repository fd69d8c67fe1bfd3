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

/** Cores that this process may use as it starts, e.g. "0-3,6". */
const allowed = /^Cpus_allowed_list:\s*(.+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "";

/** The last of them; null: it is the only one. */
function lastCore(): string | null {
  const [last] = /\d+$/.exec(allowed) ?? [];
  return last === undefined || last === allowed ? null : last;
}

/** Starts `deno` with these arguments on the last core that this process may use, before others there; or on its only one. */
export function onOwnCore(args: readonly string[]): Start {
  const last = lastCore();
  if (last === null) return { command: Deno.execPath(), args: [...args] };
  // Without the right to it `nice` complains and starts the program all the same.
  return { command: "nice", args: ["-n", "-20", "taskset", "-c", last, Deno.execPath(), ...args] };
}

/**
 * Keeps this process, and those that it starts from now on, off that core, which is VPP's. A real VPP polls there, and it
 * wakes up whoever waits for its answer: the scheduler likes to put that thread on the core of the one who woke it, where it
 * gets half of the time, though other cores are idle.
 */
export async function leaveCoreOfVpp(): Promise<void> {
  const last = lastCore();
  if (last === null) return;
  const others = allowed.replace(/-(\d+)$/, (_, end) => `-${Number(end) - 1}`).replace(/,\d+$/, "");
  const args = ["--all-tasks", "--cpu-list", "--pid", others, `${Deno.pid}`];
  const { success } = await new Deno.Command("taskset", { args, stdout: "null" }).output();
  if (!success) throw new Error(`taskset cannot keep this process on ${others}`);
}
