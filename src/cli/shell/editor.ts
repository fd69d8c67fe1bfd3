/**
 * The line that is being typed: what each key makes of it, with the keys of readline and bash. Pure.
 *
 *     typing --Ctrl-R--> searching --Enter--> accepted
 *        ^                   |
 *        +--any other key----+   (with the line that was found; Ctrl-G: with the one before)
 *
 * @module
 */
import { clean } from "../clean.ts";
import { splitLine } from "../tokens.ts";
import type { Key } from "./keys.ts";

/** Text and place of the cursor, in UTF-16 units. */
export interface Point {
  /** The whole line. */
  readonly text: string;
  /** 0…length of the text. */
  readonly cursor: number;
}

/** A search backwards through the history. */
export interface Search {
  /** What is looked for. */
  readonly query: string;
  /** Entry of the history that holds it; null: none does. */
  readonly entry: number | null;
  /** The line before the search. */
  readonly before: Point;
}

/** Everything that a key may depend on. */
export interface Edit extends Point {
  /** Lines entered before, newest first. */
  readonly history: readonly string[];
  /** Which of them is shown; -1: a new line. */
  readonly entry: number;
  /** The new line while an old one is shown. */
  readonly draft: string;
  /** What was cut last, for Ctrl-Y. */
  readonly cut: string;
  /** Earlier points, newest last, for Ctrl-_. */
  readonly undo: readonly Point[];
  /** Set while Ctrl-R searches. */
  readonly search: Search | null;
}

/** What the key asks for, apart from another line. */
export type Effect =
  | "none"
  | "accept"
  | "complete"
  | "help"
  | "interrupt"
  | "end"
  | "clear"
  | "redraw"
  | "bell";

/** A line and what is asked for. */
export interface Pressed {
  /** The line after the key. */
  readonly edit: Edit;
  /** What the caller does. */
  readonly effect: Effect;
}

const undoLimit = 100;

/** An empty line. */
export function newEdit(history: readonly string[]): Edit {
  return { text: "", cursor: 0, history, entry: -1, draft: "", cut: "", undo: [], search: null };
}

let segmenter: Intl.Segmenter | null = null;

/** Places between characters as a reader sees them, from 0 to the length. */
function boundaries(text: string): number[] {
  if (/^[\x20-\x7e]*$/.test(text)) return Array.from({ length: text.length + 1 }, (_, i) => i);
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return [...Array.from(segmenter.segment(text), ({ index }) => index), text.length];
}

function previous({ text, cursor }: Point): number {
  return boundaries(text).findLast((place) => place < cursor) ?? 0;
}

function next({ text, cursor }: Point): number {
  return boundaries(text).find((place) => place > cursor) ?? text.length;
}

function wordStart({ text, cursor }: Point): number {
  return text.slice(0, cursor).replace(/[^\s]*\s*$/, "").length;
}

function wordEnd({ text, cursor }: Point): number {
  return text.length - text.slice(cursor).replace(/^\s*[^\s]*/, "").length;
}

function changed(edit: Edit, text: string, cursor: number, cut = edit.cut): Edit {
  const undo = text === edit.text
    ? edit.undo
    : [...edit.undo.slice(-undoLimit), { text: edit.text, cursor: edit.cursor }];
  return { ...edit, text, cursor, cut, undo };
}

/** Puts text in place of a part of the line, with the cursor behind it. */
export function replace(edit: Edit, from: number, to: number, text: string): Edit {
  return changed(edit, edit.text.slice(0, from) + text + edit.text.slice(to), from + text.length);
}

function remove(edit: Edit, from: number, to: number, keep: boolean): Edit {
  const cut = keep && to > from ? edit.text.slice(from, to) : edit.cut;
  return changed(edit, edit.text.slice(0, from) + edit.text.slice(to), from, cut);
}

function show(edit: Edit, entry: number): Edit {
  const draft = edit.entry < 0 ? edit.text : edit.draft;
  const text = entry < 0 ? draft : edit.history[entry] ?? "";
  return { ...edit, text, cursor: text.length, entry, draft, undo: [] };
}

/** The next entry of the history, from one on, that holds a text; null: none does. */
function find(edit: Edit, query: string, from: number, step: 1 | -1): number | null {
  for (let entry = from; entry >= 0 && entry < edit.history.length; entry += step) {
    if (edit.history[entry]?.includes(query) === true) return entry;
  }
  return null;
}

function found(edit: Edit, search: Search): Edit {
  const text = search.entry === null ? edit.text : edit.history[search.entry] ?? "";
  const at = text.lastIndexOf(search.query);
  return { ...edit, text, cursor: at < 0 ? text.length : at, search };
}

