import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { parse } from "yaml";
import { yamlLines } from "../../src/cli/render/config.ts";
import { layout, pairs, table, wrapLine } from "../../src/cli/table.ts";
import { clean } from "../../src/cli/clean.ts";
import { columns, type Line, line, paint, plain, type Style, styled } from "../../src/cli/text.ts";
import { splitLine } from "../../src/cli/tokens.ts";
import {
  ageText,
  agoText,
  configText,
  countText,
  latencyText,
  rateText,
  shareText,
} from "../../src/cli/units.ts";

const style = fc.constantFrom<Style | null>(null, "bold", "dim", "red", "green", "yellow", "cyan", "magenta");
const word = fc.string({
  minLength: 1,
  maxLength: 12,
  unit: fc.constantFrom("a", "b", "→", "日", "é", "-", ";"),
});
const cell = fc.array(fc.tuple(style, fc.oneof(word, fc.constant(" "))), { maxLength: 8 })
  .map((spans) => line(...spans.map(([look, text]) => styled(look, text))));

Deno.test("colour never changes the text of a table, nor its alignment", () => {
  fc.assert(fc.property(
    fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { maxLength: 6 }),
    fc.option(fc.integer({ min: 20, max: 120 })),
    (rows, width) => {
      const heads = [{ title: "A" }, { title: "B", align: "right" }, { title: "C", wrap: 20 }] as const;
      const lines = layout(table(heads, rows), width);
      assert.equal(stripVTControlCharacters(paint(lines, true)), paint(lines, false));
      // Every line is padded to the same number of columns before blanks at its end are cut.
      assert.equal(new Set(lines.map((l) => columns(plain(l)))).size, 1);
      // The words are those of the rows, in their order, however they are broken.
      if (rows.length > 0) {
        const letters = (text: string) => [...text.replaceAll(/\s/gu, "")].sort().join("");
        assert.equal(letters(lines.slice(1).map(plain).join("")), letters(rows.flat().map(plain).join("")));
      }
    },
  ));
});

Deno.test("a table on a narrow terminal wraps and leaves out, but cuts nothing off", () => {
  const heads = [{ title: "NAME" }, { title: "WHY", wrap: 20 }, { title: "MORE", spare: 1 }] as const;
  const rows = [["b1", "the quick brown fox jumps over the lazy dog", "extra"]];
  assert.equal(
    paint(layout(table(heads, rows), 80), false),
    "NAME  WHY                                          MORE\n" +
      "b1    the quick brown fox jumps over the lazy dog  extra\n",
  );
  assert.equal(
    paint(layout(table(heads, rows), 40), false),
    "NAME  WHY                        MORE\n" +
      "b1    the quick brown fox jumps  extra\n" +
      "      over the lazy dog\n",
  );
  assert.equal(
    paint(layout(table(heads, rows), 30), false),
    "NAME  WHY\nb1    the quick brown fox\n      jumps over the lazy dog\n",
  );
});

Deno.test("wrapping keeps every character, and every line within the width, long words as well", () => {
  fc.assert(fc.property(cell, fc.integer({ min: 2, max: 30 }), (text, width) => {
    const lines = wrapLine(text, width);
    assert.equal(lines.map(plain).join(""), plain(text));
    for (const each of lines) assert.ok(columns(plain(each).trimEnd()) <= width, plain(each));
  }));
  assert.deepEqual(wrapLine(line("a verylongword b"), 6).map(plain), ["a ", "verylo", "ngword ", "b"]);
});

Deno.test("the widest column gives first, spare ones go by their number, a lone cell is a heading", () => {
  const heads = [
    { title: "A", wrap: 4 },
    { title: "B", wrap: 4 },
    { title: "C", spare: 1 },
    { title: "D", spare: 2 },
    { title: "E", spare: 1 },
  ];
  const rows = [["heading over all"], ["aaaaaa", "bbbbbbbb", "c", "d", "e"]];
  const shown = (width: number) => paint(layout(table(heads, rows), width), false);
  assert.equal(shown(40), "A       B         C  D  E\nheading over all\naaaaaa  bbbbbbbb  c  d  e\n");
  assert.equal(
    shown(24),
    "A       B        C  D  E\nheading over all\naaaaaa  bbbbbbb  c  d  e\n        b\n",
  );
  assert.equal(shown(17), "A     B      C  E\nheading over all\naaaa  bbbbb  c  e\naa    bbb\n");
  assert.equal(shown(14), "A     B      C\nheading over\nall\naaaa  bbbbb  c\naa    bbb\n");
  assert.equal(shown(10), "A     B\nheading\nover all\naaaa  bbbb\naa    bbbb\n");
});

Deno.test("a long line goes on below, set in; one that somebody may copy is not broken", () => {
  const text = line("  the quick brown fox jumps over the lazy dog");
  assert.equal(paint(layout([text], 30), false), "  the quick brown fox jumps\n    over the lazy dog\n");
  assert.equal(paint(layout([text], null), false).split("\n").length, 2);
  assert.equal(paint(layout([{ verbatim: text }], 30), false).split("\n").length, 2);
});

Deno.test("names and values stand in two columns", () => {
  assert.equal(
    paint(layout(pairs([["a", "1"], ["longer", line("two ", styled("red", "words"))]]), 14), false),
    "a       1\nlonger  two words\n",
  );
});

