import type { Whereis } from "../../api/mod.ts";
import { type Block, pairs } from "../table.ts";
import { type Inline, styled } from "../text.ts";
import { countText } from "../units.ts";

function serverText(server: Whereis["now"]): Inline {
  if (server === null) return styled("yellow", "no server");
  return [styled("bold", server.backend ?? "(unknown)"), `  ${server.address}`];
}

/** `whereis`; `afterPlan` asks for the server after the next sync besides. */
export function whereisLines(where: Whereis, afterPlan: boolean): Block[] {
  const changes = JSON.stringify(where.now) !== JSON.stringify(where.after_plan);
  return pairs([
    ["client", where.client + (where.client_port === null ? "" : ` port ${where.client_port}`)],
    ["frontend", where.frontend],
    [
      "bucket",
      `${countText(where.bucket)} of ${countText(where.table_length)}, hash 0x${
        where.hash.toString(16).padStart(8, "0")
      }`,
    ],
    ["now", serverText(where.now)],
    ...(afterPlan
      ? [
        ["after plan", [
          serverText(where.after_plan),
          changes ? styled("yellow", "  (changes)") : "",
        ]] as const,
      ]
      : []),
    ...(where.note === "" ? [] : [["note", where.note] as const]),
  ]);
}
