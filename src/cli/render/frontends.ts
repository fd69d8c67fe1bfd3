import type { Frontend, FrontendList, Pool, Table } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, pairs, table } from "../table.ts";
import { type Inline, line, styled } from "../text.ts";
import { agoText, countText, shareText, timeText } from "../units.ts";
import { findingLines } from "./findings.ts";
import { portText, stateSpan, stateWord, syncSpan, yesNo } from "./style.ts";
import { overrideCause, overrideText } from "./who.ts";

/** `show frontends` */
export function frontendsLines({ frontends }: FrontendList, view: View): Block[] {
  if (frontends.length === 0) return [line("no frontends")];
  return table(
    [
      { title: "FRONTEND", wrap: 23 },
      { title: "VIP", spare: 1 },
      { title: "PORT" },
      { title: "STATE" },
      { title: "FOR", align: "right", spare: 1 },
      { title: "POOL", wrap: 12, spare: 1 },
      { title: "UP", align: "right" },
      { title: "VPP" },
      { title: "DESCRIPTION", wrap: 20, spare: 1 },
    ],
    frontends.map((frontend) => {
      const members = frontend.pools.flatMap((pool) => pool.backends);
      return [
        styled("bold", frontend.name),
        frontend.address,
        portText(frontend.protocol, frontend.port),
        stateSpan(frontend.state),
        agoText(frontend.since, view.now),
        frontend.pools.find((pool) => pool.active)?.name ?? "-",
        `${members.filter((member) => member.state === "up").length}/${members.length}`,
        syncSpan(frontend.vpp),
        styled("dim", frontend.description),
      ];
    }),
  );
}

/** A pool's name across the table, and its backends below. */
function poolRows(pool: Pool): Inline[][] {
  const role = pool.active ? styled("green", "active") : styled("dim", "standby");
  return [
    [[
      "pool ",
      styled("bold", pool.name),
      "  ",
      role,
      pool.backends.length === 0 ? styled("dim", "  no backends") : "",
    ]],
    ...pool.backends.map((member): Inline[] => [
      ["  ", member.name],
      member.address,
      stateSpan(member.state),
      member.weight === member.file_weight
        ? member.weight
        : [styled("yellow", member.weight), ` (file ${member.file_weight})`],
      styled(member.effective_weight > 0 ? null : "dim", member.effective_weight),
      member.num_buckets === null ? "-" : countText(member.num_buckets),
      shareText(member.share),
    ]),
  ];
}

/** `show frontend <f>` */
export function frontendLines(frontend: Frontend, view: View): Block[] {
  return [
    ...pairs([
      ["frontend", styled("bold", frontend.name)],
      ...(frontend.description === "" ? [] : [["description", frontend.description] as const]),
      ["vip", `${frontend.address}  ${portText(frontend.protocol, frontend.port)}`],
      ["state", [
        stateSpan(frontend.state),
        `  for ${agoText(frontend.since, view.now)}, since ${timeText(frontend.since, view)}`,
      ]],
      ["vpp", [syncSpan(frontend.vpp), frontend.vpp_detail === "" ? "" : `  ${frontend.vpp_detail}`]],
      [
        "options",
        `src-ip-sticky ${yesNo(frontend.src_ip_sticky)}, flush-on-down ${yesNo(frontend.flush_on_down)}, ` +
        `new-flow table of ${countText(frontend.new_flows_table_length)} buckets`,
      ],
    ]),
    [],
    ...table(
      [
        { title: "  BACKEND", wrap: 25 },
        { title: "ADDRESS", spare: 1 },
        { title: "STATE" },
        { title: "WEIGHT", align: "right" },
        { title: "EFFECTIVE", align: "right" },
        { title: "BUCKETS", align: "right" },
        { title: "SHARE", align: "right" },
      ],
      frontend.pools.flatMap(poolRows),
    ),
    ...overrideLines(frontend, view),
    ...transitionLines(frontend, view),
  ];
}

/** Who changed weights, and why. */
function overrideLines({ pools }: Frontend, view: View): Block[] {
  const set = pools.flatMap((pool) => pool.backends).flatMap(({ override }) => override ?? []);
  if (set.length === 0) return [];
  return [
    [],
    ...pairs(
      set.map((override) => [
        "override",
        [styled("yellow", overrideText(override)), ` ${overrideCause(override, view)}`],
      ]),
    ),
  ];
}

function transitionLines({ transitions }: Frontend, view: View): Block[] {
  if (transitions.length === 0) return [];
  return [
    [],
    ...table(
      [
        { title: "WHEN" },
        { title: "AGO", align: "right", spare: 1 },
        { title: "FROM" },
        { title: "TO" },
        { title: "POOL", wrap: 12 },
        { title: "WHY", wrap: 20 },
      ],
      transitions.map(({ at, from, to, active_pool: pool, reason }) => [
        timeText(at, view),
        agoText(at, view.now),
        stateWord(from),
        stateWord(to),
        pool ?? "-",
        reason,
      ]),
    ),
  ];
}

/** `show frontend <f> table`; `assumption`: what was assumed, as the end of a sentence. */
export function newFlowTableLines(model: Table, assumption = ""): Block[] {
  const moved = model.compared_to_now;
  return [
    line(
      styled("bold", model.frontend),
      `: new-flow table of ${countText(model.table_length)} buckets`,
      styled("yellow", model.assumed ? assumption : ""),
    ),
    [],
    ...table(
      [
        { title: "BACKEND", wrap: 23 },
        { title: "ADDRESS", spare: 1 },
        { title: "WEIGHT", align: "right" },
        { title: "BUCKETS", align: "right" },
        { title: "SHARE", align: "right" },
        { title: "WANTED", align: "right" },
      ],
      model.servers.map((server) => [
        server.backend,
        server.address,
        server.weight,
        countText(server.num_buckets),
        shareText(server.share),
        shareText(server.wanted_share),
      ]),
    ),
    ...(moved === null || moved.moved_buckets === 0 ? [] : [
      [],
      line(
        `against what VPP has now, ${shareText(moved.moved_share)} of new flows move (`,
        `${countText(moved.moved_buckets)} buckets; at least ${countText(moved.least_buckets)} must)`,
      ),
    ]),
    ...findingLines(model.lints),
  ];
}
