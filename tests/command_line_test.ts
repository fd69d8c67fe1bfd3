import assert from "node:assert/strict";
import fc from "fast-check";
import { flagText, helpRows, parseCommandLine } from "../src/command_line.ts";

const flags = [
  { name: "server", takesValue: true },
  { name: "json", takesValue: false },
  { name: "help", takesValue: false, short: "h" },
];

/** Flags and words, or the sentence that refuses the line. */
function read(...args: string[]): string {
  const line = parseCommandLine(args, flags);
  if (!line.ok) return line.error;
  const values = [...line.value.values].map(([name, given]) => `${name}=${given.join("+")}`);
  return [...values, ...line.value.words.map((word) => `"${word}"`)].join(" ");
}

Deno.test("flags stand anywhere, with one dash or two, and -- ends them", () => {
  const cases: [string[], string][] = [
    [["--server", "a", "show", "--json", "x"], 'server=a json=true "show" "x"'],
    [["-server=a", "-json", "--server=b"], "server=a+b json=true"],
    [["--json=false", "--json=1"], "json=false+1"],
    [["show", "--", "--json", "-h"], '"show" "--json" "-h"'],
    [["-h"], "help=true"],
    [["--server=", "-"], 'server= "-"'],
    [["--server=--json"], "server=--json"],
    [["--server=a\nb=c"], "server=a\nb=c"],
    [["--h"], "there is no flag --h"],
    [["-j"], "there is no flag -j"],
    [["--sevrer", "x"], "there is no flag --sevrer; did you mean --server?"],
    [["--server"], "--server needs a value; --server=VALUE takes one that begins with a dash"],
    [["--server", "--json"], "--server needs a value; --server=VALUE takes one that begins with a dash"],
    [["--json=x"], '--json: "x" is neither true nor false'],
    [["--1x"], '"--1x" is no flag; after -- it is a word'],
  ];
  for (const [args, wanted] of cases) assert.equal(read(...args), wanted, args.join(" "));
});

Deno.test("whatever stands behind --, every word of it is a word", () => {
  fc.assert(fc.property(fc.array(fc.string()), (words) => {
    const line = parseCommandLine(["--", ...words], flags);
    assert.deepEqual(line.ok && line.value.words, words);
  }));
});

Deno.test("help has its texts in one column, and a long term above its text", () => {
  assert.equal(flagText({ name: "server", value: "url" }), "--server <url>");
  assert.equal(flagText({ name: "json", value: "" }), "--json");
  assert.deepEqual(
    helpRows(
      [["--a", "one two three four five six"], ["a term that is longer than its column", "x"]],
      40,
      12,
    ),
    [
      "  --a       one two three four five six",
      "  a term that is longer than its",
      "    column",
      "            x",
    ],
  );
  assert.deepEqual(helpRows([["--a", "one two three four five six seven"]], 34, 12), [
    "  --a       one two three four",
    "            five six seven",
  ]);
});
