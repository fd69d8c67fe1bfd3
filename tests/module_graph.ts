/** What `deno info` tells of a program. */
import assert from "node:assert/strict";

/** A module graph as `deno info --json` prints it, the parts used here. */
export interface ModuleGraph {
  /** Every module, those of packages included. */
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/** The module graph of a file. */
export async function moduleGraph(file: URL): Promise<ModuleGraph> {
  const { stdout, success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", file.pathname],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as ModuleGraph;
}
