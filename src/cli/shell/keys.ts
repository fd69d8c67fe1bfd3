/**
 * What a terminal sends, as keys: printable characters, control characters (ECMA-48), and the sequences of arrows
 * and the like as xterm, tmux and the Linux console send them. Pure.
 *
 * @module
 */

/** One key, or something that happened to the terminal. */
export interface Key {
  /**
   * `text` for a character; else the key: `enter`, `tab`, `backspace`, `left`, `ctrl-a`, `alt-b`, `escape`; or what
   * happened: `resize`, `continue` (after a stop by Ctrl-Z), `end-of-input`.
   */
  readonly name: string;
  /** The character, "" for other keys. */
  readonly text: string;
}

/** Where a command gets keys. */
export interface KeySource {
  /** The next key; null when the signal aborts before it comes. */
  next(signal?: AbortSignal): Promise<Key | null>;
  /** Whether keys were typed ahead. */
  readonly waiting: boolean;
}

/** A key without a character. */
export function named(name: string): Key {
  return { name, text: "" };
}

/** Final characters of `CSI` and `SS3` sequences. */
const finals: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
};

/** First parameters of `CSI n ~`. */
const tildes: Readonly<Record<string, string>> = {
  1: "home",
  3: "delete",
  4: "end",
  5: "page-up",
  6: "page-down",
  7: "home",
  8: "end",
};

/** Second parameters: modifiers of xterm. */
const modifiers: Readonly<Record<string, string>> = { 3: "alt-", 5: "ctrl-" };

const escape = "\x1b";
/** What follows ESC in a whole sequence. */
const sequence = /^(?:\[([0-9;]*)([@-~])|O([A-Z])|([^[O]))/;
/** What follows ESC in the beginning of one. */
const begun = /^(?:\[[0-9;]*|O)$/;

function sequenceKey(match: RegExpExecArray): Key {
  const [, parameters = "", final, ss3, alt] = match;
  if (alt !== undefined) {
    if (alt === "\x7f" || alt === "\b") return named("alt-backspace");
    return named(alt >= " " ? `alt-${alt.toLowerCase()}` : "unknown");
  }
  if (ss3 !== undefined) return named(finals[ss3] ?? "unknown");
  const [first = "", second = ""] = parameters.split(";");
  const name = final === "~" ? tildes[first] : finals[final ?? ""];
  return named(name === undefined ? "unknown" : `${modifiers[second] ?? ""}${name}`);
}

function controlKey(character: string): Key {
  switch (character) {
    case "\r":
    case "\n":
      return named("enter");
    case "\t":
      return named("tab");
    case "\b":
    case "\x7f":
      return named("backspace");
  }
  const code = character.charCodeAt(0);
  return named(
    code > 0 && code < 27 ? `ctrl-${String.fromCharCode(96 + code)}` : code === 31 ? "ctrl-_" : "unknown",
  );
}

/**
 * Reads keys.
 *
 * @param input what was left of the last chunk, and the next one
 * @returns the keys, and the beginning of a sequence whose end has not come yet
 */
export function readKeys(input: string): { readonly keys: Key[]; readonly rest: string } {
  const keys: Key[] = [];
  let at = 0;
  while (at < input.length) {
    const left = input.slice(at);
    if (left.startsWith(escape)) {
      const after = left.slice(1);
      if (begun.test(after)) return { keys, rest: left };
      const match = after.startsWith(escape) ? null : sequence.exec(after);
      keys.push(match === null ? named("escape") : sequenceKey(match));
      at += 1 + (match?.[0].length ?? 0);
      continue;
    }
    const character = String.fromCodePoint(left.codePointAt(0) ?? 0);
    at += character.length;
    if (character === "\r" && input[at] === "\n") continue;
    else if (/\p{Cc}/u.test(character)) keys.push(controlKey(character));
    else keys.push({ name: "text", text: character });
  }
  return { keys, rest: "" };
}
