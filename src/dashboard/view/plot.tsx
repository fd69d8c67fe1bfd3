import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { theme } from "../state/store.ts";

/** One line: seconds since 1970 and values, oldest first. */
export interface PlotLine {
  /** Its name. */
  readonly label: string;
  /** Its points. */
  readonly points: readonly (readonly [at: number, value: number])[];
}

interface PlotProps {
  readonly title: string;
  readonly lines: readonly PlotLine[];
  /** Least width of the time axis, in seconds. */
  readonly seconds: number;
  /** A value in words. */
  readonly text: (value: number) => string;
}

const colours = ["#3b82d6", "#d07a1e", "#3a9d5d", "#a855c7", "#d2483c", "#7f8c8d", "#12908e", "#b8860b"];
const height = 150;

const darkQuery = matchMedia("(prefers-color-scheme: dark)");
const dark = signal(darkQuery.matches);
darkQuery.addEventListener("change", ({ matches }) => dark.value = matches);

/** Lines over time; drawn again in place when new points come. */
export function Plot({ lines, seconds, text, title }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  /** Ends of the time axis. */
  const times = useRef<[number, number]>([0, seconds]);
  const labels = lines.map(({ label }) => label).join("\n");
  // The colours of the axes are drawn, not styled: another theme is another picture.
  const colour = `${theme.value} ${dark.value}`;
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const style = getComputedStyle(element);
    const axis = {
      stroke: style.color,
      grid: { stroke: style.borderColor, width: 1 },
      ticks: { show: false },
      font: `11px ${style.fontFamily}`,
    };
    const made = new uPlot(
      {
        width: Math.max(200, element.clientWidth),
        height,
        scales: {
          x: { range: () => times.current },
          y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] },
        },
        series: [
          {},
          ...labels.split("\n").map((label, i) => ({
            label,
            stroke: colours[i % colours.length] ?? "#888",
            width: 2,
            points: { show: false },
          })),
        ],
        axes: [
          {
            ...axis,
            size: 24,
            values: (_, times) => times.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB")),
          },
          { ...axis, size: 64, values: (_, values) => values.map((value) => text(value)) },
        ],
        legend: { show: false },
        cursor: { show: false },
      },
      [[], ...labels.split("\n").map(() => [])],
      element,
    );
    plot.current = made;
    const resize = new ResizeObserver(() =>
      made.setSize({ width: Math.max(200, element.clientWidth), height })
    );
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [labels, colour]);
  useEffect(() => {
    const all = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
    const values = lines.map(({ points }) => {
      const at = new Map(points);
      return all.map((time) => at.get(time) ?? null);
    });
    const last = all.at(-1);
    if (last === undefined) return;
    times.current = [Math.min(all[0] ?? last, last - seconds), last];
    plot.current?.setData([all, ...values]);
  }, [lines, colour]);
  return (
    <figure class="plot">
      <figcaption>
        {title}
        {lines.map(({ label, points }, i) => (
          <span key={label} class="legend">
            <svg width="14" height="8" aria-hidden="true">
              <rect width="14" height="3" y="3" fill={colours[i % colours.length]} />
            </svg>
            <bdi>{label}</bdi> <b class="num">{points.length === 0 ? "–" : text(points.at(-1)?.[1] ?? 0)}</b>
          </span>
        ))}
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}
