/**
 * One line, from words to exit code.
 *
 * @module
 */
import { Call, complain, type Context, type Run } from "./context.ts";
import { exit, type ExitCode } from "./exit.ts";
import {
  advance,
  expected,
  follow,
  type Grammar,
  matchingWords,
  mismatchText,
  parse,
  type Token,
} from "./grammar.ts";
import { optionsHelp } from "./help.ts";
import { styled } from "./text.ts";

/** A word that is quoted as a shell inside the shell would see it: `'"plan"'`. */
export function toTokens(words: readonly string[]): Token[] {
  return words.map((word) => {
    const inner = /^"([^"]*)"$/.exec(word)?.[1];
    return inner === undefined ? { text: word, quoted: false } : { text: inner, quoted: true };
  });
}

/**
 * The help for a line that ends in `?`: what may follow, or, where the `?` touches a word, what that word may mean.
 *
 * @param partial the word before the `?` without a blank between, "" if there is none
 */
export function questionHelp(grammar: Grammar<Run>, tokens: readonly Token[], partial: string): string[] {
  const read = follow(grammar, tokens);
  if (!read.ok) return [`  ${mismatchText(read.error)}`];
  if (partial === "") return optionsHelp(grammar, read.value);
  const options = expected(grammar, read.value);
  const words = matchingWords(partial, options.filter((o) => o.argument === null).map((o) => o.text));
  const fitting = options.filter((option) =>
    option.argument === null ? words.includes(option.text) : option.argument.refuses(partial) === null
  );
  if (fitting.length === 0) {
    const moved = advance(grammar, read.value, { text: partial, quoted: false }, tokens.length);
    return moved.ok ? [] : [`  ${mismatchText(moved.error)}`];
  }
  const size = Math.max(...fitting.map((option) => option.text.length));
  return fitting.map((option) => `  ${option.text.padEnd(size)}  ${option.help}`);
}

/** Runs one command. A `?` as, or at the end of, the last word shows what may follow and runs nothing. */
export async function runWords(words: readonly Token[], context: Context): Promise<ExitCode> {
  const last = words.at(-1);
  if (last !== undefined && !last.quoted && last.text.endsWith("?")) {
    const before = words.slice(0, -1);
    const echo = [...before.map((token) => token.text), last.text].join(" ");
    const help = questionHelp(context.grammar, before, last.text.slice(0, -1));
    context.out.print([echo, ...help].map((text) => [styled(null, text)]));
    return exit.done;
  }
  const parsed = parse(context.grammar, words);
  if (!parsed.ok) {
    complain(context, mismatchText(parsed.error));
    return exit.usage;
  }
  return await parsed.value.command.run(new Call(parsed.value), context);
}
