/**
 * How states and durations look, on the dashboard and in maglevc alike. Pure.
 *
 * @module
 */

/** A shape for each state and severity, so that colour is never the only sign. */
export const shapes: Readonly<Record<string, string>> = {
  up: "●",
  down: "✖",
  unknown: "?",
  paused: "‖",
  disabled: "⊘",
  removed: "–",
  critical: "✖",
  warning: "▲",
  info: "ℹ",
};

/** A measured duration in nanoseconds with three digits: `980 µs`, `16.7 ms`, `3.00 s`; null if it is no number. */
export function latencyText(ns: string | bigint): string | null {
  const value = Number(ns);
  if (!Number.isFinite(value)) return null;
  const [size, unit] = value < 999.5e3 ? [1e3, "µs"] : value < 999.5e6 ? [1e6, "ms"] : [1e9, "s"];
  const number = value / size;
  const digits = number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  return `${number.toFixed(digits)} ${unit}`;
}

/** What a line about a problem needs; the API's shape has it all. */
export interface ProblemText {
  /** How grave it is. */
  readonly severity: "critical" | "warning" | "info";
  /** RFC 3339. */
  readonly since: string;
  /** One sentence. */
  readonly text: string;
  /** Words of maglevc that show more. */
  readonly show: string | null;
  /** Words of maglevc that mend it. */
  readonly fix: string | null;
}

/** One line a problem: severity, age, sentence, and the command that mends it or shows more. */
export function problemLines(problems: readonly ProblemText[], age: (since: string) => string): string[] {
  const rows = problems.map((problem) => ({ ...problem, age: age(problem.since) }));
  const width = Math.max(0, ...rows.map((row) => row.age.length));
  return rows.map((row) => {
    const command = row.fix ?? row.show;
    const words = command === null ? "" : `  [${command}]`;
    return `${shapes[row.severity]} ${row.severity.padEnd(8)}  ${
      row.age.padStart(width)
    }  ${row.text}${words}`;
  });
}
