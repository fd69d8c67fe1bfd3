/**
 * How long the probes of one backend took: its last 60 counted ones, and each minute of the last hour. Small, since
 * there is one for each of thousands of backends: typed arrays of a fixed size, and no object a result.
 *
 * @module
 */
import { type Millis, PROBE_CODES, type ProbeCode, type UnixMillis } from "../model.ts";

/** Probes that are kept. */
export const recentLimit = 60;
/** Minutes that are kept. */
export const minuteLimit = 60;
/** Characters of a sparkline. */
export const sparkLength = 60;

/** Times are kept in steps of 10 ms since this moment, so that 32 bits last for 497 days of one process. */
const stepMs = 10;
/** A minute's quantiles are kept as steps of 8 % from 10 µs on, so to 4 %: 255 of them reach 3,300 s. */
const quantileBase = 1.08;
const quantileLeastMs = 0.01;

/** One kept probe. */
export interface RecentProbe {
  /** When it was counted, to 10 ms. */
  readonly at: UnixMillis;
  /** How long it took. */
  readonly totalMs: Millis;
  /** Whether it passed. */
  readonly ok: boolean;
  /** Its code. */
  readonly code: ProbeCode;
}

/** Quantiles of probes, in ms. */
export interface Quantiles {
  /** Half were as fast as this. */
  readonly p50: Millis;
  /** 95 % were as fast as this. */
  readonly p95: Millis;
  /** 99 % were as fast as this. */
  readonly p99: Millis;
}

/** One minute. */
export interface MinuteRow extends Quantiles {
  /** Its begin. */
  readonly at: UnixMillis;
  /** Counted probes, at most 255. */
  readonly count: number;
  /** Those of them that failed, at most 255. */
  readonly failed: number;
}

/** The value below which the share `q` of sorted values is, by the nearest rank; 0 for none. */
export function quantile(sorted: readonly number[] | Float32Array, q: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? 0;
}

function quantiles(sorted: Float32Array): Quantiles {
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), p99: quantile(sorted, 0.99) };
}

function pack(ms: Millis): number {
  const step = Math.round(Math.log(Math.max(ms, quantileLeastMs) / quantileLeastMs) / Math.log(quantileBase));
  return Math.min(255, Math.max(0, step));
}

function unpack(step: number): Millis {
  return quantileLeastMs * quantileBase ** step;
}

/** One digit for a duration: half a decade each, from below 0.3 ms (0) to 3 s and more (9). */
export function sparkDigit(ms: Millis): number {
  return Math.min(9, Math.max(0, Math.floor(2 * Math.log10(Math.max(ms, 1e-6) / 0.1))));
}

/** Where durations are sorted. */
const scratch = new Float32Array(recentLimit);

/** Octets of a minute: number of the minute (32 bits), count, failed, p50, p95, p99. */
const minuteOctets = 9;

/**
 * Hands out equal parts of shared arrays, one after another. An array with its buffer costs some 300 octets besides
 * what it holds, and thousands of backends have a few each. An array lives as long as one of its parts is used.
 */
export class SharedArrays<T> {
  readonly #parts: number;
  readonly #make: () => T;
  #current: T | null = null;
  #given = 0;

  /** `make` makes what `parts` users share. Few parts: one that is used keeps the memory of all. */
  constructor(parts: number, make: () => T) {
    this.#parts = parts;
    this.#make = make;
  }

  /** A part that nobody had before, by its number from 0 on. */
  next(): { readonly arrays: T; readonly part: number } {
    if (this.#current === null || this.#given === this.#parts) {
      this.#current = this.#make();
      this.#given = 0;
    }
    return { arrays: this.#current, part: this.#given++ };
  }
}

/** What the windows of some backends keep; a window has 60 places of each array. */
class Windows {
  readonly at: Uint32Array;
  readonly total: Float32Array;
  /** Number of the code, plus 128 for a pass. */
  readonly code: Uint8Array;
  readonly minutes: DataView;

  constructor(count: number) {
    const places = count * recentLimit;
    const octets = new ArrayBuffer(places * 9 + count * minuteLimit * minuteOctets);
    this.at = new Uint32Array(octets, 0, places);
    this.total = new Float32Array(octets, places * 4, places);
    this.code = new Uint8Array(octets, places * 8, places);
    this.minutes = new DataView(octets, places * 9);
  }
}

const windowsTogether = 16;
const windows = new SharedArrays(windowsTogether, () => new Windows(windowsTogether));

/** The latency of one backend. */
export class LatencyWindow {
  readonly #base: UnixMillis;
  readonly #arrays: Windows;
  /** Its first place in the arrays of probes. */
  readonly #first: number;
  /** Its first octet in that of minutes. */
  readonly #firstMinute: number;
  #next = 0;
  #count = 0;
  /** The minute that is not complete yet; its probes are the newest of the ring. */
  #minute = -1;
  #minuteCount = 0;
  #minuteFailed = 0;

