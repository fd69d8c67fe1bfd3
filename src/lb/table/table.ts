/**
 * The new-flow table of VPP's lb plugin, exactly: which application server a bucket belongs to.
 *
 * Every server with weight w > 0 makes w replicas. Replicas are ordered by (number, address); each has a
 * pseudo-random walk over all buckets, and they take turns in claiming the next free bucket of their walk
 * until none is left. So the number of buckets of a server follows from the order alone (`bucketCounts`),
 * and which buckets they are follows from the walks (`newFlowTable`).
 *
 * @module
 */
import type { IpAddress } from "../../model.ts";
import { octets16 } from "../../net/ip.ts";

/** An application server as the table sees it. */
export interface TableServer {
  /** Its address; identity and seed of its walks at once. */
  readonly address: IpAddress;
  /** 0...255: VPP's type; the product itself uses 0...100. */
  readonly weight: number;
}

/** What determines a table. No two servers may share an address. */
export interface TableSpec {
  /** Number of buckets, a power of two. */
  readonly length: number;
  /** In any order. */
  readonly servers: readonly TableServer[];
}

/** A computed table. */
export interface FlowTable extends TableSpec {
  /** For each bucket the index into `servers`, -1 for none (new flows are dropped). */
  readonly buckets: Int32Array<ArrayBuffer>;
}

/** Bucket without a server. */
export const NO_SERVER: number = -1;

/** Longest table of which anything is told; VPP's lengths have 32 bits. */
const MAX_LENGTH = 2 ** 31;

/** Longest table that is computed: the longest that the configuration takes. A VIP of others may have a longer one. */
export const LONGEST_COMPUTED = 2 ** 16;

function checkSpec({ length, servers }: TableSpec): void {
  if (!Number.isInteger(length) || length < 1 || length > MAX_LENGTH || (length & (length - 1)) !== 0) {
    throw new RangeError(`Cannot make a new-flow table of ${length} buckets: not a power of two up to 2^31`);
  }
  for (const { address, weight } of servers) {
    if (!Number.isInteger(weight) || weight < 0 || weight > 255) {
      throw new RangeError(`Cannot use weight ${weight} of ${address}: not an integer 0\u2026255`);
    }
  }
}

