/**
 * How maglevd's memory is divided, as a flag of `deno run`: V8 lets the space for new objects of each thread grow to
 * 3 × 16 MiB, which thousands of short-lived results a second fill for nothing. With 4 MiB 10,000 backends need
 * half as much memory in all; what it costs in processor time was not clear (docs/benchmarks.md). It can only be set at the start.
 */
export const heapFlag = "--v8-flags=--max-semi-space-size=4";

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
