/**
 * What the benchmarks of the probes share: a child that probes, and its figures.
 *
 * @module
 */
import { memoryFlags } from "../../src/deno_flags.ts";
import type { Figures, Task } from "./probe_child.ts";

/** Runs a task in a process of its own, started as maglevd is: a file beside this one that prints its figures. */
export async function measureBy(file: string, task: unknown): Promise<Figures> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      ...memoryFlags,
      new URL(file, import.meta.url).pathname,
      JSON.stringify(task),
    ],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`The process of ${file} failed`);
  return JSON.parse(new TextDecoder().decode(stdout)) as Figures;
}

/** Runs the product's probes in a process of their own. */
export function measure(task: Task): Promise<Figures> {
  return measureBy("probe_child.ts", task);
}

/** Sum of the probes of all groups. */
export function probesOf(figures: Figures): number {
  return Object.values(figures.groups).reduce((sum, { probes }) => sum + probes, 0);
}

/** Columns of a table: the first to the left, the others to the right. */
export function row(...cells: (string | number)[]): string {
  return cells.map((cell, i) => i === 0 ? String(cell).padEnd(26) : String(cell).padStart(10)).join("");
}
