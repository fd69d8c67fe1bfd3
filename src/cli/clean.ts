/**
 * What of a server's texts may reach a terminal or a shell. Everything that maglevc prints passes here last, so no
 * renderer can forget it. Pure.
 *
 * @module
 */

/**
 * Characters that steer a terminal or hide in a text: C0, DEL and C1, line and paragraph separators, the bidirectional
 * controls (Unicode's Bidi_Control), and format characters without a width. U+200C and U+200D stay: scripts need them.
 */
const unsafe =
  /[\p{Cc}\p{Bidi_Control}\u2028\u2029\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Almost every text is plain, and this is asked for every piece of every table. */
const plainText = /^[\x20-\x7e]*$/;

/** Makes unsafe characters visible (`\x1b`), so that a text from the network cannot move the cursor or recolour it. */
export function clean(text: string): string {
  if (plainText.test(text)) return text;
  return text.replace(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 256) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16)}`;
  });
}

/**
 * Writes unsafe characters of a JSON text as `\u` escapes: the value stays the same for every reader. JSON itself
 * escapes only C0. Blanks between its parts become spaces, but for line feeds.
 *
 * @param json a text that `JSON.parse` takes
 */
export function cleanJson(json: string): string {
  return json.replace(unsafe, (character) => {
    if (character === "\n") return character;
    if (character === "\r" || character === "\t") return " ";
    return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(
      "",
    );
  });
}

/** Whether a text could be a name of the configuration, so that it may be completed in a shell. */
export function couldBeName(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(text) && /[A-Za-z0-9]/.test(text);
}
