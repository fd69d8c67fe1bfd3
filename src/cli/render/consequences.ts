import type { Change, Consequences } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, pairs } from "../table.ts";
import { type Inline, line, styled } from "../text.ts";
import { countText, shareText } from "../units.ts";
import { overrideCause, overrideText } from "./who.ts";

type FrontendEffect = NonNullable<Consequences["frontends"]>[number];

/** Changes beyond this are counted and not listed. */
const fewChanges = 6;
/** Names beyond this are counted and not listed. */
const fewNames = 4;

function nameList(names: readonly string[]): string {
  const shown = names.slice(0, fewNames).join(", ");
  return names.length > fewNames ? `${shown} and ${countText(names.length - fewNames)} more` : shown;
}

/** What becomes of one frontend. */
function frontendText(effect: FrontendEffect): Inline {
  const { from, to, pool_before: before, pool_after: after, servers_left: left, moved_share: moved } = effect;
  const state = from === to ? to : [from, " → ", styled(to === "down" ? "red" : null, to)];
  const pool = before === after
    ? after === null ? "" : `, pool ${after}`
    : `, pool ${before ?? "none"} → ${after ?? "none"}`;
  const servers = left === 0
    ? [", ", styled("red", "no server left")]
    : `, ${countText(left)} ${left === 1 ? "server" : "servers"} left`;
  const moves = moved === null ? "" : `, ${shareText(moved)} of new flows move`;
  const flushed = effect.flushed.length === 0 ? "" : [
    ", ",
    styled("yellow", `flows of ${nameList(effect.flushed)} are dropped`),
  ];
  return [state, pool, servers, moves, flushed];
}

function changeText(
  { kind, frontend, prefix, backend, address, weight_before, weight_after, flush }: Change,
): string {
  const vip = frontend ?? prefix ?? "";
  const server = backend ?? address ?? "";
  const where = [server, vip === "" ? "" : `in ${vip}`].filter((text) => text !== "").join(" ");
  switch (kind) {
    case "as_weight_updated":
      return `${where}: weight ${weight_before ?? "?"} → ${weight_after ?? "?"}${flush ? ", flush" : ""}`;
    case "as_added":
      return `${where}: added with weight ${weight_after ?? "?"}`;
    case "as_removed":
      return `${where}: removed${flush ? ", flush" : ""}`;
    case "vip_added":
      return `VIP ${vip}: added`;
    case "vip_removed":
      return `VIP ${vip}: removed`;
    case "vip_recreated":
      return `VIP ${vip}: removed and added again`;
    default:
      return `${where === "" ? "settings" : where}: ${kind.replaceAll("_", " ")}`;
  }
}

function changeRows(changes: readonly Change[]): [string, Inline][] {
  const more = changes.length - fewChanges;
  return [
    ...changes.slice(0, fewChanges).map((change, i): [string, Inline] => [
      i === 0 ? "VPP" : "",
      [changeText(change), change.held === null ? "" : styled("yellow", `; held: ${change.held}`)],
    ]),
    ...(more > 0
      ? [["", `and ${countText(more)} more ${more === 1 ? "change" : "changes"}`] satisfies [string, Inline]]
      : []),
  ];
}

/** What an action changed, or would change. */
export function consequencesLines(consequences: Consequences, view: View): Block[] {
  const { dry_run: dry, durable, durable_detail: detail, replaced, frontends, changes } = consequences;
  const rows: [string, Inline][] = [];
  for (const effect of frontends ?? []) rows.push([effect.frontend, frontendText(effect)]);
  if (frontends === null) rows.push(["frontends", styled("yellow", "not known")]);
  else if (frontends.length === 0) rows.push(["frontends", "no change"]);
  if (changes === null) rows.push(["VPP", "not known"]);
  else if (changes.length === 0) rows.push(["VPP", "no change"]);
  else rows.push(...changeRows(changes));
  if (replaced !== null) {
    rows.push(["replaces", `${overrideText(replaced)} ${overrideCause(replaced, view)}`]);
  }
  if (!dry && !durable) {
    rows.push(["memory", styled("yellow", `a restart may forget it: ${detail || "it is not on disk"}`)]);
  }
  return [
    dry
      ? line(styled("bold", "would change"), " (nothing was changed)")
      : line(styled("bold", "consequences")),
    ...pairs(rows, 2),
  ];
}

/** Frontends that an action takes down; null: not known. */
export function takenDown({ frontends }: Consequences): string[] | null {
  if (frontends === null) return null;
  return frontends.filter(({ from, to }) => from !== "down" && to === "down").map(({ frontend }) => frontend);
}

/** The question where the daemon does not say what an action changes. */
export const notKnown = "what this changes is not known";

/** The question before an action that takes frontends down, or may; null: there is nothing to ask. */
export function downQuestion(consequences: Consequences, risky: boolean): string | null {
  const down = takenDown(consequences);
  if (down === null) return risky ? notKnown : null;
  if (down.length === 0) return null;
  return `this takes ${down.length === 1 ? "frontend" : "frontends"} ${
    nameList(down)
  } down: no server is left`;
}
