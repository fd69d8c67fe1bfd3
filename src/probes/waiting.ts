/** Echoes that may wait on one socket: sequence numbers have 16 bits. */
export const MAX_WAITING = 0x10000;

const FIRST_ROOM = 64;

/** What waits for the answer to an echo. */
export interface Numbered {
  /** Sequence number of the echo, 0 to 65,535. */
  sequence: number;
}

/**
 * What waits on an echo socket, by sequence number: a ring with room for as many numbers as went out while the oldest
 * waited. A map, which is asked four times for each echo, was some per cent of all that the echo costs.
 */
export class Waiting<T extends Numbered> {
  /** Its length is a power of two, so that the last bits of a number are its place. */
  #ring: (T | undefined)[] = new Array(FIRST_ROOM).fill(undefined);
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** What waits under this number. */
  get(sequence: number): T | undefined {
    const one = this.#ring[sequence & (this.#ring.length - 1)];
    return one?.sequence === sequence ? one : undefined;
  }

  /** Adds what waits from now on; nothing may wait under its number yet. */
  add(one: T): void {
    while (this.#ring[one.sequence & (this.#ring.length - 1)] !== undefined) this.#grow();
    this.#ring[one.sequence & (this.#ring.length - 1)] = one;
    this.#size++;
  }

  /** Takes it out, if it is there. */
  remove(one: T): void {
    const place = one.sequence & (this.#ring.length - 1);
    if (this.#ring[place] !== one) return;
    this.#ring[place] = undefined;
    this.#size--;
  }

  /** Takes all out. */
  clear(): T[] {
    const all = this.#ring.filter((one) => one !== undefined);
    this.#ring = new Array(FIRST_ROOM).fill(undefined);
    this.#size = 0;
    return all;
  }

  #grow(): void {
    const length = this.#ring.length * 2;
    if (length > MAX_WAITING) throw new Error("Cannot wait for two echoes of the same number");
    const old = this.#ring;
    this.#ring = new Array(length).fill(undefined);
    for (const one of old) {
      if (one !== undefined) this.#ring[one.sequence & (length - 1)] = one;
    }
  }
}
