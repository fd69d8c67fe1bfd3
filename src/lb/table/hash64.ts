/**
 * The 64-bit hash that seeds a replica of an application server in VPP's new-flow table, in 32-bit halves:
 * a BigInt per step would make a table of 50,000 replicas some twenty times slower.
 *
 * @module
 */

/** Where the two halves of a hash are written; one object for a whole table, so that nothing is allocated per replica. */
export interface Halves {
  /** Bits 32…63, unsigned. */
  high: number;
  /** Bits 0…31, unsigned. */
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

/** Bits 32…63 of the product of two unsigned 32-bit numbers; no term leaves the 53 bits that a double holds exactly. */
function productHigh(a: number, b: number): number {
  const low = (a & 0xffff) * b;
  const high = (a >>> 16) * b;
  return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000);
}

/** High half of the 64-bit product, modulo 2⁶⁴; the low half is `Math.imul(aLow, bLow)`. */
function multiplyHigh(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return (productHigh(aLow, bLow) + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) >>> 0;
}

/**
 * xxHash64 of one 64-bit word with VPP's start value, into `out`.
 *
 * @param high Bits 32…63 of the word, unsigned.
 * @param low Bits 0…31 of the word, unsigned.
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
