/**
 * Tables, and their layout on a terminal. What a command says is a list of blocks; how wide the terminal is, and what
 * is filtered out of it, is known only where it is printed. Pure.
 *
 * @module
 */
import { columns, type Inline, type Line, line, plain, type Span, styled, trimEnd } from "./text.ts";

/** One column of a table. */
export interface Column {
  /** Stands above the column. */
  readonly title: string;
  /** Numbers go right. */
  readonly align?: "right";
  /** Columns that it may be narrowed to when the table is too wide; its cells are broken into several lines then. */
  readonly wrap?: number;
  /**
   * Left out of a table that is still too wide; another command shows it. The one with the highest number goes first,
   * of equals the last.
   */
  readonly spare?: number;
}

/** A table that is not laid out yet. */
export interface Table {
  /** Titles of its columns, and how they may shrink. */
  readonly columns: readonly Column[];
  /** Cells of each row, in the order of the columns. A row of one cell alone is a heading across all columns. */
  readonly rows: readonly (readonly Line[])[];
  /** Blanks before each line. */
  readonly indent: number;
}

/** A line that somebody may copy: it is never broken. */
export interface Verbatim {
  /** The line. */
  readonly verbatim: Line;
}

/** One line, or a table. */
export type Block = Line | Table | Verbatim;

/** Tells tables from lines. */
export function isTable(block: Block): block is Table {
  return "columns" in block;
}

/** The line of a block that is no table. */
export function lineOf(block: Line | Verbatim): Line {
  return "verbatim" in block ? block.verbatim : block;
}

const gap = "  ";
/** Names and texts are broken below this width only if nothing else helps. */
const leastWrap = 20;

function pad(cell: Line, width: number, align: "right" | undefined): Line {
  const blanks: Span = { text: " ".repeat(Math.max(0, width - columns(plain(cell)))), style: null };
  return align === "right" ? [blanks, ...cell] : [...cell, blanks];
}

/** Pieces of a line up to each blank: a word may be made of several looks. */
function words(cell: Line): Span[][] {
  const out: Span[][] = [[]];
  for (const { text, style } of cell) {
    for (const piece of text.split(/(?<= )/)) {
      out.at(-1)?.push({ text: piece, style });
      if (piece.endsWith(" ")) out.push([]);
    }
  }
  return out.filter((word) => word.length > 0);
}

/** A word that is too long for any line, in pieces that are not. */
function pieces(word: readonly Span[], width: number): Span[][] {
  const out: Span[][] = [[]];
  let used = 0;
  for (const { text, style } of word) {
    for (const character of text) {
      const size = columns(character);
      if (used > 0 && used + size > width && character !== " ") {
        out.push([]);
        used = 0;
      }
      const last = out.at(-1)?.at(-1);
      if (last !== undefined && last.style === style) {
        out.at(-1)?.splice(-1, 1, { text: last.text + character, style });
      } else out.at(-1)?.push({ text: character, style });
      used += size;
    }
  }
  return out;
}

/** Breaks a line at blanks into lines of at most `width` columns; a longer word is broken where the line ends. */
export function wrapLine(cell: Line, width: number): Line[] {
  if (columns(plain(cell)) <= width) return [cell];
  const lines: Span[][] = [[]];
  let used = 0;
  for (const whole of words(cell)) {
    const tooLong = columns(plain(whole).trimEnd()) > width;
    for (const word of tooLong ? pieces(whole, width) : [whole]) {
      const text = plain(word);
      if (used > 0 && used + columns(text.trimEnd()) > width) {
        lines.push([]);
        used = 0;
      }
      lines.at(-1)?.push(...word);
      used += columns(text);
    }
  }
  return lines;
}

/** Width of a table whose columns have these sizes. */
function widthOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, gap.length * (sizes.length - 1));
}

/** A row in the making: cells by column, or a heading across all of them. */
type Row = { readonly cells: readonly Line[] } | { readonly heading: Line };

/** A table in the making: columns, rows, and the width of each column. */
interface Plan {
  readonly heads: readonly Column[];
  readonly rows: readonly Row[];
  readonly sizes: readonly number[];
}

function planOf({ columns: heads, rows: given }: Table): Plan {
  const rows = given.map((row): Row =>
    row.length === 1 && heads.length > 1 ? { heading: row[0] ?? [] } : { cells: row }
  );
  const sizes = heads.map((head, i) =>
    Math.max(
      columns(head.title),
      ...rows.map((row) => "cells" in row ? columns(plain(row.cells[i] ?? [])) : 0),
    )
  );
  return { heads, rows, sizes };
}

