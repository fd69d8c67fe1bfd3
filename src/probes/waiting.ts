/** Sequence numbers have 16 bits, and half of them stay free: a free one must be found by chance. */
export const MAX_WAITING = 0x8000;

const FIRST_ROOM = 64;

/** What waits for the answer to an echo. */
export interface Numbered {
  /** Sequence number of the echo, 0 to 65,535. */
  sequence: number;
}

/**
 * What waits on an echo socket, by sequence number: a table at most half full, whose places are the last bits of the
 * numbers. Numbers are drawn by chance, because a stranger must not guess them, and drawn again if their place is
 * taken. A map, which is asked four times for each echo, was some per cent of all that the echo costs.
 */
export class Waiting<T extends Numbered> {
  /** Its length is a power of two. */
  #table: (T | undefined)[] = new Array(FIRST_ROOM).fill(undefined);
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** What waits under this number. */
  get(sequence: number): T | undefined {
    const one = this.#table[sequence & (this.#table.length - 1)];
    return one?.sequence === sequence ? one : undefined;
  }

  /** Gives `one` a number, made from 16 bits that `random` draws, and adds it. Fewer than `MAX_WAITING` may wait. */
  add(one: T, random: () => number): void {
    if (this.#size >= MAX_WAITING) throw new Error(`Cannot wait for more than ${MAX_WAITING} echoes`);
    if (2 * (this.#size + 1) > this.#table.length) this.#grow();
    const last = this.#table.length - 1;
    do one.sequence = random() & 0xffff; while (this.#table[one.sequence & last] !== undefined);
    this.#table[one.sequence & last] = one;
    this.#size++;
  }

  /** Takes it out, if it is there. */
  remove(one: T): void {
    const place = one.sequence & (this.#table.length - 1);
    if (this.#table[place] !== one) return;
    this.#table[place] = undefined;
    this.#size--;
  }

  /** Takes all out. */
  clear(): T[] {
    const all = this.#table.filter((one) => one !== undefined);
    this.#table = new Array(FIRST_ROOM).fill(undefined);
    this.#size = 0;
    return all;
  }

  #grow(): void {
    const length = this.#table.length * 2;
    const old = this.#table;
    this.#table = new Array(length).fill(undefined);
    // Two that had places of their own by fewer bits have them by more.
    for (const one of old) {
      if (one !== undefined) this.#table[one.sequence & (length - 1)] = one;
    }
  }
}
