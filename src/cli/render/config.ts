import type { View } from "../context.ts";
import type { Reload } from "../shapes/mod.ts";
import { type Block, table } from "../table.ts";
import { type Line, line, styled } from "../text.ts";
import { consequencesLines } from "./consequences.ts";
import { syncSummary } from "./plan.ts";

/** `config reload` */
export function reloadLines(reload: Reload, view: View): Block[] {
  const { consequences } = reload;
  const done = consequences?.dry_run === true ? "would reload" : "reloaded";
  const lines: Block[] = reload.changes.length === 0
    ? [line(`${done}; ${consequences?.dry_run === true ? "nothing would change" : "nothing changed"}`)]
    : [
      line(done),
      [],
      ...table(
        [{ title: "" }, { title: "OBJECT" }, { title: "NAME", wrap: 16 }, { title: "KEYS", wrap: 12 }, {
          title: "EFFECT",
          wrap: 20,
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
      ),
    ];
  return [
    ...lines,
    ...(reload.sync === null ? [] : [[], ...syncSummary(reload.sync)]),
    ...(consequences === undefined ? [] : [[], ...consequencesLines(consequences, view)]),
  ];
}

/** Texts that every version of YAML reads as strings when they stand without quotes: words, durations, IPv4 addresses. */
const plainText =
  /^(?:[A-Za-z/_][A-Za-z0-9/_.-]*|(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+|(?:[0-9]{1,3}\.){3}[0-9]{1,3})$/;

function isPlain(text: string): boolean {
  return plainText.test(text) && !/^(true|false|yes|no|on|off|null|y|n|e-?[0-9]+)$/i.test(text);
}

/** What stands on one line: a scalar, or an empty list or map; null for the rest. */
function flowText(value: unknown): string | null {
  if (typeof value === "string") return isPlain(value) ? value : JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Object.keys(value).length > 0) return null;
  return Array.isArray(value) ? "[]" : "{}";
}

/** JSON as YAML in block style: what the configuration file would say with every default written out. */
export function yamlLines(value: unknown, indent = 0): Line[] {
  const margin = styled(null, " ".repeat(indent));
  const flow = flowText(value);
  if (flow !== null) return [[margin, styled(null, flow)]];
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown) => {
      const [[_, ...first] = [], ...rest] = yamlLines(item, indent + 2);
      return [[margin, styled(null, "- "), ...first], ...rest];
    });
  }
  return Object.entries(value ?? {}).flatMap(([key, item]: [string, unknown]): Line[] => {
    const name = line(margin, styled("cyan", isPlain(key) ? key : JSON.stringify(key)), ":");
    const text = flowText(item);
    return text === null ? [name, ...yamlLines(item, indent + 2)] : [[...name, styled(null, ` ${text}`)]];
  });
}
