/**
 * Reads VPP's stats segment in place, while VPP writes it.
 *
 * Layout, little-endian: u64 version (2) at 0, u64 base at 8 (the address at which VPP mapped it: every pointer is
 * such an address), u64 epoch at 16, u64 in_progress at 24, u64 pointer to the directory at 32. A vector's length
 * is the u32 eight octets before its first element. A directory entry has 144 octets: u32 type, 4 octets of
 * garbage, a union of 8 octets, a name of 128.
 *
 * VPP takes no lock for readers: it sets in_progress while it moves vectors and raises the epoch when it is done.
 * So a result counts only if nothing was in progress before and after and the epoch stayed the same; until then
 * everything read may be rubbish, and every pointer and length is checked before it is followed.
 *
 * @module
 */

/** A segment that does not make sense where it was looked at. */
export class SegmentError extends Error {
  /** Makes the error that says what is wrong. */
  constructor(problem: string) {
    super(problem);
    this.name = "SegmentError";
  }
}

/**
 * What became of a read:
 *
 *   ok     the value is from one moment
 *   busy   VPP was changing the segment at every try; that is no failure
 *   stale  VPP was not changing anything, and yet the segment makes no sense
 */
export type Outcome<T> =
  | { readonly outcome: "ok"; readonly value: T }
  | { readonly outcome: "busy" }
  | { readonly outcome: "stale"; readonly problem: string };

/** Types of directory entries; 0 and 5 are empty, 7 and 8 (histogram, ring buffer) are not read. */
const TYPE = { scalar: 1, simple: 2, combined: 3, names: 4, symlink: 6, gauge: 9 } as const;

/** Value of a directory entry; counters as rows (one a thread) of columns. */
export type EntryValue =
  | { readonly kind: "scalar" | "gauge"; readonly value: number }
  /** Sums over the rows of the target's column; `bytes` is null for simple counters. */
  | { readonly kind: "symlink"; readonly value: number; readonly bytes: number | null }
  | { readonly kind: "simple"; readonly rows: readonly (readonly number[])[] }
  | {
    readonly kind: "combined";
    readonly rows: readonly (readonly { readonly packets: number; readonly bytes: number }[])[];
  }
  | { readonly kind: "names"; readonly names: readonly (string | null)[] }
  | { readonly kind: "other" };

const HEADER_SIZE = 40;
const VERSION = 2;
const ENTRY_SIZE = 144;
const NAME_AT = 16;
const NAME_SIZE = 128;
/** More threads than any machine has; a larger table of rows is rubbish. */
const MAX_ROWS = 1024;
const MAX_NAME_OCTETS = 4096;
/** How often a read is tried again while VPP is changing the segment. */
const TRIES = 8;
/** How often `in_progress` is looked at in one try: some 20 µs, longer than VPP takes for a usual change. */
const SPINS = 1000;
/** Doubles below this, read from an integer's octets, are denormal: the value is an integer. */
const LEAST_NORMAL = 2 ** -1022;
const TWO_32 = 2 ** 32;

const decoder = new TextDecoder();
/** Octets of the value being read; one 64-bit copy into it, so that no value is half old and half new. */
const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);
/** Written between reading values and the closing check: keeps a weakly ordered processor from swapping the two. */
const fence = new Int32Array(new SharedArrayBuffer(4));

/** A stats segment. Reads nothing outside its buffer, and never writes. */
export class Segment {
  readonly #buffer: ArrayBuffer;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #doubles: Float64Array<ArrayBuffer>;
  readonly #locks: BigInt64Array<ArrayBuffer>;
  #base = 0;
  #directory = 0;
  #entries = 0;
  #scanned: { readonly epoch: bigint; readonly names: ReadonlyMap<string, number> } | null = null;
  #scans = 0;
  readonly #size: () => number;

