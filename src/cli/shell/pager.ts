/**
 * Output that is longer than the screen, one screen at a time.
 *
 *     space    next screen        /text    on to the first line that holds text
 *     enter    next line          n        and to the next one
 *     q        no more            G        all the rest
 *
 * @module
 */
import { cleanJson } from "../clean.ts";
import { OutputBefore } from "../output.ts";
import { type Block, layout } from "../table.ts";
import { columns, type Line, line, plain } from "../text.ts";
import { type Edit, newEdit, press } from "./editor.ts";
import { type KeySource, named } from "./keys.ts";

/** A line that waits, and whether it goes to standard error. */
interface Held {
  readonly line: Line;
  readonly error: boolean;
}

/** An output that holds back what a command prints until it has ended. */
export class PagedOutput extends OutputBefore {
  readonly #held: Held[] = [];
  #direct = false;

  /** Holds blocks back. */
  override print(blocks: readonly Block[]): void {
    this.#hold(blocks, false);
  }

  /** Holds JSON back, as it is. */
  override json(text: string): void {
    this.#hold(
      cleanJson(text).replace(/\n$/, "").split("\n").map((part) => ({ verbatim: line(part) })),
      false,
    );
  }

  /** Prints a text of maglevc's own at once, after what was held back. */
  override raw(text: string): void {
    this.unpaged();
    this.out.raw(text);
  }

  /** Holds blocks for standard error back, so that the order stays. */
  override complain(blocks: readonly Block[]): void {
    this.#hold(blocks, true);
  }

  /** Draws at once. */
  override redraw(blocks: readonly Block[]): void {
    this.#flush();
    this.out.redraw(blocks);
  }

  /** Prints what was held back, and holds back nothing more. */
  override unpaged(): void {
    this.#flush();
    this.#direct = true;
  }

  #hold(blocks: readonly Block[], error: boolean): void {
    for (const held of layout(blocks, this.out.width)) this.#held.push({ line: held, error });
    if (this.#direct) this.#flush();
  }

  #flush(): void {
    for (const { line: held, error } of this.#held.splice(0)) this.#show(held, error);
  }

  #show(held: Line, error: boolean): void {
    // It is laid out already.
    const block = { verbatim: held };
    if (error) this.out.complain([block]);
    else this.out.print([block]);
  }

  /** Rows that a line takes. */
  #rows(held: Line): number {
    return Math.max(1, Math.ceil(columns(plain(held)) / (this.out.width ?? Infinity)));
  }

  /** Shows everything, and stops at each full screen. Keys that were typed ahead say that somebody wants to go on. */
  async page(keys: KeySource): Promise<void> {
    const screen = (this.out.height ?? Infinity) - 1;
    const whole = this.#held.reduce((sum, { line: held }) => sum + this.#rows(held), 0);
    if (whole <= screen || keys.waiting) return this.#flush();
    let at = 0;
    let room = screen;
    let sought = "";
    while (at < this.#held.length) {
      for (let next = this.#held[at]; next !== undefined; next = this.#held[at]) {
        const rows = this.#rows(next.line);
        // A line of more rows than the screen has is shown all the same.
        if (rows > room && room < screen) break;
        this.#show(next.line, next.error);
        at++;
        room -= rows;
        if (room <= 0) break;
      }
      if (at >= this.#held.length) break;
      const answer = await this.#ask(keys, at, sought);
      if (answer === null) break;
      ({ at, room, sought } = answer);
    }
    this.#held.length = 0;
  }

  /** What comes next; null: no more. */
  async #ask(
    keys: KeySource,
    at: number,
    sought: string,
  ): Promise<{ at: number; room: number; sought: string } | null> {
    const screen = (this.out.height ?? Infinity) - 1;
    const share = Math.floor((100 * at) / this.#held.length);
    let note = "";
    for (;;) {
      this.out.raw(`\r--More--(${share}%)${note}\x1b[K`);
      const { name, text } = await keys.next() ?? named("end-of-input");
      this.out.raw("\r\x1b[K");
      const key = name === "text" ? text : name;
      switch (key) {
        case " ":
        case "page-down":
        case "ctrl-f":
          return { at, room: screen, sought };
        case "enter":
        case "down":
          return { at, room: 1, sought };
        case "G":
        case "end":
          return { at, room: Infinity, sought };
        case "q":
        case "Q":
        case "escape":
        case "ctrl-c":
        case "ctrl-d":
        case "end-of-input":
          return null;
        case "/":
        case "n": {
          const wanted = key === "n" ? sought : await this.#askText(keys);
          const found = wanted === "" ? -1 : this.#find(wanted, key === "n" ? at + 1 : at);
          if (found >= 0) return { at: found, room: screen, sought: wanted };
          note = wanted === "" ? "" : "  not found";
          if (wanted !== "") sought = wanted;
          break;
        }
        default:
          note = "  space: next screen, enter: next line, /: search, q: no more";
      }
    }
  }

  /** The first line from one on that holds a text; -1: none does. Case counts only where there is upper case. */
  #find(wanted: string, from: number): number {
    const exact = /\p{Lu}/u.test(wanted);
    const fold = (text: string) => exact ? text : text.toLowerCase();
    return this.#held.findIndex(({ line: held }, i) => i >= from && fold(plain(held)).includes(fold(wanted)));
  }

  async #askText(keys: KeySource): Promise<string> {
    let edit: Edit = newEdit([]);
    for (;;) {
      // The editor takes no character that steers a terminal.
      this.out.raw(`\r/${edit.text}\x1b[K`);
      const pressed = press(edit, await keys.next() ?? named("end-of-input"));
      edit = pressed.effect === "help"
        ? { ...edit, text: `${edit.text}?`, cursor: edit.text.length + 1 }
        : pressed.edit;
      if (!["accept", "interrupt", "end"].includes(pressed.effect)) continue;
      this.out.raw("\r\x1b[K");
      return pressed.effect === "accept" ? edit.text : "";
    }
  }
}
