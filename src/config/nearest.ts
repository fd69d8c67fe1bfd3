/** Edits (insert, delete, replace, swap of neighbours) that make `a` of `b`. */
function distance(a: string, b: string): number {
  const rows: number[][] = [];
  for (let i = 0; i <= a.length; i++) {
    const row: number[] = [];
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) {
        row.push(i + j);
        continue;
      }
      const above = rows[i - 1] ?? [];
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}

/**
 * The word that was probably meant: the one fewest edits away, case, `_` and `-` aside; null when none is
 * near (more than a third of its letters would change). The first of equals.
 */
export function nearest(word: string, known: Iterable<string>): string | null {
  // Longer than any key: spares the quadratic work on hostile input.
  if (word.length > 64) return null;
  const plain = (text: string) => text.toLowerCase().replaceAll("_", "-");
  let best: string | null = null;
  let least = Infinity;
  for (const candidate of known) {
    const room = Math.max(1, Math.floor(candidate.length / 3));
    if (Math.abs(candidate.length - word.length) > room) continue;
    const edits = distance(plain(word), plain(candidate));
    if (edits <= room && edits < least) {
      best = candidate;
      least = edits;
    }
  }
  return best;
}

/** Hint with the nearest known word, or else with all of them when they are few. */
export function didYouMean(word: string, known: readonly string[]): string | null {
  const near = nearest(word, known);
  if (near !== null) return `did you mean "${near}"?`;
  return known.length > 0 && known.length <= 16 ? `known: ${known.join(", ")}` : null;
}
