import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Rate } from "../state/model.ts";

interface PlotProps {
  readonly title: string;
  readonly lines: readonly { readonly label: string; readonly rate: Rate }[];
}

const colours = ["#2f7ed8", "#d9822b", "#3a9d5d", "#a855c7", "#c0392b", "#7f8c8d", "#008b8b", "#b8860b"];
const height = 160;

/** Lines over time; drawn again in place when new points come. */
export function Plot({ lines, title }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const labels = lines.map(({ label }) => label).join("\n");
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const style = getComputedStyle(element);
    const axis = { stroke: style.color, grid: { stroke: style.borderColor, width: 1 } };
    const made = new uPlot(
      {
        width: Math.max(200, element.clientWidth),
        height,
        series: [
          {},
          ...labels.split("\n").map((label, i) => ({
            label,
            stroke: colours[i % colours.length] ?? "#888",
            width: 1.5,
          })),
        ],
        axes: [axis, { ...axis, size: 60 }],
        legend: { live: false },
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
  }, [labels]);
  useEffect(() => {
    const times = [...new Set(lines.flatMap(({ rate }) => rate.past.map(([at]) => at)))].sort((a, b) =>
      a - b
    );
    const values = lines.map(({ rate }) => {
      const at = new Map(rate.past);
      return times.map((time) => at.get(time) ?? null);
    });
    plot.current?.setData([times, ...values]);
  }, [lines]);
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}
