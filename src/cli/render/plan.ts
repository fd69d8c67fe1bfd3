import type { Change, Plan, Prediction, SyncResult } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, table } from "../table.ts";
import { type Inline, type Line, line, type Span, styled } from "../text.ts";
import { agoText, countText, latencyText, shareText } from "../units.ts";
import { findingLines } from "./findings.ts";
import { portText, vipName } from "./style.ts";

const signs: Readonly<Record<Change["kind"], Span>> = {
  conf_set: styled("yellow", "~"),
  vip_added: styled("green", "+"),
  vip_removed: styled("red", "-"),
  vip_recreated: styled("magenta", "±"),
  as_added: styled("green", "+"),
  as_removed: styled("red", "-"),
  as_weight_updated: styled("yellow", "~"),
};

/** What a change does, without where and why. */
function whatText(change: Change): string {
  const flush = change.flush ? ", flush" : "";
  switch (change.kind) {
    case "conf_set":
      return "set";
    case "vip_added":
      return "add";
    case "vip_removed":
      return "remove";
    case "vip_recreated":
      return "remove and add again";
    case "as_added":
      return `weight ${change.weight_after ?? "?"}`;
    case "as_removed":
      return `weight ${change.weight_before ?? "?"}${flush}`;
    case "as_weight_updated":
      return `weight ${change.weight_before ?? "?"} → ${change.weight_after ?? "?"}${flush}`;
  }
}

/** Identity of the VIP that a change or prediction is about, "" for the global configuration. */
function vipOf(of: Pick<Change, "prefix" | "protocol" | "port">): string {
  return of.prefix === null ? "" : `${of.prefix} ${of.protocol ?? ""} ${of.port ?? ""}`;
}

function heading(change: Change): Line {
  if (change.prefix === null) return line(styled("bold", "global configuration"));
  return line(
    vipName(change.frontend),
    `  ${change.prefix} ${portText(change.protocol ?? "any", change.port ?? 0)}`,
  );
}

type Outcome = SyncResult["changes"][number];

/** What became of a change, or what keeps it from being sent. */
function remarks(change: Change | Outcome): Inline {
  const held = change.holds.length === 0 ? [] : [styled("yellow", `held: ${change.holds.join(", ")}`)];
  if (!("status" in change)) {
    const traffic = change.traffic_affecting ? [styled("red", "affects traffic")] : [];
    return [...held, ...traffic].map((remark) => ["; ", remark]);
  }
  if (change.status === "failed") {
    return [
      "; ",
      styled("red", `failed: ${change.error ?? "no reason given"} (${change.retval ?? "no answer"})`),
    ];
  }
  if (change.status === "done") return ["; ", styled("green", "done")];
  return [styled("yellow", change.status), ...held].map((remark) => ["; ", remark]);
}

/** What the settings become, where the change has some. */
function settingsText({ conf, encap, table_length, src_ip_sticky }: Change): string {
  if (conf !== undefined) {
    const sources = `${conf.ipv4_src_address}, ${conf.ipv6_src_address}`;
    return `; ${sources}, ${conf.sticky_buckets_per_core} buckets, timeout ${conf.flow_timeout} s`;
  }
  if (table_length === undefined) return "";
  return `; ${encap ?? "?"}, table length ${table_length}${src_ip_sticky === true ? ", src-ip-sticky" : ""}`;
}

function targetText(change: Change): Inline {
  if (change.address === null) return change.prefix === null ? "settings" : "VIP";
  return [change.backend ?? styled("yellow", "(unknown)"), ` ${change.address}`];
}

function changeTable(changes: readonly (Change | Outcome)[]): Block[] {
  return table(
    [{ title: "" }, { title: "", wrap: 23 }, { title: "" }, { title: "", wrap: 20 }],
    changes.map((change) => [
      signs[change.kind],
      targetText(change),
      whatText(change),
      [styled("dim", `${change.reason}${settingsText(change)}`), remarks(change)],
    ]),
    2,
  );
}

