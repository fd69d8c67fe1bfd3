/** A place in a text as people count: both from 1, columns in characters and not in UTF-16 units. */
export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** How many of the ascending `offsets` are at most `offset`. */
function countUpTo(offsets: readonly number[], offset: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function ends(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map((found) => found.index + found[0].length);
}

/**
 * Makes the function from an offset, in UTF-16 units, to its position. The text is looked through once, when
 * first asked, so that thousands of findings in one long line cost no more than one.
 */
export function locator(text: string): (offset: number) => Position {
  let tables: { lines: number[]; pairs: number[] } | null = null;
  return (offset) => {
    tables ??= {
      lines: [0, ...ends(text, /\n/g)],
      pairs: ends(text, /[\ud800-\udbff][\udc00-\udfff]/g),
    };
    const line = countUpTo(tables.lines, offset);
    const start = tables.lines[line - 1] ?? 0;
    const pairs = countUpTo(tables.pairs, offset) - countUpTo(tables.pairs, start);
    return { line, column: offset - start - pairs + 1 };
  };
}
