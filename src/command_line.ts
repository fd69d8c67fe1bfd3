/**
 * Flags and words of a command line. Pure.
 *
 * @module
 */
import { nearest } from "./config/nearest.ts";
import { err, ok, type Result } from "./result.ts";

/** What the reader of a command line must know of a flag. */
export interface FlagShape {
  /** As typed after the two dashes. */
  readonly name: string;
  /** False for a switch, which takes `--name` or `--name=true|false`. */
  readonly takesValue: boolean;
  /** One letter that may take the place of the name, after one dash. */
  readonly short?: string;
}

/** A command line, taken apart. */
export interface CommandLine {
  /** Values of each flag that was given, in their order; "true" for a bare switch. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Everything that is no flag. */
  readonly words: readonly string[];
}

/**
 * Reads `--name value`, `--name=value` and words in any order; `--` ends the flags. One dash before a long name is as
 * good as two, as in Go's flag package.
 *
 * @returns the parts, or the first usage error as a sentence
 */
export function parseCommandLine(
  args: readonly string[],
  flags: readonly FlagShape[],
): Result<CommandLine, string> {
  const values = new Map<string, string[]>();
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    const [, name, inline] = /^--?([A-Za-z][A-Za-z0-9_-]*)(?:=([^]*))?$/.exec(arg) ?? [];
    if (name === undefined) {
      if (arg.startsWith("-") && arg.length > 1) return err(`"${arg}" is no flag; after -- it is a word`);
      words.push(arg);
      continue;
    }
    const isShort = name.length === 1 && !arg.startsWith("--");
    const flag = flags.find((shape) => isShort ? shape.short === name : shape.name === name);
    if (flag === undefined) {
      const near = nearest(name, flags.map((shape) => shape.name));
      return err(
        `there is no flag ${isShort ? "-" : "--"}${name}${near === null ? "" : `; did you mean --${near}?`}`,
      );
    }
    let value = inline ?? "true";
    if (flag.takesValue && inline === undefined) {
      const next = args[at + 1];
      if (next === undefined || next.startsWith("-")) {
        return err(`--${flag.name} needs a value; --${flag.name}=VALUE takes one that begins with a dash`);
      }
      value = next;
      at++;
    } else if (!flag.takesValue && !/^(true|false|1|0)$/.test(value)) {
      return err(`--${flag.name}: "${value}" is neither true nor false`);
    }
    values.set(flag.name, [...values.get(flag.name) ?? [], value]);
  }
  return ok({ values, words });
}

/** Breaks a text at blanks into lines of at most `width`; longer words stay whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines;
}

/** A flag as the help writes it: `--server <url>`; `value` is "" for a switch. */
export function flagText({ name, value }: { readonly name: string; readonly value: string }): string {
  return `--${name}${value === "" ? "" : ` <${value}>`}`;
}

/**
 * Terms with a text on each, as `--help` shows flags and commands. A term that is too long for its column is above
 * its text.
 *
 * @param width columns of a line
 * @param column where the texts begin
 */
export function helpRows(
  terms: readonly (readonly [term: string, text: string])[],
  width: number,
  column: number,
): string[] {
  return terms.flatMap(([term, text]) => {
    const texts = wrap(text, Math.max(20, width - column));
    const short = term.length + 4 <= column;
    const above = short ? [] : wrap(term, width - 4).map((part, i) => `${i === 0 ? "  " : "    "}${part}`);
    return [...above, ...texts.map((part, i) => (short && i === 0 ? `  ${term}` : "").padEnd(column) + part)];
  });
}
