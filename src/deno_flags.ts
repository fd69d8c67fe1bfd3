/**
 * How maglevd's memory is divided, as a flag of `deno run`. It can only be set at the start. The figures with and
 * without are in docs/benchmarks.md.
 *
 * V8 lets the space for new objects of each thread grow to 3 times 16 MiB, and that for old ones to some hundred MiB
 * before it looks for garbage the first time, and later to four times of what was in use. So the space for new objects
 * is bounded, and old garbage is looked for from 16 MiB on, and then whenever there is 15 % more than after the last
 * time.
 *
 * In the first seconds most objects stay, so V8 makes their kind among the old ones from then on. Later they are the
 * results of probes, which nobody needs after a moment: a megabyte a second of old garbage with 4,000 backends. So
 * that is forbidden, and old garbage hardly comes to be.
 */
export const heapFlag: string = "--v8-flags=" + [
  "--no-allocation-site-pretenuring",
  "--max-semi-space-size=2",
  "--initial-old-space-size=16",
  "--heap-growing-percent=15",
].join(",");

/**
 * Flags of `deno run` for maglevd that keep its memory small. The cache of compiled code is a file that Deno maps into
 * the process: 8 MiB for some 10 ms of a start that comes once in months.
 */
export const memoryFlags: readonly string[] = ["--no-code-cache", heapFlag];

/**
 * Environment of maglevd that keeps its memory small. The C library gives each thread that allocates a heap of its own,
 * up to eight a processor, and each keeps what a start or a reload took for a moment. Two are enough: most is allocated
 * by the main thread and by one that probes.
 */
export const memoryEnvironment: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "2" };

/** What a permission set of deno.json may hold for one kind of right: all, nothing, or the named ones. */
export type Right = boolean | readonly string[];

/**
 * A permission set of deno.json as flags of `deno run`.
 *
 * @param set rights by kind, e.g. `{ net: true, env: ["MAGLEV_*"] }`
 */
export function permissionFlags(set: Readonly<Record<string, Right>>): string[] {
  return Object.entries(set).flatMap(([kind, right]) => {
    if (right === false) return [];
    return [right === true ? `--allow-${kind}` : `--allow-${kind}=${right.join(",")}`];
  });
}
