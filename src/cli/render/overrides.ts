import type { Override, OverrideList } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, table } from "../table.ts";
import { type Inline, line, styled } from "../text.ts";
import { agoText, timeText } from "../units.ts";
import { overrideText, whoText } from "./who.ts";

function fileText({ file_value: value }: Override): string {
  if (value === null) return "-";
  if (typeof value === "number") return `weight ${value}`;
  return value ? "enabled" : "disabled";
}

function whyText({ reason, sleeping, scope }: Override): Inline {
  return [
    scope === "everywhere" ? styled("cyan", "everywhere ") : "",
    sleeping === null ? "" : styled("yellow", `sleeping: ${sleeping.why} `),
    reason ?? "",
  ];
}

/** `show overrides`, and what `clear override` answers */
export function overridesLines({ overrides }: OverrideList, view: View): Block[] {
  if (overrides.length === 0) return [line("no overrides: everything is as the file says")];
  return table(
    [
      { title: "ID" },
      { title: "SET TO", wrap: 14 },
      { title: "FILE", spare: 2 },
      { title: "BY", wrap: 10 },
      { title: "FOR", align: "right" },
      { title: "UNTIL", wrap: 10 },
      { title: "WHY", wrap: 12 },
    ],
    overrides.map((override) => [
      styled("bold", override.id),
      overrideText(override),
      fileText(override),
      whoText(override),
      agoText(override.since, view.now),
      override.until === null ? "-" : timeText(override.until, view),
      whyText(override),
    ]),
  );
}
