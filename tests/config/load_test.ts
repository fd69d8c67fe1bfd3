import assert from "node:assert/strict";
import { formatFinding } from "../../src/config/findings.ts";
import { toConfigCheck } from "../../src/config/check.ts";
import { checkOctets, checkText, loadConfig } from "../../src/config/load.ts";
import { complete } from "./golden.ts";

const good = complete("");
const encoder = new TextEncoder();

function lines(octets: Uint8Array): string[] {
  return checkOctets(octets, "f", { fileRules: true }).findings.map(formatFinding);
}

function bytes(...parts: (string | number[])[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => typeof part === "string" ? [...encoder.encode(part)] : part),
  );
}

Deno.test("a byte order mark and CRLF change neither the outcome nor the places", () => {
  const wrong = complete("  healthchecker: {transition-history: 0}\n");
  const expected = ["f:2:39: maglev.healthchecker.transition-history: must be from 1 to 1000, not 0"];
  const bom = [0xef, 0xbb, 0xbf];
  assert.deepEqual(lines(bytes(wrong)), expected);
  assert.deepEqual(lines(bytes(bom, wrong)), expected);
  assert.deepEqual(lines(bytes(wrong.replaceAll("\n", "\r\n"))), expected);
  assert.deepEqual(lines(bytes(bom, wrong.replaceAll("\n", "\r\n"))), expected);
  assert.deepEqual(
    checkText(`\ufeff${wrong}`, "f", { fileRules: true }).findings.map(formatFinding),
    expected,
  );
  assert.deepEqual(lines(bytes(bom, good)), []);
});

Deno.test("what is no UTF-8 is told with the place of the first wrong octet", () => {
  const table: [Uint8Array, string][] = [
    [bytes("maglev:\n  # ", [0xe4], "\n"), "f:2:5: document: not UTF-8: octet 0xe4"],
    [bytes([0xff], "maglev:\n"), "f:1:1: document: not UTF-8: octet 0xff"],
    [bytes("a: \ufffd \u{1f600}", [0xc3, 0x28]), "f:1:7: document: not UTF-8: octet 0xc3"],
    [bytes([0xef, 0xbb, 0xbf], "a: 1\nb", [0x80]), "f:2:2: document: not UTF-8: octet 0x80"],
    [bytes("ok\n", [0xed, 0xa0, 0x80]), "f:2:1: document: not UTF-8: octet 0xed"],
    [bytes([0xff, 0xfe, 0x6d, 0x00]), "f:1:1: document: not UTF-8: the file is UTF-16"],
    [bytes([0xfe, 0xff, 0x00, 0x6d]), "f:1:1: document: not UTF-8: the file is UTF-16"],
  ];
  for (const [octets, expected] of table) {
    const result = checkOctets(octets, "f", { fileRules: true });
    assert.deepEqual(result.findings.map(formatFinding), [expected]);
    assert.equal(result.exitCode, 1);
  }
});

Deno.test("characters that nobody sees are refused where they stand", () => {
  const table: [string, string][] = [
    ["a\u0000b", "f:1:2: document: not YAML: character U+0000 is not allowed"],
    ["maglev:\n  \u001b[31m", "f:2:3: document: not YAML: character U+001B is not allowed"],
    ["maglev:\n\ufeff  frontends: {}", "f:2:1: document: not YAML: character U+FEFF is not allowed"],
    ["maglev:\r  frontends: {}", "f:1:8: document: not YAML: character U+000D is not allowed"],
  ];
  for (const [text, expected] of table) assert.deepEqual(lines(bytes(text)), [expected]);
  assert.deepEqual(lines(bytes(complete("  heal\u200bthchecker: {}\n"))), [
    'f:2:3: maglev["heal\\u200bthchecker"]: unknown key (did you mean "healthchecker"?)',
  ]);
});

Deno.test("integers in octal and hexadecimal are read as YAML 1.2 says", () => {
  for (const [written, value] of [["0o17", 15], ["0x1f", 31], ["+5", 5], ["1000", 1000]] as const) {
    const result = checkText(complete(`  healthchecker: {transition-history: ${written}}\n`), "f", {
      fileRules: true,
    });
    assert.equal(result.config?.healthchecker.transitionHistory, value, written);
  }
});

Deno.test("a merge key with nothing to merge is refused, as other readers of YAML refuse it", () => {
  for (const nothing of ["", " ~", " null", " [~]", " 3"]) {
    const text = `<<:${nothing}\nmaglev:\n  backends: {}\n  frontends: {}\n`;
    const { exitCode, findings } = checkText(text, "f", { fileRules: false });
    assert.equal(exitCode, 1, text);
    assert.ok(findings.some(({ message }) => message.includes('"<<" takes a mapping')), text);
  }
});

