/**
 * Matching of typed words against the commands. A word matches exactly, else by unique prefix, else as an
 * argument. Where the matches are a word and its plural both stay possible, and what follows decides: the
 * plural ends the line, the singular takes a name. Pure.
 *
 * @module
 */
import { nearest } from "../config/nearest.ts";
import { err, ok, type Result } from "../result.ts";
import { parseSyntax, type Part, steps } from "./syntax.ts";

/** Where the names of an argument come from. */
export type NameSource = "frontend" | "backend" | "healthcheck" | "pool" | "file" | "override" | "object";

/** A kind of argument. */
export interface Argument {
  /** One line on what it means. */
  readonly help: string;
  /** Why a text is no such argument, as the end of a sentence ("must be 0 to 100"); null if it can. */
  readonly refuses: (text: string) => string | null;
  /** Where its names come from; absent: not from the server. */
  readonly source?: NameSource;
  /** Everything that it may be, where that is known. */
  readonly choices?: readonly string[];
  /** Set where it may be several words without quotes: it goes on until a keyword of the command. */
  readonly several?: true;
}

/** One command: a line of the reference. */
export interface Command<Run> {
  /** In the notation of `syntax.ts`. */
  readonly syntax: string;
  /** One line on what it does. */
  readonly help: string;
  /** More sentences for the reference and the man page. */
  readonly notes?: string;
  /** Set where it prints as things happen. */
  readonly live?: true;
  /** Set where the exit code is that of a monitoring plugin: whatever keeps it from an answer is 3. */
  readonly plugin?: true;
  /** What the caller does with it. */
  readonly run: Run;
}

/** All commands with what their words and arguments mean. */
export interface Grammar<Run> {
  /** In the order of the reference. */
  readonly commands: readonly Command<Run>[];
  /** Kinds of arguments by the name in `<name>`. */
  readonly arguments: Readonly<Record<string, Argument>>;
  /** One line on each keyword; `first word` is asked before `word`. */
  readonly words: Readonly<Record<string, string>>;
}

/** A word of the line; a quoted one is never a keyword. */
export interface Token {
  /** Without quotes and backslashes. */
  readonly text: string;
  /** Whether any part of it stood in quotes. */
  readonly quoted: boolean;
}

/** Something that may come next. */
export interface Expected {
  /** The keyword, or `<name>`. */
  readonly text: string;
  /** One line on it. */
  readonly help: string;
  /** Set for an argument. */
  readonly argument: Argument | null;
}

/** One way to read the words so far. */
export interface Position<Run> {
  /** The command that the words may become. */
  readonly command: Command<Run>;
  /** What of its syntax is still to come. */
  readonly rest: readonly Part[];
  /** Keywords so far, in full. */
  readonly words: readonly string[];
  /** Arguments so far, by name. */
  readonly values: ReadonlyMap<string, string>;
  /** Argument of several words that the next word may belong to; absent: none. */
  readonly open?: string;
}

/** Why a line is none of the commands. `index` counts words from 0. */
export type Mismatch =
  | { readonly kind: "unknown"; readonly index: number; readonly word: string; readonly expected: Expected[] }
  | {
    readonly kind: "ambiguous";
    readonly index: number;
    readonly word: string;
    readonly matches: readonly string[];
    /** Argument of several words that the word may belong to; absent: none. */
    readonly open?: string;
  }
  | { readonly kind: "refused"; readonly index: number; readonly word: string; readonly reasons: string[] }
  | { readonly kind: "missing"; readonly index: number; readonly expected: Expected[] };

/** A line that was understood. */
export interface Parsed<Run> {
  /** The command that was meant. */
  readonly command: Command<Run>;
  /** Its keywords that were given, in full. */
  readonly words: ReadonlySet<string>;
  /** Its arguments that were given, by name. */
  readonly values: ReadonlyMap<string, string>;
}

