import type { Fleet } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, pairs, table } from "../table.ts";
import { type Inline, line, styled } from "../text.ts";
import { ageText, agoText, countText } from "../units.ts";

/** Names beyond this are counted and not listed. */
const fewNames = 8;

function notUp(names: readonly string[]): Inline {
  if (names.length === 0) return styled("green", "none");
  const more = names.length - fewNames;
  return `${names.slice(0, fewNames).join(", ")}${more > 0 ? ` and ${countText(more)} more` : ""}`;
}

/** `show fleet` */
export function fleetLines(fleet: Fleet, view: View): Block[] {
  if (fleet.name === null) return [line(`${fleet.node} is alone: the configuration has no fleet`)];
  const since = fleet.store_since === null ? "" : ` for ${agoText(fleet.store_since, view.now)}`;
  const detail = fleet.store_detail === "" ? "" : `: ${fleet.store_detail}`;
  return [
    ...pairs([
      ["fleet", styled("bold", fleet.name)],
      ["this node", fleet.node],
      ["store", [styled(fleet.store === "live" ? "green" : "yellow", fleet.store), `${since}${detail}`]],
    ]),
    [],
    ...table(
      [
        { title: "NODE", wrap: 23 },
        { title: "HEARD", align: "right" },
        { title: "VERSION", spare: 1 },
        { title: "CONFIG" },
        { title: "VPP" },
        { title: "NOT UP", wrap: 20 },
      ],
      fleet.nodes.map((node) => [
        styled("bold", node.node),
        `${ageText(Number(node.age_ns) / 1e9)} ago`,
        node.version,
        styled(node.config === "same" ? "green" : "yellow", node.config),
        styled(node.vpp === "in-sync" ? "green" : "yellow", node.vpp),
        notUp(node.not_up),
      ]),
    ),
    [],
    ...(fleet.disagreements.length === 0 ? [line(styled("green", "the nodes agree"))] : table(
      [{ title: "DIFFERS" }, { title: "OBJECT", wrap: 23 }, { title: "HOW", wrap: 30 }],
      fleet.disagreements.map((
        { kind, object, text },
      ) => [styled("yellow", kind), styled("bold", object), text]),
    )),
  ];
}
