/**
 * Writes finished probes to the log: each at debug, void ones at a bounded rate, since a host that has run out of
 * something makes every probe void at once.
 *
 * @module
 */
import type { Log } from "../log.ts";
import type { Millis } from "../model.ts";
import type { ProbeReport } from "../probes/prober.ts";

/** Least time between two `probe-void` lines, in ms. */
export const VOID_LINE_EVERY_MS: Millis = 1_000;

/** Log of finished probes. */
export class ReportLog {
  readonly #log: Log;
  #lastVoidLine: Millis = -Infinity;
  #suppressed = 0;

  /** Writes to this log. */
  constructor(log: Log) {
    this.#log = log;
  }

  /** Writes one finished probe; `now` is monotonic. */
  write(report: ProbeReport, now: Millis): void {
    const { backend, result } = report;
    this.#log.debug("probe-done", () => ({
      backend,
      ok: result.ok,
      code: result.code,
      detail: result.detail,
      total_ms: result.totalMs,
      lag_ms: result.lagMs,
      void: result.void,
    }));
    if (result.void === null) return;
    if (now - this.#lastVoidLine < VOID_LINE_EVERY_MS) {
      this.#suppressed++;
      return;
    }
    this.#log.warn("probe-void", {
      backend,
      cause: result.void,
      code: result.code,
      detail: result.detail,
      suppressed: this.#suppressed,
    });
    this.#lastVoidLine = now;
    this.#suppressed = 0;
  }
}
