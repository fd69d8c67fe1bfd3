/**
 * The path of a request as a URI reference, for `instance` of a problem document. Pure.
 *
 * @module
 */

/**
 * A URI reference of RFC 3986 for a path as it was sent: what a path may hold stays, everything else is
 * percent-encoded. The query is left out, since it may hold what must not be shown.
 */
export function instanceOf(target: string): string {
  const [path = ""] = target.split(/[?#]/, 1);
  const encoded = path.toWellFormed()
    .replace(/%(?![0-9A-Fa-f]{2})/g, "%25")
    .replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, encodeURIComponent);
  // Two slashes would begin with the name of another host.
  if (encoded.startsWith("//")) return `/.${encoded}`;
  return encoded.startsWith("/") ? encoded : `/${encoded}`;
}
