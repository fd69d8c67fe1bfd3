/** Text of an error that nobody expected. */

const DEPTH = 5;

/**
 * An error's stack with those of the errors it carries: its cause, the parts of an AggregateError, and both of a
 * SuppressedError, whose own stack tells neither what failed nor what failed after it.
 */
export function errorText(error: unknown): string {
  return textOf(error, DEPTH);
}

function textOf(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  if (depth === 0) return own;
  const carried = carriedBy(error).map(([how, one]) => `${how}: ${textOf(one, depth - 1)}`);
  return [own, ...carried].join("\n");
}

function carriedBy(error: Error): readonly (readonly [how: string, error: unknown])[] {
  const cause = error.cause === undefined ? [] : [["caused by", error.cause] as const];
  if (error instanceof SuppressedError) {
    return [...cause, ["first", error.suppressed], ["and at the end", error.error]];
  }
  if (error instanceof AggregateError) {
    return [...cause, ...error.errors.map((one: unknown) => ["one of them", one] as const)];
  }
  return cause;
}
