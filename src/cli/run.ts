/**
 * One line, from words to exit code.
 *
 * @module
 */
import { complete } from "./completion.ts";
import { Call, complain, type Context, type Run } from "./context.ts";
import { exit, type ExitCode } from "./exit.ts";
import { helpLines, helpTopic } from "./help.ts";
import {
  advance,
  endings,
  type Expected,
  expected,
  follow,
  type Grammar,
  matchingWords,
  type Mismatch,
  mismatchText,
  parse,
  type Parsed,
  type Token,
} from "./grammar.ts";
import type { NameLookup } from "./names.ts";
import { styled } from "./text.ts";
import { err, ok, type Result } from "../result.ts";
import { PipedOutput, pipeGrammar, type Stage } from "./pipes.ts";
import { isPipe, joinTimes, splitLine } from "./tokens.ts";

/** Ends the shell; alone it does nothing. */
export function leave(): Promise<ExitCode> {
  return Promise.resolve(exit.done);
}

/** Columns of the help where there is no terminal. */
export const helpWidth = 100;

/** Stands in the grammar for `help`, whose words are taken before the grammar reads a line. */
export function help(): Promise<ExitCode> {
  return Promise.resolve(exit.done);
}

/**
 * The words of a command line. One in quotes of its own (`'"plan"'`) is quoted as it would be in the shell. A whole
 * line may be one word, and so may a filter (`'| include down'`).
 */
export function toTokens(words: readonly string[]): Token[] {
  const [only = ""] = words;
  if (words.length === 1 && /\s/.test(only)) return [...splitLine(only).tokens];
  return joinTimes(words.flatMap((word): readonly Token[] => {
    const inner = /^"([^"]*)"$/.exec(word)?.[1];
    if (inner !== undefined) return [{ text: inner, quoted: true }];
    return word.startsWith("|") ? splitLine(word).tokens : [{ text: word, quoted: false }];
  }));
}

/** Where in a line the last part between bars begins, and whether it is a filter. */
function lastPart<T extends Token>(
  tokens: readonly T[],
): { readonly words: readonly T[]; readonly filter: boolean } {
  const bar = tokens.findLastIndex(isPipe);
  return { words: tokens.slice(bar + 1), filter: bar >= 0 };
}

function rows(options: readonly Pick<Expected, "text" | "help">[]): string[] {
  const size = Math.max(0, ...options.map((option) => option.text.length));
  return options.map((option) => `  ${option.text.padEnd(size)}  ${option.help}`);
}

/**
 * Help for a place in a line: what may come there, one line each. Where the question mark touches a word it is
 * what that word may mean; `<cr>` says that the line may end.
 *
 * @param partial the word before the question mark without a blank between, "" if there is none
 * @param lookup names as they are now, or null to leave them out
 */
export async function placeHelp<R>(
  grammar: Grammar<R>,
  before: readonly Token[],
  partial: string,
  lookup: NameLookup | null,
): Promise<string[]> {
  const part = lastPart(before);
  if (part.filter) return await placeHelp(pipeGrammar, part.words, partial, null);
  // The words of any command follow "help".
  const topic = helpTopic(grammar, before);
  if (topic !== null) return await placeHelp(grammar, topic.words, partial, null);
  const read = follow(grammar, before);
  if (!read.ok) return [`  ${mismatchText(read.error)}`];
  const options = expected(grammar, read.value);
  const keywords = options.filter((option) => option.argument === null).map((option) => option.text);
  const words = matchingWords(partial, keywords);
  const fitting = partial === ""
    ? options
    : options.filter((option) =>
      option.argument === null
        ? words.includes(option.text)
        : words.length === 0 && option.argument.refuses(partial) === null
    );
  if (fitting.length === 0 && partial !== "") {
    const moved = advance(grammar, read.value, { text: partial, quoted: false }, before.length);
    return moved.ok ? [] : [`  ${mismatchText(moved.error)}`];
  }
  const [end] = partial === "" ? endings(read.value) : [];
  const ending = end === undefined ? [] : [
    { text: "<cr>", help: end.command.help },
    { text: "|", help: "filter what it prints" },
  ];
  const lines = rows([...fitting, ...ending]);
  if (lookup === null || !fitting.some((option) => option.argument?.source !== undefined)) return lines;
  const names = await complete(grammar, before, { text: partial, quoted: true }, lookup);
  return names.length === 0 ? lines : [...lines, `  now: ${names.map((name) => name.text).join(" ")}`];
}

/** Help for the end of a typed line. */
export function lineHelp<R>(
  grammar: Grammar<R>,
  line: string,
  lookup: NameLookup | null,
): Promise<string[]> {
  const { tokens } = splitLine(line);
  const last = tokens.at(-1);
  return last !== undefined && last.end === line.length
    ? placeHelp(grammar, tokens.slice(0, -1), last.text, lookup)
    : placeHelp(grammar, tokens, "", lookup);
}

/** What became of a line. */
export interface Outcome {
  /** Exit code of the command. */
  readonly code: ExitCode;
  /** Whether it was `quit` or `exit`. */
  readonly leave: boolean;
}

/**
 * Exit code where a command was not run, or could not tell what came of it.
 *
 * @param words the command, filters included
 * @param otherwise the code of commands that are no monitoring plugin
 */
