import type { Millis, ProbeCode, ProbeResult, UnixMillis, VoidCause } from "../model.ts";

/** What stands for a phase that was not reached, and for no due time. */
const NONE = -1;
// Places in the array.
const SCHEDULED = 0;
const STARTED = 1;
const CONNECT = 2;
const TLS = 3;
const FIRST_BYTE = 4;
const TOTAL = 5;
const LAG = 6;
const NEXT_DUE = 7;

/**
 * The last result of a backend, and when the next one is due. It is written over by the next one, and its numbers lie
 * in an array: objects and numbers of thousands of results a second, of which each lives until the next one of its
 * backend, are what the garbage collector copes with worst.
 */
export class LastProbe {
  /** Eight of them are still part of the array's own object. */
  readonly #numbers = new Float64Array(8).fill(NONE);
  #layer: ProbeResult["layer"] = "L4";
  #code: ProbeCode | null = null;
  #ok = false;
  #detail = "";
  #void: VoidCause | null = null;

  /** Keeps a copy. */
  keep(result: ProbeResult): void {
    this.#ok = result.ok;
    this.#layer = result.layer;
    this.#code = result.code;
    // The same text is most often another string, and the older one is better known to the garbage collector.
    if (this.#detail !== result.detail) this.#detail = result.detail;
    this.#void = result.void;
    const numbers = this.#numbers;
    numbers[SCHEDULED] = result.scheduledAt;
    numbers[STARTED] = result.startedAt;
    numbers[CONNECT] = result.connectMs ?? NONE;
    numbers[TLS] = result.tlsMs ?? NONE;
    numbers[FIRST_BYTE] = result.firstByteMs ?? NONE;
    numbers[TOTAL] = result.totalMs;
    numbers[LAG] = result.lagMs;
  }

  /** Forgets the result. */
  forget(): void {
    this.#code = null;
  }

  /** A copy of what is kept; null for nothing. */
  get result(): ProbeResult | null {
    if (this.#code === null) return null;
    return {
      ok: this.#ok,
      layer: this.#layer,
      code: this.#code,
      detail: this.#detail,
      scheduledAt: this.#number(SCHEDULED),
      startedAt: this.#number(STARTED),
      connectMs: this.#phase(CONNECT),
      tlsMs: this.#phase(TLS),
      firstByteMs: this.#phase(FIRST_BYTE),
      totalMs: this.#number(TOTAL),
      lagMs: this.#number(LAG),
      void: this.#void,
    };
  }

  /** When the next probe is due; null while none is. */
  get nextDueAt(): UnixMillis | null {
    return this.#phase(NEXT_DUE);
  }

  /** Notes when the next probe is due. */
  set nextDueAt(at: UnixMillis | null) {
    this.#numbers[NEXT_DUE] = at ?? NONE;
  }

  #number(place: number): number {
    return this.#numbers[place] ?? 0;
  }

  #phase(place: number): Millis | null {
    const ms = this.#number(place);
    return ms === NONE ? null : ms;
  }
}