function pressSearching(edit: Edit, search: Search, key: Key): Pressed {
  const { query, entry } = search;
  if (key.name === "ctrl-r" || key.name === "ctrl-s") {
    const older = key.name === "ctrl-r";
    const from = entry === null ? (older ? 0 : edit.history.length - 1) : entry + (older ? 1 : -1);
    // Lines that look the same are one line.
    let hit = find(edit, query, from, older ? 1 : -1);
    while (hit !== null && edit.history[hit] === edit.text) {
      hit = find(edit, query, hit + (older ? 1 : -1), older ? 1 : -1);
    }
    return hit === null || query === ""
      ? { edit, effect: "bell" }
      : { edit: found(edit, { ...search, entry: hit }), effect: "none" };
  }
  if (key.name === "text" || key.name === "backspace") {
    const longer = key.name === "text" ? query + key.text : query.slice(0, -1);
    const hit = longer === "" ? null : find(edit, longer, key.name === "text" ? entry ?? 0 : 0, 1);
    const next = { ...search, query: longer, entry: hit };
    return {
      edit: found(longer === "" ? { ...edit, ...search.before } : edit, next),
      effect: hit === null && longer !== "" ? "bell" : "none",
    };
  }
  if (key.name === "ctrl-g" || key.name === "ctrl-c") {
    return {
      edit: { ...edit, ...search.before, search: null },
      effect: key.name === "ctrl-c" ? "interrupt" : "none",
    };
  }
  if (key.name === "resize" || key.name === "continue") return { edit, effect: "redraw" };
  const kept: Edit = { ...edit, entry: entry ?? edit.entry, draft: search.before.text, search: null };
  return key.name === "escape" ? { edit: kept, effect: "none" } : press(kept, key);
}

const plainKeys: Readonly<Record<string, (edit: Edit) => Edit>> = {
  "left": (edit) => ({ ...edit, cursor: previous(edit) }),
  "right": (edit) => ({ ...edit, cursor: next(edit) }),
  "home": (edit) => ({ ...edit, cursor: 0 }),
  "end": (edit) => ({ ...edit, cursor: edit.text.length }),
  "alt-b": (edit) => ({ ...edit, cursor: wordStart(edit) }),
  "alt-f": (edit) => ({ ...edit, cursor: wordEnd(edit) }),
  "backspace": (edit) => remove(edit, previous(edit), edit.cursor, false),
  "delete": (edit) => remove(edit, edit.cursor, next(edit), false),
  "ctrl-k": (edit) => remove(edit, edit.cursor, edit.text.length, true),
  "ctrl-u": (edit) => remove(edit, 0, edit.cursor, true),
  "ctrl-w": (edit) => remove(edit, wordStart(edit), edit.cursor, true),
  "alt-d": (edit) => remove(edit, edit.cursor, wordEnd(edit), true),
  "ctrl-y": (edit) => replace(edit, edit.cursor, edit.cursor, edit.cut),
  "up": (edit) => edit.entry + 1 < edit.history.length ? show(edit, edit.entry + 1) : edit,
  "down": (edit) => edit.entry >= 0 ? show(edit, edit.entry - 1) : edit,
  "ctrl-_": (edit) => {
    const last = edit.undo.at(-1);
    return last === undefined ? edit : { ...edit, ...last, undo: edit.undo.slice(0, -1) };
  },
  "ctrl-t": (edit) => {
    const at = edit.cursor === edit.text.length ? previous(edit) : edit.cursor;
    const before = previous({ ...edit, cursor: at });
    const after = next({ ...edit, cursor: at });
    const { text } = edit;
    return at === 0 || after === at ? edit : changed(
      edit,
      text.slice(0, before) + text.slice(at, after) + text.slice(before, at) + text.slice(after),
      after,
    );
  },
};

const aliases: Readonly<Record<string, string>> = {
  "ctrl-b": "left",
  "ctrl-f": "right",
  "ctrl-a": "home",
  "ctrl-e": "end",
  "ctrl-p": "up",
  "ctrl-n": "down",
  "ctrl-left": "alt-b",
  "alt-left": "alt-b",
  "ctrl-right": "alt-f",
  "alt-right": "alt-f",
  "alt-backspace": "ctrl-w",
};

const effects: Readonly<Record<string, Effect>> = {
  "enter": "accept",
  "tab": "complete",
  "ctrl-c": "interrupt",
  "ctrl-l": "clear",
  "end-of-input": "end",
  "resize": "redraw",
  "continue": "redraw",
};

/** What a key makes of a line. */
export function press(edit: Edit, key: Key): Pressed {
  if (edit.search !== null) return pressSearching(edit, edit.search, key);
  if (key.name === "text") {
    // In quotes a question mark is a part of a path.
    if (key.text === "?" && !splitLine(edit.text.slice(0, edit.cursor)).open) return { edit, effect: "help" };
    if (clean(key.text) !== key.text) return { edit, effect: "bell" };
    return { edit: replace(edit, edit.cursor, edit.cursor, key.text), effect: "none" };
  }
  if (key.name === "ctrl-d") {
    return edit.text === ""
      ? { edit, effect: "end" }
      : { edit: remove(edit, edit.cursor, next(edit), false), effect: "none" };
  }
  if (key.name === "ctrl-r" || key.name === "ctrl-s") {
    const before = { text: edit.text, cursor: edit.cursor };
    return { edit: { ...edit, search: { query: "", entry: null, before } }, effect: "none" };
  }
  const effect = effects[key.name];
  if (effect !== undefined) return { edit, effect };
  const change = plainKeys[aliases[key.name] ?? key.name];
  return change === undefined ? { edit, effect: "none" } : { edit: change(edit), effect: "none" };
}
