import type { ConfigReload } from "../../api.ts";
import type { View } from "../context.ts";
import { table } from "../table.ts";
import { type Line, line, styled } from "../text.ts";
import { syncSummary } from "./plan.ts";

/** `config reload` */
export function reloadLines(reload: ConfigReload, view: View): Line[] {
  const lines: Line[] = reload.changes.length === 0 ? [line("reloaded; nothing changed")] : [
    line("reloaded"),
    [],
    ...table(
      [{ title: "" }, { title: "OBJECT" }, { title: "NAME" }, { title: "KEYS" }, {
        title: "EFFECT",
        wrap: true,
      }],
      reload.changes.map((change) => [
        change.change === "added"
          ? styled("green", "+")
          : change.change === "removed"
          ? styled("red", "-")
          : styled("yellow", "~"),
        change.object,
        styled("bold", change.name),
        change.fields.join(", "),
        change.effect,
      ]),
      view.width,
    ),
  ];
  return reload.sync === null ? lines : [...lines, [], ...syncSummary(reload.sync)];
}

/** Whether YAML 1.1 and 1.2 both read this text as a string when it stands without quotes. */
function isPlain(text: string): boolean {
  return /^[A-Za-z/_][A-Za-z0-9/_.-]*$/.test(text) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text);
}

function scalar(value: unknown): string {
  if (typeof value === "string") return isPlain(value) ? value : JSON.stringify(value);
  return value === null ? "null" : String(value);
}

/** JSON as YAML in block style: what the configuration file would say with every default written out. */
export function yamlLines(value: unknown, indent = 0): Line[] {
  const margin = " ".repeat(indent);
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown) => {
      const [first = [], ...rest] = yamlLines(item, indent + 2);
      const [blank, ...pieces] = first;
      return blank?.text.trim() === ""
        ? [[{ text: `${margin}- `, style: null }, ...pieces], ...rest]
        : [first];
    });
  }
  if (typeof value !== "object" || value === null) {
    return [[styled(null, margin), styled(null, scalar(value))]];
  }
  return Object.entries(value).flatMap(([key, item]: [string, unknown]): Line[] => {
    const name = line(margin, styled("cyan", isPlain(key) ? key : JSON.stringify(key)), ":");
    if (typeof item !== "object" || item === null) return [[...name, ...line(" ", scalar(item))]];
    const empty = Array.isArray(item) ? item.length === 0 : Object.keys(item).length === 0;
    if (empty) return [[...name, ...line(Array.isArray(item) ? " []" : " {}")]];
    return [name, ...yamlLines(item, indent + 2)];
  });
}
