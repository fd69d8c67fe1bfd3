/**
 * The interactive shell: reads lines with help and completion, and runs them one after the other. Keys that are typed
 * while a command runs wait for the next line.
 *
 * @module
 */
import { complete } from "../completion.ts";
import type { Context, Output, Run } from "../context.ts";
import type { Block } from "../table.ts";
import { exit, type ExitCode } from "../exit.ts";
import type { Grammar } from "../grammar.ts";
import { historyLimit, loadHistory, rememberLine } from "../history.ts";
import type { NameLookup } from "../names.ts";
import { lineHelp, runLine } from "../run.ts";
import { columns, type Line, line, styled } from "../text.ts";
import { quoteWord, splitLine } from "../tokens.ts";
import { askYesNo } from "./ask.ts";
import { type Edit, newEdit, press, replace } from "./editor.ts";
import type { Keyboard } from "./keyboard.ts";
import { named } from "./keys.ts";
import { PagedOutput } from "./pager.ts";
import { Screen } from "./screen.ts";

/** More candidates than this are not shown without a question. */
const manyCandidates = 100;

/** What a shell is made of. */
export interface ShellOptions {
  /** The commands. */
  readonly grammar: Grammar<Run>;
  /** The terminal. */
  readonly out: Output;
  /** Its keys; Ctrl-C comes as a key while no command runs. */
  readonly keyboard: Keyboard;
  /** Makes the context of one command, given its interrupts. */
  readonly context: (of: Pick<Context, "signal" | "anyKey" | "ask" | "out">) => Context;
  /** Told which command runs, so that Ctrl-C ends it; null: none. */
  readonly running: (stop: AbortController | null) => void;
  /** Names for completion and help. */
  readonly names: NameLookup;
  /** File of the history, or null to keep none. */
  readonly historyFile: string | null;
  /** First lines that the user sees. */
  readonly banner: () => Promise<Block[]>;
  /** What comes before each line. */
  readonly prompt: () => Promise<string>;
}

/** Words side by side, as many as the terminal has room for, in columns. */
export function wordColumns(words: readonly string[], width: number): Line[] {
  const size = Math.max(1, ...words.map(columns)) + 2;
  const across = Math.max(1, Math.floor(width / size));
  const rows = Math.ceil(words.length / across);
  return Array.from({ length: rows }, (_, row) => {
    const cells = words.filter((_, i) => i % rows === row);
    return line(...cells.map((word) => word + " ".repeat(size - columns(word))));
  });
}

