/**
 * Keeps secrets out of what the daemon shows: values of headers and of query parameters that carry credentials,
 * and bearer tokens in texts.
 *
 * @module
 */

/** What stands in the place of a secret. */
export const redacted = "***";

/** Whether the value of a header, of a query parameter or of a field with this name is a secret. */
export function isSecretName(name: string): boolean {
  return /^(set-)?cookie$|auth|token|key|secret|session|signature|password/i.test(name);
}

/** Header values that may be shown, secret ones replaced by `***`. */
export function redactHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSecretName(name) ? redacted : value]),
  );
}

/** A path whose query may be shown: values of secret parameters replaced by `***`, everything else as it is. */
export function redactPath(path: string): string {
  const mark = path.indexOf("?");
  if (mark < 0) return path;
  const query = path.slice(mark + 1).replace(
    /([^&=;]+)=([^&;]+)/g,
    (pair, name: string) => isSecretName(decoded(name)) ? `${name}=${redacted}` : pair,
  );
  return `${path.slice(0, mark)}?${query}`;
}

/** A name without its percent-encoding, as the server will see it. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return name;
  }
}

/** A text without the tokens that an Authorization header in it would show. */
export function redactText(text: string): string {
  return text.replace(/\b(Bearer|Basic)\s+[^\s"',;]+/gi, `$1 ${redacted}`);
}
