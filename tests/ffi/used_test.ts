/** Unsafe code that nothing uses is unsafe for nothing: what is bound or exported in `ffi/` must be used. */
import assert from "node:assert/strict";
import { linux } from "../../ffi/constants.ts";

const root = new URL("../../", import.meta.url);

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    const path = folder + name;
    if (isDirectory) yield* sources(`${path}/`);
    else if (name.endsWith(".ts")) yield path;
  }
}

/** Path → text without comments, so that a word in a comment is no use. */
async function texts(...folders: string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of folders) {
    for await (const path of sources(folder)) {
      const text = await Deno.readTextFile(new URL(path, root));
      found.set(path, text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, ""));
    }
  }
  return found;
}

const ffi = await texts("ffi/");
const product = new Map([...ffi, ...await texts("src/", "routes/")]);
const tests = await texts("tests/");

function usedIn(files: ReadonlyMap<string, string>, pattern: RegExp, but: string): boolean {
  return [...files].some(([path, text]) => path !== but && pattern.test(text));
}

/** Whether a table's name says that its rows are calls of a library. */
const isTable = /symbols$/i;

Deno.test("every call that is bound is used", () => {
  const unused: string[] = [];
  for (const [path, text] of ffi) {
    const tables = text.matchAll(/export const (\w*symbols) = \{\n([\s\S]*?)\n\} as const/gi);
    for (const [, table = "", rows = ""] of tables) {
      const names = [...rows.matchAll(/^ {2}(\w+): \{/gm)].map(([, name = ""]) => name);
      assert.ok(names.length > 10, `the rows of ${table} are found`);
      const called = names.filter((name) => usedIn(ffi, new RegExp(`\\.${name}\\(`), ""));
      unused.push(...names.filter((name) => !called.includes(name)).map((name) => `${path}: ${name}`));
    }
  }
  assert.deepEqual(unused, []);
});

Deno.test("every number of the kernel is used", () => {
  const used = (name: string) => {
    const word = new RegExp(`\\blinux\\.${name}\\b|\\{[^}]*\\b${name}\\b[^}]*\\} = linux\\b`);
    return usedIn(product, word, "ffi/constants.ts");
  };
  assert.deepEqual(Object.keys(linux).filter((name) => !used(name)), []);
});

Deno.test("everything that ffi/ exports is used by another file, or else by its own and by a test", () => {
  const unused: string[] = [];
  const declaration = /^export (?:async )?(const|let|function|class|interface|type) (\w+)/gm;
  for (const [path, text] of ffi) {
    for (const [, kind = "", name = ""] of text.matchAll(declaration)) {
      const word = new RegExp(`\\b${name}\\b`);
      if (usedIn(product, word, path)) continue;
      const inside = [...text.matchAll(new RegExp(word, "g"))].length > 1;
      // A type is exported because something exported has it; a table has its own test above.
      const needed = kind === "interface" || kind === "type" || isTable.test(name) || usedIn(tests, word, "");
      if (!inside || !needed) unused.push(`${path}: ${name}`);
    }
  }
  // To be asked before a configuration with TLS checks is accepted.
  const soon = "ffi/openssl.ts: opensslMissing";
  assert.deepEqual(unused.filter((one) => one !== soon), []);
});
