import { check, libc } from "./libc.ts";

/** By number, 1 for each descriptor that this thread owns; null where nobody wants to know. */
let record: Uint8Array | null = null;

/**
 * Has this thread write down which descriptors it owns, so that another thread can give them back when this one has
 * died. What it owns already is not in it.
 *
 * @param octets zeros, one for each number that a descriptor may have; descriptors beyond are not recorded
 */
export function recordDescriptors(octets: Uint8Array<SharedArrayBuffer>): void {
  record = octets;
}

/**
 * Closes what a thread had recorded. That thread must be gone: one that still runs would go on to use, or to close,
 * numbers that belong to others by then.
 *
 * @returns how many there were
 */
export function closeRecorded(octets: Uint8Array<SharedArrayBuffer>): number {
  let count = 0;
  for (let number = octets.indexOf(1); number >= 0; number = octets.indexOf(1, number + 1)) {
    octets[number] = 0;
    libc.close(number);
    count++;
  }
  return count;
}

/** A file descriptor with one owner; closed exactly once, on disposal, unless it was given away before. */
export class Fd implements Disposable {
  #number: number;

  /** Takes ownership of descriptor `number` (>= 0). */
  constructor(number: number) {
    this.#number = number;
    if (record !== null && number < record.length) record[number] = 1;
  }

  /** The descriptor's number; throws once it is closed or given away. */
  get number(): number {
    if (this.#number < 0) throw new Error("Cannot use a descriptor that is closed or given away");
    return this.#number;
  }

  /** Gives the descriptor to another owner; disposal does nothing afterwards. */
  release(): number {
    const { number } = this;
    this.#forget(number);
    return number;
  }

  /** Closes the descriptor if it is still ours. */
  [Symbol.dispose](): void {
    if (this.#number < 0) return;
    const number = this.#number;
    // A thread that dies between the two leaves a descriptor open, but nobody closes one that has a new owner.
    this.#forget(number);
    check(libc.close(number), "close");
  }

  #forget(number: number): void {
    this.#number = -1;
    if (record !== null && number < record.length) record[number] = 0;
  }
}
