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
