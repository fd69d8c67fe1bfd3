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
