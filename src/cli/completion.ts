/**
 * Completion: what may come at the cursor of a line, in maglevc's own shell and in the user's. The scripts for bash
 * and zsh know nothing of the commands: they hand the line up to the cursor to `maglevc --complete`, which answers with
 * one candidate a line (the word, a tab, one line on it) or with `:files`, so they never grow old.
 *
 * @module
 */
import type { Result } from "../result.ts";
import type { Client } from "./client.ts";
import type { Run } from "./context.ts";
import { exit } from "./exit.ts";
import { type Command, expected, follow, type Grammar, type Position, type Token } from "./grammar.ts";
import { helpTopic } from "./help.ts";
import { liveNames, type NameLookup } from "./names.ts";
import { flagSpecs, type Options, parseOptions } from "./options.ts";
import { pipeGrammar } from "./pipes.ts";
import { isPipe, type LineToken, splitLine } from "./tokens.ts";

const noNames: NameLookup = () => Promise.resolve([]);

/** Something that may come at the cursor. */
export interface Candidate {
  /** The whole word. */
  readonly text: string;
  /** One line on it. */
  readonly help: string;
}

async function names<Run>(
  grammar: Grammar<Run>,
  positions: readonly Position<Run>[],
  partial: string,
  lookup: NameLookup,
): Promise<Candidate[]> {
  const values = positions[0]?.values ?? new Map<string, string>();
  const found: Candidate[] = [];
  for (const { argument } of expected(grammar, positions)) {
    for (const text of argument?.choices ?? []) found.push({ text, help: argument?.help ?? "" });
    if (argument?.source === undefined) continue;
    for (const text of await lookup(argument.source, values, partial)) {
      found.push({ text, help: argument.help });
    }
  }
  return found;
}

/**
 * Everything that may complete a word.
 *
 * @param before the words before the cursor's
 * @param partial the cursor's word up to the cursor, "" between words
 */
export async function complete<Run>(
  grammar: Grammar<Run>,
  before: readonly Token[],
  partial: Token,
  lookup: NameLookup,
): Promise<Candidate[]> {
  const bar = before.findLastIndex(isPipe);
  if (bar >= 0) return await complete(pipeGrammar, before.slice(bar + 1), partial, noNames);
  // The words of any command follow "help".
  const topic = helpTopic(grammar, before);
  if (topic !== null) return await complete(grammar, topic.words, partial, noNames);
  const read = follow(grammar, before);
  if (!read.ok) return [];
  const keywords = partial.quoted
    ? []
    : expected(grammar, read.value).filter((option) => option.argument === null);
  const all = [...keywords, ...await names(grammar, read.value, partial.text, lookup)];
  const fitting = all.filter((candidate) => candidate.text.startsWith(partial.text));
  return [...new Map(fitting.map(({ text, help }) => [text, { text, help }])).values()];
}

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

/**
 * What may come at the end of a line typed into bash or zsh, the program's name included. A line `:files` asks the
 * shell for files, which it completes better: it knows ~ and its own quoting.
 */
export async function completionLines(
  grammar: Grammar<Run>,
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

const bash = `# bash completion for maglevc; load it with: source <(maglevc completion bash)
_maglevc() {
  local line=\${COMP_LINE:0:COMP_POINT} word
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    if [[ $word == :files ]]; then compopt -o default; continue; fi
    # bash puts a candidate on the line as it is: nothing in it may be more than a word.
    printf -v word %q "$word"
    COMPREPLY+=("$word")
  done < <("$1" --complete "$line" 2>/dev/null)
}
complete -F _maglevc maglevc
`;

const zsh = `#compdef maglevc
# zsh completion for maglevc; load it with: source <(maglevc completion zsh)
_maglevc() {
  local word help
  local -a found
  while IFS=$'\\t' read -r word help; do
    if [[ $word == :files ]]; then _files; else found+=("\${word//:/\\\\:}:$help"); fi
  done < <("\${words[1]}" --complete "\${LBUFFER}" 2>/dev/null)
  (( \${#found} )) && _describe 'maglevc' found
}
if [[ \${funcstack[1]-} = _maglevc ]]; then _maglevc "$@"; else compdef _maglevc maglevc; fi
`;

/** The scripts that teach shells to complete maglevc's words. */
export const completionScripts: Readonly<Record<"bash" | "zsh", string>> = { bash, zsh };

/** Scripts for other shells. */
export const completionCommands: readonly Command<Run>[] = [{
  syntax: "completion bash|zsh",
  help: "print a completion script: source <(maglevc completion bash)",
  run(call, { out }) {
    out.raw(completionScripts[call.has("bash") ? "bash" : "zsh"]);
    return Promise.resolve(exit.done);
  },
}];
