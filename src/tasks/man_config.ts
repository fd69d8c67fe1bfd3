/**
 * The manual page maglev.yaml(5), made of the configuration guide, whose tables a test compares with the program. Pure.
 *
 * @module
 */
import type { PageOptions } from "./man_pages.ts";
import type { Block, Inline, Page } from "./man_roff.ts";

/** Sections of the guide that the page has, in its order. */
const SECTIONS = [
  "A first file",
  "How values are written",
  "healthchecker",
  "healthchecks",
  "backends",
  "frontends",
  "vpp.lb",
  "fleet",
  "Rules between keys",
  "Warnings",
];

/** Words of Markdown as words of a page: code is bold, a link is its text. */
function words(text: string): Inline[] {
  return text.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").split(/(`[^`]*`)/)
    .filter((piece) => piece !== "")
    .map((piece) => piece.startsWith("`") ? { bold: piece.slice(1, -1) } : piece.replaceAll("**", ""));
}

/** Cells of a row of a table. */
function cells(row: string): string[] {
  return row.split("|").slice(1, -1).map((cell) => cell.trim());
}

/** A row as what is explained and its explanation. */
function item(heads: readonly string[], row: string): Block {
  const of = new Map(cells(row).map((cell, i) => [heads[i] ?? "", cell]));
  const [tag = ""] = of.values();
  const fallback = of.get("default") ?? "";
  const kind = of.get("kind") === tag ? "" : of.get("kind") ?? "";
  const types = of.get("types") ?? "";
  const facts = [
    kind,
    types === "" ? "" : `for ${types}`,
    fallback === "required" ? "required" : fallback === "" || fallback === "–" ? "" : `default ${fallback}`,
  ].filter((fact) => fact !== "").join(", ");
  const rule = of.get("rule") ?? of.get("how") ?? "";
  const not = of.get("not") ?? "";
  const sentences = [
    [facts, rule].filter((text) => text !== "").join(": "),
    not === "" ? "" : `Not: ${not}`,
  ];
  return {
    kind: "item",
    tag: [{ bold: tag.replaceAll("`", "") }],
    text: words(sentences.filter((text) => text !== "").map((text) => `${text}.`).join(" ")),
  };
}

/** One part of a section: what stands between empty lines. */
function block(lines: readonly string[]): Block[] {
  const [first = ""] = lines;
  if (first === "```yaml") return [{ kind: "example", lines: lines.slice(1, -1) }];
  // Wrong examples and what is said of them.
  if (first.startsWith("```")) return [];
  if (first.startsWith("|")) {
    const heads = cells(first).map((head) => head.startsWith("key") ? "key" : head);
    return lines.slice(2).map((row) => item(heads, row));
  }
  if (first.startsWith("### ")) return [{ kind: "paragraph", text: [{ bold: first.slice(4) }] }];
  const joined = lines.join("\n").split(/^- /m).filter((text) => text !== "");
  return joined.map((text) => ({ kind: "paragraph", text: words(text.split(/\n */).join(" ").trim()) }));
}

/** Parts of a section; empty lines of an example do not end it. */
function parts(text: string): string[][] {
  return [...text.matchAll(/^```[^]*?^```$|^(?!```)[^\n]+(?:\n(?!```)[^\n]+)*/gm)].map(([part]) =>
    part.split("\n")
  );
}

/**
 * maglev.yaml(5).
 *
 * @param guide text of docs/config-guide.md
 * @throws RangeError when a section is gone: the page must not silently lose it
 */
export function configPage({ version, date }: PageOptions, guide: string): Page {
  const sections = new Map(
    guide.split(/^## /m).slice(1).map((text) => {
      const [title = "", ...lines] = text.split("\n");
      return [title, lines.join("\n")];
    }),
  );
  return {
    name: "maglev.yaml",
    section: 5,
    date,
    version,
    summary: "configuration of maglevd, VPP's health checker and control plane",
    sections: [
      {
        title: "DESCRIPTION",
        blocks: [{
          kind: "paragraph",
          text: words(
            "`maglevd`(8) reads one YAML file, by default `/etc/vpp-maglev/maglev.yaml`. Everything is below the " +
              "key `maglev`. `maglevd --check` names every mistake with its place; `maglevd --print-schema` " +
              "prints a JSON Schema for editors.",
          ),
        }],
      },
      ...SECTIONS.map((title) => {
        const text = sections.get(title);
        if (text === undefined) throw new RangeError(`the guide has no section "${title}"`);
        return { title: title.toUpperCase(), blocks: parts(text).flatMap(block) };
      }),
      {
        title: "SEE ALSO",
        blocks: [{ kind: "paragraph", text: words("`maglevd`(8), `maglevc`(1)") }],
      },
    ],
  };
}
