import type { Millis } from "../model.ts";

/** Something that happens once at a time that may be moved; it stands in at most one `Timers`. */
export interface Timed {
  /** When, on the monotonic clock; written by `Timers` only. */
  at: Millis;
  /** Place in the heap, −1 when not in it; written by `Timers` only. */
  place: number;
}

/** A binary heap with moving entries: one per backend, so that its size never grows with the number of probes. */
export class Timers<T extends Timed> {
  readonly #heap: T[] = [];
  /** Times of the entries, side by side: comparing them must not touch thousands of objects. */
  readonly #times: Millis[] = [];

  /** The earliest entry. */
  peek(): T | undefined {
    return this.#heap[0];
  }

  /** Adds an entry, or moves it if it is there. */
  set(entry: T, at: Millis): void {
    const place = entry.place < 0 ? this.#heap.length : entry.place;
    entry.at = at;
    this.#sift(entry, at, place);
  }

  /** Takes an entry out, if it is there. */
  remove(entry: T): void {
    const { place } = entry;
    if (place < 0) return;
    entry.place = -1;
    const last = this.#heap.pop();
    this.#times.pop();
    if (last !== undefined && last !== entry) this.#sift(last, last.at, place);
  }

  /** Puts an entry where it belongs, given that only the one at `place` may be wrong. */
  #sift(entry: T, at: Millis, place: number): void {
    let hole = this.#rise(at, place);
    if (hole === place) hole = this.#sink(at, place);
    this.#put(entry, at, hole);
  }

  /** Moves the hole at `place` up past all later times. */
  #rise(at: Millis, place: number): number {
    let hole = place;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if ((this.#times[parent] ?? -Infinity) <= at) break;
      this.#move(parent, hole);
      hole = parent;
    }
    return hole;
  }

  /** Moves the hole at `place` down past all earlier times. */
  #sink(at: Millis, place: number): number {
    let hole = place;
    while (true) {
      const left = 2 * hole + 1;
      const leftAt = this.#times[left] ?? Infinity;
      const rightAt = this.#times[left + 1] ?? Infinity;
      const least = rightAt < leftAt ? left + 1 : left;
      if (Math.min(leftAt, rightAt) >= at) return hole;
      this.#move(least, hole);
      hole = least;
    }
  }

  #move(from: number, to: number): void {
    const entry = this.#heap[from];
    const at = this.#times[from];
    if (entry !== undefined && at !== undefined) this.#put(entry, at, to);
  }

  #put(entry: T, at: Millis, place: number): void {
    this.#heap[place] = entry;
    this.#times[place] = at;
    entry.place = place;
  }
}
