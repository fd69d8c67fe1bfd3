/**
 * How maglevd's memory is divided, as a flag of `deno run`. On a machine with much memory V8 lets the space for new
 * objects of each thread grow to 3 × 16 MiB, and that for old ones to some hundred MiB before it looks for garbage the
 * first time, and later to four times of what was in use. So the space for new objects is bounded, and old garbage is
 * looked for from 32 MiB on, and then whenever there is 30 % more than after the last time. The figures with and
 * without are in docs/benchmarks.md. It can only be set at the start.
 */
export const heapFlag =
  "--v8-flags=--max-semi-space-size=4,--initial-old-space-size=32,--heap-growing-percent=30";

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