Deno.test("text from the network cannot control the terminal", () => {
  assert.equal(clean("a\x1b[31mb\x07\u009bc\td"), "a\\x1b[31mb\\x07\\x9bc\\x09d");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const shown: Line[] = layout(table([{ title: "T" }], [[text]]), null);
    // deno-lint-ignore no-control-regex -- looking for exactly these
    assert.ok(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(paint(shown, false)));
    assert.equal(paint(shown, false).split("\n").length, 3);
  }));
});

Deno.test("durations have their two largest units", () => {
  for (
    const [seconds, text] of [
      [-5, "0s"],
      [0.9, "0s"],
      [5, "5s"],
      [65.999, "1m5s"],
      [3_600, "1h"],
      [3_605, "1h"],
      [93_784, "1d2h"],
      [34_560_000, "400d"],
    ] as const
  ) assert.equal(ageText(seconds), text, String(seconds));
  const now = Date.parse("2026-01-31T12:00:00Z");
  assert.equal(agoText("2026-01-31T11:58:55.900Z", now), "1m4s");
  assert.equal(agoText("2026-01-31T12:00:09Z", now), "0s", "a server whose clock is ahead");
});

Deno.test("a duration is never shown longer than it is, and at most one smaller unit shorter", () => {
  const sizes: Record<string, bigint> = { d: 86_400n, h: 3_600n, m: 60n, s: 1n };
  fc.assert(fc.property(fc.bigInt({ min: 1n, max: 10n ** 9n }), (seconds) => {
    const parts = [...ageText(Number(seconds)).matchAll(/([0-9]+)([a-z]+)/g)];
    assert.ok(parts.length === 1 || parts.length === 2);
    const shown = parts.reduce((sum, [, n = "", unit = ""]) => sum + BigInt(n) * (sizes[unit] ?? 0n), 0n);
    const largest = sizes[parts[0]?.[2] ?? ""] ?? 0n;
    const order = [86_400n, 3_600n, 60n, 1n];
    const resolution = order[order.indexOf(largest) + 1] ?? 1n;
    assert.ok(shown <= seconds && seconds - shown < resolution);
  }));
});

Deno.test("a measured duration has three digits, one of the configuration is written as there", () => {
  const cases: [bigint, string][] = [
    [0n, "0.00 µs"],
    [210_000n, "210 µs"],
    [980_000n, "980 µs"],
    [999_499n, "999 µs"],
    [999_500n, "1.00 ms"],
    [9_994_999n, "9.99 ms"],
    [9_995_000n, "10.0 ms"],
    [16_700_000n, "16.7 ms"],
    [99_949_999n, "99.9 ms"],
    [99_950_000n, "100 ms"],
    [999_499_999n, "999 ms"],
    [999_500_000n, "1.00 s"],
    [3_000_000_000n, "3.00 s"],
    [120_000_000_000n, "120 s"],
  ];
  for (const [ns, text] of cases) assert.equal(latencyText(ns), text, String(ns));
  assert.equal(latencyText("no number"), null);
  // Three digits, whatever the size up to a quarter of an hour.
  fc.assert(fc.property(fc.bigInt({ min: 1_000n, max: 999_499_999_999n }), (ns) => {
    assert.match(latencyText(ns) ?? "", /^(\d\.\d\d|\d\d\.\d|\d\d\d) (µs|ms|s)$/);
  }));
  assert.deepEqual(["1500000000", "200000000", "60000000000", "90000000000"].map(configText), [
    "1.5s",
    "200ms",
    "1m",
    "1m30s",
  ]);
});

Deno.test("counts, shares and rates", () => {
  assert.equal(countText(0), "0");
  assert.equal(countText(999), "999");
  assert.equal(countText(1_234_567), "1,234,567");
  assert.equal(shareText(null), "-");
  assert.equal(shareText(1 / 3), "33.3%");
  assert.deepEqual(
    [0, 0.04, 3.25, 17.4, 9_999, 12_345, 4_500_000, 1.2e9].map(rateText),
    ["0", "0.0", "3.3", "17", "9999", "12.3k", "4.5M", "1.2G"],
  );
});

Deno.test("the configuration reads back as the same YAML", () => {
  const scalar = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "yes",
      "null",
      "1e3",
      "e1",
      "E-0",
      "0x10",
      "1:30",
      "30s",
      "1m30s",
      "10.0.0.1",
      "2001:db8::1",
      "- a",
      "#",
      "",
      "~",
    ),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  );
  // Some readers take these for numbers.
  const key = fc.oneof(
    { weight: 9, arbitrary: fc.string({ minLength: 1 }) },
    fc.stringMatching(/^[eE]-?[0-9]{1,2}$/),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(key, value, { noNullPrototype: true }), (config) => {
      const text = paint(yamlLines(config), false);
      for (const version of ["1.1", "1.2"] as const) {
        assert.deepEqual(parse(text, { version }) ?? {}, JSON.parse(JSON.stringify(config)), text);
      }
    }),
  );
});

Deno.test("a line is split at blanks, with quotes and backslashes", () => {
  const words = (text: string) => splitLine(text).tokens.map((t) => t.quoted ? `"${t.text}` : t.text);
  assert.deepEqual(words("  show  vpp\tinfo "), ["show", "vpp", "info"]);
  assert.deepEqual(words(`path "/a b?c" 'it''s' a\\ b`), ["path", '"/a b?c', '"its', "a b"]);
  assert.deepEqual(words('"a\\"b" pre"fix"'), ['"a"b', '"prefix']);
  assert.equal(splitLine('path "/a').open, true);
  assert.equal(splitLine('path "/a"').open, false);
});
