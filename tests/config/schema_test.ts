// After a wanted change: deno test -A tests/config/schema_test.ts -- --update
import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/2020";
import { parse } from "yaml";
import { printSchema } from "../../src/config/json_schema.ts";
import { checkText } from "../../src/config/load.ts";
import { complete, parseGolden } from "./golden.ts";
import { generousFile } from "./files.ts";

const published = new URL("../../docs/maglev.schema.json", import.meta.url);

function editor(): (text: string) => boolean {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const validate = ajv.compile(JSON.parse(printSchema()));
  return (text) => validate(parse(text, { merge: true }));
}

Deno.test("docs/maglev.schema.json is what --print-schema prints", () => {
  if (Deno.args.includes("--update")) Deno.writeTextFileSync(published, printSchema());
  assert.equal(Deno.readTextFileSync(published), printSchema());
});

Deno.test("an editor accepts a file that uses every key", () => {
  assert.deepEqual(checkText(generousFile, "f", { fileRules: false }).findings, []);
  assert.ok(editor()(generousFile));
});

Deno.test("an editor accepts every file that the checker accepts with warnings", () => {
  const accepts = editor();
  const content = Deno.readTextFileSync(new URL("golden/warnings.txt", import.meta.url));
  for (const { title, text, expected } of parseGolden(content)) {
    if (expected.startsWith("0")) assert.ok(accepts(complete(text)), title);
  }
});

Deno.test("an editor refuses what concerns one mapping", () => {
  const accepts = editor();
  const refused: Record<string, string> = {
    "unknown key": "  healthchecker: {transition-histroy: 5}\n",
    "wrong kind": "  healthchecker: {transition-history: x}\n",
    "range": "  healthchecker: {transition-history: 1001}\n",
    "duration": "  healthchecks: {web: {type: icmp, interval: 1d}}\n",
    "duration as a number": "  healthchecks: {web: {type: icmp, interval: 1}}\n",
    "word": "  healthchecks: {web: {type: ping}}\n",
    "port missing": "  healthchecks: {web: {type: tcp}}\n",
    "port of icmp": "  healthchecks: {web: {type: icmp, port: 1}}\n",
    "params of icmp": "  healthchecks: {web: {type: icmp, params: {path: /}}}\n",
    "params of tcp": "  healthchecks: {web: {type: tcp, port: 80, params: {path: /}}}\n",
    "params of http": "  healthchecks: {web: {type: http, port: 80, params: {ca-file: x}}}\n",
    "params of https": "  healthchecks: {web: {type: https, port: 443, params: {ssl: true}}}\n",
    "name": "  backends: {a/b: {address: 192.0.2.1}}\n",
    "missing key": "  backends: {b1: {}}\n",
    "port without protocol":
      "  frontends: {f: {address: 192.0.2.1, port: 80, pools: [{name: p, backends: {b1: }}]}}\n",
    "no pools": "  frontends: {f: {address: 192.0.2.1, pools: []}}\n",
    "no members": "  frontends: {f: {address: 192.0.2.1, pools: [{name: p, backends: {}}]}}\n",
    "power of two":
      "  frontends: {f: {address: 192.0.2.1, new-flows-table-length: 1000, pools: [{name: p, backends: {b1: }}]}}\n",
  };
  for (const [what, sections] of Object.entries(refused)) {
    assert.ok(!accepts(complete(sections)), what);
    assert.notEqual(checkText(complete(sections), "f", { fileRules: false }).exitCode, 0, what);
  }
});
