/**
 * A stats segment as VPP writes it: header, directory, counters by thread, and the epoch protocol round every
 * change of a pointer. Plain counting changes no epoch.
 *
 * @module
 */
import { Heap, type Vector } from "./heap.ts";

const VERSION = 2n;
const ENTRY = 144;
const NAME = 128;
/** Offsets of the header's fields. */
const HEADER = { version: 0, base: 8, epoch: 16, inProgress: 24, directory: 32, end: 40 } as const;
/** Types of directory entries. */
const TYPE = {
  scalar: 1,
  simple: 2,
  combined: 3,
  names: 4,
  empty: 5,
  symlink: 6,
  histogram: 7,
  ring: 8,
  gauge: 9,
};

/** The plugin's four counters in the order of its text; their names have no leading slash. */
export const VIP_COUNTERS = [
  "packet from existing sessions",
  "first session packet",
  "untracked packet",
  "no server configured",
] as const;

/** Name of one of the plugin's counters. */
export type VipCounter = (typeof VIP_COUNTERS)[number];

/** The two counters of a route: packets to its prefix, and packets sent by it after encapsulation. */
export type RouteCounter = "/net/route/to" | "/net/route/via";

/** A heap that VPP reports on. */
export type MemoryReport = "/mem/stat segment" | "/mem/main heap";

/** How a segment is made. */
export interface SegmentOptions {
  /** Worker threads besides the main one; counters have a row a thread. */
  readonly workers: number;
  /** `/sys/boottime`, unix seconds. */
  readonly bootTime: number;
  /** Entries of other parts of VPP, which a reader must skip over; VPP itself has some 3,000. */
  readonly otherEntries?: number;
  /** Scalars as doubles, as VPP wrote them before 25.10. */
  readonly scalarsAsDoubles?: boolean;
}

interface Counters {
  /** Pointers to the rows. */
  readonly table: Vector;
  /** One a thread. */
  readonly rows: Vector[];
}

/** Writes a segment into memory that readers see. */
export class StatSegment {
  readonly #heap: Heap;
  readonly #threads: number;
  readonly #doubles: boolean;
  readonly #counters = new Map<string, Counters>();
  /** Places in the directory, which may move. */
  readonly #scalars = new Map<string, number>();
  #directory: Vector;
  #entries = 0;
  #held = 0;

