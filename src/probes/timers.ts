import type { Millis } from "../model.ts";

/** Something that happens once at a time that may be moved; it stands in at most one `Timers`. */
export interface Timed {
  /** When, on the monotonic clock. */
  at: Millis;
  /** Place in the heap, −1 when not in it; written by `Timers` only. */
  place: number;
}

/** A binary heap with moving entries: one per backend, so that its size never grows with the number of probes. */
export class Timers<T extends Timed> {
  readonly #heap: T[] = [];

  /** The earliest entry. */
  peek(): T | undefined {
    return this.#heap[0];
  }

  /** Adds an entry, or moves it if it is there. */
  set(entry: T, at: Millis): void {
    entry.at = at;
    if (entry.place < 0) entry.place = this.#heap.push(entry) - 1;
    this.#up(entry);
    this.#down(entry);
  }

  /** Takes an entry out, if it is there. */
  remove(entry: T): void {
    const { place } = entry;
    if (place < 0) return;
    entry.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#heap[place] = last;
    last.place = place;
    this.#up(last);
    this.#down(last);
  }

  #up(entry: T): void {
    while (entry.place > 0) {
      const parent = this.#heap[(entry.place - 1) >> 1];
      if (parent === undefined || parent.at <= entry.at) return;
      this.#swap(entry, parent);
    }
  }

  #down(entry: T): void {
    while (true) {
      const left = this.#heap[2 * entry.place + 1];
      const right = this.#heap[2 * entry.place + 2];
      const least = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (least === undefined || least.at >= entry.at) return;
      this.#swap(entry, least);
    }
  }

  #swap(a: T, b: T): void {
    const place = a.place;
    a.place = b.place;
    b.place = place;
    this.#heap[a.place] = a;
    this.#heap[b.place] = b;
  }
}
