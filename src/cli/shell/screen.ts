/**
 * Draws the line that is being typed, in place, over as many rows as it takes.
 *
 * @module
 */
import { columns } from "../text.ts";

/** A place on the terminal, from the beginning of the prompt. */
export interface Place {
  /** Rows below it. */
  readonly row: number;
  /** Columns from the left. */
  readonly column: number;
}

/**
 * Where the cursor is after a text that begins at the left edge. A character that does not fit into the row begins
 * the next one, as terminals do it with wide ones; after a full row the cursor is at the beginning of the next.
 */
export function placeAfter(text: string, width: number): Place {
  let row = 0;
  let column = 0;
  for (const character of text) {
    const size = columns(character);
    if (column + size > width) {
      row++;
      column = 0;
    }
    column += size;
  }
  return column >= width ? { row: row + 1, column: 0 } : { row, column };
}

/** What the drawing needs of the terminal. */
export interface Canvas {
  /** Writes text and sequences as they are. */
  raw(text: string): void;
  /** Columns now. */
  readonly columns: number;
}

/** One line on the terminal. */
export class Screen {
  readonly #canvas: Canvas;
  /** What is before the cursor on the terminal; "": the cursor is at the left edge of a row of its own. */
  #before = "";

  /** Draws nothing yet. */
  constructor(canvas: Canvas) {
    this.#canvas = canvas;
  }

  /** Draws prompt and line in place of what was drawn last, with the cursor at `cursor` (UTF-16 units of the line). */
  draw(prompt: string, line: string, cursor: number): void {
    const width = this.#canvas.columns;
    const up = placeAfter(this.#before, width).row;
    const whole = prompt + line;
    this.#before = prompt + line.slice(0, cursor);
    const end = placeAfter(whole, width);
    const at = placeAfter(this.#before, width);
    // A terminal stays in the last column of a full row until one more character comes.
    const full = end.column === 0 && end.row > 0 ? " \r" : "";
    const back = end.row - at.row;
    this.#canvas.raw(
      `${up > 0 ? `\x1b[${up}A` : ""}\r\x1b[J${whole}${full}${back > 0 ? `\x1b[${back}A` : ""}\r${
        at.column > 0 ? `\x1b[${at.column}C` : ""
      }`,
    );
  }

  /** Leaves what was drawn where it is, and goes to the left edge below it. */
  leave(prompt: string, line: string): void {
    this.draw(prompt, line, line.length);
    const { row, column } = placeAfter(prompt + line, this.#canvas.columns);
    if (column > 0 || row === 0) this.#canvas.raw("\n");
    this.#before = "";
  }

  /** Forgets what was drawn: the cursor is on a fresh row, whatever was printed meanwhile. */
  forget(): void {
    this.#before = "";
  }

  /** Empties the terminal. */
  clear(): void {
    this.#canvas.raw("\x1b[H\x1b[2J");
    this.#before = "";
  }
}
