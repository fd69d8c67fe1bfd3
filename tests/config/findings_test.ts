import assert from "node:assert/strict";
import fc from "fast-check";
import { Findings, FINDINGS_LIMIT, formatFinding, limitFindings } from "../../src/config/findings.ts";
import { nearest } from "../../src/config/nearest.ts";
import { checkText } from "../../src/config/load.ts";
import { locator } from "../../src/config/position.ts";
import { childPath, printable, quote } from "../../src/config/tree.ts";

Deno.test("a finding is one line: file, line, column, path, message, hint", () => {
  const finding = {
    severity: "error",
    pass: "semantic",
    file: "maglev.yaml",
    line: 3,
    column: 5,
    path: "maglev.vpp",
    message: "is wrong",
    hint: null,
  } as const;
  assert.equal(formatFinding(finding), "maglev.yaml:3:5: maglev.vpp: is wrong");
  assert.equal(
    formatFinding({ ...finding, hint: "mend it" }),
    "maglev.yaml:3:5: maglev.vpp: is wrong (mend it)",
  );
  assert.equal(
    formatFinding({ ...finding, severity: "warning", pass: "lint" }),
    "maglev.yaml:3:5: warning: maglev.vpp: is wrong",
  );
  assert.equal(formatFinding({ ...finding, file: null, line: null, column: null }), "maglev.vpp: is wrong");
});

Deno.test("findings are ordered by severity, section and place, and told once", () => {
  const out = new Findings();
  out.lint({ offset: 0, path: "maglev.healthchecker" }, "a warning");
  out.semantic({ offset: 9, path: "maglev.vpp.lb.ipv6-src-address" }, "v6");
  out.semantic({ offset: 1, path: "maglev.vpp.lb.ipv4-src-address" }, "v4");
  out.semantic({ offset: 8, path: "maglev.vpp.lb.sync-interval" }, "sync");
  out.semantic({ offset: 7, path: "maglev.frontends.f" }, "frontend");
  out.semantic({ offset: 3, path: 'maglev.backends["b.1"].address' }, "late backend");
  out.semantic({ offset: 2, path: "maglev.backends.b0" }, "early backend");
  out.semantic({ offset: 6, path: "maglev.healthchecks.h" }, "check");
  out.semantic({ offset: 5, path: "maglev.healthchecker.netns" }, "checker");
  out.semantic({ offset: 9, path: "maglev", order: "maglev.frontends" }, "missing frontends");
  out.structure({ offset: 9, path: "maglev.backendsx" }, "unknown");
  out.structure({ offset: 9, path: "maglev.backends.other" }, "unknown");
  assert.deepEqual(out.list("f", "0123456789").map(({ message }) => message), [
    "unknown",
    "checker",
    "check",
    "early backend",
    "late backend",
    "frontend",
    "missing frontends",
    "sync",
    "v4",
    "v6",
    "a warning",
  ]);
});

Deno.test("nearest() finds the word that was meant, or none", () => {
  const keys = [
    "type",
    "port",
    "interval",
    "fast-interval",
    "down-interval",
    "timeout",
    "rise",
    "fall",
    "params",
  ];
  const table: [string, string | null][] = [
    ["intervall", "interval"],
    ["fast_interval", "fast-interval"],
    ["FAST-INTERVAL", "fast-interval"],
    ["tpye", "type"],
    ["timout", "timeout"],
    ["param", "params"],
    ["path", null],
    ["x", null],
    ["", null],
    ["i".repeat(65), null],
  ];
  for (const [word, meant] of table) assert.equal(nearest(word, keys), meant, word);
  assert.equal(nearest("interval", []), null);
});

Deno.test("positions count lines by line feeds and columns by characters", () => {
  const characters = fc.constantFrom("a", "\n", "\r\n", "é", "😀", "\t");
  fc.assert(fc.property(fc.array(characters, { maxLength: 30 }), (parts) => {
    const text = parts.join("");
    const position = locator(text);
    for (let offset = 0; offset <= text.length; offset++) {
      // An offset between the halves of a character names no place.
      if (/[\udc00-\udfff]/.test(text[offset] ?? "")) continue;
      const before = text.slice(0, offset).split("\n");
      assert.deepEqual(position(offset), {
        line: before.length,
        column: [...before.at(-1) ?? ""].length + 1,
      });
    }
  }));
});

Deno.test("paths put every key in brackets that could be misread", () => {
  assert.equal(childPath("", "maglev"), "maglev");
  assert.equal(childPath("maglev.backends", "b-1_x"), "maglev.backends.b-1_x");
  assert.equal(childPath("maglev.backends", "b.1"), 'maglev.backends["b.1"]');
  assert.equal(childPath("a", 'x"]\n'), 'a["x\\"]\\n"]');
});

Deno.test("quoted text is one line of characters that show, at most 60 of them", () => {
  assert.equal(quote("a\u009bb\u2028c\u200bd\u0000"), '"a\\u009bb\\u2028c\\u200bd\\u0000"');
  assert.equal(quote("😀".repeat(61)), `"${"😀".repeat(60)}..."`);
  const units = fc.array(fc.oneof(fc.nat({ max: 0xff }), fc.nat({ max: 0xffff })), { maxLength: 20 });
  fc.assert(fc.property(units, (codes) => {
    const text = String.fromCharCode(...codes);
    assert.doesNotMatch(printable(text), /\p{Cc}|\p{Cf}|[\u2028\u2029]/u);
  }));
});

Deno.test("a list that is too long ends with how many there were, and looks no better than it is", () => {
  const finding = {
    severity: "error",
    pass: "semantic",
    file: "f",
    line: 1,
    column: 1,
    path: "a",
    message: "is wrong",
    hint: "mend it",
  } as const;
  const four = [finding, finding, finding, { ...finding, pass: "structural" }] as const;
  assert.deepEqual(limitFindings(four, 4, 4), four);
  assert.deepEqual(limitFindings([], 0, 4), []);
  const cut = limitFindings(four, 4, 3);
  assert.deepEqual(cut.slice(0, 2), four.slice(0, 2));
  assert.deepEqual(cut.slice(2).map(formatFinding), ["f: document: 4 errors in all, the first 2 are shown"]);
  assert.equal(cut[2]?.pass, "structural");
  const lints = limitFindings(four.map((one) => ({ ...one, severity: "warning", pass: "lint" })), 9, 2);
  assert.deepEqual(lints.map(formatFinding), [
    "f:1:1: warning: a: is wrong (mend it)",
    "f: warning: document: 9 warnings in all, the first 1 are shown",
  ]);
});

Deno.test("an answer about a large wrong file is bounded, a check at the terminal tells everything", () => {
  const keys = Array.from({ length: 40_000 }, (_, i) => `  wrong-key-${i}: 1\n`).join("");
  const text = `maglev:\n  healthchecker: {transition-history: 0}\n${keys}`;
  const bounded = checkText(text, "f", { fileRules: false, limit: FINDINGS_LIMIT });
  assert.equal(bounded.findings.length, FINDINGS_LIMIT);
  assert.equal(bounded.exitCode, 1);
  assert.ok(JSON.stringify(bounded).length < 700_000);
  const all = checkText(text, "f", { fileRules: false });
  assert.ok(all.findings.length > 40_000);
  const last = `f: document: ${all.findings.length} errors in all, the first 999 are shown`;
  assert.equal(bounded.parseError.slice(-last.length), last);
});
