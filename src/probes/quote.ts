/** Octets of a peer that are quoted. */
const LENGTH = 60;

/**
 * The head of what a peer sent, for people: printable characters of ASCII as they are, and all others as `\r`, `\n`,
 * `\t` or `\x1b`, so that it stays in its line and says nothing to a terminal. At most `limit` octets, then `…`.
 */
export function quoted(octets: Uint8Array, limit = LENGTH): string {
  const head = Array.from(octets.subarray(0, limit), (octet) => {
    if (octet === 0x5c) return "\\\\";
    if (octet >= 0x20 && octet < 0x7f) return String.fromCharCode(octet);
    return SHORT[octet] ?? `\\x${octet.toString(16).padStart(2, "0")}`;
  }).join("");
  return octets.length > limit ? `${head}…` : head;
}

const SHORT: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r" };
