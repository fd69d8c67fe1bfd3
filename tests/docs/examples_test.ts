import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { grammar } from "../../src/cli/commands/grammar.ts";
import { mismatchText, parse } from "../../src/cli/grammar.ts";
import { flagSpecs as clientFlags, parseOptions } from "../../src/cli/options.ts";
import { formatFinding } from "../../src/config/findings.ts";
import { checkText } from "../../src/config/load.ts";
import { goVariables } from "../../src/environment.ts";
import { environmentName, flagSpecs } from "../../src/flag_table.ts";
import { parseFlags } from "../../src/flags.ts";
import { catalog } from "../../src/metrics/catalog.ts";
import { documents } from "./documents.ts";
import { codeSpans, parts } from "./markdown.ts";

const all = await documents();

/** Documents whose commands nobody else runs: the guides have tests of their own. */
const ours = ["README.md", "docs/operations.md", "docs/architecture.md", "docs/dependencies.md"];

/** A line of code of a document. */
interface Line {
  readonly place: string;
  readonly text: string;
}

/** Lines of shell blocks (without comments and prompts) of one document. */
function shellLines(path: string): Line[] {
  return parts(all.get(path) ?? "").blocks.filter(({ info }) => /^(sh|bash|console)\b/.test(info))
    .flatMap(({ text, line, info }) =>
      text.split("\n").map((raw, index) => ({ place: `${path}:${line + 1 + index}`, raw })).filter((
        { raw },
      ) => !info.startsWith("console") || raw.startsWith("$ ")).map(({ place, raw }) => ({
        place,
        text: raw.replace(/^\$ /, "").replace(/(^|\s)#\s.*$/, "").trim(),
      }))
    ).filter(({ text }) => text !== "");
}

/** Every piece of code of a document: spans of prose and lines of blocks. */
function code(path: string): Line[] {
  const { prose, blocks } = parts(all.get(path) ?? "");
  return [
    ...prose.flatMap((line, index) =>
      codeSpans(line).map((text) => ({ place: `${path}:${index + 1}`, text }))
    ),
    ...blocks.flatMap(({ text, line }) =>
      text.split("\n").map((raw, index) => ({ place: `${path}:${line + 1 + index}`, text: raw }))
    ),
  ];
}

const everything = [...all.keys()].flatMap(code);

/** The words after a program's name, of each command of a line. */
function uses(program: string, text: string): string[][] {
  return text.split(/\s*(?:&&|\|\||[|;])\s*/).map((command) => command.split(/\s+/))
    .filter(([name]) => name === program).map(([, ...words]) => words);
}

Deno.test("every configuration in the documents is right, a part of one in its place", () => {
  const sections = ["healthchecker", "healthchecks", "backends", "frontends", "vpp"];
  const rest: Record<string, string> = {
    vpp: '  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: "2001:db8::1" } }\n',
    frontends: "  frontends:\n",
  };
  let checked = 0;
  for (const [path, text] of all) {
    for (const block of parts(text).blocks) {
      if (block.info !== "yaml") continue;
      const [, first = ""] = /^(?:\s*#.*\n|\s*\n)*([a-z]+):/.exec(block.text) ?? [];
      if (first !== "maglev" && !sections.includes(first)) continue;
      const document = first === "maglev" ? block.text : "maglev:\n" +
        block.text.replaceAll(/^(?=.)/gm, "  ") +
        Object.entries(rest).map(([key, lines]) => new RegExp(`^${key}:`, "m").test(block.text) ? "" : lines)
          .join("");
      const { findings } = checkText(document, `${path}:${block.line}`, { fileRules: false });
      assert.deepEqual(findings.filter(({ severity }) => severity === "error").map(formatFinding), []);
      checked++;
    }
  }
  assert.ok(checked > 5);
});

Deno.test("every task that the documents name exists, and they all name the same Deno", async () => {
  const pinned = /deno@([\d.]+)/.exec(await Deno.readTextFile(new URL("../../.ci/run", import.meta.url)))
    ?.[1];
  let checked = 0;
  for (const { place, text } of everything) {
    for (const [, task = ""] of text.matchAll(/\bdeno(?:@[\d.]+)? task ([\w-]+)/g)) {
      assert.ok(task in manifest.tasks, `${place}: there is no task ${task}`);
      checked++;
    }
    for (const [, version] of text.matchAll(/\bdeno@([\d.]+)/g)) assert.equal(version, pinned, place);
  }
  assert.ok(checked > 5);
});

Deno.test("every command line of maglevd and maglevc in our documents is understood", () => {
  let checked = 0;
  for (const { place, text } of ours.flatMap(shellLines)) {
    const daemon = [...uses("maglevd", text), ...uses("deno", text).flatMap(taskWords("start"))];
    for (const words of daemon) {
      const parsed = parseFlags(words, () => undefined);
      assert.ok(parsed.ok, `${place}: ${parsed.ok ? "" : parsed.error.join("; ")}`);
      checked++;
    }
    for (const words of [...uses("maglevc", text), ...uses("deno", text).flatMap(taskWords("maglevc"))]) {
      const options = parseOptions(words, () => undefined);
      assert.ok(options.ok, `${place}: ${options.ok ? "" : options.error}`);
      const read = parse(grammar, options.value.words.map((word) => ({ text: word, quoted: false })));
      assert.ok(read.ok, `${place}: ${read.ok ? "" : mismatchText(read.error)}`);
      checked++;
    }
  }
  assert.ok(checked > 8, `${checked}`);
});

function taskWords(task: string): (words: readonly string[]) => string[][] {
  return (words) => words[0] === "task" && words[1] === task ? [words.slice(2)] : [];
}

Deno.test("every variable and metric that the documents name exists", () => {
  const variables = new Set([
    ...flagSpecs.map(({ name }) => environmentName(name)),
    ...clientFlags.flatMap(({ env }) => env === null ? [] : [env]),
    // Of the Go daemon, which the page on migration and NEWS name.
    ...goVariables,
    // Of packages, and of the tests.
    "MAGLEV_COMMIT",
    "MAGLEV_BUILD_DATE",
  ]);
  let checked = 0;
  for (const { place, text } of everything) {
    for (const [name] of text.matchAll(/\bMAGLEV_[A-Z_]+\b(?!\*)/g)) {
      if (
        name.startsWith("MAGLEV_TEST_") || name.startsWith("MAGLEV_BENCH_") || name.startsWith("MAGLEV_SOAK_")
      ) continue;
      assert.ok(variables.has(name), `${place}: nothing reads ${name}`);
      checked++;
    }
    for (const [name] of text.matchAll(/\bmaglev_[a-z_]+[a-z]\b(?![*<])/g)) {
      const metric = name in catalog ? name : name.replace(/_(bucket|sum|count)$/, "");
      assert.ok(metric in catalog, `${place}: there is no metric ${name}`);
      checked++;
    }
  }
  assert.ok(checked > 20);
});

Deno.test("what operations.md says that one sees is what the program writes", async () => {
  let source = "";
  for (const folder of ["src", "routes"]) {
    source += await sources(new URL(`../../${folder}/`, import.meta.url));
  }
  const text = all.get("docs/operations.md") ?? "";
  const seen = text.split("\n## What to do when")[1]?.split("\n").filter((line) => line.startsWith("| ")) ??
    [];
  assert.ok(seen.length > 25);
  let checked = 0;
  for (const row of seen) {
    const [, cell = ""] = row.split("|");
    for (const span of codeSpans(cell)) {
      if (/[:=…]|^\/|^maglev_/.test(span)) continue;
      assert.ok(source.includes(span), `nothing writes ${span}`);
      checked++;
    }
    for (const [, quote = ""] of cell.matchAll(/"([^"]+)"/g)) {
      const fixed = quote.split("…").map((piece) => piece.trim()).filter((piece) => piece !== "");
      for (const piece of fixed) {
        const foreign = ["No such file or directory", "Permission denied", "EACCES"].includes(piece);
        assert.ok(foreign || source.includes(piece), `nothing writes "${piece}"`);
      }
      checked++;
    }
  }
  assert.ok(checked > 30, `${checked}`);
});

async function sources(folder: URL): Promise<string> {
  let text = "";
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const url = new URL(name + (isDirectory ? "/" : ""), folder);
    if (isDirectory) text += await sources(url);
    else if (name.endsWith(".ts")) text += await Deno.readTextFile(url);
  }
  return text;
}
