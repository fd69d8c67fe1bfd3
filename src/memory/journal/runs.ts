/**
 * Counted results as runs: results in a row with the same outcome and code are one row. Pure.
 *
 * @module
 */
import type { ProbeCode, UnixMillis } from "../../model.ts";

/** Results in a row with the same outcome, code and rule. */
export interface Run {
  /** Name of the backend. */
  readonly backend: string;
  /** Whether they passed. */
  readonly ok: boolean;
  /** Their code. */
  readonly code: ProbeCode;
  /** When the first one was counted. */
  readonly first: UnixMillis;
  /** When the last one was counted. */
  readonly last: UnixMillis;
  /** How many, at least 1. */
  readonly count: number;
  /** The rule in force, 1…100. */
  readonly rise: number;
  /** The rule in force, 1…100. */
  readonly fall: number;
}

/** One counted result. */
export interface CountedResult {
  /** Whether it passed. */
  readonly ok: boolean;
  /** Its code. */
  readonly code: ProbeCode;
  /** When it was counted. */
  readonly at: UnixMillis;
  /** The rule in force. */
  readonly rise: number;
  /** The rule in force. */
  readonly fall: number;
}

/** An open run longer than this, in ms, is written although it goes on; a kill loses no more than this of it. */
export const openRunLimitMs = 600_000;

/** The open run of each backend. */
export class Runs {
  readonly #open = new Map<string, { run: Run; writtenAt: UnixMillis }>();

  /** Takes a result; answers the runs to be written: the one that it ended, or the open one from time to time. */
  add(backend: string, result: CountedResult): Run | null {
    const { at, code, fall, ok, rise } = result;
    const open = this.#open.get(backend);
    if (
      open !== undefined && open.run.ok === ok && open.run.code === code && open.run.rise === rise &&
      open.run.fall === fall && at >= open.run.last
    ) {
      const run = { ...open.run, last: at, count: open.run.count + 1 };
      const due = at - open.writtenAt >= openRunLimitMs;
      this.#open.set(backend, { run, writtenAt: due ? at : open.writtenAt });
      return due ? run : null;
    }
    const run = { backend, ok, code, first: at, last: at, count: 1, rise, fall };
    this.#open.set(backend, { run, writtenAt: at });
    return open?.run ?? null;
  }

  /** Ends the run of a backend, since what happened next is no result; null: there was none. */
  end(backend: string): Run | null {
    const open = this.#open.get(backend);
    this.#open.delete(backend);
    return open?.run ?? null;
  }

  /** Runs that go on; those of one backend if it is named. */
  open(backend?: string): Run[] {
    if (backend === undefined) return [...this.#open.values()].map(({ run }) => run);
    const open = this.#open.get(backend);
    return open === undefined ? [] : [open.run];
  }
}
