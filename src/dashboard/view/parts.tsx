/**
 * Small parts that several regions use. A page with 300 backends has thousands of them: each has as few elements as it
 * can.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import type { Backend, Override } from "../../api/mod.ts";
import { ageText, clean, latencyText, percentText, shapeOf } from "../state/format.ts";
import type { PageBackend } from "../state/model.ts";
import { now, opened } from "../state/store.ts";

/** A state as shape and word. */
export function StateMark({ state }: { readonly state: string }) {
  return (
    <span class={`state ${state}`}>
      <span aria-hidden="true">{shapeOf(state)}</span>
      {` ${clean(state)}`}
    </span>
  );
}

/** How long ago; ticks with the page's clock. */
export function Age({ time }: { readonly time: string | null | undefined }) {
  return <time class="age" title={time ?? ""}>{ageText(time, now.value)}</time>;
}

/** The health counter as pips: filled up to the counter, with a gap where up begins. */
export function Pips({ health }: { readonly health: Backend["health"] | undefined }) {
  if (health === null) return <span class="dim">no check</span>;
  if (health === undefined) return <span class="dim none">–</span>;
  const { counter, max, rise } = health;
  const word = `health ${counter} of ${max}, up from ${rise}`;
  if (max > 12) return <span title={word}>{counter}/{max}</span>;
  return (
    <span class={`pips ${counter >= rise ? "good" : "bad"}`} role="img" aria-label={word} title={word}>
      {Array.from(
        { length: max },
        (_, i) => <i key={i} class={`${i < counter ? "on" : ""} ${i === rise ? "rise" : ""}`} />,
      )}
    </span>
  );
}

const sparkWidth = 120;
const sparkHeight = 18;

/** 60 probes as bars: higher is slower, a full bar in red is a failure. Two paths, since a page has 300 of these. */
export function Spark({ spark }: { readonly spark: string | undefined }) {
  if (spark === undefined || spark === "") return <span class="dim none">–</span>;
  const failed = [...spark].filter((c) => c === "x").length;
  const step = sparkWidth / spark.length;
  // Joined once: a text to which is added again and again keeps all its pieces in memory.
  const bars = { passed: [] as string[], failed: [] as string[] };
  [...spark].forEach((c, i) => {
    const digit = "0123456789".indexOf(c);
    if (digit < 0 && c !== "x") return;
    const height = c === "x" ? sparkHeight : 2 + digit * (sparkHeight - 2) / 9;
    const up = height.toFixed(1);
    bars[c === "x" ? "failed" : "passed"].push(
      "M",
      (i * step).toFixed(1),
      ` ${sparkHeight}v-`,
      up,
      "h",
      (step * 0.8).toFixed(1),
      "v",
      up,
      "z",
    );
  });
  return (
    <svg
      class="spark"
      width={sparkWidth}
      height={sparkHeight}
      role="img"
      aria-label={`last ${spark.length} probes, ${failed} failed`}
    >
      <path d={bars.passed.join("")} />
      {failed === 0 ? null : <path class="fail" d={bars.failed.join("")} />}
    </svg>
  );
}

const barWidth = 48;

/** A weight as a bar, with the file's value as outline where it differs. */
export function WeightBar({ effective, weight, file }: {
  readonly effective: number;
  readonly weight: number;
  readonly file: number | undefined;
}) {
  const differs = file !== undefined && file !== weight;
  const text = `${effective}${effective === weight ? "" : ` of ${weight}`}${
    differs ? ` (file ${file})` : ""
  }`;
  return (
    <span class="weight" title={`weight ${text}`}>
      <svg width={barWidth} height="9" aria-hidden="true">
        <rect class="track" width={barWidth} height="9" />
        <rect class="bar-fill" width={effective / 100 * barWidth} height="9" />
        {differs
          ? (
            <rect
              class="outline"
              x="0.5"
              y="0.5"
              width={Math.max(1, (file ?? 0) / 100 * barWidth - 1)}
              height="8"
            />
          )
          : null}
      </svg>{" "}
      <span class="num">{text}</span>
    </span>
  );
}

/** Share of new flows: the bar is what VPP's buckets give, the mark is what the weights ask for. */
export function ShareBar({ real, wanted }: {
  readonly real: number | null | undefined;
  readonly wanted: number | undefined;
}) {
  const text = `real ${percentText(real)}, wanted ${percentText(wanted)}`;
  const off = real !== null && real !== undefined && wanted !== undefined && Math.abs(real - wanted) > 0.01;
  const mark = (wanted ?? 0) * (barWidth - 2);
  return (
    <span class="share" title={text}>
      <svg width={barWidth} height="9" role="img" aria-label={text}>
        <rect class="track" width={barWidth} height="9" />
        <rect class="bar-fill" width={(real ?? 0) * barWidth} height="9" />
        {wanted === undefined ? null : <rect class="wanted" x={mark} width="2" height="9" />}
      </svg>{" "}
      <span class={`num ${off ? "void" : ""}`}>{percentText(real)}</span>
      {off ? <span class="dim">of {percentText(wanted)}</span> : null}
    </span>
  );
}

/** A name that opens the drawer. */
export function Link({ kind, name, children }: {
  readonly kind: "backend" | "frontend";
  readonly name: string;
  readonly children?: ComponentChildren;
}) {
  return (
    // Its direction is its own, as in a `bdi`.
    <button type="button" class="link" dir="auto" onClick={() => opened.value = { kind, name }}>
      {children ?? clean(name)}
    </button>
  );
}

/** Last result in words. */
export function LastResult({ backend }: { readonly backend: Backend | undefined }) {
  const probe = backend?.last_probe;
  if (probe === null || probe === undefined) return <span class="dim none">–</span>;
  const tone = probe.void != null ? "void" : probe.ok ? "good" : "bad";
  return (
    <span class="result">
      <span class={`code ${tone}`}>{clean(probe.code)}</span> <bdi>{clean(probe.detail)}</bdi>
      {probe.void == null ? null : <span class="dim">not counted: {clean(probe.void)}</span>}
    </span>
  );
}

/** p50 and p95 in one cell. */
export function Quantiles({ backend }: { readonly backend: PageBackend | undefined }) {
  const latency = backend?.latency;
  if (latency === null || latency === undefined) return <span class="dim none">–</span>;
  return <span class="num">{`${latencyText(latency.p50_ns)} / ${latencyText(latency.p95_ns)}`}</span>;
}

/** Who set something, why, and how long it lasts. */
export function OverrideText({ override }: { readonly override: Override }) {
  const until = override.until === null ? "" : ` until ${new Date(override.until).toLocaleString("en-GB")}`;
  const what = override.kind === "weight" ? `weight ${override.weight}` : clean(override.kind);
  const who = override.claimed === null ? override.by : `${override.by} (claimed: ${override.claimed})`;
  return (
    <span>
      {what} by <bdi>{clean(who)}</bdi> <Age time={override.since} /> ago{until}
      {override.scope === "everywhere" ? " everywhere" : ""}
      {override.reason === null ? "" : (
        <>
          : <bdi>{clean(override.reason)}</bdi>
        </>
      )}
    </span>
  );
}