  /** Writes the segment of a VPP that just started into `buffer`. Throws RangeError when it does not fit. */
  constructor(buffer: ArrayBuffer, options: SegmentOptions) {
    this.#heap = new Heap(buffer, HEADER.end);
    this.#threads = options.workers + 1;
    this.#doubles = options.scalarsAsDoubles ?? false;
    const view = this.#heap.view;
    view.setBigUint64(HEADER.version, VERSION, true);
    view.setBigUint64(HEADER.base, this.#heap.base, true);
    view.setBigUint64(HEADER.epoch, 1n, true);
    this.#directory = this.#heap.vector(ENTRY, 0);
    this.#heap.setPointer(HEADER.directory, this.#directory);
    this.#scalar("/sys/heartbeat");
    this.#scalar("/sys/last_stats_clear");
    this.#scalar("/sys/boottime");
    this.set("/sys/boottime", options.bootTime);
    this.#report("/mem/stat segment", buffer.byteLength, 0);
    this.#scalar("/sys/vector_rate", TYPE.gauge);
    this.#simple("/sys/vector_rate_per_worker", options.workers + 2);
    this.#scalar("/sys/num_worker_threads", TYPE.gauge);
    this.set("/sys/num_worker_threads", options.workers);
    this.#report("/mem/main heap", 0, 0);
    this.#others(options.otherEntries ?? 0);
    this.#combined("/net/route/to");
    this.#combined("/net/route/via");
  }

  /** A VIP took this index: the plugin's counters exist from now on, and those of the index start at 0. */
  vipAdded(index: number): void {
    for (const name of VIP_COUNTERS) {
      if (!this.#counters.has(name)) this.#simple(name, 0);
      this.#clear(name, index);
    }
  }

  /** A route took this index: its counters start at 0. */
  routeAdded(index: number): void {
    this.#clear("/net/route/to", index);
    this.#clear("/net/route/via", index);
  }

  /** Counts packets of a VIP on a thread (0 = main). Throws RangeError for a column or thread that is not there. */
  countVip(name: VipCounter, index: number, packets: number, thread = 0): void {
    this.#add(this.#cell(name, thread, index), packets);
  }

  /** Counts packets and octets of a route on a thread. Throws RangeError for one that is not there. */
  countRoute(name: RouteCounter, index: number, packets: number, octets: number, thread = 0): void {
    const at = this.#cell(name, thread, index);
    this.#add(at, packets);
    this.#add(at + 8, octets);
  }

  /** Sum over all threads of a VIP's counter; 0 while it does not exist. */
  vipSum(name: VipCounter, index: number): number {
    let sum = 0n;
    for (const row of this.#counters.get(name)?.rows ?? []) {
      if (index < this.#heap.length(row)) sum += this.#heap.view.getBigUint64(row.at + 8 * index, true);
    }
    return Number(sum);
  }

  /** Sum over all threads of a route's counter; 0 for a route that is not there. */
  routeSum(name: RouteCounter, index: number): { readonly packets: number; readonly octets: number } {
    const sum = { packets: 0, octets: 0 };
    for (const row of this.#counters.get(name)?.rows ?? []) {
      if (index >= this.#heap.length(row)) continue;
      sum.packets += Number(this.#heap.view.getBigUint64(row.at + 16 * index, true));
      sum.octets += Number(this.#heap.view.getBigUint64(row.at + 16 * index + 8, true));
    }
    return sum;
  }

  /** Sets a scalar or gauge of the segment, e.g. `/sys/last_stats_clear`. Throws RangeError for an unknown name. */
  set(name: string, value: number): void {
    const at = this.#scalarAt(name);
    if (this.#doubles) this.#heap.view.setFloat64(at, value, true);
    else this.#heap.view.setBigUint64(at, BigInt(value), true);
  }

  /** Sets what VPP reports on a heap, in octets. */
  setMemory(heap: MemoryReport, total: number, used: number): void {
    [total, used, total - used].forEach((value, column) => {
      this.#heap.view.setBigUint64(this.#cell(heap, 0, column), BigInt(value), true);
    });
  }

  /** What VPP reports on a heap, in octets. */
  memory(heap: MemoryReport): { readonly total: number; readonly used: number; readonly free: number } {
    const [total = 0, used = 0, free = 0] = [0, 1, 2].map((column) =>
      Number(this.#heap.view.getBigUint64(this.#cell(heap, 0, column), true))
    );
    return { total, used, free };
  }

  /** Moves `/sys/heartbeat`, which VPP does every 10 s. */
  beat(): void {
    const at = this.#scalarAt("/sys/heartbeat");
    if (this.#doubles) this.#heap.view.setFloat64(at, this.#heap.view.getFloat64(at, true) + 1, true);
    else this.#add(at, 1);
  }

  /** Begins a change of the directory: readers wait until the returned handle is disposed. May be nested. */
  change(): Disposable {
    const view = this.#heap.view;
    if (this.#held++ === 0) view.setBigUint64(HEADER.inProgress, 1n, true);
    return {
      [Symbol.dispose]: () => {
        if (--this.#held > 0) return;
        view.setBigUint64(HEADER.epoch, view.getBigUint64(HEADER.epoch, true) + 1n, true);
        view.setBigUint64(HEADER.inProgress, 0n, true);
      },
    };
  }

  /** Moves every counter of `name` to another place, as VPP does when a vector grows. */
  move(name: VipCounter | RouteCounter): void {
    const counters = this.#counters.get(name);
    if (counters === undefined) throw new RangeError(`Cannot move "${name}": there is no such counter`);
    using _change = this.change();
    counters.rows.forEach((row, thread) => this.#replace(counters, thread, this.#heap.length(row)));
  }

  #scalarAt(name: string): number {
    const place = this.#scalars.get(name);
    if (place === undefined) throw new RangeError(`Cannot set "${name}": there is no such scalar`);
    return this.#directory.at + ENTRY * place + 8;
  }

  /** Appends an entry; returns where its value stands until the next one is appended. */
  #entry(name: string, type: number): number {
    using _change = this.change();
    const heap = this.#heap;
    if (this.#entries === this.#directory.capacity) {
      this.#directory = heap.grown(this.#directory, this.#entries + 1);
      heap.setPointer(HEADER.directory, this.#directory);
    }
    heap.setLength(this.#directory, this.#entries + 1);
    const at = this.#directory.at + ENTRY * this.#entries++;
    heap.view.setUint32(at, type, true);
    // VPP leaves there what it finds there.
    heap.view.setUint32(at + 4, 0xdeadbeef, true);
    const octets = new Uint8Array(heap.view.buffer, at + 16, NAME);
    octets.fill(0xcc);
    octets.set(new TextEncoder().encode(`${name}\0`).subarray(0, NAME));
    return at + 8;
  }

  #scalar(name: string, type: number = TYPE.scalar): void {
    this.#scalars.set(name, this.#entries);
    this.#entry(name, type);
  }

  #simple(name: string, columns: number): void {
    this.#vectors(name, TYPE.simple, 8, columns);
  }

  #combined(name: string): void {
    this.#vectors(name, TYPE.combined, 16, 0);
  }

  #vectors(name: string, type: number, size: number, columns: number): void {
    using _change = this.change();
    const entry = this.#entry(name, type);
    const table = this.#heap.vector(8, this.#threads);
    const rows = Array.from({ length: this.#threads }, () => this.#heap.vector(size, columns));
    rows.forEach((row, thread) => this.#heap.setPointer(table.at + 8 * thread, row));
    this.#heap.setPointer(entry, table);
    this.#counters.set(name, { table, rows });
  }

  /** Makes sure that every thread has the column, and clears it. */
  #clear(name: string, column: number): void {
    const counters = this.#counters.get(name);
    if (counters === undefined) return;
    counters.rows.forEach((row, thread) => {
      const length = Math.max(this.#heap.length(row), column + 1);
      // Within the capacity VPP only raises the length, and no epoch tells a reader so.
      if (length <= row.capacity) {
        this.#heap.setLength(row, length);
      } else {
        using _change = this.change();
        row = this.#replace(counters, thread, length);
      }
      new Uint8Array(this.#heap.view.buffer, row.at + row.size * column, row.size).fill(0);
    });
  }

  #replace(counters: Counters, thread: number, length: number): Vector {
    const row = counters.rows[thread];
    if (row === undefined) throw new RangeError(`Cannot move the counters of thread ${thread}`);
    const moved = this.#heap.grown(row, length);
    counters.rows[thread] = moved;
    this.#heap.setPointer(counters.table.at + 8 * thread, moved);
    return moved;
  }

  #cell(name: string, thread: number, column: number): number {
    const row = this.#counters.get(name)?.rows[thread];
    if (row === undefined || column >= this.#heap.length(row)) {
      throw new RangeError(`Cannot count "${name}" of column ${column} on thread ${thread}: it is not there`);
    }
    return row.at + row.size * column;
  }

  #add(at: number, amount: number): void {
    const view = this.#heap.view;
    view.setBigUint64(at, view.getBigUint64(at, true) + BigInt(amount), true);
  }

  /** VPP's report on a heap: a simple counter and symlinks to its columns. */
  #report(heap: MemoryReport, total: number, used: number): void {
    const slot = this.#entries;
    this.#simple(heap, 3);
    this.setMemory(heap, total, used);
    ["total", "used", "free"].forEach((name, column) => {
      const at = this.#entry(`${heap}/${name}`, TYPE.symlink);
      this.#heap.view.setUint32(at, slot, true);
      this.#heap.view.setUint32(at + 4, column, true);
    });
  }

  /** Entries of the kinds that VPP has besides, one of each and then symlinks into an error counter. */
  #others(count: number): void {
    const heap = this.#heap;
    const names = heap.vector(8, 3);
    const text = new TextEncoder().encode("local0\0");
    const string = heap.vector(1, text.length);
    new Uint8Array(heap.view.buffer).set(text, string.at);
    heap.setPointer(names.at, string);
    heap.setPointer(this.#entry("/if/names", TYPE.names), names);
    heap.view.setBigUint64(this.#entry("", TYPE.empty), 0xffffffffn, true);
    heap.setPointer(this.#entry("/sys/latency", TYPE.histogram), names);
    heap.setPointer(this.#entry("/sys/ring", TYPE.ring), names);
    if (count === 0) return;
    const slot = this.#entries;
    this.#simple("/node/errors", count);
    for (let column = 0; column < count; column++) {
      const at = this.#entry(`/err/simulated-node-${column >> 5}/error ${column & 31}`, TYPE.symlink);
      heap.view.setUint32(at, slot, true);
      heap.view.setUint32(at + 4, column, true);
    }
  }
}
