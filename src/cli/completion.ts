/**
 * Completion in the user's own shell. The scripts hand the line up to the cursor to `maglevc --complete`, which
 * answers with one candidate a line: the word, a tab, one line on it; or with `:files`.
 *
 * @module
 */
import type { Result } from "../result.ts";
import type { Client } from "./client.ts";
import { grammar } from "./commands/grammar.ts";
import { type Candidate, complete } from "./complete.ts";
import type { Token } from "./grammar.ts";
import { liveNames, type NameLookup } from "./names.ts";
import { flagSpecs, type Options, parseOptions } from "./options.ts";
import { type LineToken, splitLine } from "./tokens.ts";

/** Splits the words of a line into flags (with their values) and the command. */
function withoutFlags(
  tokens: readonly LineToken[],
): { flags: string[]; words: Token[]; open: string | null } {
  const flags: string[] = [];
  const words: Token[] = [];
  let open: string | null = null;
  for (const token of tokens) {
    const spec = flagSpecs.find(({ name }) => token.text === `--${name}`);
    if (open !== null) {
      flags.push(token.text);
      open = null;
    } else if (token.text.startsWith("--")) {
      flags.push(token.text);
      if (spec !== undefined && spec.value !== "") open = spec.name;
    } else words.push(token);
  }
  return { flags, words, open };
}

function flagCandidates(partial: string): Candidate[] {
  return flagSpecs
    .map(({ name, help }) => ({ text: `--${name}`, help }))
    .filter(({ text }) => text.startsWith(partial));
}

const noNames: NameLookup = () => Promise.resolve([]);

/**
 * What may stand at the end of a line typed into bash or zsh, the program's name included. A line `:files` asks the
 * shell for files, which it completes better: it knows ~ and its own quoting.
 */
export async function completionLines(
  line: string,
  env: (name: string) => string | undefined,
  makeClient: (options: Options) => Result<Client, string>,
): Promise<string> {
  const { tokens } = splitLine(line);
  const last = tokens.at(-1);
  const inWord = last !== undefined && last.end === line.length;
  const partial: Token = inWord ? last : { text: "", quoted: false };
  const { flags, words, open } = withoutFlags(tokens.slice(1, inWord ? -1 : undefined));
  let found: Candidate[] = [];
  let files = false;
  if (open === "color") {
    found = ["auto", "always", "never"].map((text) => ({ text, help: "" }))
      .filter(({ text }) => text.startsWith(partial.text));
  } else if (open !== null) files = open.endsWith("-file");
  else if (partial.text.startsWith("-")) found = flagCandidates(partial.text);
  else {
    const options = parseOptions(flags, env);
    const client = options.ok ? makeClient(options.value) : null;
    const names = client?.ok ? liveNames(client.value, () => performance.now()) : noNames;
    found = await complete(grammar, words, partial, (source, values, text) => {
      files ||= source === "file";
      return source === "file" ? Promise.resolve([]) : names(source, values, text);
    });
  }
  return (files ? ":files\t\n" : "") + found.map(({ text, help }) => `${text}\t${help}\n`).join("");
}
