/**
 * What went wrong on the way to a server, as the end of a sentence. Deno gives no codes for it: the words are those
 * of the system, of hyper and of rustls, and they are matched here and nowhere else. Pure.
 *
 * @module
 */

const caHint = "(--ca-file names the CA to trust)";

function dateOf(unixSeconds: string | undefined): string {
  const date = new Date(Number(unixSeconds) * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 10);
}

/** Names as rustls lists them: `DnsName("a.example"), IpAddress(192.0.2.1)`. */
function namesText(list: string): string {
  const names = [...list.matchAll(/(?:DnsName|IpAddress)\("?([^")]*)"?\)/g)].map(([, name = ""]) => name);
  if (names.length === 0) return "other names";
  return names.length > 4 ? `${names.slice(0, 4).join(", ")} and ${names.length - 4} more` : names.join(", ");
}

/** Each row: what the message holds, and the sentence for it. The first that fits counts. */
const rows: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/UnknownIssuer/, () => `its certificate comes from an unknown CA, or is self-signed ${caHint}`],
  [
    /CaUsedAsEndEntity/,
    () =>
      "its certificate is marked as a CA, as openssl marks a self-signed one; a server needs one with " +
      "basicConstraints CA:FALSE, or one from a CA (--ca-file)",
  ],
  [/UnsupportedCertVersion/, () => "its certificate is not of X.509 version 3; it may be forged"],
  [
    /certificate expired(?:.*not valid after ([0-9]+))?/,
    ([, at]) => `its certificate has expired${at === undefined ? "" : `, on ${dateOf(at)}`}`,
  ],
  [
    /certificate not valid yet(?:.*not valid before ([0-9]+))?/,
    ([, at]) => `its certificate is not valid ${at === undefined ? "yet" : `before ${dateOf(at)}`}`,
  ],
  [
    /certificate not valid for name "([^"]*)"(?:; certificate is (?:only )?valid for (.*))?/,
    ([, name, list]) => `its certificate is for ${namesText(list ?? "")}, not for ${name}`,
  ],
  [/NotValidForName/, () => "its certificate is for another name"],
  [/BadSignature/, () => `the CA that its certificate names has not signed it ${caHint}`],
  [/invalid peer certificate: (.*)/, ([, why]) => `its certificate is refused: ${why}`],
  [/InvalidContentType/, () => "it does not speak TLS there (https:// needs a TLS port)"],
  [/handshake eof/, () => "the connection was closed during the TLS handshake"],
  [/received fatal alert: (\w+)/, ([, alert]) => `it refused the TLS handshake: ${alert}`],
  [/peer is incompatible: (.*)/, ([, why]) => `its TLS has nothing in common with ours: ${why}`],
  [/error reading a body/, () => "the connection ended in the middle of the answer"],
  [/Connection refused/, () => "connection refused"],
  [/Connection reset/, () => "the connection was reset"],
  [/Broken pipe|connection closed|unexpected end of file/, () => "the connection was closed"],
  [/No route to host/, () => "no route to host"],
  [/Network is unreachable/, () => "network unreachable"],
  [/No such file or directory/, () => "no such socket"],
  [/Permission denied/, () => "permission denied"],
  [/SUN_LEN/, () => "the path of a socket has at most 107 characters"],
  [/Connection timed out|deadline has elapsed/, () => "no answer"],
  [/Temporary failure in name resolution/, () => "the host name cannot be looked up now"],
  [/failed to lookup address|Name or service not known|No address associated/, () => "unknown host name"],
  [
    /Requests to port ([0-9]+) are blocked/,
    ([, port]) =>
      `port ${port} is one that HTTP clients refuse (the "bad ports" of the fetch standard); use another`,
  ],
  [
    /invalid HTTP|HTTP version|invalid header|parse error|message head is too large/,
    () => "its answer is no HTTP/1 response (a TLS port needs https://)",
  ],
];

/** Every message of an error and of what caused it, the innermost last. */
function messages(error: unknown): string[] {
  const found: string[] = [];
  for (let at = error; at instanceof Error && found.length < 8; at = at.cause) found.push(at.message);
  return found.length === 0 ? [String(error)] : found;
}

/** A network error as the end of a sentence. */
export function failureText(error: unknown): string {
  const all = messages(error);
  const text = all.join(" | ");
  for (const [pattern, sentence] of rows) {
    const match = pattern.exec(text);
    if (match !== null) return sentence(match);
  }
  // What is left after "error sending request for url (…): client error (Connect): ".
  return (all.at(-1) ?? "").replace(/^error sending request .*?client error \(\w+\): /, "") ||
    "unknown error";
}
