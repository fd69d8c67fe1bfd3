import type { Line, Span } from "../text.ts";

const levels = "▁▂▃▄▅▆▇█";

/**
 * Probes as a line of so many characters, the newest last: of those that share one the slowest counts, and a failure
 * before all.
 */
export function sparkSpans(spark: string, width: number): Line {
  const probes = spark.padStart(60, "-").slice(-60);
  const each = 60 / width;
  return Array.from({ length: width }, (_, i): Span => {
    const group = probes.slice(Math.round(i * each), Math.round((i + 1) * each));
    if (group.includes("x")) return { text: "✖", style: "red" };
    const worst = Math.max(-1, ...[...group].map((digit) => digit === "-" ? -1 : Number(digit) || 0));
    if (worst < 0) return { text: "·", style: "dim" };
    return { text: levels[Math.min(7, Math.floor(worst * 0.8))] ?? "▁", style: worst >= 8 ? "yellow" : null };
  });
}