/** Order in which the servers' replicas of one number stand: numeric over 16 octets, IPv4 in the last four. */
function addressOrder(octets: readonly Uint8Array[]): number[] {
  return octets.map((_, index) => index).sort((a, b) => {
    const left = octets[a];
    const right = octets[b];
    if (left === undefined || right === undefined) return 0;
    for (let i = 0; i < 16; i++) {
      const difference = (left[i] ?? 0) - (right[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

/**
 * Buckets per server, for weights given in the numeric order of the servers' addresses (16 octets, IPv4 in the
 * last four). With N the sum of weights every replica gets floor(length / N) buckets and the first length mod N
 * replicas one more. All zero when no weight is.
 *
 * @param length Number of buckets, a power of two.
 * @param weights 0...255 each.
 */
export function bucketCountsInOrder(length: number, weights: ArrayLike<number>): Uint32Array<ArrayBuffer> {
  const counts = new Uint32Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] ?? 0;
  if (sum === 0) return counts;
  const each = Math.floor(length / sum);
  let extra = length % sum;
  for (let i = 0; i < weights.length; i++) counts[i] = (weights[i] ?? 0) * each;
  for (let replica = 0; extra > 0; replica++) {
    for (let i = 0; i < weights.length && extra > 0; i++) {
      if ((weights[i] ?? 0) <= replica) continue;
      counts[i] = (counts[i] ?? 0) + 1;
      extra--;
    }
  }
  return counts;
}

/**
 * Buckets per server in the order of `servers`, without computing the table.
 *
 * @throws {RangeError} For a length that is no power of two or a weight outside 0...255.
 */
export function bucketCounts(length: number, servers: readonly TableServer[]): Uint32Array<ArrayBuffer> {
  checkSpec({ length, servers });
  const order = addressOrder(servers.map(({ address }) => octets16(address)));
  const inOrder = bucketCountsInOrder(length, order.map((index) => servers[index]?.weight ?? 0));
  const counts = new Uint32Array(servers.length);
  order.forEach((index, place) => counts[index] = inOrder[place] ?? 0);
  return counts;
}

// The 64-bit hash that seeds a replica is computed in 32-bit halves: a BigInt for each step would make a table of 50,000
// replicas some twenty times slower.

/** Where the two halves of a hash are written; one object for a whole table, so that nothing is allocated per replica. */
export interface Halves {
  /** Bits 32...63, unsigned. */
  high: number;
  /** Bits 0...31, unsigned. */
  low: number;
}

// The four multipliers and addends of xxHash64 as halves; the start value is VPP's own constant + P5 + 8.
const P1_HIGH = 0x9e3779b1;
const P1_LOW = 0x85ebca87;
const P2_HIGH = 0xc2b2ae3d;
const P2_LOW = 0x27d4eb4f;
const P3_HIGH = 0x165667b1;
const P3_LOW = 0x9e3779f9;
const P4_HIGH = 0x85ebca77;
const P4_LOW = 0xc2b2ae63;
const START_HIGH = 0xc60c64e8;
const START_LOW = 0x95a0e3e0;

/** Bits 32...63 of the product of two unsigned 32-bit numbers. No term leaves the 53 bits that a double has exactly. */
function productHigh(a: number, b: number): number {
  const low = (a & 0xffff) * b;
  const high = (a >>> 16) * b;
  return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000);
}

/** High half of the 64-bit product, modulo 2^64; the low half is `Math.imul(aLow, bLow)`. */
function multiplyHigh(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return (productHigh(aLow, bLow) + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) >>> 0;
}

/**
 * xxHash64 of one 64-bit word with VPP's start value, into `out`.
 *
 * @param high Bits 32...63 of the word, unsigned.
 * @param low Bits 0...31 of the word, unsigned.
 */
export function hashWord(high: number, low: number, out: Halves): void {
  // k = rotl(word · P2, 31) · P1
  let h = multiplyHigh(high, low, P2_HIGH, P2_LOW);
  let l = Math.imul(low, P2_LOW) >>> 0;
  let th = ((h << 31) | (l >>> 1)) >>> 0;
  let tl = ((l << 31) | (h >>> 1)) >>> 0;
  h = multiplyHigh(th, tl, P1_HIGH, P1_LOW);
  l = Math.imul(tl, P1_LOW) >>> 0;
  // rotl(start XOR k, 27) · P1 + P4
  h = (h ^ START_HIGH) >>> 0;
  l = (l ^ START_LOW) >>> 0;
  th = ((h << 27) | (l >>> 5)) >>> 0;
  tl = ((l << 27) | (h >>> 5)) >>> 0;
  h = multiplyHigh(th, tl, P1_HIGH, P1_LOW);
  const sum = (Math.imul(tl, P1_LOW) >>> 0) + P4_LOW;
  h = (h + P4_HIGH + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  l = sum >>> 0;
  // The finaliser; a shift by 33 or 29 crosses the halves.
  l = (l ^ (h >>> 1)) >>> 0;
  th = multiplyHigh(h, l, P2_HIGH, P2_LOW);
  tl = Math.imul(l, P2_LOW) >>> 0;
  l = (tl ^ ((tl >>> 29) | (th << 3))) >>> 0;
  h = (th ^ (th >>> 29)) >>> 0;
  th = multiplyHigh(h, l, P3_HIGH, P3_LOW);
  tl = Math.imul(l, P3_LOW) >>> 0;
  out.high = th;
  out.low = (tl ^ th) >>> 0;
}

/**
 * Computes a table piece by piece, so that a caller can give the thread back between the pieces:
 *
 * ```ts
 * const builder = new FlowTableBuilder(spec);
 * while (!builder.step(FlowTableBuilder.SLICE)) await turn();
 * use(builder.table);
 * ```
 */
export class FlowTableBuilder {
  /** Work that takes far less than 5 ms: about 0.6 ms on a 2 GHz server core. */
  static readonly SLICE = 1 << 16;

  readonly #spec: TableSpec;
  readonly #buckets: Int32Array<ArrayBuffer>;
  readonly #mask: number;
  /** Per replica in turn order: its server, the bucket it tries next, and its stride. */
  readonly #owner: Int32Array<ArrayBuffer>;
  readonly #position: Uint32Array<ArrayBuffer>;
  readonly #skip: Uint32Array<ArrayBuffer>;
  readonly #replica: Uint8Array<ArrayBuffer>;
  readonly #keyHigh: Uint32Array<ArrayBuffer>;
  readonly #keyLow: Uint32Array<ArrayBuffer>;
  #seeded = 0;
  #turn = 0;
  #free: number;

  /**
   * Prepares the table of `spec`.
   *
   * @throws {RangeError} For a length that is no power of two or above `LONGEST_COMPUTED`, or a weight outside 0...255.
   */
  constructor(spec: TableSpec) {
    checkSpec(spec);
    if (spec.length > LONGEST_COMPUTED) throw new RangeError(`Cannot compute ${spec.length} buckets`);
    const { length, servers } = spec;
    this.#spec = spec;
    this.#mask = length - 1;
    this.#buckets = new Int32Array(length).fill(NO_SERVER);
    const octets = servers.map(({ address }) => octets16(address));
    this.#keyHigh = new Uint32Array(servers.length);
    this.#keyLow = new Uint32Array(servers.length);
    octets.forEach((list, index) => {
      // Both 8-octet halves read little-endian and combined; the replica's number is mixed in later.
      const view = new DataView(list.buffer);
      this.#keyLow[index] = view.getUint32(0, true) ^ view.getUint32(8, true);
      this.#keyHigh[index] = view.getUint32(4, true) ^ view.getUint32(12, true);
    });
    const order = addressOrder(octets);
    let sum = 0;
    let most = 0;
    for (const { weight } of servers) {
      sum += weight;
      most = Math.max(most, weight);
    }
    // Replicas beyond the table's length never get a turn.
    const turns = Math.min(sum, length);
    this.#owner = new Int32Array(turns);
    this.#replica = new Uint8Array(turns);
    this.#position = new Uint32Array(turns);
    this.#skip = new Uint32Array(turns);
    let at = 0;
    for (let replica = 0; replica < most && at < turns; replica++) {
      for (const index of order) {
        if ((servers[index]?.weight ?? 0) <= replica || at === turns) continue;
        this.#owner[at] = index;
        this.#replica[at] = replica;
        at++;
      }
    }
    this.#free = sum === 0 ? 0 : length;
  }

  /** The finished table; throws while `step` has not said true. */
  get table(): FlowTable {
    if (this.#free > 0) throw new Error("Cannot read a new-flow table that is not finished");
    return { length: this.#spec.length, servers: this.#spec.servers, buckets: this.#buckets };
  }

  /**
   * Goes on with the table.
   *
   * @param work Buckets to look at, about 3 ns each; at most one walk round the table more than that is done.
   * @returns True when the table is finished.
   */
  step(work: number): boolean {
    return this.#fill(this.#seed(work));
  }

  #seed(work: number): number {
    const owner = this.#owner;
    const half: Halves = { high: 0, low: 0 };
    let left = work;
    // One seed costs about as much as looking at 16 buckets.
    for (; this.#seeded < owner.length && left > 0; this.#seeded++, left -= 16) {
      const server = owner[this.#seeded] ?? 0;
      const low = ((this.#keyLow[server] ?? 0) ^ (this.#replica[this.#seeded] ?? 0)) >>> 0;
      hashWord(this.#keyHigh[server] ?? 0, low, half);
      this.#position[this.#seeded] = half.high & this.#mask;
      this.#skip[this.#seeded] = (half.low | 1) & this.#mask;
    }
    return left;
  }

  #fill(work: number): boolean {
    if (this.#free === 0) return true;
    const buckets = this.#buckets;
    const owner = this.#owner;
    const position = this.#position;
    const skip = this.#skip;
    const mask = this.#mask;
    const turns = owner.length;
    let turn = this.#turn;
    let free = this.#free;
    let left = work;
    while (free > 0 && left > 0) {
      let at = position[turn] ?? 0;
      const stride = skip[turn] ?? 0;
      // An odd stride meets every bucket of a power of two, and one is free, so the walk ends.
      while (buckets[at] !== NO_SERVER) {
        at = (at + stride) & mask;
        left--;
      }
      buckets[at] = owner[turn] ?? NO_SERVER;
      position[turn] = (at + stride) & mask;
      left--;
      free--;
      turn++;
      if (turn === turns) turn = 0;
    }
    this.#turn = turn;
    this.#free = free;
    return free === 0;
  }
}

/**
 * Computes a table in one go (1 to 10 ms at 65,536 buckets); `FlowTableBuilder` does it in pieces.
 *
 * @throws {RangeError} For a length that is no power of two or a weight outside 0...255.
 */
export function newFlowTable(length: number, servers: readonly TableServer[]): FlowTable {
  const builder = new FlowTableBuilder({ length, servers });
  while (!builder.step(Number.MAX_SAFE_INTEGER));
  return builder.table;
}

/**
 * The server that a new flow with this hash gets, or null when the table is empty.
 *
 * @param hash Result of `flowHash`.
 */
export function serverOf(table: FlowTable, hash: number): TableServer | null {
  return table.servers[table.buckets[(hash & (table.length - 1)) >>> 0] ?? NO_SERVER] ?? null;
}

/**
 * How many buckets are taken away from the server that they had: those are the new flows that change servers.
 * A bucket that had no server does not count. When the lengths differ, both are seen at the greater length,
 * because a flow picks its bucket by the low bits of its hash.
 */
export function movedBuckets(before: FlowTable, after: FlowTable): number {
  const places = new Map(after.servers.map(({ address }, index) => [address, index]));
  const successor = Int32Array.from(before.servers, ({ address }) => places.get(address) ?? -2);
  const length = Math.max(before.length, after.length);
  let moved = 0;
  for (let bucket = 0; bucket < length; bucket++) {
    const had = before.buckets[bucket & (before.length - 1)] ?? NO_SERVER;
    if (had !== NO_SERVER && successor[had] !== after.buckets[bucket & (after.length - 1)]) moved++;
  }
  return moved;
}

/**
 * The fewest buckets that any table could take away from their servers for the same change of shares, at the
 * greater of both lengths: what `movedBuckets` is to be compared with.
 *
 * @throws {RangeError} For a length that is no power of two or a weight outside 0...255.
 */
export function leastMoved(before: TableSpec, after: TableSpec): number {
  const length = Math.max(before.length, after.length);
  const had = bucketCounts(before.length, before.servers);
  const has = bucketCounts(after.length, after.servers);
  const places = new Map(after.servers.map(({ address }, index) => [address, index]));
  let least = 0;
  before.servers.forEach(({ address }, index) => {
    const place = places.get(address);
    const stays = place === undefined ? 0 : (has[place] ?? 0) * (length / after.length);
    least += Math.max(0, (had[index] ?? 0) * (length / before.length) - stays);
  });
  return least;
}

/**
 * For each server whether its whole weight counts. It does not when the sum of weights exceeds the length and
 * some of its replicas get no bucket: lowering the weight a little would then change nothing.
 *
 * @throws {RangeError} For a length that is no power of two or a weight outside 0...255.
 */
export function weightsHaveEffect({ length, servers }: TableSpec): boolean[] {
  const counts = bucketCounts(length, servers);
  return servers.map(({ weight }, index) => (counts[index] ?? 0) >= weight);
}
