import type { HealthCheck, HealthCheckList, Params } from "../../api/mod.ts";
import { type Block, pairs, table } from "../table.ts";
import { type Inline, line, styled } from "../text.ts";
import { configText, countText } from "../units.ts";

/** `show healthchecks` */
export function healthchecksLines({ healthchecks }: HealthCheckList): Block[] {
  if (healthchecks.length === 0) return [line("no health checks")];
  return table(
    [
      { title: "HEALTHCHECK" },
      { title: "TYPE" },
      { title: "PORT", align: "right" },
      { title: "INTERVAL", align: "right" },
      { title: "FAST", align: "right" },
      { title: "DOWN", align: "right" },
      { title: "TIMEOUT", align: "right" },
      { title: "RISE", align: "right" },
      { title: "FALL", align: "right" },
      { title: "BACKENDS", align: "right" },
    ],
    healthchecks.map((check) => [
      styled("bold", check.name),
      check.type,
      check.port ?? "-",
      configText(check.interval_ns),
      configText(check.fast_interval_ns),
      configText(check.down_interval_ns),
      configText(check.timeout_ns),
      check.rise,
      check.fall,
      countText(check.backends.length),
    ]),
  );
}

function paramRows(params: Params): [string, Inline][] {
  return Object.entries(params).flatMap(([key, value]): [string, Inline][] => {
    const name = key.replaceAll("_", "-");
    if (value === undefined || value === null) return [];
    if (typeof value === "object") {
      return Object.entries(value).map(([header, text]) => [name, `${header}: ${text}`]);
    }
    return [[name, String(value)]];
  });
}

/** `show healthcheck <h>` */
export function healthcheckLines(check: HealthCheck): Block[] {
  const sources = [check.probe_ipv4_src, check.probe_ipv6_src].filter((source) => source !== null);
  const rows: [string, Inline][] = [
    ["healthcheck", styled("bold", check.name)],
    ["type", `${check.type}${check.port === null ? "" : `, port ${check.port}`}`],
    [
      "interval",
      `${configText(check.interval_ns)} while healthy, ${configText(check.fast_interval_ns)} while a ` +
      `decision is pending, ${configText(check.down_interval_ns)} while down`,
    ],
    ["timeout", configText(check.timeout_ns)],
    ["rise, fall", `${check.rise} passes bring a backend up, ${check.fall} failures take it down`],
    ...(sources.length === 0 ? [] : [["source", sources.join(", ")] satisfies [string, Inline]]),
    ...paramRows(check.params ?? {}),
    [
      "backends",
      check.backends.length === 0
        ? "none"
        : `${countText(check.backends.length)}: ${check.backends.join(", ")}`,
    ],
  ];
  return pairs(rows);
}
