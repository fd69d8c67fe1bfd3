/**
 * The notation in which commands are written down, e.g.
 * `watch events [num <n>] [log [level debug|info]] [backend]`.
 *
 *   word        a keyword
 *   a|b         one of several keywords
 *   <name>      an argument
 *   [ ... ]     may be left out; neighbouring groups may come in any order, but those that begin with an argument keep theirs
 *
 * @module
 */

/** One piece of a command's syntax. */
export type Part =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "argument"; readonly name: string }
  | { readonly kind: "group"; readonly parts: readonly Part[] };

/**
 * Reads a command's syntax.
 *
 * @throws SyntaxError when brackets do not match: the commands are part of the program
 */
export function parseSyntax(text: string): readonly Part[] {
  const tokens = text.match(/[[\]]|[^\s[\]]+/g) ?? [];
  let next = 0;
  const sequence = (nested: boolean): Part[] => {
    const parts: Part[] = [];
    for (;;) {
      const token = tokens[next++];
      if (token === undefined || token === "]") {
        if ((token === "]") !== nested) throw new SyntaxError(`Cannot read the syntax "${text}"`);
        return parts;
      }
      if (token === "[") parts.push({ kind: "group", parts: sequence(true) });
      else if (token.startsWith("<")) parts.push({ kind: "argument", name: token.slice(1, -1) });
      else parts.push({ kind: "words", words: token.split("|") });
    }
  };
  return sequence(false);
}

/** What may come next, and what follows it. */
export interface Step {
  /** What may stand. */
  readonly leaf: Exclude<Part, { kind: "group" }>;
  /** What follows it. */
  readonly rest: readonly Part[];
}

/** Everything that may come first in `parts`, and whether nothing need come. */
export function steps(parts: readonly Part[]): { readonly steps: readonly Step[]; readonly mayEnd: boolean } {
  const [first, ...rest] = parts;
  if (first === undefined) return { steps: [], mayEnd: true };
  if (first.kind !== "group") return { steps: [{ leaf: first, rest }], mayEnd: false };
  const end = parts.findIndex((part) => part.kind !== "group");
  const groups = parts.slice(0, end < 0 ? parts.length : end).filter((part) => part.kind === "group");
  const after = end < 0 ? [] : parts.slice(end);
  const out: Step[] = [];
  for (const [i, group] of groups.entries()) {
    // A keyword tells which group it is; an argument does not, so two of them keep their order.
    const others = groups.filter((other, j) =>
      other !== group && (j > i || other.parts[0]?.kind === "words")
    );
    out.push(...steps([...group.parts, ...others, ...after]).steps);
  }
  const without = steps(after);
  return { steps: [...out, ...without.steps], mayEnd: without.mayEnd };
}
