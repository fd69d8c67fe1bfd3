/** Words of 32 random bits that nobody can guess; drawn from the system many at a time, since a call costs 1 µs. */
export class RandomWords {
  readonly #words = new Uint32Array(256);
  #next = this.#words.length;

  /** The next word, 0 to 2^32 - 1. */
  next(): number {
    if (this.#next === this.#words.length) {
      crypto.getRandomValues(this.#words);
      this.#next = 0;
    }
    return this.#words[this.#next++] ?? 0;
  }
}
