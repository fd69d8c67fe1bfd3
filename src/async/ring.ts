/** Rows beyond which forgotten places are given back. */
const SPARE = 1024;

/**
 * A list that grows at its end and is forgotten from its beginning, each at a cost that does not grow with it: shifting
 * an array moves all that is left.
 */
export class Ring<T> {
  #items: T[] = [];
  #head = 0;

  /** How many it holds. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** The oldest; undefined if there is none. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** Adds the newest. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Forgets the oldest, if there is one. */
  dropFirst(): void {
    if (this.size === 0) return;
    this.#head++;
    if (this.#head > SPARE && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** All from the `index`-th oldest on; 0 is the oldest. */
  from(index: number): T[] {
    return this.#items.slice(this.#head + index);
  }
}
