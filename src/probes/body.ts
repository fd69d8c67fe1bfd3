import { RE2JS } from "re2js";

/** Octets of a body that are looked at. */
export const BODY_LIMIT = 64 * 1024;

/** A compiled `response-regexp`. */
export interface BodyPattern {
  /** The text of the configuration. */
  readonly expression: string;
  /** Whether a match found in the beginning of a body might not be one in the whole (`$`, `\z`, `\b`, `\B`). */
  readonly needsEnd: boolean;
  /** Searches octets, in time linear in their number. */
  test(body: Uint8Array): boolean;
}

/**
 * Whether text after the end of a match can unmake it. Every other construct of RE2 looks only at what it has
 * consumed; a `$` in a class or after a backslash is a plain character. A false yes only costs reading on.
 */
function looksAhead(expression: string): boolean {
  const plain = expression.replace(/\\[^bBz]/g, "");
  return /\$|\\[bBz]/.test(plain);
}

/** Compiles a pattern in Go's syntax. Throws what re2js throws for one that the configuration check refuses. */
export function compileBody(expression: string): BodyPattern {
  const compiled = RE2JS.compile(expression);
  return { expression, needsEnd: looksAhead(expression), test: (body) => compiled.test(body) };
}
