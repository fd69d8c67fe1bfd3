/**
 * Counters per backend, which end with their backend.
 *
 * @module
 */
import type { ProbeCode, State } from "../model.ts";
import type { CheckType } from "../configuration.ts";
import { PROBE_CODES } from "../probes/result.ts";
import { Rows } from "./rows.ts";
import { escapeLabel, HistogramText, type Lines, template } from "./text.ts";

/** Upper bounds of probe durations, in seconds. */
export const probeBounds: readonly number[] = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
];

const TYPES: readonly CheckType[] = ["icmp", "tcp", "http", "https"];
const STATES: readonly State[] = ["unknown", "up", "down", "paused", "disabled", "removed"];
/**
 * Changes that a backend may make at any time. Their series begin at 0: `increase()` and `rate()` miss an event that
 * makes a series. What an operator does (pause, disable) is none of them.
 */
const EXPECTED: ReadonlySet<string> = new Set([
  ...["unknown", "down", "paused", "disabled"].map((from) => `${from} up`),
  ...["unknown", "up"].map((from) => `${from} down`),
  ...["up", "down", "paused", "disabled"].map((from) => `${from} unknown`),
]);
const CODES = Object.keys(PROBE_CODES) as ProbeCode[];
const CODE_PLACE = new Map(CODES.map((code, i) => [code, i]));
const STATE_PLACE = new Map(STATES.map((state, i) => [state, i]));

/** What the probes of one type are counted in: a row for each backend, with its codes behind the histogram. */
class TypeCounters {
  readonly #durations: HistogramText;
  readonly #codes;
  readonly #rows: Rows;
  readonly #at = new Map<string, number>();

  constructor(type: CheckType) {
    const label = `type="${type}"`;
    this.#durations = new HistogramText("maglev_probe_duration_seconds", probeBounds, "backend", label);
    this.#codes = CODES.map((code) => {
      const result = PROBE_CODES[code].ok ? "success" : "failure";
      return template("maglev_probe_total", "", "backend", `${label},result="${result}",code="${code}"`);
    });
    this.#rows = new Rows(this.#durations.width + CODES.length);
  }

  probed(backend: string, code: ProbeCode, seconds: number): void {
    let at = this.#at.get(backend);
    if (at === undefined) this.#at.set(backend, at = this.#rows.add());
    const { numbers } = this.#rows;
    this.#durations.observe(numbers, at, seconds);
    const place = at + this.#durations.width + (CODE_PLACE.get(code) ?? 0);
    numbers[place] = (numbers[place] ?? 0) + 1;
  }

  forget(backend: string): void {
    const at = this.#at.get(backend);
    if (at === undefined) return;
    this.#at.delete(backend);
    this.#rows.remove(at);
  }

  // A backend may come or go between two steps; the numbers are another array then.
  *writeTotals(lines: Lines): Generator<void> {
    for (const [backend, at] of this.#at) {
      const { numbers } = this.#rows;
      const label = escapeLabel(backend);
      for (const [i, line] of this.#codes.entries()) {
        const count = numbers[at + this.#durations.width + i] ?? 0;
        if (count > 0) lines.fill(line, label, count);
      }
      yield;
    }
  }

  *writeDurations(lines: Lines): Generator<void> {
    for (const [backend, at] of this.#at) {
      this.#durations.write(lines, this.#rows.numbers, at, escapeLabel(backend));
      yield;
    }
  }
}

/** Probes and transitions by backend. */
export class BackendCounters {
  readonly #types = new Map(TYPES.map((type) => [type, new TypeCounters(type)]));
  readonly #transitions = new Rows(STATES.length ** 2);
  readonly #transitionsAt = new Map<string, number>();
  readonly #transitionLines = STATES.flatMap((from) =>
    STATES.map((to) => ({
      line: template("maglev_backend_transitions_total", "", "backend", `from="${from}",to="${to}"`),
      expected: EXPECTED.has(`${from} ${to}`),
    }))
  );

  /** Counts a probe whose result counted. */
  probed(backend: string, type: CheckType, code: ProbeCode, seconds: number): void {
    this.#types.get(type)?.probed(backend, code, seconds);
  }

  /** Counts a change of state. */
  transitioned(backend: string, from: State, to: State): void {
    const at = this.#transitionsOf(backend);
    const { numbers } = this.#transitions;
    const place = at + (STATE_PLACE.get(from) ?? 0) * STATES.length + (STATE_PLACE.get(to) ?? 0);
    numbers[place] = (numbers[place] ?? 0) + 1;
  }

  /** Begins the series of a backend that has made no transition yet. */
  known(backend: string): void {
    this.#transitionsOf(backend);
  }

  /** Ends the series of a backend. */
  forget(backend: string): void {
    for (const counters of this.#types.values()) counters.forget(backend);
    const at = this.#transitionsAt.get(backend);
    if (at === undefined) return;
    this.#transitionsAt.delete(backend);
    this.#transitions.remove(at);
  }

  /** Writes the three metrics, a backend a step. */
  *write(lines: Lines): Generator<void> {
    lines.metric("maglev_probe_total");
    for (const counters of this.#types.values()) yield* counters.writeTotals(lines);
    lines.metric("maglev_probe_duration_seconds");
    for (const counters of this.#types.values()) yield* counters.writeDurations(lines);
    lines.metric("maglev_backend_transitions_total");
    for (const [backend, at] of this.#transitionsAt) {
      const { numbers } = this.#transitions;
      const label = escapeLabel(backend);
      for (const [i, { line, expected }] of this.#transitionLines.entries()) {
        const count = numbers[at + i] ?? 0;
        if (count > 0 || expected) lines.fill(line, label, count);
      }
      yield;
    }
  }

  #transitionsOf(backend: string): number {
    let at = this.#transitionsAt.get(backend);
    if (at === undefined) this.#transitionsAt.set(backend, at = this.#transitions.add());
    return at;
  }
}
