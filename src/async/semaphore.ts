/** What waits until it fits. */
interface Waiting {
  readonly count: number;
  readonly job: () => void;
}

/**
 * Bounds how much is under way at once: first come, first served, each with a count of its own. Urgent ones go before the
 * others. Jobs are plain functions: thousands of promises would cost more than what they wait for.
 *
 * Where many wait they go in groups of a quarter of the size: what is let in together can be written together, and a
 * system call for each message costs as much as all else that is done for it. The other three quarters keep whoever
 * does the work busy meanwhile.
 */
export class Semaphore {
  readonly #size: number;
  /** How many of those that wait go together; 0: each by itself. */
  readonly #group: number;
  readonly #urgent: Waiting[] = [];
  readonly #others: Waiting[] = [];
  #used = 0;
  #isLetting = false;

  /** Lets `size` be under way, at least 1. */
  constructor(size: number) {
    this.#size = Math.max(1, size);
    this.#group = this.#size >> 2;
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
    const waiting = this.#urgent.length > 0 ? this.#urgent.length : this.#others.length;
    if (waiting >= this.#group && this.#size - this.#used < this.#group) return;
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
