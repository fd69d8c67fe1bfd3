/** docs/architecture.md names files and functions; each of them is there. */
import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);
const text = (await Deno.readTextFile(new URL("docs/architecture.md", root))).replaceAll(/\s+/g, " ");

async function read(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(new URL(path, root));
  } catch {
    return null;
  }
}

Deno.test("every file that the architecture and its drawings name is there", async () => {
  const paths = new Set([...text.matchAll(/(?<![\w/])[a-z]+\/[\w/]+\.tsx?\b/g)].map(([path]) => path));
  assert.ok(paths.size > 20, "files are named");
  const gone: string[] = [];
  for (const path of paths) if ((await read(path) ?? await read(`src/${path}`)) === null) gone.push(path);
  assert.deepEqual(gone, []);
});

Deno.test("every function or class that the architecture places in a file is in it", async () => {
  const places = [
    ...text.matchAll(/`#?(\w+)(?:\(\))?`(?:,? and `#?(\w+)\(\)`)? in `?((?:src|ffi)\/[\w/]+\.ts)/g),
  ];
  assert.ok(places.length > 5, "functions are named");
  const gone: string[] = [];
  for (const [, one = "", other, path = ""] of places) {
    const code = await read(path) ?? "";
    for (const name of other === undefined ? [one] : [one, other]) {
      if (!new RegExp(`\\b${name}\\b`).test(code)) gone.push(`${name} in ${path}`);
    }
  }
  assert.deepEqual(gone, []);
});
