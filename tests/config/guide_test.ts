import assert from "node:assert/strict";
import { formatFinding } from "../../src/config/findings.ts";
import { checkText } from "../../src/config/load.ts";
import { PARAMS } from "../../src/config/params.ts";
import type { Shape } from "../../src/config/spec.ts";
import { sections } from "./sections.ts";

const guide = Deno.readTextFileSync(new URL("../../docs/config-guide.md", import.meta.url));
const migration = Deno.readTextFileSync(new URL("../../docs/migration.md", import.meta.url));

/** Code blocks with the words after the backticks. */
function blocks(document = guide): { info: string; text: string }[] {
  return [...document.matchAll(/^```(\S[^\n]*)\n([\s\S]*?)^```$/gm)].map(([, info = "", text = ""]) => ({
    info,
    text,
  }));
}

function said(text: string): string {
  const { findings } = checkText(text, "maglev.yaml", { fileRules: false });
  return findings.map((finding) => `${formatFinding(finding)}\n`).join("");
}

Deno.test("every example of the guide is a good file without warnings", () => {
  const examples = blocks().filter(({ info }) => info === "yaml");
  assert.ok(examples.length >= 6);
  for (const { text } of examples) assert.equal(said(text), "", text);
});

Deno.test("every wrong example of the guide and of the migration gets exactly what stands below it", () => {
  for (const [document, least] of [[guide, 3], [migration, 1]] as const) {
    const all = blocks(document);
    const wrong = all.filter(({ info }) => info === "yaml wrong");
    assert.ok(wrong.length >= least);
    for (const example of wrong) {
      const answer = all[all.indexOf(example) + 1];
      assert.equal(answer?.info, "text");
      assert.equal(said(example.text), answer?.text);
    }
  }
});

/** Rows of the guide's tables by the key in the first column. */
function rows(): Map<string, string[]> {
  const found = [...guide.matchAll(/^\| `([^`]+)` *\|(.*)\|$/gm)];
  return new Map(found.map(([, key = "", rest = ""]) => [key, rest.split(" | ").map((cell) => cell.trim())]));
}

Deno.test("the guide's tables name every key with its default", () => {
  const documented = rows();
  const expected = new Map<string, string>();
  const fallback = (key: Shape[string]) =>
    key.required
      ? "required"
      : key.fallback === null
      ? "–"
      : key.fallback === ""
      ? '`""`'
      : `\`${key.fallback}\``;
  for (const [prefix, shape] of sections) {
    for (const [name, key] of Object.entries(shape)) expected.set(prefix + name, fallback(key));
  }
  for (const [key, value] of expected) assert.equal(documented.get(key)?.[1], value, key);
  const params = new Map(Object.values(PARAMS).flatMap((shape) => Object.entries(shape)));
  for (const [name, key] of params) {
    const [types, , value] = documented.get(name) ?? [];
    const having = Object.entries(PARAMS).filter(([, shape]) => Object.hasOwn(shape, name)).map(([type]) =>
      type
    );
    assert.equal(types, having.join(" "), name);
    assert.equal(value, fallback(key), name);
  }
  const extra = [...documented.keys()].filter((key) => !expected.has(key) && !params.has(key));
  assert.deepEqual(extra, []);
});