/** The positions before the first word. */
export function start<Run>(grammar: Grammar<Run>): Position<Run>[] {
  return grammar.commands.map((command) => ({
    command,
    rest: parseSyntax(command.syntax),
    words: [],
    values: new Map(),
  }));
}

function wordHelp<Run>(grammar: Grammar<Run>, first: string | undefined, word: string): string {
  return (first === undefined ? undefined : grammar.words[`${first} ${word}`]) ?? grammar.words[word] ?? "";
}

/** Everything that may come next, in the order of the commands, each once. */
export function expected<Run>(grammar: Grammar<Run>, positions: readonly Position<Run>[]): Expected[] {
  const found = new Map<string, Expected>();
  for (const position of positions) {
    for (const { leaf } of steps(position.rest).steps) {
      if (leaf.kind === "argument") {
        const argument = grammar.arguments[leaf.name];
        if (argument === undefined) throw new ReferenceError(`No argument is called "${leaf.name}"`);
        const text = `<${leaf.name}>`;
        found.set(text, { text, help: argument.help, argument });
      } else {
        for (const text of leaf.words) {
          found.set(text, { text, help: wordHelp(grammar, position.words[0], text), argument: null });
        }
      }
    }
  }
  return [...found.values()];
}

/** The commands that may end here. */
export function endings<Run>(positions: readonly Position<Run>[]): Position<Run>[] {
  return positions.filter((position) => steps(position.rest).mayEnd);
}

/** Which keywords a typed word means: itself, else what it is a prefix of. */
export function matchingWords(word: string, candidates: Iterable<string>): string[] {
  const unique = [...new Set(candidates)];
  if (unique.includes(word)) return [word];
  return word === "" ? [] : unique.filter((candidate) => candidate.startsWith(word));
}

function isWordAndPlural(matches: readonly string[]): boolean {
  const [a = "", b = ""] = [...matches].sort((x, y) => x.length - y.length);
  return matches.length === 2 && b === `${a}s`;
}

/** Where a word may still be itself or its plural, the singular takes the name that follows, if it can. */
function singular<Run>(positions: Position<Run>[]): Position<Run>[] {
  const words = [...new Set(positions.map(({ words }) => words.at(-1) ?? ""))];
  if (!isWordAndPlural(words)) return positions;
  const shorter = words.reduce((a, b) => a.length < b.length ? a : b);
  return positions.filter(({ words }) => words.at(-1) === shorter);
}

/** Takes one more word of an argument of several words. */
function continued<Run>(
  grammar: Grammar<Run>,
  positions: readonly Position<Run>[],
  { text: word }: Token,
  index: number,
): Result<Position<Run>[], Mismatch> {
  const reasons: string[] = [];
  const taken = positions.flatMap((position) => {
    const name = position.open ?? "";
    const text = `${position.values.get(name) ?? ""} ${word}`;
    const reason = grammar.arguments[name]?.refuses(text) ?? null;
    if (reason !== null) reasons.push(`<${name}> ${reason}`);
    return reason === null ? [{ ...position, values: new Map(position.values).set(name, text) }] : [];
  });
  return taken.length > 0 ? ok(taken) : err({ kind: "refused", index, word, reasons: [...new Set(reasons)] });
}

