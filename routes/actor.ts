/**
 * Who is behind a token, as far as a request tells: the header X-Maglev-Actor. Nothing proves it. Pure.
 *
 * @module
 */

/** Characters that are kept. */
const most = 64;

/**
 * The value of X-Maglev-Actor, cleaned: no control, format or separator characters, single blanks, at most 64
 * characters. Null: none was given, or nothing is left.
 *
 * @param header as the listener got it, one character an octet; octets that are UTF-8 are read as such
 */
export function claimedActor(header: string | null): string | null {
  if (header === null) return null;
  const clean = utf8(header).replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  const text = [...clean].slice(0, most).join("").trim();
  return text === "" ? null : text;
}

function utf8(text: string): string {
  if (!/^[\0-\xff]*$/.test(text)) return text;
  const octets = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return text;
  }
}
