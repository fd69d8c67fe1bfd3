/**
 * VPP's pools. An index, once given, stays with its element; a freed index is given again before a new one is
 * made, the last freed first. The memory of a freed element is not cleared, so its next owner finds what the
 * last one left there.
 */
export class Pool<T> {
  readonly #slots: T[] = [];
  readonly #used: boolean[] = [];
  readonly #free: number[] = [];

  /** Takes a free index or a new one; `make` gets it and what its last owner left, if it had one. */
  take(make: (index: number, stale: T | undefined) => T): T {
    const index = this.#free.pop() ?? this.#slots.length;
    const element = make(index, this.#slots[index]);
    this.#slots[index] = element;
    this.#used[index] = true;
    return element;
  }

  /** Frees an index that is in use. */
  put(index: number): void {
    if (this.#used[index] !== true) throw new RangeError(`Cannot free index ${index}: it is not in use`);
    this.#used[index] = false;
    this.#free.push(index);
  }

  /** The element of an index that is in use. */
  get(index: number): T | undefined {
    return this.#used[index] === true ? this.#slots[index] : undefined;
  }

  /** Number of indexes in use. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  /** The elements in use, in the order of their indexes: the order of every dump. */
  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.#slots.length; index++) {
      const element = this.get(index);
      if (element !== undefined) yield element;
    }
  }
}
