/**
 * Help, reference and man page, all made of the commands and flags. Pure.
 *
 * @module
 */
import { flagText, helpRows } from "../command_line.ts";
import { ok, type Result } from "../result.ts";
import { advance, type Command, follow, type Grammar, type Mismatch, start, type Token } from "./grammar.ts";
import { flagSpecs } from "./options.ts";
import { sentence } from "./reference.ts";
import { type Block, pairs, wrapLine } from "./table.ts";
import { type Line, line, styled } from "./text.ts";

/** Columns of the left side, where a short command or flag is. */
const left = 36;

function rows(terms: readonly (readonly [term: string, text: string])[], width: number): Line[] {
  return helpRows(terms, width, left).map((text) => line(text));
}

function commandRows<Run>(commands: Grammar<Run>["commands"], width: number): Line[] {
  return rows(commands.map(({ syntax, help }) => [syntax, help]), width);
}

/** The text of `--help`, within a width. */
export function helpText<Run>(grammar: Grammar<Run>, width: number): Line[] {
  const flags = flagSpecs.map((spec) =>
    [flagText(spec), `${spec.help}${spec.env === null ? "" : ` [${spec.env}]`}`] as const
  );
  return [
    line("maglevc - client of maglevd"),
    [],
    line("Usage: maglevc [flags] [command]"),
    [],
    line("Without a command it opens a shell. Words may be shortened as long as they are unique;"),
    line("a ? at the end shows what may follow."),
    [],
    line("Commands:"),
    ...commandRows(grammar.commands, width),
    [],
    line("Flags:"),
    ...rows(flags, width),
    [],
    line("Exit codes: 0 done, 1 refused or failed, 2 usage, 3 server unreachable."),
  ];
}

/** What a line asks help on. */
export interface HelpTopic<T> {
  /** The first words of commands. */
  readonly words: readonly T[];
  /** Words of the line before them. */
  readonly offset: number;
}

/**
 * What a line asks help on: `help <words>`, or words with `-h` or `--help` behind them. Null: it is a command.
 */
export function helpTopic<Run, T extends Token>(
  grammar: Grammar<Run>,
  words: readonly T[],
): HelpTopic<T> | null {
  const [first] = words;
  const last = words.at(-1);
  if (last !== undefined && !last.quoted && /^(-h|--help)$/.test(last.text)) {
    return { words: words.slice(0, -1), offset: 0 };
  }
  if (first === undefined) return null;
  const read = advance(grammar, start(grammar), first, 0);
  const isHelp = read.ok && read.value.every(({ words }) => words[0] === "help");
  return isHelp ? { words: words.slice(1), offset: 1 } : null;
}

/** More commands than this are listed with one line each. */
const fewCommands = 4;

function commandHelp<Run>(grammar: Grammar<Run>, command: Command<Run>, width: number): Block[] {
  const text = `${sentence(command.help)}${command.notes === undefined ? "" : ` ${command.notes}`}`;
  const names = new Set([...command.syntax.matchAll(/<([^>]+)>/g)].map(([, name = ""]) => name));
  return [
    line(styled("bold", command.syntax)),
    ...wrapLine(line(text), width - 2).map((part): Line => line("  ", ...part)),
    ...pairs([...names].map((name) => [`<${name}>`, grammar.arguments[name]?.help ?? ""]), 4),
  ];
}

/**
 * Help on commands.
 *
 * @param topic the first words of commands, in full or shortened; [] for all of them
 * @param width columns of the terminal
 */
export function helpLines<Run>(
  grammar: Grammar<Run>,
  topic: readonly Token[],
  width: number,
): Result<Block[], Mismatch> {
  const read = follow(grammar, topic);
  if (!read.ok) return read;
  const commands = [...new Set(read.value.map(({ command }) => command))];
  if (commands.length > fewCommands) {
    const more = [[], line("help <command> tells more; ? shows what may follow, at every point.")];
    return ok([...commandRows(commands, width), ...(topic.length > 0 ? [] : more)]);
  }
  return ok(
    commands.flatMap((command, i) => [...(i === 0 ? [] : [[]]), ...commandHelp(grammar, command, width)]),
  );
}
