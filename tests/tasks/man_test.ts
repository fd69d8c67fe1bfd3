import assert from "node:assert/strict";
import fc from "fast-check";
import { grammar } from "../../src/cli/commands/grammar.ts";
import { helpText as clientHelp } from "../../src/cli/help.ts";
import { paint } from "../../src/cli/text.ts";
import { flagSpecs as clientFlags } from "../../src/cli/options.ts";
import { PARAMS } from "../../src/config/params.ts";
import { environmentName, flagSpecs } from "../../src/flag_table.ts";
import { helpText } from "../../src/flags.ts";
import { configPage } from "../../src/tasks/man_config.ts";
import { manPages } from "../../src/tasks/man.ts";
import { helpPart } from "../../src/tasks/man_pages.ts";
import { roff, type Text } from "../../src/tasks/man_roff.ts";
import { optionalTool } from "../tool.ts";
import { sections } from "../config/sections.ts";

const man = optionalTool("man");

/** What a reader of the page sees, in lines as long as they need to be, without fonts. */
async function rendered(page: string): Promise<string> {
  const file = await Deno.makeTempFile({ prefix: "maglev-man-", suffix: ".8" });
  try {
    await Deno.writeTextFile(file, page);
    const { success, stdout, stderr } = await new Deno.Command("man", {
      args: ["--local-file", "--warnings", "--encoding=UTF-8", "--nh", "--nj", file],
      env: {
        LC_ALL: "C.UTF-8",
        MANWIDTH: "2000",
        MANPAGER: "cat",
        GROFF_NO_SGR: "1",
        MAN_KEEP_FORMATTING: "",
      },
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    assert.equal(decoder.decode(stderr), "", "groff warns of nothing");
    assert.ok(success);
    // Bold and underlined letters are written twice, with a backspace between.
    // deno-lint-ignore no-control-regex
    return decoder.decode(stdout).replace(/.\x08/gu, "");
  } finally {
    await Deno.remove(file);
  }
}

function pageOf(...paragraphs: Text[]): string {
  return roff({
    name: "x",
    section: 8,
    date: "2026-01-01",
    version: "1",
    summary: "s",
    sections: [{ title: "TEXT", blocks: paragraphs.map((text) => ({ kind: "paragraph", text })) }],
  });
}

function page(name: string): string {
  const text = manPages("2026-01-01").get(name);
  assert.ok(text !== undefined, `there is a page ${name}`);
  return text;
}

Deno.test({
  name: `man: any text is rendered as it was written${man.suffix}`,
  ignore: man.missing,
  async fn() {
    const words = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 12 })
      .map((text) => text.replaceAll(/\s/g, "")).filter((text) => text !== "");
    const pieces = fc.record({ plain: words, bold: words, italic: words });
    const sample = fc.sample(pieces, { seed: 7, numRuns: 300 });
    const fixed = [
      { plain: ".TH", bold: "'br", italic: "\\fB" },
      { plain: "-a", bold: "--vpp-api-addr", italic: '~^`"' },
    ];
    const all = [...fixed, ...sample];
    const seen = await rendered(
      pageOf(...all.map(({ plain, bold, italic }) => [plain, " ", { bold }, " ", { italic }])),
    );
    const lines = seen.split("\n").map((text) => text.trim()).filter((text) => text !== "");
    const first = lines.indexOf("TEXT") + 1;
    // In running text a hyphen may be drawn as a typographic one; in what a user types it must be the real one.
    const plain = (text: string) => text.replaceAll("‐", "-");
    assert.deepEqual(
      lines.slice(first, first + all.length).map(plain),
      all.map(({ plain, bold, italic }) => `${plain} ${bold} ${italic}`),
    );
    assert.ok(seen.includes("--vpp-api-addr"), "a flag can be pasted");
  },
});

Deno.test({
  name: `man: maglevd(8) shows every flag with its environment form${man.suffix}`,
  ignore: man.missing,
  async fn() {
    const seen = await rendered(page("maglevd.8"));
    for (const { name, value, help, kind } of flagSpecs) {
      assert.ok(seen.includes(`--${name}${value === "" ? "" : ` ${value}`}`), name);
      assert.ok(seen.includes(help), `${name}: ${help}`);
      if (kind !== "switch") assert.ok(seen.includes(environmentName(name)), name);
    }
    assert.match(seen, /SIGHUP reloads the configuration/);
    assert.match(seen, /^ +2 +configuration or flags wrong\.$/m);
  },
});

Deno.test({
  name: `man: maglevc(1) shows every command, argument and flag${man.suffix}`,
  ignore: man.missing,
  async fn() {
    const seen = await rendered(page("maglevc.1"));
    for (const { syntax, help } of grammar.commands) {
      assert.ok(seen.includes(syntax.replaceAll(/[<>]/g, "")), syntax);
      assert.ok(seen.includes(help), `${syntax}: ${help}`);
    }
    for (const { name, help } of clientFlags) {
      assert.ok(seen.includes(`--${name}`) && seen.includes(help), name);
    }
    for (const argument of Object.values(grammar.arguments)) assert.ok(seen.includes(argument.help));
    assert.match(seen, /^ +3 +server unreachable\.$/m);
  },
});

Deno.test({
  name: `man: maglev.yaml(5) has every key, and the guide's examples as they are${man.suffix}`,
  ignore: man.missing,
  async fn() {
    const seen = await rendered(page("maglev.yaml.5"));
    const lines = seen.split("\n").map((line) => line.trim());
    const all: [prefix: string, keys: object][] = [
      ...sections,
      ...Object.values(PARAMS).map((keys): [string, object] => ["", keys]),
    ];
    for (const [prefix, keys] of all) {
      for (const key of Object.keys(keys)) {
        const name = prefix + key;
        assert.ok(
          lines.some((line) => line === name || line.startsWith(`${name} `)),
          `${name} is explained`,
        );
      }
    }
    assert.match(seen, /\.rise\n +integer, default 2: 1 to 100; passes in a row/);
    assert.match(seen, /\.ipv4-src-address\n +address, required: IPv4; outer source/);
    assert.match(seen, / path +text, for http https, default \/: starts with \//);
    for (const line of ["  healthchecks:", "        - name: primary", "    - https://192.0.2.20:2379"]) {
      assert.ok(seen.includes(line), line);
    }
    assert.match(seen, /are shown as \*\*\* everywhere/);
    assert.doesNotMatch(seen, /`|\]\(|[A-Za-z.]\*\*/, "no Markdown is left");
  },
});

Deno.test("man: a section of the guide that is gone is an error, not a hole", () => {
  assert.throws(() => configPage({ version: "1", date: "2026-01-01" }, "## backends\n"), /A first file/);
});

Deno.test("man: a part of the help that is gone is an error, not a hole", () => {
  assert.match(helpPart(helpText(), "Exit codes:"), /^0 done, .* flags wrong\.$/);
  assert.match(
    helpPart(paint(clientHelp(grammar, 100), false), "Without a command"),
    /^it opens a shell\. .*follow\.$/,
  );
  assert.throws(() => helpPart(helpText(), "Colours:"), RangeError);
});
