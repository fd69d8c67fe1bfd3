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
/** `g` waits so long for its second key, in ms. */
const chordMs = 1_000;
let chordAt = -Infinity;

function move(by: number): void {
  const names = orderedBackends.value.map(({ name }) => name);
  const at = names.indexOf(cursor.value ?? "");
  const next =
    names[at < 0 ? (by > 0 ? 0 : names.length - 1) : Math.min(names.length - 1, Math.max(0, at + by))];
  if (next === undefined) return;
  cursor.value = next;
  requestAnimationFrame(() => document.getElementById(`row-${next}`)?.scrollIntoView({ block: "nearest" }));
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement ||
    target instanceof HTMLTextAreaElement;
}

/** Takes the keys of the page. */
export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (help.value) help.value = false;
      // The browser closes the dialog itself and tells so later: what counts is what stands open now.
      else if (document.querySelector("dialog[open]") === null) opened.value = null;
      if (isTyping(event.target) && event.target instanceof HTMLElement) event.target.blur();
      return;
    }
    if (isTyping(event.target) || asked.value !== null) return;
    const second = event.timeStamp - chordAt < chordMs ? sections[event.key] : undefined;
    chordAt = -Infinity;
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
      case "g":
        chordAt = event.timeStamp;
        return;
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
