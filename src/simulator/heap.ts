/**
 * The shared memory behind a stats segment as VPP's own heap shows it to a reader: vectors with their length
 * eight octets before the first element, and pointers that are addresses in VPP, not offsets.
 *
 * @module
 */

const ALIGNMENT = 64;
/** Where VPP claims to have mapped the segment; any page address does. */
const BASE = 0x7f4141dd8000n;
/** Header size, alignment and growth of a vector, which no reader needs. */
const VECTOR_MARK = 0x00008608;

/** A vector in the segment. */
export interface Vector {
  /** Offset of the first element. */
  readonly at: number;
  /** Elements that fit without moving. */
  readonly capacity: number;
  /** Octets an element. */
  readonly size: number;
}

/** Allocates vectors in one buffer; a freed piece is used again for one of its size. */
export class Heap {
  /** The whole segment. */
  readonly view: DataView<ArrayBuffer>;
  readonly #free = new Map<number, number[]>();
  #top: number;

  /** Takes `buffer` from octet `start` on. */
  constructor(buffer: ArrayBuffer, start: number) {
    this.view = new DataView(buffer);
    this.#top = Math.ceil(start / ALIGNMENT) * ALIGNMENT;
  }

  /** The address that VPP adds to every offset. */
  get base(): bigint {
    return BASE;
  }

  /** Octets handed out so far. */
  get used(): number {
    return this.#top;
  }

  /** A vector of `length` zeroed elements with room to grow. Throws RangeError when the segment is full. */
  vector(size: number, length: number): Vector {
    const octets = 2 ** Math.ceil(Math.log2(Math.max(ALIGNMENT, size * length)));
    const at = (this.#free.get(octets)?.pop() ?? this.#grow(ALIGNMENT + octets)) + ALIGNMENT;
    new Uint8Array(this.view.buffer, at, octets).fill(0);
    this.view.setUint32(at - 4, VECTOR_MARK, true);
    const vector = { at, capacity: Math.floor(octets / size), size };
    this.setLength(vector, length);
    return vector;
  }

  /** Sets the length that readers see; at most the capacity. */
  setLength(vector: Vector, length: number): void {
    if (length > vector.capacity) throw new RangeError(`Cannot set length ${length} of ${vector.capacity}`);
    this.view.setUint32(vector.at - 8, length, true);
  }

  /** The length that readers see. */
  length(vector: Vector): number {
    return this.view.getUint32(vector.at - 8, true);
  }

  /** A longer copy; the old piece is free afterwards. */
  grown(vector: Vector, length: number): Vector {
    const longer = this.vector(vector.size, length);
    const octets = this.length(vector) * vector.size;
    new Uint8Array(this.view.buffer, longer.at, octets).set(
      new Uint8Array(this.view.buffer, vector.at, octets),
    );
    this.free(vector);
    return longer;
  }

  /** Gives a vector's piece back; it is overwritten by whoever gets it next. */
  free(vector: Vector): void {
    const octets = 2 ** Math.ceil(Math.log2(Math.max(ALIGNMENT, vector.capacity * vector.size)));
    const list = this.#free.get(octets) ?? [];
    list.push(vector.at - ALIGNMENT);
    this.#free.set(octets, list);
  }

  /** Writes the pointer to a vector, or the null pointer. */
  setPointer(at: number, vector: Vector | null): void {
    this.view.setBigUint64(at, vector === null ? 0n : BASE + BigInt(vector.at), true);
  }

  #grow(octets: number): number {
    const at = this.#top;
    if (at + octets > this.view.byteLength) {
      throw new RangeError(
        `Cannot allocate ${octets} octets: the stats segment of ${this.view.byteLength} is full`,
      );
    }
    this.#top += octets;
    return at;
  }
}
