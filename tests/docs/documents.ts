/** The project's documents: README.md and docs/*.md, by path from the root. */

const root = new URL("../../", import.meta.url);

/** Whether a path from the root is there, as it is written: a wrong case would work on some machines only. */
export async function exists(path: string): Promise<boolean> {
  let folder = root;
  const names = path.split("/").filter((name) => name !== "");
  for (const [index, name] of names.entries()) {
    let found = false;
    try {
      for await (const entry of Deno.readDir(folder)) {
        if (entry.name === name && (index === names.length - 1 || entry.isDirectory)) found = true;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    if (!found) return false;
    folder = new URL(`${name}/`, folder);
  }
  return true;
}

/** Text of every document. */
export async function documents(): Promise<Map<string, string>> {
  const paths = ["README.md"];
  for await (const { name } of Deno.readDir(new URL("docs/", root))) {
    if (name.endsWith(".md")) paths.push(`docs/${name}`);
  }
  return new Map(
    await Promise.all(
      paths.sort().map(async (path) => [path, await Deno.readTextFile(new URL(path, root))] as const),
    ),
  );
}
