/** What waits until it fits. */
interface Waiting {
  readonly count: number;
  readonly job: () => void;
}

/** First come, first served. To shift an array moves all that is left, and a sync may have many thousands wait. */
class Queue {
  #came: Waiting[] = [];
  /** The first to go is the last. */
  #going: Waiting[] = [];

  get size(): number {
    return this.#came.length + this.#going.length;
  }

  get first(): Waiting | undefined {
    if (this.#going.length === 0 && this.#came.length > 0) {
      [this.#came, this.#going] = [this.#going, this.#came.reverse()];
    }
    return this.#going[this.#going.length - 1];
  }

  push(one: Waiting): void {
    this.#came.push(one);
  }

  /** Drops what `first` gave. */
  drop(): void {
    this.#going.pop();
  }
}

/**
 * Bounds how much is under way at once: first come, first served, each with a count of its own. Urgent ones go before the
 * others. Jobs are plain functions: thousands of promises would cost more than what they wait for.
 *
 * Where many wait they go in groups of a quarter of the size, so that what they do can be done together. The other three
 * quarters are under way meanwhile. Few go one by one.
 */
export class Semaphore {
  readonly #size: number;
  /** How much must be free before one of many that wait goes; 0 and 1: each goes by itself. */
  readonly #group: number;
  readonly #urgent = new Queue();
  readonly #others = new Queue();
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
    return this.#urgent.size;
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

  /** A job may leave before it returns. This loop then lets the next one in, so that calls do not nest. */
  #let(): void {
    if (this.#isLetting) return;
    this.#isLetting = true;
    /** The list of which a group is going. */
    let going: Queue | null = null;
    try {
      for (;;) {
        const list = this.#urgent.size > 0 ? this.#urgent : this.#others;
        const next = list.first;
        if (next === undefined || this.#used + next.count > this.#size) return;
        if (list !== going && list.size >= this.#group && this.#size - this.#used < this.#group) return;
        going = list;
        list.drop();
        this.#used += next.count;
        next.job();
      }
    } finally {
      this.#isLetting = false;
    }
  }
}
