/** What waits until it fits. */
interface Waiting {
  readonly count: number;
  readonly job: () => void;
}

/**
 * Bounds how much is under way at once: first come, first served, each with a count of its own. Urgent ones go before the
 * others. Jobs are plain functions: thousands of promises would cost more than what they wait for.
 */
export class Semaphore {
  readonly #size: number;
  readonly #urgent: Waiting[] = [];
  readonly #others: Waiting[] = [];
  #used = 0;
  #isLetting = false;

  /** Lets `size` be under way, at least 1. */
  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  /** How much is under way now. */
  get used(): number {
    return this.#used;
  }

  /** How many urgent jobs wait. */
  get urgent(): number {
    return this.#urgent.length;
  }

  /**
   * Calls `job` when `count` more fit: now, or when another one leaves. Within each kind the first to come is the first
   * to go. A count over the size waits until nothing else is under way. Whoever entered leaves once, with the same count.
   */
  enter(count: number, job: () => void, urgent = false): void {
    (urgent ? this.#urgent : this.#others).push({ count: Math.min(count, this.#size), job });
    this.#let();
  }

  /** What entered with `count` is over. */
  leave(count: number): void {
    this.#used -= Math.min(count, this.#size);
    this.#let();
  }

  /** Jobs that leave at once are let in by this loop, not by one call inside the other. */
  #let(): void {
    if (this.#isLetting) return;
    this.#isLetting = true;
    try {
      for (;;) {
        const list = this.#urgent.length > 0 ? this.#urgent : this.#others;
        const next = list[0];
        if (next === undefined || this.#used + next.count > this.#size) return;
        list.shift();
        this.#used += next.count;
        next.job();
      }
    } finally {
      this.#isLetting = false;
    }
  }
}
