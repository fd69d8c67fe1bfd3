import type { Backend, BackendList, Certificate, Probe, Transition, WeightEffect } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, pairs, table } from "../table.ts";
import { type Inline, line, styled } from "../text.ts";
import { agoText, durationText, timeText } from "../units.ts";
import { stateSpan } from "./style.ts";

/** What the last probe found; and where none counts, why. */
function probeText(probe: Probe | null): Inline {
  if (probe === null) return "-";
  if (probe.void !== null) return [styled("yellow", `void: ${probe.void}`), ` ${probe.detail}`];
  return [styled(probe.ok ? "green" : "red", probe.code), probe.ok ? "" : ` ${probe.detail}`];
}

function blindText({ cause, detail }: NonNullable<Backend["blind"]>): Inline {
  return [styled("red", `blind: ${cause}`), ` ${detail}`];
}

/** `show backends` */
export function backendsLines({ backends }: BackendList, view: View): Block[] {
  if (backends.length === 0) return [line("no backends")];
  return table(
    [
      { title: "BACKEND" },
      { title: "ADDRESS" },
      { title: "STATE" },
      { title: "FOR", align: "right" },
      { title: "HEALTH", align: "right" },
      { title: "CHECK", spare: true },
      { title: "LAST PROBE", wrap: true },
      { title: "TOOK", align: "right" },
      { title: "FRONTENDS", spare: true },
    ],
    backends.map((backend) => [
      styled("bold", backend.name),
      backend.address,
      stateSpan(backend.state),
      agoText(backend.since, view.now),
      backend.health === null ? "-" : `${backend.health.counter}/${backend.health.max}`,
      backend.healthcheck ?? "-",
      backend.blind === null ? probeText(backend.last_probe) : blindText(backend.blind),
      backend.last_probe === null ? "-" : durationText(backend.last_probe.total_ns),
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

/** Why a transition happened: code, detail and who asked for it. */
export function causeText(transition: Transition): string {
  const detail = transition.detail === "" || transition.detail === transition.code
    ? ""
    : ` ${transition.detail}`;
  return `${transition.code}${detail}${transition.by === null ? "" : ` by ${transition.by}`}`;
}

function phases(probe: Probe): string {
  const parts = [
    ["connect", probe.connect_ns],
    ["tls", probe.tls_ns],
    ["first byte", probe.first_byte_ns],
    ["total", probe.total_ns],
  ] as const;
  const known = parts.flatMap(([name, ns]) => ns === null ? [] : [`${name} ${durationText(ns)}`]);
  const lag = BigInt(probe.lag_ns) > 0n ? [`prober stood still for ${durationText(probe.lag_ns)}`] : [];
  return [...known, ...lag].join(", ");
}

/** Days before its end from which on a certificate is marked. */
const SOON_DAYS = 14;

function certificateRows(certificate: Certificate): [string, Inline][] {
  const { subject, issuer, names, not_before, not_after, days_left: days } = certificate;
  const left = days < 0 ? "has ended" : `${days} ${days === 1 ? "day" : "days"} left`;
  const colour = days < 0 ? "red" : days < SOON_DAYS ? "yellow" : null;
  return [
    ["certificate", subject === "" ? "without a subject" : subject],
    ["", `by ${issuer}`],
    ["", names.length === 0 ? "for no name" : `for ${names.join(", ")}`],
    ["", [
      `from ${timeText(not_before)} until ${timeText(not_after)}, `,
      colour === null ? left : styled(colour, left),
    ]],
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
      `  for ${agoText(backend.since, view.now)}, since ${timeText(backend.since)}`,
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
  if (backend.certificate !== null) rows.push(...certificateRows(backend.certificate));
  if (backend.next_probe_at !== null) rows.push(["next probe", timeText(backend.next_probe_at)]);
  rows.push([
    "member of",
    backend.frontends.map((m) => `${m.frontend}/${m.pool}`).join(", ") || "no frontend",
  ]);
  if (backend.transitions.length === 0) return pairs(rows);
  return [
    ...pairs(rows),
    [],
    ...table(
      [{ title: "WHEN" }, { title: "AGO", align: "right" }, { title: "FROM" }, { title: "TO" }, {
        title: "WHY",
        wrap: true,
      }, { title: "WEIGHTS" }],
      backend.transitions.map((transition) => [
        timeText(transition.at),
        agoText(transition.at, view.now),
        stateSpan(transition.from),
        stateSpan(transition.to),
        causeText(transition),
        effectsText(transition.effects),
      ]),
    ),
  ];
}
