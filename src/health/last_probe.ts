import type { Millis, ProbeCode, ProbeResult, UnixMillis, VoidCause } from "../model.ts";

/**
 * The last result of a backend. It is written over by the next one: an object for each of thousands of results a
 * second, of which each lives until the next one of its backend, is what the garbage collector copes with worst.
 */
export class LastProbe {
  #ok = false;
  #layer: ProbeResult["layer"] = "L4";
  #code: ProbeCode = "L4CON";
  #detail = "";
  #scheduledAt: UnixMillis = 0;
  #startedAt: UnixMillis = 0;
  #connectMs: Millis | null = null;
  #tlsMs: Millis | null = null;
  #firstByteMs: Millis | null = null;
  #totalMs: Millis = 0;
  #lagMs: Millis = 0;
  #void: VoidCause | null = null;

  /** Keeps a copy. */
  keep(result: ProbeResult): void {
    this.#ok = result.ok;
    this.#layer = result.layer;
    this.#code = result.code;
    this.#detail = result.detail;
    this.#scheduledAt = result.scheduledAt;
    this.#startedAt = result.startedAt;
    this.#connectMs = result.connectMs;
    this.#tlsMs = result.tlsMs;
    this.#firstByteMs = result.firstByteMs;
    this.#totalMs = result.totalMs;
    this.#lagMs = result.lagMs;
    this.#void = result.void;
  }

  /** A copy of what is kept. */
  get result(): ProbeResult {
    return {
      ok: this.#ok,
      layer: this.#layer,
      code: this.#code,
      detail: this.#detail,
      scheduledAt: this.#scheduledAt,
      startedAt: this.#startedAt,
      connectMs: this.#connectMs,
      tlsMs: this.#tlsMs,
      firstByteMs: this.#firstByteMs,
      totalMs: this.#totalMs,
      lagMs: this.#lagMs,
      void: this.#void,
    };
  }
}