/** Takes one word; `index` is its place in the line. */
export function advance<Run>(
  grammar: Grammar<Run>,
  positions: readonly Position<Run>[],
  token: Token,
  index: number,
): Result<Position<Run>[], Mismatch> {
  const open = positions.flatMap((position) =>
    steps(position.rest).steps.map((step) => ({ position, ...step }))
  );
  const keywords = open.flatMap(({ leaf }) => leaf.kind === "words" ? leaf.words : []);
  const matches = token.quoted ? [] : matchingWords(token.text, keywords);
  const going = positions.filter(({ open }) => open !== undefined);
  const [{ open: text } = {}] = going;
  if (text !== undefined) {
    if (matches.length === 0) return continued(grammar, going, token, index);
    // Nobody may act where a dry run was meant: a beginning of a keyword is neither word for sure.
    if (!matches.includes(token.text)) {
      return err({ kind: "ambiguous", index, word: token.text, matches, open: text });
    }
  }
  if (matches.length === 1 || isWordAndPlural(matches)) {
    return ok(open.flatMap(({ position: { open: _, ...position }, leaf, rest }) => {
      const word = leaf.kind === "words" ? leaf.words.find((w) => matches.includes(w)) : undefined;
      return word === undefined ? [] : [{ ...position, rest, words: [...position.words, word] }];
    }));
  }
  const reasons: string[] = [];
  const taken: Position<Run>[] = [];
  for (const { position, leaf, rest } of open) {
    if (leaf.kind !== "argument") continue;
    const argument = grammar.arguments[leaf.name];
    const reason = argument?.refuses(token.text) ?? null;
    if (reason === null) {
      const values = new Map(position.values).set(leaf.name, token.text);
      const more = argument?.several === true && !token.quoted && !/\s/.test(token.text);
      taken.push({ ...position, rest, values, ...(more ? { open: leaf.name } : {}) });
    } else if (!reasons.includes(`<${leaf.name}> ${reason}`)) reasons.push(`<${leaf.name}> ${reason}`);
  }
  if (taken.length > 0) return ok(singular(taken));
  const word = token.text;
  if (matches.length > 1) return err({ kind: "ambiguous", index, word, matches });
  if (reasons.length > 0) return err({ kind: "refused", index, word, reasons });
  return err({ kind: "unknown", index, word, expected: expected(grammar, positions) });
}

/** Reads the words as far as they go. */
export function follow<Run>(
  grammar: Grammar<Run>,
  tokens: readonly Token[],
): Result<Position<Run>[], Mismatch> {
  let positions = start(grammar);
  for (const [index, token] of tokens.entries()) {
    const next = advance(grammar, positions, token, index);
    if (!next.ok) return next;
    positions = next.value;
  }
  return ok(positions);
}

/** Reads a whole line. */
export function parse<Run>(
  grammar: Grammar<Run>,
  tokens: readonly Token[],
): Result<Parsed<Run>, Mismatch> {
  const read = follow(grammar, tokens);
  if (!read.ok) return read;
  const [end] = endings(read.value);
  if (end === undefined) {
    return err({ kind: "missing", index: tokens.length, expected: expected(grammar, read.value) });
  }
  return ok({ command: end.command, words: new Set(end.words), values: end.values });
}

function list(texts: readonly string[]): string {
  if (texts.length < 2) return texts.join("");
  return `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`;
}

/** A mismatch as one sentence. */
export function mismatchText(mismatch: Mismatch): string {
  const place = `word ${mismatch.index + 1}`;
  switch (mismatch.kind) {
    case "unknown": {
      const options = mismatch.expected.map((e) => e.text);
      if (options.length === 0) return `${place}: unexpected "${mismatch.word}"; the command ends before it`;
      const near = nearest(
        mismatch.word,
        mismatch.expected.filter((e) => e.argument === null).map((e) => e.text),
      );
      const meant = near === null ? "" : `did you mean "${near}"? `;
      return `${place}: unknown "${mismatch.word}"; ${meant}expected ${list(options)}`;
    }
    case "ambiguous":
      if (mismatch.open !== undefined) {
        return `${place}: "${mismatch.word}" may be ${
          list(mismatch.matches)
        }, or belong to <${mismatch.open}>: write the word in full, or quote the <${mismatch.open}>`;
      }
      return `${place}: "${mismatch.word}" is ambiguous: ${mismatch.matches.join(", ")}`;
    case "refused":
      return `${place}: "${mismatch.word}": ${mismatch.reasons.join("; ")}`;
    case "missing":
      return `${place} is missing; expected ${list(mismatch.expected.map((e) => e.text))}`;
  }
}
