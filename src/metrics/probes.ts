/**
 * Counters per backend, which end with their backend.
 *
 * @module
 */
import type { CheckType, ProbeCode, State } from "../model.ts";
import type { MetricName } from "./catalog.ts";
import { escapeLabel, Histogram, linePrefix, type Lines } from "./text.ts";

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

interface Counted {
  readonly prefix: string;
  count: number;
}

interface Series {
  readonly label: string;
  readonly durations: Map<CheckType, Histogram>;
  /** Labels besides the backend → line. */
  readonly probes: Map<string, Counted>;
  readonly transitions: Map<string, Counted>;
}

function increment(lines: Map<string, Counted>, name: MetricName, label: string, labels: string): void {
  const line = lines.get(labels);
  if (line === undefined) lines.set(labels, { prefix: linePrefix(name, `${label},${labels}`), count: 1 });
  else line.count++;
}

/** Probes and transitions by backend. */
export class BackendCounters {
  readonly #series = new Map<string, Series>();

  /** Counts a probe whose result counted. */
  probed(backend: string, type: CheckType, ok: boolean, code: ProbeCode, seconds: number): void {
    const { label, probes, durations } = this.#of(backend);
    const result = ok ? "success" : "failure";
    increment(probes, "maglev_probe_total", label, `type="${type}",result="${result}",code="${code}"`);
    let histogram = durations.get(type);
    if (histogram === undefined) {
      const labels = `${label},type="${type}"`;
      histogram = new Histogram("maglev_probe_duration_seconds", labels, probeBounds);
      durations.set(type, histogram);
    }
    histogram.observe(seconds);
  }

  /** Counts a change of state. */
  transitioned(backend: string, from: State, to: State): void {
    const { label, transitions } = this.#of(backend);
    increment(transitions, "maglev_backend_transitions_total", label, `from="${from}",to="${to}"`);
  }

  /** Ends the series of a backend. */
  forget(backend: string): void {
    this.#series.delete(backend);
  }

  /** Writes the three metrics. */
  write(lines: Lines): void {
    lines.metric("maglev_probe_total");
    for (const { probes } of this.#series.values()) {
      for (const { prefix, count } of probes.values()) lines.add(prefix, count);
    }
    lines.metric("maglev_probe_duration_seconds");
    for (const { durations } of this.#series.values()) {
      for (const histogram of durations.values()) histogram.write(lines);
    }
    lines.metric("maglev_backend_transitions_total");
    for (const { transitions } of this.#series.values()) {
      for (const { prefix, count } of transitions.values()) lines.add(prefix, count);
    }
  }

  #of(backend: string): Series {
    let series = this.#series.get(backend);
    if (series === undefined) {
      const label = `backend="${escapeLabel(backend)}"`;
      series = { label, durations: new Map(), probes: new Map(), transitions: new Map() };
      this.#series.set(backend, series);
    }
    return series;
  }
}
