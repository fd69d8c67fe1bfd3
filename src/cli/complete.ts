/**
 * What may stand at the cursor: keywords, and names as they are now.
 *
 * @module
 */
import { expected, follow, type Grammar, type Position, type Token } from "./grammar.ts";
import type { NameLookup } from "./names.ts";

/** Something that may stand at the cursor. */
export interface Candidate {
  /** The whole word. */
  readonly text: string;
  /** One line on it. */
  readonly help: string;
}

async function names<Run>(
  grammar: Grammar<Run>,
  positions: readonly Position<Run>[],
  partial: string,
  lookup: NameLookup,
): Promise<Candidate[]> {
  const values = positions[0]?.values ?? new Map<string, string>();
  const found: Candidate[] = [];
  for (const { argument } of expected(grammar, positions)) {
    if (argument?.source === undefined) continue;
    for (const text of await lookup(argument.source, values, partial)) {
      found.push({ text, help: argument.help });
    }
  }
  return found;
}

/**
 * Everything that may complete a word.
 *
 * @param before the words before the cursor's
 * @param partial the cursor's word up to the cursor, "" between words
 */
export async function complete<Run>(
  grammar: Grammar<Run>,
  before: readonly Token[],
  partial: Token,
  lookup: NameLookup,
): Promise<Candidate[]> {
  const read = follow(grammar, before);
  if (!read.ok) return [];
  const keywords = partial.quoted
    ? []
    : expected(grammar, read.value).filter((option) => option.argument === null);
  const all = [...keywords, ...await names(grammar, read.value, partial.text, lookup)];
  const fitting = all.filter((candidate) => candidate.text.startsWith(partial.text));
  return [...new Map(fitting.map(({ text, help }) => [text, { text, help }])).values()];
}
