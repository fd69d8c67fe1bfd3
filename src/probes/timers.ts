import type { Millis } from "../model.ts";

/** Something that happens once at a time that may be moved; it stands in at most one `Timers`. */
export interface Timed {
  /** When, on the monotonic clock; written by `Timers` only. */
  at: Millis;
  /** Number of the entry while it is in, -1 when not; written by `Timers` only. */
  number: number;
}

const FIRST_ROOM = 64;

/**
 * A binary heap with moving entries: one per backend, so that its size never grows with the number of probes. All
 * that is compared and moved are numbers side by side; thousands of objects all over memory would have to be fetched
 * for it otherwise.
 */
export class Timers<T extends Timed> {
  /** Entries by number. */
  readonly #entries: (T | undefined)[] = [];
  readonly #free: number[] = [];
  #size = 0;
  /** By place in the heap: the entry's number, and its time. */
  #heap = new Int32Array(FIRST_ROOM);
  #times = new Float64Array(FIRST_ROOM);
  /** Place in the heap by number. */
  #places = new Int32Array(FIRST_ROOM);

  /** The earliest entry. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#entries[this.#heap[0] ?? -1];
  }

  /** Adds an entry, or moves it if it is there. */
  set(entry: T, at: Millis): void {
    entry.at = at;
    if (entry.number < 0) {
      entry.number = this.#free.pop() ?? this.#entries.length;
      this.#entries[entry.number] = entry;
      if (this.#size === this.#heap.length) this.#grow();
      this.#places[entry.number] = this.#size++;
    }
    this.#sift(entry.number, at, this.#places[entry.number] ?? 0);
  }

  /** Takes an entry out, if it is there. */
  remove(entry: T): void {
    const { number } = entry;
    if (number < 0) return;
    const place = this.#places[number] ?? 0;
    entry.number = -1;
    this.#entries[number] = undefined;
    this.#free.push(number);
    const end = --this.#size;
    if (place !== end) this.#sift(this.#heap[end] ?? 0, this.#times[end] ?? 0, place);
  }

  /** Numbers are never more than the most entries there were at once, so they need no more room than places. */
  #grow(): void {
    const [heap, times, places] = [this.#heap, this.#times, this.#places];
    const room = heap.length * 2;
    this.#heap = new Int32Array(room);
    this.#times = new Float64Array(room);
    this.#places = new Int32Array(room);
    this.#heap.set(heap);
    this.#times.set(times);
    this.#places.set(places);
  }

  /** Moves the hole at `place` to where an entry with this time belongs, and puts the entry there. */
  #sift(number: number, at: Millis, place: number): void {
    const heap = this.#heap;
    const times = this.#times;
    const places = this.#places;
    const size = this.#size;
    let hole = place;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const time = times[parent] ?? 0;
      if (time <= at) break;
      const moved = heap[parent] ?? 0;
      heap[hole] = moved;
      times[hole] = time;
      places[moved] = hole;
      hole = parent;
    }
    // One that rose need not sink: what lies under its new place is later than what it displaced there.
    while (hole >= place) {
      let least = 2 * hole + 1;
      if (least >= size) break;
      let time = times[least] ?? 0;
      if (least + 1 < size && (times[least + 1] ?? 0) < time) time = times[++least] ?? 0;
      if (time >= at) break;
      const moved = heap[least] ?? 0;
      heap[hole] = moved;
      times[hole] = time;
      places[moved] = hole;
      hole = least;
    }
    heap[hole] = number;
    times[hole] = at;
    places[number] = hole;
  }
}
