/**
 * A plot of processor time a check over checks a second, as SVG. Pure.
 *
 * @module
 */

/** One line of the plot. */
export interface Series {
  /** In the legend. */
  readonly name: string;
  /** Checks a second and processor time a check in microseconds, ascending. */
  readonly points: [number, number][];
}

const WIDTH = 720;
const HEIGHT = 360;
const LEFT = 60;
const RIGHT = 150;
const TOP = 30;
const BOTTOM = 50;
/** Each with a colour and a dash of its own: colour is never the only sign. */
const STYLES = ["#b45309|6 4", "#b45309|", "#1d4ed8|6 4", "#1d4ed8|"] as const;

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** The plot; checks a second on a logarithmic axis, time from 0. */
export function growthPlot(series: readonly Series[]): string {
  const counts = [...new Set(series.flatMap(({ points }) => points.map(([count]) => count)))].sort((a, b) =>
    a - b
  );
  const top = Math.max(10, ...series.flatMap(({ points }) => points.map(([, us]) => us)));
  const step = Math.ceil(top / 50) * 10;
  const max = Math.ceil(top / step) * step;
  const [first = 1, last = 2] = [counts[0], counts.at(-1)];
  const x = (count: number) =>
    LEFT + (WIDTH - LEFT - RIGHT) * Math.log(count / first) / Math.log(Math.max(last / first, 1.001));
  const y = (us: number) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * us / max;
  const text = (at: [number, number], words: string, anchor = "middle") =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}">${escape(words)}</text>`;
  const line = (from: [number, number], to: [number, number]) =>
    `<line x1="${from[0].toFixed(1)}" y1="${from[1].toFixed(1)}" x2="${to[0].toFixed(1)}" y2="${
      to[1].toFixed(1)
    }" stroke="#d1d5db"/>`;
  const grid = Array.from({ length: max / step + 1 }, (_, i) => i * step).flatMap((us) => [
    line([LEFT, y(us)], [WIDTH - RIGHT, y(us)]),
    text([LEFT - 8, y(us) + 4], String(us), "end"),
  ]);
  const axis = counts.map((count) => text([x(count), HEIGHT - BOTTOM + 20], count.toLocaleString("en")));
  const lines = series.flatMap(({ name, points }, i) => {
    const [colour = "#000", dash = ""] = (STYLES[i % STYLES.length] ?? "").split("|");
    const path = points.map(([count, us]) => `${x(count).toFixed(1)},${y(us).toFixed(1)}`).join(" ");
    const [, end = 0] = points.at(-1) ?? [];
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>`,
      `<g fill="${colour}">${text([WIDTH - RIGHT + 10, y(end) + 4], name, "start")}</g>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>Processor time a check over checks a second</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...grid,
    ...axis,
    text([(WIDTH - RIGHT + LEFT) / 2, HEIGHT - 10], "checks a second"),
    text([LEFT, TOP - 12], "µs of processor time a check", "start"),
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}
