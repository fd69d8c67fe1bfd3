import type {
  Backend,
  BackendList,
  Certificate,
  Latency,
  Probe,
  Transition,
  WeightEffect,
} from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, pairs, table } from "../table.ts";
import { type Inline, line, styled } from "../text.ts";
import { agoText, latencyText, timeText } from "../units.ts";
import { sparkSpans } from "./spark.ts";
import { stateSpan, stateWord } from "./style.ts";
import { overrideCause, overrideText } from "./who.ts";

/** What the last probe found; and where none counts, why. */
function probeText(probe: Probe | null): Inline {
  if (probe === null) return "-";
  if (probe.void !== null) return [styled("yellow", `void (${probe.void})`), `: ${probe.detail}`];
  return [styled(probe.ok ? "green" : "red", probe.code), probe.ok ? "" : ` ${probe.detail}`];
}

function blindText({ cause, detail }: NonNullable<Backend["blind"]>): Inline {
  return [styled("red", `blind (${cause})`), `: ${detail}`];
}

/** `show backends` */
export function backendsLines({ backends }: BackendList, view: View): Block[] {
  if (backends.length === 0) return [line("no backends")];
  return table(
    [
      { title: "BACKEND", wrap: 23 },
      { title: "ADDRESS", spare: 1 },
      { title: "STATE" },
      { title: "FOR", align: "right" },
      { title: "HEALTH", align: "right", spare: 2 },
      { title: "CHECK", spare: 4 },
      { title: "LAST PROBE", wrap: 20 },
      { title: "TOOK", align: "right", spare: 3 },
      { title: "FRONTENDS", wrap: 20, spare: 5 },
    ],
    backends.map((backend) => [
      styled("bold", backend.name),
      backend.address,
      stateSpan(backend.state),
      agoText(backend.since, view.now),
      backend.health === null ? "-" : `${backend.health.counter}/${backend.health.max}`,
      backend.healthcheck ?? "-",
      backend.blind === null ? probeText(backend.last_probe) : blindText(backend.blind),
      backend.last_probe === null ? "-" : latencyText(backend.last_probe.total_ns) ?? "-",
      styled("dim", [...new Set(backend.frontends.map((member) => member.frontend))].join(", ")),
    ]),
  );
}

/** Weights that a transition changed, e.g. `www 100→0 flushed`. */
export function effectsText(effects: readonly WeightEffect[]): string {
  return effects
    .filter((effect) => effect.weight_before !== effect.weight_after || effect.flush)
    .map((effect) =>
      `${effect.frontend} ${effect.weight_before}→${effect.weight_after}${effect.flush ? " flushed" : ""}`
    )
    .join(", ");
}

/** The same behind a cause. */
function effectsPart(effects: readonly WeightEffect[]): string {
  const text = effectsText(effects);
  return text === "" ? "" : `; ${text}`;
}

/** What an operator did; the code says it all, and the detail is the reason that was given. */
const actions: readonly string[] = ["paused", "disabled", "enabled", "resumed"];

/** Why a transition happened: code, detail and who asked for it, each once. */
export function causeText({ code, detail, by }: Transition): string {
  const told = detail === "" || detail === code ? "" : detail;
  const who = by === null ? "" : ` by ${by}`;
  if (actions.includes(code)) {
    // An override that comes back with a restart, a reload or the fleet tells who set it, and where.
    const whole = [`${code}${who}`, `${code} everywhere${who}`];
    if (by !== null && whole.some((start) => told === start || told.startsWith(`${start}: `))) return told;
    // Without a reason the daemon says this, and who it was is known here.
    const reason = told === `${code} by operator` && by !== null ? "" : told;
    return `${code}${who}${reason === "" ? "" : `: ${reason}`}`;
  }
  return `${code}${told === "" ? "" : ` ${told}`}${who}`;
}