Deno.test("anchors, aliases and merge keys: written keys win over merged ones, the first merged one over later", () => {
  const text = complete(`  healthchecks:
    web: &web {type: http, port: 80, rise: 4, params: &p {path: /a}}
    tcp: &tcp {type: tcp, port: 25, rise: 5, fall: 6}
    x: {<<: *web, port: 81}
    y:
      rise: 7
      <<: [*tcp, {rise: 8, timeout: 3s}]
    z: {<<: *web, <<: {interval: 5s, rise: 9}, params: *p}
  backends: {b1: {address: 192.0.2.10, healthcheck: web}}
`);
  const result = checkText(text, "f", { fileRules: true });
  assert.equal(result.exitCode, 0, result.semanticError + result.parseError);
  const checks = result.config?.healthchecks;
  const pick = (name: string) => {
    const check = checks?.get(name);
    return [check?.type, check?.port, check?.rise, check?.fall, check?.timeoutMs, check?.intervalMs];
  };
  assert.deepEqual(pick("x"), ["http", 81, 4, 3, 1000, 2000]);
  assert.deepEqual(pick("y"), ["tcp", 25, 7, 6, 3000, 2000]);
  assert.deepEqual(pick("z"), ["http", 80, 4, 3, 1000, 5000]);
  const params = checks?.get("z")?.params;
  assert.equal(params !== null && params !== undefined && "path" in params ? params.path : null, "/a");
});

Deno.test("an alias bomb is refused where it has grown too large", () => {
  const wide =
    `maglev:\n  backends: &b {${Array.from({ length: 350 }, (_, i) => `b${i}: {address: 10.0.0.1}`)}}\n` +
    `  frontends:\n${
      Array.from({ length: 350 }, (_, i) =>
        `    f${i}: {address: 10.1.0.${i % 256}, pools: [{name: p, backends: *b}]}\n`).join("")
    }`;
  const first = checkText(wide, "f", { fileRules: true }).findings
    .find(({ message }) => message === "aliases expand the document by more than 200000 values");
  assert.match(first?.path ?? "", /^maglev\.frontends\.f\d+\.pools\[0\]\.backends$/);
});

Deno.test("nesting without end is an error and no crash", () => {
  for (const text of ["[".repeat(20_000), "a: ".repeat(2_000), "- ".repeat(20_000), "{a: ".repeat(10_000)]) {
    const result = checkText(text, "f", { fileRules: true });
    assert.equal(result.exitCode, 1);
    assert.equal(result.config, null);
  }
  const deep = `maglev:\n  healthchecker: {netns: ${"[".repeat(150)}${"]".repeat(150)}}\n`;
  assert.equal(checkText(deep, "f", { fileRules: true }).exitCode, 1);
});

Deno.test("a file that cannot be read is one structural error with the reason", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const missing = `${folder}/none.yaml`;
    assert.deepEqual(loadConfig(missing).findings, [{
      severity: "error",
      pass: "structural",
      file: missing,
      line: 1,
      column: 1,
      path: "document",
      message: "cannot read the file: no such file",
      hint: null,
    }]);
    assert.equal(loadConfig(missing).exitCode, 1);
    assert.equal(
      loadConfig(folder).parseError,
      `${folder}:1:1: document: cannot read the file: it is a directory`,
    );
    await Deno.writeTextFile(`${folder}/good.yaml`, good);
    assert.equal(loadConfig(`${folder}/good.yaml`).exitCode, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the API's answer tells structural and semantic errors apart, and warnings from both", () => {
  const text = complete(
    "  healthchecker: {transition-history: 0, netns: 5}\n  healthchecks: {web: {type: icmp}, old: {type: icmp}}\n",
  );
  const check = toConfigCheck(checkText(text, "<body>", { fileRules: false }));
  assert.equal(check.ok, false);
  assert.equal(
    check.parse_error,
    '<body>:2:49: maglev.healthchecker.netns: expected text, found an integer "5" (put it in quotes)',
  );
  assert.equal(
    check.semantic_error,
    "<body>:2:39: maglev.healthchecker.transition-history: must be from 1 to 1000, not 0",
  );
  assert.deepEqual(check.errors.map(({ pass }) => pass), ["semantic", "structural"]);
  assert.deepEqual(check.warnings, []);
  assert.deepEqual(toConfigCheck(checkText(good, "f", { fileRules: false })), {
    ok: true,
    parse_error: "",
    semantic_error: "",
    errors: [],
    warnings: [],
  });
});