/** A plan without those columns that a narrow terminal has no room for. */
function withoutSpare(plan: Plan, room: number): Plan {
  const { heads, rows, sizes } = plan;
  const least = sizes.map((size, i) => Math.min(size, heads[i]?.wrap ?? size));
  const first = Math.max(0, ...heads.map((head) => head.spare ?? 0));
  const last = first === 0 ? -1 : heads.findLastIndex((head) => head.spare === first);
  if (last < 0 || widthOf(least) <= room) return plan;
  const keep = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== last);
  return withoutSpare({
    heads: keep(heads),
    rows: rows.map((row) => "cells" in row ? { cells: keep(row.cells) } : row),
    sizes: keep(sizes),
  }, room);
}

/** Widths that fit, as far as the columns may be narrowed: the widest gives first. */
function narrowed({ heads, sizes }: Plan, room: number): number[] {
  const out = [...sizes];
  for (let over = widthOf(out) - room; over > 0; over--) {
    let widest = -1;
    for (const [i, { wrap }] of heads.entries()) {
      const size = out[i] ?? 0;
      if (wrap !== undefined && size > wrap && size > (out[widest] ?? 0)) widest = i;
    }
    if (widest < 0) break;
    out[widest] = (out[widest] ?? 0) - 1;
  }
  return out;
}

/** A table under its titles; titles that are all empty make no line. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Inline[])[],
  indent = 0,
): Block[] {
  return [{ columns, rows: rows.map((row) => row.map((cell) => line(cell))), indent }];
}

/** `name  value` pairs; a long value is wrapped under itself. */
export function pairs(
  rows: readonly (readonly [name: string, value: Inline])[],
  indent = 0,
): Block[] {
  return table(
    [{ title: "" }, { title: "", wrap: leastWrap }],
    rows.map(([name, value]) => [styled("dim", name), value]),
    indent,
  );
}

/** A row whose cells are broken into the lines that they take. */
type BrokenRow = { readonly parts: readonly (readonly Line[])[] } | { readonly heading: Line };

/**
 * Lays out one table. What does not fit is wrapped where columns may be, spare columns go, and then it is left to the
 * terminal; no text is ever cut off.
 */
function layTable(given: Table, width: number | null): Line[] {
  const { indent } = given;
  const room = width === null ? Infinity : width - indent;
  const plan = withoutSpare(planOf(given), room);
  const { heads } = plan;
  const limits = narrowed(plan, room);
  const rows = plan.rows.map((row): BrokenRow =>
    "cells" in row ? { parts: row.cells.map((cell, i) => wrapLine(cell, limits[i] ?? 1)) } : row
  );
  // Lines end at blanks, so the widest may need less than the limit.
  const sizes = heads.map(({ title }, i) => {
    const used = rows.flatMap((row) => "parts" in row ? row.parts[i] ?? [] : []);
    return Math.max(columns(title), ...used.map((part) => columns(plain(part).trimEnd())));
  });
  const margin: Span = { text: " ".repeat(indent), style: null };
  const between: Span = { text: gap, style: null };
  const put = (row: readonly Line[]): Line => [
    margin,
    ...heads.flatMap((head, i) => [
      ...(i === 0 ? [] : [between]),
      ...pad(row[i] ?? [], sizes[i] ?? 0, head.align),
    ]),
  ];
  const titled = heads.some((head) => head.title !== "");
  const out = titled ? [put(heads.map((head) => [styled("dim", head.title)]))] : [];
  for (const row of rows) {
    if ("heading" in row) {
      out.push(...wrapLine([margin, ...row.heading], width ?? Infinity));
      continue;
    }
    const height = Math.max(1, ...row.parts.map((parts) => parts.length));
    for (let i = 0; i < height; i++) out.push(put(row.parts.map((parts) => trimEnd(parts[i] ?? []))));
  }
  return out;
}

/** A long line in several, with those after the first set in by two more columns than it is. */
function wrapped(text: Line, width: number): Line[] {
  const indent = /^ */.exec(plain(text))?.[0].length ?? 0;
  if (columns(plain(text)) <= width || indent + leastWrap > width) return [text];
  const hang: Span = { text: " ".repeat(indent + 2), style: null };
  const [first = [], ...rest] = wrapLine(text, width);
  // What follows has less room than the first line, so it is broken anew.
  return [first, ...wrapLine(rest.flat(), width - indent - 2).map((part): Line => [hang, ...part])];
}

/** A block whose every text is another; before it is laid out, since the other may be longer. */
export function mapText(block: Block, change: (text: string) => string): Block {
  const lineTo = (of: Line): Line => of.map(({ text, style }) => ({ text: change(text), style }));
  if (isTable(block)) {
    return { ...block, rows: block.rows.map((row) => row.map(lineTo)) };
  }
  return "verbatim" in block ? { verbatim: lineTo(block.verbatim) } : lineTo(block);
}

/**
 * Blocks as lines.
 *
 * @param width columns of the terminal, or null where there is none
 */
export function layout(blocks: readonly Block[], width: number | null): Line[] {
  return blocks.flatMap((block) => {
    if (isTable(block)) return layTable(block, width);
    return "verbatim" in block || width === null ? [lineOf(block)] : wrapped(block, width);
  });
}
