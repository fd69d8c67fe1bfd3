/**
 * Bounds how many messages wait for VPP's answer: every change holds VPP's workers, so a burst of thousands
 * would be a pause of forwarding.
 */
export class Window {
  readonly #size: number;
  readonly #waiting: { readonly count: number; readonly enter: () => void }[] = [];
  #used = 0;

  /** A window of `size` messages, at least 1. */
  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  /** Messages in flight now. */
  get used(): number {
    return this.#used;
  }

  /**
   * Runs `send` when `count` messages more fit, first come first served. A group larger than the window goes
   * alone: it must not be split.
   */
  async run<T>(count: number, send: () => Promise<T>): Promise<T> {
    const needed = Math.min(count, this.#size);
    if (this.#waiting.length > 0 || this.#used + needed > this.#size) {
      await new Promise<void>((enter) => this.#waiting.push({ count: needed, enter }));
    } else {
      this.#used += needed;
    }
    try {
      return await send();
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
