/**
 * VPP's main heap, as far as the lb plugin fills it, and the sticky tables of its threads. Sizes and deaths as
 * measured on VPP 26.10-rc0: settings cost nothing until a thread forwards its first packet.
 *
 * @module
 */

/** What VPP takes before any VIP exists, octets. */
const AT_START = 29 * 2 ** 20;
/** A line of a sticky table, octets. */
const LINE = 64;
/** The plugin computes the size of a table in a u32. */
const WRAPS_AT = 2 ** 32;
/** Entries of a new-flow table, octets each. */
const ENTRY = 4;

/** Octets of a heap. */
export interface HeapUse {
  /** Whole size. */
  readonly total: number;
  /** Handed out. */
  readonly used: number;
}

/** The heap of one VPP. */
export class MainHeap {
  readonly #total: number;
  readonly #changed: (use: HeapUse) => void;
  readonly #death: (text: string) => Error;
  /** Octets of each thread's sticky table, and the setting that it was made for. */
  readonly #sticky = new Map<number, { readonly buckets: number; readonly octets: number }>();
  #used = AT_START;

  /**
   * A heap of `total` octets.
   *
   * @param changed told of every change
   * @param death makes the error that ends VPP
   */
  constructor(total: number, changed: (use: HeapUse) => void, death: (text: string) => Error) {
    this.#total = total;
    this.#changed = changed;
    this.#death = death;
    this.#tell();
  }

  /** A new-flow table is made. Throws VPP's death when it does not fit. */
  makeTable(length: number): void {
    this.#take(ENTRY * length, `a new-flow table of ${length === 2 ** 32 ? "2^32" : length} entries`);
  }

  /** A table is made anew: for a moment both exist. Throws VPP's death when they do not fit. */
  remakeTable(length: number): void {
    this.makeTable(length);
    this.freeTable(length);
  }

  /** A table is given back. */
  freeTable(length: number): void {
    this.#give(ENTRY * length);
  }

  /**
   * A thread forwards a packet to a VIP: it makes its sticky table, anew if the setting changed.
   *
   * @returns whether the flows that the thread knew are gone
   */
  forward(thread: number, buckets: number): boolean {
    const table = this.#sticky.get(thread);
    if (table?.buckets === buckets) return false;
    if (table !== undefined) this.#give(table.octets);
    this.#sticky.delete(thread);
    const octets = LINE * (buckets + 1);
    if (octets >= WRAPS_AT) {
      throw this.#death(`SIGSEGV in lb4_gre4_port_node_fn: the size of ${buckets} buckets wraps in 32 bits`);
    }
    this.#take(octets, `a sticky table of ${buckets} buckets`);
    this.#sticky.set(thread, { buckets, octets });
    return table !== undefined;
  }

  #take(octets: number, what: string): void {
    if (this.#used + octets > this.#total) {
      throw this.#death(`Out-of-memory, calling os_panic(): ${what} does not fit into the main heap`);
    }
    this.#used += octets;
    this.#tell();
  }

  #give(octets: number): void {
    this.#used -= octets;
    this.#tell();
  }

  #tell(): void {
    this.#changed({ total: this.#total, used: this.#used });
  }
}
