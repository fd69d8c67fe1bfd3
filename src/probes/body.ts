import { RE2JS } from "re2js";

/** Longer bodies are matched on another thread, whatever the pattern. */
const INLINE_LIMIT = 4 * 1024;
/**
 * Octets times instructions of the pattern that are matched on the probe thread. Measured: a body made for it costs
 * 16 to 30 ns each, so this is a turn of 1 ms; a pattern of 500 instructions took 6 ms on 512 octets.
 */
const INLINE_WORK = 32 * 1024;
/** Compiled patterns that are kept; many backends share one. */
const CACHE_SIZE = 1000;

/** A compiled `response-regexp`. */
export interface BodyPattern {
  /** The text of the configuration. */
  readonly expression: string;
  /** Octets of a body that are matched on the probe thread at most. */
  readonly inlineLimit: number;
  /** Whether a match found in the beginning of a body might not be one in the whole (`$`, `\z`, `\b`, `\B`). */
  readonly needsEnd: boolean;
  /** Searches octets, in time linear in their number. */
  readonly test: (body: Uint8Array) => boolean;
}

const cache = new Map<string, BodyPattern>();

/**
 * Whether text after the end of a match can unmake it. Every other construct of RE2 looks only at what it has
 * consumed; a false yes (a `$` in a class) only costs reading on.
 */
function looksAhead(expression: string): boolean {
  const plain = expression.replace(/\\[^bBz]/g, "");
  return /\$|\\[bBz]/.test(plain);
}

/** Compiles a pattern in Go's syntax. Throws what re2js throws for one that the configuration check refuses. */
export function compileBody(expression: string): BodyPattern {
  const known = cache.get(expression);
  if (known !== undefined) return known;
  const compiled = RE2JS.compile(expression);
  const pattern = {
    expression,
    inlineLimit: Math.min(INLINE_LIMIT, Math.floor(INLINE_WORK / compiled.programSize())),
    needsEnd: looksAhead(expression),
    test: (body: Uint8Array) => compiled.test(body),
  };
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(expression, pattern);
  return pattern;
}
