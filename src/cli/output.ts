import type { FullScreen, Output } from "./context.ts";
import type { Block } from "./table.ts";

/** An output in front of another one: it passes on what it does not change. */
export abstract class OutputBefore implements Output {
  /** The output behind it. */
  protected readonly out: Output;

  /** Stands before `out`. */
  constructor(out: Output) {
    this.out = out;
  }

  /** Whether standard output is a terminal. */
  get terminal(): boolean {
    return this.out.terminal;
  }

  /** Columns of the terminal. */
  get width(): number | null {
    return this.out.width;
  }

  /** Rows of the terminal. */
  get height(): number | null {
    return this.out.height;
  }

  /** Takes the whole terminal. */
  get fullScreen(): (() => FullScreen) | null {
    return this.out.fullScreen;
  }

  /** Writes blocks. */
  abstract print(blocks: readonly Block[]): void;
  /** Writes JSON. */
  abstract json(text: string): void;
  /** Writes a text of maglevc's own. */
  abstract raw(text: string): void;

  /** Writes to standard error. */
  complain(blocks: readonly Block[]): void {
    this.out.complain(blocks);
  }

  /** Draws in place. */
  redraw(blocks: readonly Block[]): void {
    this.out.redraw(blocks);
  }

  /** Leaves what was drawn. */
  keep(): void {
    this.out.keep();
  }

  /** Holds nothing back. */
  unpaged(): void {
    this.out.unpaged();
  }
}
