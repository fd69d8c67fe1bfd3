/**
 * What the daemon loads has no character above U+00FF: V8 keeps a source with one such character in two octets for each
 * character, and its inline source map with it. In a string such a character is written as an escape.
 */
import assert from "node:assert/strict";
import { moduleGraph } from "./module_graph.ts";

const root = new URL("../", import.meta.url).href;
/** Where the daemon and its threads begin. */
const entries = ["main.ts", "src/probes/worker.ts", "src/probes/matcher_worker.ts"]
  .concat(["src/daemon/checker_worker.ts", "src/memory/journal/journal_worker.ts"]);

/** The files of the project that `entry` loads, as paths from its root. */
async function loadedBy(entry: string): Promise<string[]> {
  const graph = await moduleGraph(new URL(entry, root));
  return graph.modules.filter(({ specifier }) => specifier.startsWith(root))
    .map(({ specifier }) => specifier.slice(root.length));
}

Deno.test("what the daemon and its threads load has no character above U+00FF", async () => {
  const files = new Set((await Promise.all(entries.map(loadedBy))).flat());
  assert.ok(files.size > 300 && entries.every((entry) => files.has(entry)), "the module graph is there");
  const offenders: string[] = [];
  for (const file of files) {
    const lines = (await Deno.readTextFile(new URL(file, root))).split("\n");
    lines.forEach((line, index) => {
      const found = line.match(/[^\0-\xff]/gu);
      if (found !== null) offenders.push(`${file}:${index + 1}: ${[...new Set(found)].join(" ")}`);
    });
  }
  assert.deepEqual(offenders, []);
});
