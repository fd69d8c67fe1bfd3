import { type Message, readBody } from "./messages.ts";
import { type Cursor, Writer } from "./wire.ts";

/**
 * Makes the rows of a dump that is repeated. From one reading to the next hardly a row changes, so each is kept with
 * its octets, and where the same octets come at the same place again, the same object is handed out. A state of
 * thousands of servers would otherwise be made, moved about and thrown away with every reading, which costs more
 * than the decoding. What it hands out must therefore never be changed.
 */
export class RowMemory<R, T> {
  readonly #details: Message<R>;
  readonly #make: (row: R) => T;
  /** Octets of the rows, one behind the other. */
  readonly #octets = new Writer();
  /** What was made of each. */
  readonly #made: T[] = [];
  /** Octets of a row; all rows of a message without text or lists have the same number. */
  #size = 0;

  /** Keeps what `make` makes of each row of `details`, a message of fixed size. */
  constructor(details: Message<R>, make: (row: R) => T) {
    this.#details = details;
    this.#make = make;
  }

  /** Rows that are kept. */
  get length(): number {
    return this.#made.length;
  }

  /** The `n`-th row of a reading, counted from 0, from a cursor behind its head. Throws DecodeError. */
  read(n: number, fields: Cursor): T {
    const size = fields.end - fields.at;
    if (n === 0 && size !== this.#size) {
      this.trim(0);
      this.#size = size;
    }
    if (size !== this.#size || n > this.#made.length) return this.#make(readBody(this.#details, fields));
    const at = n * size;
    const known = this.#made[n];
    if (known !== undefined && this.#same(at, fields)) {
      fields.at = fields.end;
      return known;
    }
    const from = fields.at;
    const made = this.#make(readBody(this.#details, fields));
    if (n === this.#made.length) this.#octets.place(size);
    this.#octets.bytes.set(fields.bytes.subarray(from, fields.end), at);
    this.#made[n] = made;
    return made;
  }

  /** Forgets all but the first `count` rows: a reading had no more. */
  trim(count: number): void {
    if (count >= this.#made.length) return;
    this.#made.length = count;
    this.#octets.length = count * this.#size;
  }

  #same(at: number, { bytes, view, at: from, end }: Cursor): boolean {
    const { bytes: octets, view: words } = this.#octets;
    let left = at;
    let right = from;
    for (; right + 4 <= end; left += 4, right += 4) {
      if (words.getUint32(left) !== view.getUint32(right)) return false;
    }
    for (; right < end; left++, right++) if (octets[left] !== bytes[right]) return false;
    return true;
  }
}