/** What all words begin with. */
function commonStart(words: readonly string[]): string {
  const [first = "", ...others] = words;
  let length = first.length;
  for (const word of others) while (!word.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

class Shell {
  readonly #options: ShellOptions;
  readonly #screen: Screen;
  /** Newest first, each line once. */
  #history: string[] = [];
  #historyFile: string | null;
  #prompt = "";

  constructor(options: ShellOptions) {
    this.#options = options;
    const { out } = options;
    this.#screen = new Screen({
      raw: (text) => out.raw(text),
      get columns() {
        return out.width ?? 80;
      },
    });
    this.#historyFile = options.historyFile;
  }

  #loadHistory(): void {
    if (this.#historyFile === null) return;
    const history = loadHistory(this.#historyFile);
    if (history.ok) this.#history = history.value;
    else this.#withoutHistory(history.error);
  }

  #withoutHistory(reason: string): void {
    this.#options.out.print([line(`the history is not kept: ${reason}`)]);
    this.#historyFile = null;
  }

  #remember(text: string): void {
    if (text.trim() === "") return;
    this.#history = [text, ...this.#history.filter((old) => old !== text)].slice(0, historyLimit);
    if (this.#historyFile === null) return;
    const kept = rememberLine(this.#historyFile, text);
    if (!kept.ok) this.#withoutHistory(kept.error);
  }

  #draw(edit: Edit): void {
    const { search } = edit;
    const before = search === null ? this.#prompt : `(reverse-i-search)'${search.query}': `;
    this.#screen.draw(before, edit.text, edit.cursor);
  }

  async #help(edit: Edit): Promise<void> {
    const { grammar, names, out } = this.#options;
    const before = edit.text.slice(0, edit.cursor);
    this.#screen.leave(this.#prompt, `${before}?${edit.text.slice(edit.cursor)}`);
    const help = await lineHelp(grammar, before, names);
    out.print(help.map((text) => [styled(null, text)]));
  }

  async #complete(edit: Edit): Promise<Edit> {
    const { grammar, names, out, keyboard } = this.#options;
    const { tokens } = splitLine(edit.text.slice(0, edit.cursor));
    const last = tokens.at(-1);
    const inWord = last !== undefined && last.end === edit.cursor;
    const partial = inWord ? last : { text: "", quoted: false, start: edit.cursor };
    const candidates = await complete(grammar, inWord ? tokens.slice(0, -1) : tokens, partial, names);
    const words = candidates.map(({ text }) => text);
    const [only] = words;
    if (only === undefined) return edit;
    if (words.length === 1) {
      // A folder is only the beginning of a name.
      const word = quoteWord(only) + (only.endsWith("/") ? "" : " ");
      // A blank that is there already is not put a second time.
      const after = edit.text[edit.cursor] === " " && word.endsWith(" ") ? edit.cursor + 1 : edit.cursor;
      return replace(edit, partial.start, after, word);
    }
    const common = commonStart(words);
    if (common.length > partial.text.length) {
      return replace(edit, partial.start, edit.cursor, quoteWord(common));
    }
    this.#screen.leave(this.#prompt, edit.text);
    const raw = (text: string) => out.raw(text);
    if (
      words.length > manyCandidates && !await askYesNo(keyboard, raw, `Show all ${words.length}?`)
    ) return edit;
    out.print(wordColumns(words, out.width ?? 80));
    return edit;
  }

  /** One line; null where the input ends. */
  async #readLine(): Promise<string | null> {
    const { keyboard, out } = this.#options;
    let edit = newEdit(this.#history);
    this.#screen.forget();
    this.#draw(edit);
    for (;;) {
      const pressed = press(edit, await keyboard.next() ?? named("end-of-input"));
      edit = pressed.edit;
      switch (pressed.effect) {
        case "accept":
          this.#screen.leave(this.#prompt, edit.text);
          return edit.text;
        case "end":
          this.#screen.leave(this.#prompt, edit.text);
          return null;
        case "interrupt":
          this.#screen.leave(this.#prompt, `${edit.text}^C`);
          edit = newEdit(this.#history);
          break;
        case "help":
          await this.#help(edit);
          break;
        case "complete":
          edit = await this.#complete(edit);
          break;
        case "clear":
          this.#screen.clear();
          break;
        case "bell":
          out.raw("\x07");
          break;
        case "redraw":
        case "none":
          break;
      }
      // Pasted lines are drawn once each.
      if (!keyboard.waiting || pressed.effect !== "none") this.#draw(edit);
    }
  }

  async #run(text: string): Promise<boolean> {
    const { keyboard, running, context } = this.#options;
    const stop = new AbortController();
    let release: () => void = () => {};
    const anyKey = () => {
      const any = keyboard.anyKey();
      release = any.release;
      return any.signal;
    };
    const out = new PagedOutput(this.#options.out);
    const ask = (question: string, signal: AbortSignal) =>
      askYesNo(keyboard, (text) => out.raw(text), question, signal);
    running(stop);
    try {
      const { leave } = await runLine(
        text,
        context({ signal: stop.signal, anyKey, ask, out }),
        columns(this.#prompt),
      );
      running(null);
      release();
      await out.page(keyboard);
      return leave;
    } finally {
      running(null);
      release();
    }
  }

  /** Runs until the user leaves. */
  async loop(): Promise<ExitCode> {
    const { out, banner, keyboard } = this.#options;
    // Before the first answer, so that nothing is echoed that is typed meanwhile.
    keyboard.open();
    this.#loadHistory();
    out.print(await banner());
    for (;;) {
      // Pasted lines do not wait for an answer between them.
      if (this.#prompt === "" || !keyboard.waiting) this.#prompt = await this.#options.prompt();
      const text = await this.#readLine();
      if (text === null) return exit.done;
      this.#remember(text);
      if (await this.#run(text)) return exit.done;
    }
  }
}

/** Reads and runs lines until `quit`, `exit` or Ctrl-D. */
export async function shell(options: ShellOptions): Promise<ExitCode> {
  return await new Shell(options).loop();
}
