import type { Token } from "./grammar.ts";

/** A word of a typed line and where it is (offsets in UTF-16 units, `end` exclusive). */
export interface LineToken extends Token {
  /** First character. */
  readonly start: number;
  /** One past the last character. */
  readonly end: number;
}

/** A typed line, split. */
export interface SplitLine {
  /** In their order. */
  readonly tokens: readonly LineToken[];
  /** Whether a quote was opened and not closed. */
  readonly open: boolean;
}

/**
 * Splits a line at blanks. Single and double quotes hold blanks and question marks; a word that is quoted, in
 * whole or in part, is never a keyword. A backslash outside single quotes takes the next character as it is. A bar at
 * the beginning of a word is a word of its own.
 */
export function splitLine(line: string): SplitLine {
  const tokens: LineToken[] = [];
  let at = 0;
  let open = false;
  while (at < line.length) {
    if (/\s/.test(line[at] ?? "")) {
      at++;
      continue;
    }
    const begin = at;
    if (line[at] === "|") {
      tokens.push({ text: "|", quoted: false, start: at, end: ++at });
      continue;
    }
    let text = "";
    let quoted = false;
    while (at < line.length && !/\s/.test(line[at] ?? "")) {
      const character = line[at++] ?? "";
      if (character === "\\" && at < line.length) text += line[at++] ?? "";
      else if (character === '"' || character === "'") {
        quoted = true;
        open = true;
        while (at < line.length && open) {
          const inside = line[at++] ?? "";
          if (inside === character) open = false;
          else if (inside === "\\" && character === '"' && at < line.length) text += line[at++] ?? "";
          else text += inside;
        }
      } else text += character;
    }
    tokens.push({ text, quoted, start: begin, end: at });
  }
  return { tokens: joinTimes(tokens), open };
}

/** A day and the clock behind it are one word, however they are typed: `until 2026-12-01 08:00`. */
export function joinTimes<T extends Token>(tokens: readonly T[]): T[] {
  const out: T[] = [];
  for (const token of tokens) {
    const last = out.at(-1);
    const day = last !== undefined && /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(last.text);
    if (day && /^[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$/.test(token.text)) {
      // Where the words have places in a line, this one reaches from the first to the last.
      const end = "end" in token ? { end: token.end } : {};
      out.splice(-1, 1, { ...last, ...end, text: `${last.text} ${token.text}` });
    } else out.push(token);
  }
  return out;
}

/** Whether a word sends the output through a filter. */
export function isPipe(token: Token): boolean {
  return token.text === "|" && !token.quoted;
}

/** A word as it must be typed so that `splitLine` reads it as it is. */
export function quoteWord(word: string): string {
  return word.replace(/[\s"'\\]|^\|/g, "\\$&");
}
