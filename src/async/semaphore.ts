/** Bounds how much is under way at once: first come, first served, each with a count of its own. */
export class Semaphore {
  readonly #size: number;
  readonly #waiting: { readonly count: number; readonly enter: () => void }[] = [];
  #used = 0;

  /** Lets `size` be under way, at least 1. */
  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  /** How much is under way now. */
  get used(): number {
    return this.#used;
  }

  /** Runs `job` when `count` more fit. A count over the size waits until nothing else is under way. */
  async run<T>(count: number, job: () => Promise<T>): Promise<T> {
    const needed = Math.min(count, this.#size);
    if (this.#waiting.length > 0 || this.#used + needed > this.#size) {
      await new Promise<void>((enter) => this.#waiting.push({ count: needed, enter }));
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
        this.#used += next.count;
        next.enter();
      }
    }
  }
}