function phases(probe: Probe): string {
  const parts = [
    ["connect", probe.connect_ns],
    ["tls", probe.tls_ns],
    ["first byte", probe.first_byte_ns],
    ["total", probe.total_ns],
  ] as const;
  const known = parts.flatMap(([name, ns]) => ns === null ? [] : [`${name} ${latencyText(ns) ?? "-"}`]);
  const lag = BigInt(probe.lag_ns) > 0n
    ? [`the prober did not run for ${latencyText(probe.lag_ns) ?? "-"}`]
    : [];
  return [...known, ...lag].join(", ");
}

/** Days before its end from which on a certificate is marked. */
const SOON_DAYS = 14;

function certificateRows(certificate: Certificate, view: View): [string, Inline][] {
  const { subject, issuer, names, not_before, not_after, days_left: days } = certificate;
  const left = days < 0 ? "has ended" : `${days} ${days === 1 ? "day" : "days"} left`;
  const colour = days < 0 ? "red" : days < SOON_DAYS ? "yellow" : null;
  return [
    ["certificate", subject === "" ? "without a subject" : subject],
    ["", `by ${issuer}`],
    ["", names.length === 0 ? "for no name" : `for ${names.join(", ")}`],
    ["", [
      `from ${timeText(not_before, view)} until ${timeText(not_after, view)}, `,
      colour === null ? left : styled(colour, left),
    ]],
  ];
}

function latencyRows({ p50_ns, p95_ns, p99_ns, spark }: Latency): [string, Inline][] {
  const figures = [["p50", p50_ns], ["p95", p95_ns], ["p99", p99_ns]] as const;
  return [
    ["latency", figures.map(([name, ns]) => `${name} ${latencyText(ns) ?? "-"}`).join(", ")],
    ["last 60", sparkSpans(spark, 60)],
  ];
}

/** `show backend <b>`, and what changing its state answers */
export function backendLines(backend: Backend, view: View): Block[] {
  const { health, last_probe: probe } = backend;
  const rows: [string, Inline][] = [
    ["backend", styled("bold", backend.name)],
    ["address", backend.address],
    ["state", [
      stateSpan(backend.state),
      `  for ${agoText(backend.since, view.now)}, since ${timeText(backend.since, view)}`,
    ]],
    ["health check", backend.healthcheck ?? "none: always up"],
  ];
  if (health !== null) {
    rows.push(["health", [
      `${health.counter} of ${health.max}, up from ${health.rise} (rise ${health.rise}, fall ${health.fall})`,
      health.degraded ? styled("yellow", "  degraded") : "",
    ]]);
  }
  if (probe !== null) {
    rows.push(["last probe", [
      probeText(probe),
      probe.ok && probe.void === null ? ` ${probe.detail}` : "",
      `  ${agoText(probe.started_at, view.now)} ago`,
    ]]);
    rows.push(["", phases(probe)]);
  }
  if (backend.blind !== null) {
    const { since } = backend.blind;
    rows.push(["", [
      blindText(backend.blind),
      `  for ${agoText(since, view.now)}: no result counts, the state stays as it is`,
    ]]);
  }
  if (backend.latency !== null) rows.push(...latencyRows(backend.latency));
  if (backend.override !== null) {
    const { override } = backend;
    rows.push(["override", [styled("yellow", overrideText(override)), ` ${overrideCause(override, view)}`]]);
  }
  if (backend.certificate !== null) rows.push(...certificateRows(backend.certificate, view));
  if (backend.next_probe_at !== null) rows.push(["next probe", timeText(backend.next_probe_at, view)]);
  rows.push([
    "member of",
    backend.frontends.map((m) => `${m.frontend}/${m.pool}`).join(", ") || "no frontend",
  ]);
  if (backend.transitions.length === 0) return pairs(rows);
  return [
    ...pairs(rows),
    [],
    ...table(
      [
        { title: "WHEN" },
        { title: "AGO", align: "right", spare: 1 },
        { title: "FROM" },
        { title: "TO" },
        { title: "WHY", wrap: 20 },
      ],
      backend.transitions.map((transition) => [
        timeText(transition.at, view),
        agoText(transition.at, view.now),
        stateWord(transition.from),
        stateWord(transition.to),
        [causeText(transition), effectsPart(transition.effects)],
      ]),
    ),
  ];
}
