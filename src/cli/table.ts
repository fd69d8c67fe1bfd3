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
  /** The one column that may be broken into several lines when the table is too wide. */
  readonly wrap?: true;
  /** Left out of a table that is still too wide; another command shows it. The last such column goes first. */
  readonly spare?: true;
}

/** A table that is not laid out yet. */
export interface Table {
  /** What stands above its columns, and how they may shrink. */
  readonly columns: readonly Column[];
  /** Cells of each row, in the order of the columns. */
  readonly rows: readonly (readonly Line[])[];
  /** Blanks before each line. */
  readonly indent: number;
}

/** One line, or a table. */
export type Block = Line | Table;

/** Tells the two kinds of blocks apart. */
export function isTable(block: Block): block is Table {
  return !Array.isArray(block);
}

const gap = "  ";
/** A wrapped column keeps at least this width; below it the terminal may break lines itself. */
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

/** Breaks a line at blanks into lines of at most `width` columns; longer words stay whole. */
export function wrapLine(cell: Line, width: number): Line[] {
  const lines: Span[][] = [[]];
  let used = 0;
  for (const word of words(cell)) {
    const text = plain(word);
    if (used > 0 && used + columns(text.trimEnd()) > width) {
      lines.push([]);
      used = 0;
    }
    lines.at(-1)?.push(...word);
    used += columns(text);
  }
  return lines;
}

/** Width of a table whose columns have these sizes. */
function widthOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, gap.length * (sizes.length - 1));
}

/** Columns and cells without those that a narrow terminal has no room for. */
function withoutSpare(
  heads: readonly Column[],
  cells: readonly (readonly Line[])[],
  sizes: readonly number[],
  room: number,
): { heads: readonly Column[]; cells: readonly (readonly Line[])[]; sizes: number[] } {
  const least = sizes.map((size, i) => heads[i]?.wrap ? Math.min(size, leastWrap) : size);
  const last = heads.findLastIndex((head) => head.spare);
  if (last < 0 || widthOf(least) <= room) return { heads, cells, sizes: [...sizes] };
  const keep = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== last);
  return withoutSpare(keep(heads), cells.map(keep), keep(sizes), room);
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
    [{ title: "" }, { title: "", wrap: true }],
    rows.map(([name, value]) => [styled("dim", name), value]),
    indent,
  );
}

/**
 * Lays out one table. What does not fit is wrapped in the column made for it, then spare columns go, then it is left to
 * the terminal; no text is ever cut off.
 */
function layTable({ columns: columnsWanted, rows: all, indent }: Table, width: number | null): Line[] {
  const room = width === null ? Infinity : width - indent;
  const wanted = columnsWanted.map((head, i) =>
    Math.max(columns(head.title), ...all.map((row) => columns(plain(row[i] ?? []))))
  );
  const { heads, cells, sizes } = withoutSpare(columnsWanted, all, wanted, room);
  const flexible = heads.findIndex((head) => head.wrap);
  const broken = cells.map((row) => row.map((cell) => [cell]));
  if (flexible >= 0) {
    const fixed = widthOf(sizes) - (sizes[flexible] ?? 0);
    const limit = Math.max(leastWrap, room - fixed);
    for (const row of broken) row[flexible] = (row[flexible] ?? []).flatMap((cell) => wrapLine(cell, limit));
    // Lines end at blanks, so the widest may need less than the limit, and one long word may need more.
    const used = broken.flatMap((row) => (row[flexible] ?? []).map((part) => columns(plain(part).trimEnd())));
    sizes[flexible] = Math.max(columns(heads[flexible]?.title ?? ""), ...used);
  }
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
  for (const row of broken) {
    const height = Math.max(1, ...row.map((parts) => parts.length));
    for (let i = 0; i < height; i++) out.push(put(row.map((parts) => trimEnd(parts[i] ?? []))));
  }
  return out;
}

/**
 * Blocks as lines.
 *
 * @param width columns of the terminal, or null where there is none
 */
export function layout(blocks: readonly Block[], width: number | null): Line[] {
  return blocks.flatMap((block) => isTable(block) ? layTable(block, width) : [block]);
}
