import { type Block, table } from "../table.ts";
import { type Line, line, styled } from "../text.ts";
import { fromMillis, shortDuration } from "../../duration.ts";
import { ageText, countText, latencyText, shareText } from "../units.ts";
import type { Target } from "./attempt.ts";
import type { Count, Tally } from "./tally.ts";

function ago(lastAt: number, now: number): string {
  return ageText((now - lastAt) / 1000);
}

/** What is probed and how, as a heading. */
export function targetLine(frontend: string, target: Target, intervalMs: number): Line {
  const how = target.path === null ? "connect" : `GET ${target.path}`;
  const tls = target.tls === "off"
    ? ""
    : target.tls === "verify"
    ? " over TLS"
    : " over TLS, any certificate";
  return line(
    styled("bold", frontend),
    `  ${target.address} port ${target.port}, ${how}${tls}, every ${shortDuration(intervalMs)}`,
  );
}

function countTable(
  title: string,
  counts: readonly Count[],
  total: number,
  tally: Tally,
  now: number,
): Block[] {
  return table(
    [
      { title, wrap: 20 },
      { title: "COUNT", align: "right" },
      { title: "SHARE", align: "right" },
      { title: `LAST ${tally.recent}`, align: "right" },
      { title: "SEEN", align: "right" },
    ],
    counts.map((count) => [
      count.value,
      countText(count.count),
      shareText(total === 0 ? null : count.count / total),
      count.recent,
      `${ago(count.lastAt, now)} ago`,
    ]),
  );
}

/** Figures so far; `now` is in the clock of the tally. */
export function tallyLines(target: Target, tally: Tally, now: number): Block[] {
  const quantile = (share: number): string => {
    const ms = tally.quantile(share);
    return ms === null ? "-" : latencyText(fromMillis(ms)) ?? "-";
  };
  const good = tally.sent - tally.failed;
  return [
    line(
      `${countText(tally.sent)} probes, `,
      styled(tally.failed > 0 ? "red" : "green", `${countText(tally.failed)} failed`),
      ` (${shareText(tally.sent === 0 ? 0 : tally.failed / tally.sent)}), `,
      `p50 ${quantile(0.5)}, p95 ${quantile(0.95)}, p99 ${quantile(0.99)}`,
    ),
    ...(target.path === null || good === 0
      ? []
      : countTable(target.header.toUpperCase(), tally.answers, good, tally, now)),
    ...(tally.failed === 0 ? [] : countTable("FAILURE", tally.failures, tally.failed, tally, now)),
  ];
}

/** The summary for programs. Times are decimal strings of nanoseconds, as in the API. */
export function tallyJson(frontend: string, target: Target, tally: Tally): string {
  const nanos = (share: number): string | null => {
    const ms = tally.quantile(share);
    return ms === null ? null : String(Math.round(ms * 1e6));
  };
  const list = (counts: readonly Count[]) => counts.map(({ value, count }) => ({ value, count }));
  return JSON.stringify({
    frontend,
    address: target.address,
    port: target.port,
    sent: tally.sent,
    failed: tally.failed,
    p50_ns: nanos(0.5),
    p95_ns: nanos(0.95),
    p99_ns: nanos(0.99),
    header: target.path === null ? null : target.header,
    answers: list(tally.answers),
    failures: list(tally.failures),
  });
}
