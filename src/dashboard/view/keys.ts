/**
 * The keyboard: `/` search, `j` `k` move, Enter open, `g f|b|v|e|p` go, `?` help, Escape close.
 *
 * @module
 */
import { asked, cursor, help, opened } from "../state/store.ts";
import { orderedBackends } from "./backends.tsx";

const sections: Readonly<Record<string, string>> = {
  f: "frontends",
  b: "backends",
  v: "vpp",
  e: "events",
  p: "problems",
};
/** Whether the key before was `g`. No time limit: a slow hand, or a busy computer, means the same. */
let going = false;

function move(by: number): void {
  const names = orderedBackends.value.map(({ name }) => name);
  const at = names.indexOf(cursor.value ?? "");
  const next =
    names[at < 0 ? (by > 0 ? 0 : names.length - 1) : Math.min(names.length - 1, Math.max(0, at + by))];
  if (next === undefined) return;
  cursor.value = next;
  const row = document.getElementById(`row-${next}`);
  // Enter presses what has the focus, so the focus goes along.
  row?.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement ||
    target instanceof HTMLTextAreaElement;
}

/** Whether a question stands open. One that the browser itself closed does not, though that is told later. */
function asks(): boolean {
  return document.querySelector("dialog[open]") !== null;
}

/** Takes the keys of the page. */
export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    // What composes a character, as Chinese is typed, is not for the page.
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      // Closed here and at once: the browser would tell of it later than the next key may come.
      if (help.value) help.value = false;
      else if (asks()) asked.value = null;
      else opened.value = null;
      if (isTyping(event.target) && event.target instanceof HTMLElement) event.target.blur();
      event.preventDefault();
      return;
    }
    if (isTyping(event.target) || asks()) {
      going = false;
      return;
    }
    const second = going ? sections[event.key] : undefined;
    going = event.key === "g";
    if (second !== undefined) {
      const section = document.getElementById(second);
      section?.scrollIntoView({ block: "start" });
      section?.querySelector<HTMLElement>("button, summary, input")?.focus({ preventScroll: true });
      event.preventDefault();
      return;
    }
    switch (event.key) {
      case "/":
        document.getElementById("search")?.focus();
        event.preventDefault();
        return;
      case "j":
        return move(1);
      case "k":
        return move(-1);
      case "?":
        help.value = true;
        return;
      case "Enter":
        // On a focused button Enter presses that.
        if (cursor.value !== null && document.activeElement === document.body) {
          opened.value = { kind: "backend", name: cursor.value };
        }
    }
  });
}
