import { columns, type Inline, type Line, line, plain, type Span, styled } from "./text.ts";

/** One column of a table. */
export interface Column {
  readonly title: string;
  /** Numbers go right. */
  readonly align?: "right";
  /** The one column that may be broken into several lines when the table is too wide. */
  readonly wrap?: true;
}

const gap = "  ";
/** A wrapped column keeps at least this width; below it the terminal may break lines itself. */
const leastWrap = 20;

function pad(cell: Line, width: number, align: "right" | undefined): Line {
  const blanks: Span = { text: " ".repeat(Math.max(0, width - columns(plain(cell)))), style: null };
  return align === "right" ? [blanks, ...cell] : [...cell, blanks];
}

/** Breaks a line at blanks into lines of at most `width` columns; longer words stay whole. */
export function wrapLine(cell: Line, width: number): Line[] {
  const lines: Span[][] = [[]];
  let used = 0;
  for (const { text, style } of cell) {
    for (const word of text.split(/(?<= )/)) {
      const size = columns(word.trimEnd());
      if (used > 0 && used + size > width) {
        lines.push([]);
        used = 0;
      }
      lines.at(-1)?.push({ text: word, style });
      used += columns(word);
    }
  }
  return lines;
}

/**
 * Lays out a table under its titles. Nothing is ever cut off: what does not fit `width` is wrapped in the column
 * made for it, or left to the terminal.
 *
 * @param width columns of the terminal, or null where there is none
 * @param indent blanks before each line
 */
export function table(
  heads: readonly Column[],
  rows: readonly (readonly Inline[])[],
  width: number | null,
  indent = 0,
): Line[] {
  const cells = rows.map((row) => row.map((cell) => line(cell)));
  const sizes = heads.map((head, i) =>
    Math.max(columns(head.title), ...cells.map((row) => columns(plain(row[i] ?? []))))
  );
  const flexible = heads.findIndex((head) => head.wrap);
  if (width !== null && flexible >= 0) {
    const fixed = indent + sizes.reduce((sum, size, i) => i === flexible ? sum : sum + size, 0) +
      gap.length * (heads.length - 1);
    sizes[flexible] = Math.min(sizes[flexible] ?? 0, Math.max(leastWrap, width - fixed));
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
  const out = [put(heads.map((head) => [styled("dim", head.title)]))];
  for (const row of cells) {
    const broken = row.map((cell, i) => i === flexible ? wrapLine(cell, sizes[i] ?? 0) : [cell]);
    const height = Math.max(1, ...broken.map((parts) => parts.length));
    for (let i = 0; i < height; i++) out.push(put(broken.map((parts) => parts[i] ?? [])));
  }
  return out;
}

/** Lays out `name  value` pairs; a long value is wrapped under itself. */
export function pairs(
  rows: readonly (readonly [name: string, value: Inline])[],
  width: number | null,
  indent = 0,
): Line[] {
  const size = Math.max(0, ...rows.map(([name]) => columns(name)));
  const margin = " ".repeat(indent);
  return rows.flatMap(([name, value]) => {
    const room = width === null ? Infinity : Math.max(leastWrap, width - indent - size - gap.length);
    return wrapLine(line(value), room).map((part, i): Line => [
      { text: margin, style: null },
      ...pad(i === 0 ? [styled("dim", name)] : [], size, undefined),
      { text: gap, style: null },
      ...part,
    ]);
  });
}