export function codeWithoutAnswer(
  grammar: Grammar<Run>,
  words: readonly Token[],
  otherwise: ExitCode,
): ExitCode {
  const [command] = parts(words);
  const parsed = parse(grammar, command?.words ?? []);
  return parsed.ok && parsed.value.command.plugin === true ? exit.unreachable : otherwise;
}

/** What is done with the output of a command. */
interface Filters {
  readonly stages: readonly Stage[];
  readonly json: boolean;
  readonly unpaged: boolean;
}

/**
 * Reads the filters of a line.
 *
 * @param parts words between the bars, with the index of the first of them in the line
 * @param asJson whether the command prints JSON whatever follows it
 */
function readFilters(
  parts: readonly { words: readonly Token[]; index: number }[],
  asJson: boolean,
): Result<Filters, Mismatch> {
  const stages: Stage[] = [];
  let json = false;
  let unpaged = false;
  for (const [i, { words, index }] of parts.entries()) {
    const parsed = parse(pipeGrammar, words);
    if (!parsed.ok) return err({ ...parsed.error, index: parsed.error.index + index });
    const make = parsed.value.command.run;
    if (make === "json" && i > 0) {
      return err({ kind: "refused", index, word: "json", reasons: ["comes first behind the command"] });
    }
    if (parsed.value.command.syntax === "csv" && (json || asJson)) {
      return err({ kind: "refused", index, word: "csv", reasons: ["is made of tables, and JSON has none"] });
    }
    if (make === "json") json = true;
    else if (make === "no-more") unpaged = true;
    else stages.push(make(parsed.value.values));
  }
  return ok({ stages, json, unpaged });
}

/** The words between the bars of a line. */
function parts<T extends Token>(words: readonly T[]): { words: readonly T[]; index: number }[] {
  const bars = words.flatMap((word, i) => isPipe(word) ? [i] : []);
  return [-1, ...bars].map((bar, i) => ({
    words: words.slice(bar + 1, bars[i] ?? words.length),
    index: bar + 1,
  }));
}

async function runParsed(parsed: Parsed<Run>, filters: Filters, context: Context): Promise<Outcome> {
  const { command } = parsed;
  const direct = filters.stages.length === 0 && !filters.json;
  const piped = direct ? null : new PipedOutput(context.out, filters.stages, filters.json);
  const out = piped ?? context.out;
  if (command.live === true || filters.unpaged) out.unpaged();
  const json = context.json || filters.json;
  const code = await command.run(new Call(parsed), { ...context, out, json });
  piped?.end();
  return { code, leave: command.run === leave };
}

/**
 * Runs one command, and sends what it prints through the filters behind it. A question mark as, or at the end of, the
 * last word shows what may follow and runs nothing.
 *
 * @param refuse tells the user about a line that is no command
 */
export async function runWords(
  words: readonly Token[],
  context: Context,
  refuse: (mismatch: Mismatch) => void = (mismatch) => complain(context, mismatchText(mismatch)),
): Promise<Outcome> {
  const { grammar, out } = context;
  const last = words.at(-1);
  if (last !== undefined && !last.quoted && last.text.endsWith("?")) {
    const before = words.slice(0, -1);
    const echo = words.map((token) => token.text).join(" ");
    const help = await placeHelp(grammar, before, last.text.slice(0, -1), null);
    out.print([echo, ...help].map((text) => [styled(null, text)]));
    return { code: exit.done, leave: false };
  }
  const [command, ...others] = parts(words);
  const filters = readFilters(others, context.json);
  if (command === undefined || !filters.ok) {
    if (!filters.ok) refuse(filters.error);
    return { code: codeWithoutAnswer(grammar, words, exit.usage), leave: false };
  }
  const topic = helpTopic(grammar, command.words);
  if (topic !== null) {
    const lines = helpLines(grammar, topic.words, out.width ?? helpWidth);
    if (!lines.ok) {
      refuse({ ...lines.error, index: lines.error.index + topic.offset });
      return { code: exit.usage, leave: false };
    }
    const piped = new PipedOutput(out, filters.value.stages, false);
    if (filters.value.unpaged) out.unpaged();
    piped.print(lines.value);
    piped.end();
    return { code: exit.done, leave: false };
  }
  const parsed = parse(grammar, command.words);
  if (parsed.ok) return await runParsed(parsed.value, filters.value, context);
  refuse(parsed.error);
  return { code: exit.usage, leave: false };
}

/**
 * Runs one typed line; an empty line and one that begins with `#` do nothing, `--json` may come anywhere in it.
 *
 * @param margin columns before the line on the terminal, for the mark under a wrong word; null: no mark
 */
export async function runLine(text: string, context: Context, margin: number | null): Promise<Outcome> {
  const { tokens, open } = splitLine(text);
  const words = tokens.filter((token) => token.quoted || token.text !== "--json");
  if (words.length === 0 || text.trimStart().startsWith("#")) return { code: exit.done, leave: false };
  if (open) {
    complain(context, "a quote is not closed");
    return { code: exit.usage, leave: false };
  }
  const json = context.json || words.length < tokens.length;
  return await runWords(words, { ...context, json }, (mismatch) => {
    const place = words[mismatch.index]?.start ?? text.trimEnd().length + 1;
    if (margin !== null) context.out.complain([[styled("red", `${" ".repeat(margin + place)}^`)]]);
    complain(context, mismatchText(mismatch));
  });
}
