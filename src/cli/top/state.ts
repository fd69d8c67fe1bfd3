/**
 * What the keys of `top` do. Pure.
 *
 *     list --/--> typing a filter --Enter--> list        list --Enter--> detail --Enter, q--> list
 *     list --f--> typing a frontend --Enter--> list      list --p--> asking --y--> list, and it is done
 *
 * @module
 */
import { clean } from "../clean.ts";
import type { Key } from "../shell/keys.ts";
import { type Row, type Sort, sorts } from "./rows.ts";

/** What is on the screen, apart from the rows. */
export interface TopState {
  /** What the keys mean. */
  readonly mode: "list" | "filter" | "frontend" | "detail" | "asking";
  /** Order of the rows. */
  readonly sort: Sort;
  /** Only rows that hold this text. */
  readonly filter: string;
  /** Only the backends of this frontend. */
  readonly frontend: string | null;
  /** The row that the cursor is on; null: the first. */
  readonly selected: string | null;
  /** What is being typed. */
  readonly input: string;
  /** What was asked or said last, in the last line. */
  readonly message: string;
  /** What a yes does. */
  readonly action: { readonly backend: string; readonly verb: "pause" | "resume" } | null;
}

/** What the keys ask for, apart from another screen. */
export type TopEffect =
  | { readonly kind: "none" | "quit" }
  /** `left`: maglevc was stopped meanwhile, and its screen with it. */
  | { readonly kind: "redraw"; readonly left: boolean }
  /** Find out what it changes, and ask. */
  | { readonly kind: "try" | "do"; readonly backend: string; readonly verb: "pause" | "resume" };

/** The first screen. */
export function firstState(frontend: string | null): TopState {
  return {
    mode: "list",
    sort: "worst",
    filter: "",
    frontend,
    selected: null,
    input: "",
    message: "",
    action: null,
  };
}

const nothing: TopEffect = { kind: "none" };

/** Row of the cursor among those that are shown; 0 where the selected one is gone. */
export function cursorOf(state: TopState, rows: readonly Row[]): number {
  return Math.max(0, rows.findIndex(({ name }) => name === state.selected));
}

function moved(state: TopState, rows: readonly Row[], by: number): TopState {
  const to = Math.min(rows.length - 1, Math.max(0, cursorOf(state, rows) + by));
  return { ...state, selected: rows[to]?.name ?? null };
}

/** The frontend that is meant: itself, else the only one that begins so; null: none, or several. */
function frontendOf(text: string, frontends: readonly string[]): string | null {
  if (frontends.includes(text)) return text;
  const [only, ...others] = frontends.filter((name) => name.startsWith(text));
  return only !== undefined && others.length === 0 ? only : null;
}

function typed(state: TopState, key: Key, frontends: readonly string[]): TopState {
  const filtering = state.mode === "filter";
  switch (key.name) {
    case "enter":
      if (filtering) return { ...state, mode: "list", input: "" };
      if (state.input === "") return { ...state, mode: "list", frontend: null };
      {
        const frontend = frontendOf(state.input, frontends);
        return frontend === null
          ? { ...state, message: `no frontend is called ${state.input}` }
          : { ...state, mode: "list", frontend, input: "", message: "" };
      }
    case "tab": {
      const frontend = filtering ? null : frontendOf(state.input, frontends);
      return frontend === null ? state : { ...state, input: frontend };
    }
    case "escape":
    case "ctrl-c":
    case "ctrl-g":
      return { ...state, mode: "list", input: "", message: "", ...(filtering ? { filter: "" } : {}) };
    case "backspace":
    case "text": {
      const input = key.name === "text"
        ? state.input + clean(key.text)
        : [...state.input].slice(0, -1).join("");
      // The rows follow what is typed.
      return { ...state, input, message: "", ...(filtering ? { filter: input } : {}) };
    }
    default:
      return state;
  }
}

/** What a key makes of the screen. `rows`: those that are shown; `page`: how many fit on it. */
export function press(
  state: TopState,
  key: Key,
  rows: readonly Row[],
  frontends: readonly string[],
  page: number,
): { readonly state: TopState; readonly effect: TopEffect } {
  const only = (next: TopState): { state: TopState; effect: TopEffect } => ({ state: next, effect: nothing });
  const name = key.name === "text" ? key.text : key.name;
  if (name === "end-of-input") return { state, effect: { kind: "quit" } };
  if (name === "resize" || name === "continue" || name === "ctrl-l") {
    return { state, effect: { kind: "redraw", left: name === "continue" } };
  }
  if (state.mode === "filter" || state.mode === "frontend") return only(typed(state, key, frontends));
  if (state.mode === "asking") {
    const { action } = state;
    const list: TopState = { ...state, mode: "list", action: null, message: "nothing was changed" };
    if (action === null || !/^[yY]$/.test(name)) return only(list);
    return { state: { ...list, message: "" }, effect: { kind: "do", ...action } };
  }
  if (name === "q" || name === "ctrl-c" || name === "ctrl-d") {
    return state.mode === "detail" && name === "q"
      ? only({ ...state, mode: "list" })
      : { state, effect: { kind: "quit" } };
  }
  const current = rows[cursorOf(state, rows)];
  const fresh = { ...state, message: "" };
  switch (name) {
    case "/":
      return only({ ...fresh, mode: "filter", input: state.filter });
    case "f":
      return only({ ...fresh, mode: "frontend", input: "" });
    case "s":
      return only({ ...fresh, sort: sorts[(sorts.indexOf(state.sort) + 1) % sorts.length] ?? "worst" });
    case "enter":
    case "escape": {
      const detail = state.mode !== "detail" && name === "enter" && current !== undefined;
      return only({ ...fresh, mode: detail ? "detail" : "list", selected: current?.name ?? null });
    }
    case "p": {
      if (current === undefined) return only(fresh);
      const verb = current.state === "paused" ? "resume" : "pause";
      return {
        state: { ...fresh, selected: current.name },
        effect: { kind: "try", backend: current.name, verb },
      };
    }
    case "down":
    case "j":
      return only(moved(fresh, rows, 1));
    case "up":
    case "k":
      return only(moved(fresh, rows, -1));
    case " ":
    case "page-down":
      return only(moved(fresh, rows, page));
    case "page-up":
      return only(moved(fresh, rows, -page));
    case "home":
    case "g":
      return only(moved(fresh, rows, -rows.length));
    case "end":
    case "G":
      return only(moved(fresh, rows, rows.length));
    default:
      return only(state);
  }
}
