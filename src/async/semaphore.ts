/** Bounds how much is under way at once: first come, first served, each with a count of its own. */
export class Semaphore {
  readonly #size: number;
  readonly #waiting: { readonly count: number; readonly enter: () => void }[] = [];
  #used = 0;
  /** How many of those that wait are urgent; they are the first ones. */
  #urgent = 0;

  /** Lets `size` be under way, at least 1. */
  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  /** How much is under way now. */
  get used(): number {
    return this.#used;
  }

  /**
   * Runs `job` when `count` more fit. Urgent groups go before the others; within each kind the first to come
   * is the first to go. A count over the size waits until nothing else is under way.
   */
  async run<T>(count: number, job: () => Promise<T>, urgent = false): Promise<T> {
    const needed = Math.min(count, this.#size);
    const ahead = urgent ? this.#urgent : this.#waiting.length;
    if (ahead > 0 || this.#used + needed > this.#size) {
      await new Promise<void>((enter) => {
        this.#waiting.splice(ahead, 0, { count: needed, enter });
        if (urgent) this.#urgent++;
      });
    } else {
      this.#used += needed;
    }
    try {
      return await job();
    } finally {
      this.#used -= needed;
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        if (this.#used + next.count > this.#size) break;
        this.#waiting.shift();
        if (this.#urgent > 0) this.#urgent--;
        this.#used += next.count;
        next.enter();
      }
    }
  }
}