/** Changes under a heading for each VIP, in the order in which they are sent. */
function changesByVip(
  changes: readonly (Change | Outcome)[],
  after: (vip: string) => Block[],
): Block[] {
  const lines: Block[] = [];
  for (let at = 0; at < changes.length;) {
    const first = changes[at];
    if (first === undefined) break;
    const vip = vipOf(first);
    let end = at;
    while (end < changes.length && vipOf(changes[end] ?? first) === vip) end++;
    const last = !changes.slice(end).some((change) => vipOf(change) === vip);
    lines.push([], heading(first), ...changeTable(changes.slice(at, end)), ...(last ? after(vip) : []));
    at = end;
  }
  return lines;
}

function predictionLines(prediction: Prediction): Line[] {
  const shares = prediction.servers
    .filter((server) => server.share_before !== server.share_after)
    .map((server) =>
      `${server.backend ?? server.address} ${shareText(server.share_before)} → ${
        shareText(server.share_after)
      }`
    );
  const idle = prediction.servers.filter((server) => !server.has_effect && server.weight_after > 0);
  return [
    line(
      "  ",
      styled(prediction.moved_buckets > 0 ? "bold" : null, shareText(prediction.moved_share)),
      ` of new flows move: ${countText(prediction.moved_buckets)} buckets, at least `,
      `${countText(prediction.least_buckets)} (${shareText(prediction.least_share)}) must`,
    ),
    ...(shares.length === 0 ? [] : [line(`  shares: ${shares.join(", ")}`)]),
    ...(idle.length === 0 ? [] : [
      line(
        "  ",
        styled("yellow", "no effect: "),
        `the weight of ${idle.map((server) => server.backend ?? server.address).join(", ")}`,
      ),
    ]),
    ...findingLines(prediction.lints).map((text) => line("  ", text)),
  ];
}

function plural(count: number, word: string): string {
  return `${countText(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** `show vpp lb plan` */
export function planLines(plan: Plan, view: View): Block[] {
  const scope = plan.frontend === null ? "all VIPs" : `frontend ${plan.frontend}`;
  const held = plan.changes.filter((change) => change.held !== null).length;
  const head = line(
    styled("bold", "plan"),
    ` for ${scope}, read ${agoText(plan.read_at, view.now)} ago: `,
    plan.changes.length === 0 ? styled("green", "nothing to do") : plural(plan.changes.length, "change"),
    held === 0 ? "" : [", ", styled("yellow", `${held} held`)],
    plan.traffic_affecting && plan.changes.length > 0 ? [", ", styled("red", "affects traffic")] : "",
  );
  const shown = new Set(plan.changes.map(vipOf));
  const ofVip = (vip: string) => plan.predictions.filter((p) => vipOf(p) === vip).flatMap(predictionLines);
  const others = plan.predictions.filter((p) => !shown.has(vipOf(p)) && p.lints.length > 0);
  const target = plan.frontend === null ? "" : ` ${plan.frontend}`;
  return [
    head,
    ...changesByVip(plan.changes, ofVip),
    ...others.flatMap((p) => [
      [],
      line(vipName(p.frontend), `  ${p.prefix} ${portText(p.protocol, p.port)}`),
      ...findingLines(p.lints).map((text) => line("  ", text)),
    ]),
    ...(held === 0 ? [] : [
      [],
      line(
        "held changes are sent only by: ",
        styled("bold", `sync vpp lb state${target} plan ${plan.digest}`),
      ),
    ]),
  ];
}

/** One line on a sync. */
export function syncSummary(sync: SyncResult): Line[] {
  const scope = sync.frontend === null ? "all VIPs" : `frontend ${sync.frontend}`;
  return [line(
    styled("bold", "sync"),
    ` of ${scope} in ${latencyText(sync.took_ns) ?? "?"}: `,
    sync.changes.length === 0 ? styled("green", "nothing to do") : [
      styled(sync.done > 0 ? "green" : null, `${countText(sync.done)} done`),
      ", ",
      styled(sync.failed > 0 ? "red" : null, `${countText(sync.failed)} failed`),
      ", ",
      styled(sync.skipped > 0 ? "yellow" : null, `${countText(sync.skipped)} skipped`),
    ],
  )];
}

/** `sync vpp lb state` */
export function syncLines(sync: SyncResult): Block[] {
  return [...syncSummary(sync), ...changesByVip(sync.changes, () => [])];
}
