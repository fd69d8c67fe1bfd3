/**
 * The package under test, taken apart: built once, without compression, because xz takes most of a minute.
 *
 * @module
 */
import { buildDeb } from "../../src/tasks/deb.ts";
import { run } from "../../src/tasks/deb_bundle.ts";

/** One row of `dpkg-deb -c`. */
export interface Row {
  readonly mode: string;
  readonly owner: string;
  readonly path: string;
}

/** A package with its contents. */
export interface Parts {
  /** The .deb. */
  readonly path: string;
  /** Where its files are unpacked. */
  readonly root: string;
  /** Where its control files are unpacked. */
  readonly control: string;
  readonly rows: readonly Row[];
  /** Removes everything. */
  remove(): Promise<void>;
}

/** Builds and unpacks it. */
export async function takeApart(): Promise<Parts> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-package-" });
  await using failed = new AsyncDisposableStack();
  failed.defer(() => Deno.remove(folder, { recursive: true }));
  const path = await buildDeb({ out: `${folder}/out`, compression: "none" });
  const root = `${folder}/root`;
  const control = `${folder}/control`;
  await run("dpkg-deb", ["--extract", path, root]);
  await run("dpkg-deb", ["--control", path, control]);
  const listing = await run("dpkg-deb", ["--contents", path]);
  const rows = listing.trimEnd().split("\n").map((line) => {
    const [mode = "", owner = "", , , , path = ""] = line.split(/ +/);
    return { mode, owner, path: path.slice(1) };
  });
  const kept = failed.move();
  return { path, root, control, rows, remove: () => kept.disposeAsync() };
}

/** Ends a command's run: exit code and what it wrote. */
export async function outcome(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; out: string; errors: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), errors: decoder.decode(stderr) };
}