  /** `base` is a time not after any result's, e.g. the start of the process. */
  constructor(base: UnixMillis) {
    const { arrays, part } = windows.next();
    this.#base = base;
    this.#arrays = arrays;
    this.#first = part * recentLimit;
    this.#firstMinute = part * minuteLimit * minuteOctets;
  }

  /** Takes a counted result. A clock that went back puts it at the time of the one before. */
  add(at: UnixMillis, totalMs: Millis, ok: boolean, code: ProbeCode): void {
    const minute = Math.floor(at / 60_000);
    if (minute > this.#minute) this.#endMinute(minute);
    const step = Math.max(0, Math.round((at - this.#base) / stepMs));
    const place = this.#first + this.#next;
    this.#arrays.at[place] = step;
    this.#arrays.total[place] = totalMs;
    this.#arrays.code[place] = Math.max(0, PROBE_CODES.indexOf(code)) | (ok ? 128 : 0);
    this.#next = (this.#next + 1) % recentLimit;
    this.#count = Math.min(recentLimit, this.#count + 1);
    this.#minuteCount++;
    if (!ok) this.#minuteFailed++;
  }

  /** Quantiles of the last 60 results; null: there is none. */
  quantiles(): Quantiles | null {
    return this.#count === 0 ? null : quantiles(this.#newest(this.#count));
  }

  /** 60 characters, the newest last: a digit, `x` failed, `-` none. */
  spark(): string {
    let text = "-".repeat(sparkLength - this.#count);
    for (let i = 0; i < this.#count; i++) {
      const place = this.#place(i);
      text += (this.#arrays.code[place] ?? 0) >= 128 ? sparkDigit(this.#arrays.total[place] ?? 0) : "x";
    }
    return text;
  }

  /** The last 60 results, newest last. */
  recent(): RecentProbe[] {
    return Array.from({ length: this.#count }, (_, i) => {
      const place = this.#place(i);
      const code = this.#arrays.code[place] ?? 0;
      return {
        at: this.#base + (this.#arrays.at[place] ?? 0) * stepMs,
        totalMs: this.#arrays.total[place] ?? 0,
        ok: code >= 128,
        code: PROBE_CODES[code & 127] ?? "L7RSP",
      };
    });
  }

  /** Complete minutes of the last hour, oldest first; those without a result are left out. */
  minutes(now: UnixMillis): MinuteRow[] {
    const oldest = Math.floor(now / 60_000) - minuteLimit;
    const rows: MinuteRow[] = [];
    for (let i = 0; i < minuteLimit; i++) {
      const offset = this.#firstMinute + i * minuteOctets;
      const minute = this.#arrays.minutes.getUint32(offset);
      if (minute === 0 || minute < oldest) continue;
      rows.push({
        at: minute * 60_000,
        count: this.#arrays.minutes.getUint8(offset + 4),
        failed: this.#arrays.minutes.getUint8(offset + 5),
        p50: unpack(this.#arrays.minutes.getUint8(offset + 6)),
        p95: unpack(this.#arrays.minutes.getUint8(offset + 7)),
        p99: unpack(this.#arrays.minutes.getUint8(offset + 8)),
      });
    }
    return rows.sort((a, b) => a.at - b.at);
  }

  #endMinute(next: number): void {
    if (this.#minuteCount > 0) {
      const offset = this.#firstMinute + this.#minute % minuteLimit * minuteOctets;
      const { p50, p95, p99 } = quantiles(this.#newest(Math.min(this.#minuteCount, this.#count)));
      this.#arrays.minutes.setUint32(offset, this.#minute);
      this.#arrays.minutes.setUint8(offset + 4, Math.min(255, this.#minuteCount));
      this.#arrays.minutes.setUint8(offset + 5, Math.min(255, this.#minuteFailed));
      this.#arrays.minutes.setUint8(offset + 6, pack(p50));
      this.#arrays.minutes.setUint8(offset + 7, pack(p95));
      this.#arrays.minutes.setUint8(offset + 8, pack(p99));
    }
    this.#minute = next;
    this.#minuteCount = 0;
    this.#minuteFailed = 0;
  }

  /** Durations of the newest results, sorted; valid until the next call of any window. */
  #newest(count: number): Float32Array {
    const values = scratch.subarray(0, count);
    for (let i = 0; i < count; i++) values[i] = this.#arrays.total[this.#place(this.#count - count + i)] ?? 0;
    return values.sort();
  }

  /** Place of the i-th oldest in the arrays. */
  #place(i: number): number {
    return this.#first + (this.#next - this.#count + i + 2 * recentLimit) % recentLimit;
  }
}
