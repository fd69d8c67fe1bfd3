/**
 * Text with colour that is put on last: widths are counted on the bare text, so colour never breaks alignment.
 *
 * @module
 */
import { clean } from "./clean.ts";

/** How a piece of text looks. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta";

/** A piece of text of one look. */
export interface Span {
  /** As it is shown. */
  readonly text: string;
  /** Null: as the terminal shows text. */
  readonly style: Style | null;
}

/** What callers may give for a piece of text. */
export type Inline = string | number | Span | readonly Inline[];

/** One line for a person. */
export type Line = readonly Span[];

/** A piece of text in a style. */
export function styled(style: Style | null, text: string | number): Span {
  return { text: clean(String(text)), style };
}

/** Puts pieces into one line. */
export function line(...pieces: Inline[]): Line {
  return pieces.flatMap((piece) => {
    if (Array.isArray(piece)) return line(...piece);
    return typeof piece === "object" && "text" in piece ? [piece] : [styled(null, String(piece))];
  });
}

/** The bare text of a line. */
export function plain(spans: Line): string {
  return spans.map((span) => span.text).join("");
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** Columns that a text takes on a terminal: East Asian wide characters two, combining marks none. */
export function columns(text: string): number {
  // Names and numbers are ASCII, and a big table has thousands of them.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let sum = 0;
  for (const character of text) {
    if (!/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) sum += wide.test(character) ? 2 : 1;
  }
  return sum;
}

/** Parameters of SGR (ECMA-48) that begin and end a look. */
const sgr: Readonly<Record<Style, readonly [begin: number, end: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  magenta: [35, 39],
  cyan: [36, 39],
};

/**
 * Lines as text, one `\n` after each, with or without escape sequences. Blanks at the end of a line are left out.
 * The only escape sequences in it are those of its own styles.
 */
export function paint(lines: readonly Line[], colour: boolean): string {
  return lines.map((spans) => {
    const text = trimEnd(spans).map(({ text, style }) => {
      const shown = clean(text);
      if (!colour || style === null || shown === "") return shown;
      const [begin, end] = sgr[style];
      return `\x1b[${begin}m${shown}\x1b[${end}m`;
    });
    return `${text.join("")}\n`;
  }).join("");
}

/** Signs of our own, for terminals of ASCII. */
const asciiSigns: Readonly<Record<string, string>> = {
  "→": "->",
  "±": "+-",
  "µ": "u",
  "●": "*",
  "✖": "x",
  "‖": "=",
  "⊘": "-",
  "▲": "!",
  "ℹ": "i",
  "–": "-",
  "…": "~",
  "·": ".",
  "▁": "_",
  "▂": ".",
  "▃": ":",
  "▄": "-",
  "▅": "=",
  "▆": "+",
  "▇": "%",
  "█": "#",
};

/** A text in ASCII: signs of our own by others, anything else as its code. */
export function asciiText(text: string): string {
  return text.replace(
    /[^\x20-\x7e]/gu,
    (sign) => asciiSigns[sign] ?? `\\u{${sign.codePointAt(0)?.toString(16)}}`,
  );
}

/** A line without the blanks at its end. */
export function trimEnd(spans: Line): Line {
  const out = [...spans];
  for (;;) {
    const last = out.pop();
    if (last === undefined) return out;
    const text = last.text.trimEnd();
    if (text !== "") return [...out, { ...last, text }];
  }
}
