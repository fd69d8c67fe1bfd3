/**
 * Counted results as runs: results in a row with the same outcome and code are one row. Pure.
 *
 * A run has the health that its first result met. So a replay knows where something else than a result changed the
 * health, and goes on from there.
 *
 * @module
 */
import type { ProbeCode, State, UnixMillis } from "../../model.ts";

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
  /** The rule in force, 1...100. */
  readonly rise: number;
  /** The rule in force, 1...100. */
  readonly fall: number;
  /** State before the first one. */
  readonly state: State;
  /** Counter before the first one, 0...rise+fall-1. */
  readonly counter: number;
}

/** What a run keeps of the health of a backend. */
export interface RunHealth {
  /** The state. */
  readonly state: State;
  /** How many results in a row count towards another state. */
  readonly counter: number;
  /** How many results in a row change the state; null: it is not checked. */
  readonly rule: { readonly rise: number; readonly fall: number } | null;
}

/** An open run longer than this, in ms, is written although it goes on; a kill loses no more than this of it. */
export const openRunLimitMs = 600_000;

/** The key of a run in the file is its begin in microseconds. */
const microMs = 0.001;

/** A run that goes on; altered in place, since there are thousands of results a second. */
interface OpenRun extends Record<"first" | "last" | "count" | "rise" | "fall" | "counter", number> {
  ok: boolean;
  code: ProbeCode;
  state: State;
  /** After the last result. */
  health: RunHealth;
  writtenAt: UnixMillis;
}

function rowOf(backend: string, { code, count, counter, fall, first, last, ok, rise, state }: OpenRun): Run {
  return { backend, ok, code, first, last, count, rise, fall, state, counter };
}

/** The open run of each backend. */
export class Runs {
  readonly #open = new Map<string, OpenRun>();

  /**
   * Takes a result; answers the run to be written: the one that it ended, or the open one from time to time.
   *
   * @param before health that the result met
   * @param after health that it left; the same object if it changed nothing
   */
  add(
    backend: string,
    ok: boolean,
    code: ProbeCode,
    at: UnixMillis,
    before: RunHealth,
    after: RunHealth,
  ): Run | null {
    const open = this.#open.get(backend);
    if (
      open !== undefined && open.health === before && open.ok === ok && open.code === code && at >= open.last
    ) {
      open.health = after;
      open.last = at;
      open.count++;
      if (at - open.writtenAt < openRunLimitMs) return null;
      open.writtenAt = at;
      return rowOf(backend, open);
    }
    const { counter, rule, state } = before;
    const ended = open === undefined ? null : rowOf(backend, open);
    if (rule === null) {
      this.#open.delete(backend);
      return ended;
    }
    // Two runs of one batch have one time; a clock that was set back by more begins anew.
    const first = open !== undefined && at <= open.last && at > open.last - 1 ? open.last + microMs : at;
    const { rise, fall } = rule;
    const run = { ok, code, first, last: first, count: 1, rise, fall, state, counter };
    this.#open.set(backend, { ...run, health: after, writtenAt: first });
    return ended;
  }

  /** Ends the run of a backend, since what happened next is no result; null: there was none. */
  end(backend: string): Run | null {
    const open = this.#open.get(backend);
    this.#open.delete(backend);
    return open === undefined ? null : rowOf(backend, open);
  }

  /** Runs that go on; those of one backend if it is named. */
  open(backend?: string): Run[] {
    const all = backend === undefined
      ? [...this.#open]
      : [...this.#open].filter(([name]) => name === backend);
    return all.map(([name, open]) => rowOf(name, open));
  }
}
