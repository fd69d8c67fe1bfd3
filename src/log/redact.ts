/**
 * Keeps secrets out of whatever the daemon shows: values of headers that carry credentials, and bearer tokens
 * in texts.
 *
 * @module
 */

/** What stands in the place of a secret. */
export const redacted = "***";

/** Whether the value of a header (or of a field named like one) is a secret. */
export function isSecretName(name: string): boolean {
  return /^(authorization|proxy-authorization|cookie|set-cookie)$|token|key|secret|password/i.test(name);
}

/** Header values that may be shown, secret ones replaced by `***`. */
export function redactHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSecretName(name) ? redacted : value]),
  );
}

/** A text without the tokens that an Authorization header in it would show. */
export function redactText(text: string): string {
  return text.replace(/\b(Bearer|Basic)\s+[^\s"',;]+/gi, `$1 ${redacted}`);
}
