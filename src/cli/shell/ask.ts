import type { KeySource } from "./keys.ts";

const no = ["enter", "escape", "ctrl-c", "ctrl-d", "backspace", "end-of-input"];

/**
 * Asks a question that is answered with one key; anything but a clear yes is waited for or taken as no.
 *
 * @param raw writes to the terminal
 * @param signal aborted: no
 */
export async function askYesNo(
  keys: KeySource,
  raw: (text: string) => void,
  question: string,
  signal?: AbortSignal,
): Promise<boolean> {
  raw(`${question} (y or n) `);
  for (;;) {
    const key = await keys.next(signal);
    const yes = key !== null && key.name === "text" && /^[yY]$/.test(key.text);
    const denied = key === null || (key.name === "text" && /^[nNqQ]$/.test(key.text)) ||
      no.includes(key.name);
    if (!yes && !denied) continue;
    raw(yes ? "y\n" : "n\n");
    return yes;
  }
}
