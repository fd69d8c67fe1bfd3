/**
 * What a peer sent, for people: which protocol it speaks, or its first octets as they are.
 *
 * @module
 */
import { looksLikeTls } from "./tls_reason.ts";

/** Octets of the header of an HTTP/2 frame (RFC 9113, section 4.1): length, type, flags, stream. */
const FRAME_HEADER = 9;
const SETTINGS = 4;
const GOAWAY = 7;

/** Whether these octets begin an HTTP/2 connection, as its server begins it: by settings, or by its end. */
function looksLikeHttp2(octets: Uint8Array): boolean {
  if (octets.length < FRAME_HEADER || (octets[3] !== SETTINGS && octets[3] !== GOAWAY)) return false;
  // Both belong to the connection, that is to stream 0, and are short.
  return octets[0] === 0 && octets.subarray(4, FRAME_HEADER).every((octet) => octet === 0);
}

/** The first line, if it is text; else all there is: for a binary protocol a line feed is an octet like others. */
export function firstWords(octets: Uint8Array): Uint8Array {
  const end = octets.findIndex((octet) => octet < 0x20 || octet >= 0x7f);
  return end > 0 && (octets[end] === 10 || octets[end] === 13) ? octets.subarray(0, end) : octets;
}

/** What a peer speaks that does not speak HTTP/1, by its first octets: a name where they show it, else their quote. */
export function speaks(octets: Uint8Array): string {
  if (looksLikeHttp2(octets)) return "the peer speaks HTTP/2, and a check speaks HTTP/1.1";
  if (octets.length > 1 && looksLikeTls(octets)) return "the peer speaks TLS (use type https)";
  return quoted(firstWords(octets));
}

const LENGTH = 60;

/**
 * The head of what a peer sent, for people: printable characters of ASCII as they are, and all others as `\r`, `\n`,
 * `\t` or `\x1b`, so that it stays in its line and says nothing to a terminal. At most `limit` octets, then `...`.
 */
export function quoted(octets: Uint8Array, limit = LENGTH): string {
  const head = Array.from(octets.subarray(0, limit), (octet) => {
    if (octet === 0x5c) return "\\\\";
    if (octet >= 0x20 && octet < 0x7f) return String.fromCharCode(octet);
    return SHORT[octet] ?? `\\x${octet.toString(16).padStart(2, "0")}`;
  }).join("");
  return octets.length > limit ? `${head}\u2026` : head;
}

const SHORT: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r" };
