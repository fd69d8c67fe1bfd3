/**
 * Keys that are given twice in one object of a JSON text. JSON.parse takes the last one in silence. A person who reads
 * the first one expects something else. Pure.
 *
 * @module
 */

/** One key that is given twice. */
export interface DuplicateKey {
  /** Path of the key, e.g. `weight` or `a.b`; positions of arrays are numbers. */
  readonly path: string;
  /** Line of the second one, from 1. */
  readonly line: number;
  /** Column of the second one in UTF-16 units, from 1. */
  readonly column: number;
}

/** What is open around the place that is read. */
type Frame =
  | { readonly kind: "object"; readonly keys: Set<string>; at: string }
  | { readonly kind: "array"; at: number };

/**
 * Keys that their object has already, in the order of the text.
 *
 * @param text valid JSON
 * @param most how many are described; all are counted
 */
export function duplicateKeys(
  text: string,
  most: number,
): { readonly first: readonly DuplicateKey[]; readonly total: number } {
  const first: DuplicateKey[] = [];
  let total = 0;
  const open: Frame[] = [];
  let line = 1;
  let lineStart = 0;
  let keyNext = false;
  // Strings and the signs around them. Numbers and words hold none of these.
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],\n]/g)) {
    const [token] = match;
    const frame = open.at(-1);
    switch (token[0]) {
      case "\n":
        line++;
        lineStart = match.index + 1;
        break;
      case "{":
        open.push({ kind: "object", keys: new Set(), at: "" });
        keyNext = true;
        break;
      case "[":
        open.push({ kind: "array", at: 0 });
        keyNext = false;
        break;
      case "}":
      case "]":
        open.pop();
        keyNext = false;
        break;
      case ",":
        keyNext = frame?.kind === "object";
        if (frame?.kind === "array") frame.at++;
        break;
      default: {
        if (!keyNext || frame?.kind !== "object") break;
        keyNext = false;
        const key: unknown = JSON.parse(token);
        frame.at = String(key);
        if (!frame.keys.has(frame.at)) {
          frame.keys.add(frame.at);
          break;
        }
        total++;
        if (first.length >= most) break;
        first.push({ path: open.map(({ at }) => at).join("."), line, column: match.index - lineStart + 1 });
      }
    }
  }
  return { first, total };
}
