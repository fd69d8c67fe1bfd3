import type { Info, LbState, Vip, VppInfo } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, pairs, table } from "../table.ts";
import { line, styled } from "../text.ts";
import { ageText, agoText, countText, timeText } from "../units.ts";
import { portText, vipName, yesNo } from "./style.ts";

/** `show version` */
export function versionLines(info: Info, client: string, view: View): Block[] {
  const { warmup } = info;
  const held = warmup.held_frontends.length === 0 ? "" : `; held: ${warmup.held_frontends.join(", ")}`;
  // A build that nobody dated bears the epoch.
  const built = Date.parse(info.date) === 0 ? "" : `, of ${timeText(info.date, view)}`;
  return pairs([
    ["maglevc", client],
    ["maglevd", `${info.version}, commit ${info.commit}${built}`],
    ["running", `for ${ageText(Number(info.uptime_ns) / 1e9)}, since ${timeText(info.started_at, view)}`],
    ["listening", info.listen.join(", ")],
    ["features", info.features.join(", ") || "none"],
    [
      "warm-up",
      warmup.phase === "done" ? "done" : [
        styled("yellow", warmup.phase),
        `, ends at ${timeText(warmup.ends_at, view)} at the latest${held}`,
      ],
    ],
  ]);
}

/** `show vpp info` */
export function vppInfoLines(info: VppInfo, view: View): Block[] {
  const since = (time: string) => `${timeText(time, view)}  (${agoText(time, view.now)} ago)`;
  return pairs([
    ["version", info.version],
    ["build-date", info.build_date],
    ["build-dir", info.build_directory],
    ["vpp-pid", info.pid],
    ["boot time", since(info.boottime)],
    ["connected", since(info.connecttime)],
  ]);
}

function vipLines(vip: Vip): Block[] {
  const sticky = vip.src_ip_sticky === null ? "unknown" : yesNo(vip.src_ip_sticky);
  const heading = line(
    vipName(vip.frontend),
    `  ${vip.prefix} ${portText(vip.protocol, vip.port)}, ${vip.encap}, src-ip-sticky ${sticky}, `,
    `table ${countText(vip.flow_table_length)}, index ${vip.index ?? "unknown"}`,
  );
  if (vip.application_servers.length === 0) return [heading, line("  no application servers")];
  const total = vip.application_servers.reduce((sum, server) => sum + server.num_buckets, 0);
  return [
    heading,
    ...table(
      [
        { title: "SERVER" },
        { title: "BACKEND", wrap: 23 },
        { title: "WEIGHT", align: "right" },
        { title: "BUCKETS", align: "right" },
        { title: "SHARE", align: "right" },
      ],
      vip.application_servers.map((server) => [
        server.address,
        server.backend ?? styled("yellow", "(unknown)"),
        styled(server.weight > 0 ? null : "dim", server.weight),
        countText(server.num_buckets),
        total === 0 ? "-" : `${(100 * server.num_buckets / total).toFixed(1)}%`,
      ]),
      2,
    ),
  ];
}

/** `show vpp lb state` */
export function lbStateLines(state: LbState, view: View): Block[] {
  const { conf } = state;
  return [
    ...pairs([
      ["read", `${timeText(state.read_at, view)}  (${agoText(state.read_at, view.now)} ago)`],
      ["GRE source", `${conf.ipv4_src_address}, ${conf.ipv6_src_address}`],
      [
        "flows",
        `${countText(conf.sticky_buckets_per_core)} sticky buckets per core, timeout ${conf.flow_timeout}s`,
      ],
    ]),
    ...(state.vips.length === 0 ? [[], line("VPP has no such VIP")] : []),
    ...state.vips.flatMap((vip) => [[], ...vipLines(vip)]),
  ];
}
