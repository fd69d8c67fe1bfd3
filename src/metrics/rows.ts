/**
 * Rows of numbers, one for each of many things, in one array. An object of its own for each, with arrays and names in
 * it, took two kilobytes a backend.
 *
 * @module
 */

const FIRST_ROOM = 64;

/** Rows of `width` numbers, all 0 at first. */
export class Rows {
  readonly #width: number;
  readonly #free: number[] = [];
  #numbers: Float64Array;
  #rows = 0;

  /** No rows yet. */
  constructor(width: number) {
    this.#width = width;
    this.#numbers = new Float64Array(FIRST_ROOM * width);
  }

  /** All numbers; a row begins at the offset that `add` gave. Valid until the next `add`. */
  get numbers(): Float64Array {
    return this.#numbers;
  }

  /** Adds a row; returns the offset of its first number. */
  add(): number {
    const at = this.#free.pop();
    if (at !== undefined) return at;
    const next = this.#rows++ * this.#width;
    if (next === this.#numbers.length) {
      const larger = new Float64Array(2 * next);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    return next;
  }

  /** Gives a row back. */
  remove(at: number): void {
    this.#numbers.fill(0, at, at + this.#width);
    this.#free.push(at);
  }
}
