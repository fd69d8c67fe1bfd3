// After a wanted change of a message: deno test -A tests/config/golden_test.ts -- --update, then read the diff.
import assert from "node:assert/strict";
import { formatFinding } from "../../src/config/findings.ts";
import { checkText } from "../../src/config/load.ts";
import { complete, formatGolden, type GoldenCase, parseGolden } from "./golden.ts";

const folder = new URL("golden/", import.meta.url);

function judge(text: string): string {
  const result = checkText(text, "f", { fileRules: true });
  return `${result.exitCode}\n${result.findings.map((finding) => `${formatFinding(finding)}\n`).join("")}`;
}

function cases(name: string): GoldenCase[] {
  return parseGolden(Deno.readTextFileSync(new URL(name, folder)));
}

async function run(name: string, t: Deno.TestContext, whole: (text: string) => string): Promise<void> {
  const all = cases(name);
  if (Deno.args.includes("--update")) {
    const updated = all.map((golden) => ({ ...golden, expected: judge(whole(golden.text)) }));
    await Deno.writeTextFile(new URL(name, folder), formatGolden(updated));
    return;
  }
  for (const { title, text, expected } of all) {
    await t.step(title, () => assert.equal(judge(whole(text)), expected));
  }
}

Deno.test("wrong documents get exactly these errors", (t) => run("documents.txt", t, (text) => text));
Deno.test("wrong sections get exactly these errors", (t) => run("sections.txt", t, complete));
Deno.test("doubtful files get exactly these warnings", (t) => run("warnings.txt", t, complete));

Deno.test("the golden set holds at least 120 wrong files, each with a title of its own", () => {
  const wrong = ["documents.txt", "sections.txt"].flatMap(cases);
  assert.ok(wrong.length >= 120, `${wrong.length}`);
  assert.equal(new Set(wrong.map(({ title }) => title)).size, wrong.length);
  for (const { title, expected } of wrong) assert.match(expected, /^[12]\nf:\d+:\d+: /, title);
});

Deno.test("a case's missing sections make a good file", () => assert.equal(judge(complete("")), "0\n"));
