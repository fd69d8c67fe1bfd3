/**
 * What the benchmarks of the probes share: a child that probes, and its figures.
 *
 * @module
 */
import { heapFlag } from "../../src/tasks/permissions.ts";
import type { Figures, Task } from "./probe_child.ts";

/** Runs a task in a process of its own. */
export async function measure(task: Task): Promise<Figures> {
  const child = new URL("probe_child.ts", import.meta.url).pathname;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", heapFlag, child, JSON.stringify(task)],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("The probing process failed");
  return JSON.parse(new TextDecoder().decode(stdout)) as Figures;
}

/** Sum of the probes of all groups. */
export function probesOf(figures: Figures): number {
  return Object.values(figures.groups).reduce((sum, { probes }) => sum + probes, 0);
}

/** Columns of a table: the first to the left, the others to the right. */
export function row(...cells: (string | number)[]): string {
  return cells.map((cell, i) => i === 0 ? String(cell).padEnd(26) : String(cell).padStart(10)).join("");
}
