/** Text of an error that nobody expected. */

/** An error may be its own cause. */
const DEEPEST = 5;

/**
 * An error's stack with those of the errors it carries: its cause, the parts of an AggregateError, and both of a
 * SuppressedError, whose own stack tells neither what failed nor what failed after it. Never throws.
 */
export function errorText(error: unknown): string {
  return textOf(error, DEEPEST);
}

function textOf(error: unknown, depth: number): string {
  if (!(error instanceof Error)) {
    return isPlain(error) ? String(error) : Object.prototype.toString.call(error);
  }
  const carried = carriedBy(error);
  const texts = depth === 0 && carried.length > 0
    ? ["..."]
    : carried.map(([how, one]) => `${how}: ${textOf(one, depth - 1)}`);
  return [error.stack ?? error.message, ...texts].join("\n");
}

/** Whether it has a text that tells no fields, in which a secret may be. `String` also throws for some objects. */
function isPlain(value: unknown): boolean {
  return value === null || (typeof value !== "object" && typeof value !== "function");
}

function carriedBy(error: Error): readonly (readonly [how: string, error: unknown])[] {
  const cause = Object.hasOwn(error, "cause") ? [["caused by", error.cause] as const] : [];
  if (error instanceof SuppressedError) {
    return [...cause, ["failed first", error.suppressed], ["failed while that was cleaned up", error.error]];
  }
  if (error instanceof AggregateError) {
    return [...cause, ...error.errors.map((one: unknown) => ["one of them", one] as const)];
  }
  return cause;
}