  /**
   * Looks at `buffer`, whose owner may detach it at any time between reads. Throws SegmentError for a size that no
   * segment has: less than a header, or 4 GiB and more.
   *
   * @param size tells the octets that the file behind `buffer` has now; beyond them nothing may be read
   */
  constructor(buffer: ArrayBuffer, size = (): number => buffer.byteLength) {
    if (buffer.byteLength < HEADER_SIZE || buffer.byteLength >= TWO_32) {
      throw new SegmentError(`a segment cannot have ${buffer.byteLength} octets`);
    }
    this.#buffer = buffer;
    this.#size = size;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    this.#doubles = new Float64Array(buffer, 0, buffer.byteLength >>> 3);
    this.#locks = new BigInt64Array(buffer, 0, HEADER_SIZE / 8);
  }

  /** How often the directory was searched for names. */
  get directoryScans(): number {
    return this.#scans;
  }

  /**
   * Runs `look` until it saw one moment of the segment, a bounded number of times. `look` may run more than once,
   * must not wait, and may use the methods below. What it throws, but for SegmentError, is thrown.
   */
  read<T>(look: () => T): Outcome<T> {
    for (let turn = 0; turn < TRIES; turn++) {
      if (this.#buffer.byteLength === 0) {
        return { outcome: "stale", problem: "the segment is no longer mapped" };
      }
      const size = this.#size();
      if (size < this.#buffer.byteLength) {
        return { outcome: "stale", problem: `VPP cut it from ${this.#buffer.byteLength} octets to ${size}` };
      }
      if (!this.#quiet()) continue;
      const epoch = this.#epoch();
      let problem: string | null = null;
      let result: { readonly value: T } | null = null;
      try {
        this.#open();
        result = { value: look() };
      } catch (error) {
        if (!(error instanceof SegmentError)) throw error;
        problem = error.message;
      }
      Atomics.store(fence, 0, 1);
      if (this.#inProgress() || this.#epoch() !== epoch) {
        // What was found out about names belongs to no epoch.
        this.#scanned = null;
        continue;
      }
      if (result !== null) return { outcome: "ok", value: result.value };
      this.#scanned = null;
      return { outcome: "stale", problem: problem ?? "" };
    }
    return { outcome: "busy" };
  }

  /**
   * Places in the directory of the entries with these names; names that are not there are left out. Searches only
   * when the epoch changed. Only inside `read`, always with the same names, of 3 octets at least.
   */
  find(names: readonly string[]): ReadonlyMap<string, number> {
    const epoch = this.#epoch();
    if (this.#scanned?.epoch === epoch) return this.#scanned.names;
    const found = this.#scan(names);
    this.#scanned = { epoch, names: found };
    return found;
  }

  /** Names of all entries, by place. Only inside `read`. */
  names(): string[] {
    return Array.from({ length: this.#entries }, (_, place) => {
      const at = this.#directory + place * ENTRY_SIZE + NAME_AT;
      const nul = this.#bytes.indexOf(0, at);
      const end = nul < 0 || nul > at + NAME_SIZE ? at + NAME_SIZE : nul;
      return decoder.decode(this.#bytes.subarray(at, end));
    });
  }

  /** Value of the scalar or gauge at a place. Only inside `read`. Throws SegmentError. */
  scalar(place: number): number {
    const { type, union } = this.#entry(place);
    if (type !== TYPE.scalar && type !== TYPE.gauge) throw new SegmentError(`entry ${place} is no scalar`);
    // VPP before 25.10 kept doubles here. No integer that occurs has the octets of a normal double.
    const asDouble = this.#doubles[union >>> 3] ?? 0;
    return Math.abs(asDouble) >= LEAST_NORMAL ? asDouble : this.#u64(union);
  }

  /**
   * Sums of simple counters over all rows, for each of `columns`; a column that is not there counts 0. Only inside
   * `read`. Throws SegmentError.
   */
  sumSimple(place: number, columns: ArrayLike<number>): Float64Array {
    const sums = new Float64Array(columns.length);
    for (const { at, length } of this.#rows(place, TYPE.simple, 8)) {
      for (let i = 0; i < columns.length; i++) {
        const column = columns[i] ?? 0;
        if (column < length) sums[i] = (sums[i] ?? 0) + this.#u64(at + 8 * column);
      }
    }
    return sums;
  }

  /**
   * Sums of combined counters over all rows, for each of `columns`: packets at 2i, bytes at 2i + 1. Only inside
   * `read`. Throws SegmentError.
   */
  sumCombined(place: number, columns: ArrayLike<number>): Float64Array {
    const sums = new Float64Array(2 * columns.length);
    for (const { at, length } of this.#rows(place, TYPE.combined, 16)) {
      for (let i = 0; i < columns.length; i++) {
        const column = columns[i] ?? 0;
        if (column >= length) continue;
        sums[2 * i] = (sums[2 * i] ?? 0) + this.#u64(at + 16 * column);
        sums[2 * i + 1] = (sums[2 * i + 1] ?? 0) + this.#u64(at + 16 * column + 8);
      }
    }
    return sums;
  }

  /** Value of any entry, whole. Only inside `read`. Throws SegmentError. */
  value(place: number): EntryValue {
    const { type, union } = this.#entry(place);
    switch (type) {
      case TYPE.scalar:
      case TYPE.gauge:
        return { kind: type === TYPE.scalar ? "scalar" : "gauge", value: this.scalar(place) };
      case TYPE.symlink:
        return this.#symlink(union);
      case TYPE.simple:
        return { kind: "simple", rows: this.#rows(place, type, 8).map((row) => this.#row(row)) };
      case TYPE.combined:
        return {
          kind: "combined",
          rows: this.#rows(place, type, 16).map((row) => {
            const flat = this.#row({ at: row.at, length: 2 * row.length });
            return Array.from({ length: row.length }, (_, i) => ({
              packets: flat[2 * i] ?? 0,
              bytes: flat[2 * i + 1] ?? 0,
            }));
          }),
        };
      case TYPE.names:
        return { kind: "names", names: this.#names(union) };
      default:
        return { kind: "other" };
    }
  }

  #inProgress(): boolean {
    return Atomics.load(this.#locks, 3) !== 0n;
  }

  #epoch(): bigint {
    return Atomics.load(this.#locks, 2);
  }

  #quiet(): boolean {
    for (let spin = 0; spin < SPINS; spin++) if (!this.#inProgress()) return true;
    return false;
  }

  #open(): void {
    const version = this.#u64(0);
    if (version !== VERSION) throw new SegmentError(`version ${version} of the segment is not known`);
    this.#base = this.#u64(8);
    const directory = this.#vector(this.#u64(32), ENTRY_SIZE, "the directory");
    this.#directory = directory.at;
    this.#entries = directory.length;
  }

  /** The u64 at an offset that is a multiple of 8 and was checked, as a number: exact up to 2^53. */
  #u64(at: number): number {
    scratch[0] = this.#doubles[at >>> 3] ?? 0;
    return (scratchWords[0] ?? 0) + (scratchWords[1] ?? 0) * TWO_32;
  }

  /** Offset and length of the vector behind a pointer. Throws SegmentError unless all of it lies in the segment. */
  #vector(
    pointer: number,
    elementSize: number,
    what: string,
  ): { readonly at: number; readonly length: number } {
    const at = pointer - this.#base;
    if (!(at >= HEADER_SIZE + 8 && at <= this.#buffer.byteLength) || at % (elementSize === 1 ? 4 : 8) !== 0) {
      throw new SegmentError(`the pointer of ${what} leads out of the segment`);
    }
    const length = this.#words[(at - 8) >>> 2] ?? 0;
    if (at + length * elementSize > this.#buffer.byteLength) {
      throw new SegmentError(`${what} of ${length} elements does not fit into the segment`);
    }
    return { at, length };
  }

  #entry(place: number): { readonly type: number; readonly union: number } {
    if (!(place >= 0 && place < this.#entries)) throw new SegmentError(`there is no entry ${place}`);
    const at = this.#directory + place * ENTRY_SIZE;
    return { type: this.#words[at >>> 2] ?? 0, union: at + 8 };
  }

  /** The rows of counters; a null pointer is an empty row. */
  #rows(
    place: number,
    wanted: number,
    columnSize: number,
  ): { readonly at: number; readonly length: number }[] {
    const { type, union } = this.#entry(place);
    if (type !== wanted) throw new SegmentError(`entry ${place} has type ${type} instead of ${wanted}`);
    const pointer = this.#u64(union);
    if (pointer === 0) return [];
    const table = this.#vector(pointer, 8, `entry ${place}`);
    if (table.length > MAX_ROWS) throw new SegmentError(`entry ${place} has ${table.length} rows`);
    const rows: { readonly at: number; readonly length: number }[] = [];
    for (let i = 0; i < table.length; i++) {
      const row = this.#u64(table.at + 8 * i);
      rows.push(
        row === 0 ? { at: 0, length: 0 } : this.#vector(row, columnSize, `row ${i} of entry ${place}`),
      );
    }
    return rows;
  }

  #row({ at, length }: { readonly at: number; readonly length: number }): number[] {
    return Array.from({ length }, (_, i) => this.#u64(at + 8 * i));
  }

  #symlink(union: number): EntryValue {
    const target = this.#words[union >>> 2] ?? 0;
    const column = this.#words[(union + 4) >>> 2] ?? 0;
    const { type } = this.#entry(target);
    if (type === TYPE.simple) {
      return { kind: "symlink", value: this.sumSimple(target, [column])[0] ?? 0, bytes: null };
    }
    if (type === TYPE.combined) {
      const [packets = 0, bytes = 0] = this.sumCombined(target, [column]);
      return { kind: "symlink", value: packets, bytes };
    }
    throw new SegmentError(`a symlink leads to entry ${target} of type ${type}`);
  }

  #names(union: number): (string | null)[] {
    const pointer = this.#u64(union);
    if (pointer === 0) return [];
    const table = this.#vector(pointer, 8, "a table of names");
    const names: (string | null)[] = [];
    let budget = this.#buffer.byteLength;
    for (let i = 0; i < table.length; i++) {
      const name = this.#u64(table.at + 8 * i);
      if (name === 0) {
        names.push(null);
        continue;
      }
      const { at, length } = this.#vector(name, 1, "a name");
      budget -= length;
      if (length > MAX_NAME_OCTETS || budget < 0) throw new SegmentError(`a name of ${length} octets`);
      // The length counts the NUL.
      names.push(decoder.decode(this.#bytes.subarray(at, at + Math.max(0, length - 1))));
    }
    return names;
  }

  #scan(names: readonly string[]): ReadonlyMap<string, number> {
    this.#scans++;
    const wanted = names.map((name) => ({ name, octets: new TextEncoder().encode(`${name}\0`) }));
    // Most entries are told apart by the first four octets of their name.
    const byStart = Map.groupBy(wanted, ({ octets }) => new DataView(octets.buffer).getUint32(0, true));
    const found = new Map<string, number>();
    for (let place = 0; place < this.#entries; place++) {
      const at = this.#directory + place * ENTRY_SIZE;
      const candidates = byStart.get(this.#words[(at + NAME_AT) >>> 2] ?? 0);
      if (candidates === undefined) continue;
      const type = this.#words[at >>> 2] ?? 0;
      if (type === 0 || type === 5) continue;
      for (const { name, octets } of candidates) {
        if (octets.every((octet, i) => this.#bytes[at + NAME_AT + i] === octet)) found.set(name, place);
      }
    }
    return found;
  }
}
