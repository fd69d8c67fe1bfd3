/**
 * Words that sentences for operators share. Pure.
 *
 * @module
 */

/** Names that a sentence lists before it only counts them. */
const most = 5;

/** `a, b, c`, or the first five `and 12 more`. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
