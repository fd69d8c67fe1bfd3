/**
 * Manual pages as data, written as roff with the `man` macros. Pure.
 *
 * @module
 */

/** A piece of a line; bold is what a user types as it stands, italic what a user replaces. */
export type Inline = string | { readonly bold: string } | { readonly italic: string };

/** A run of text. */
export type Text = string | readonly Inline[];

/** Something that stands in a section. */
export type Block =
  | { readonly kind: "paragraph"; readonly text: Text }
  /** What is explained, and its explanation, indented. */
  | { readonly kind: "item"; readonly tag: Text; readonly text: Text }
  /** Lines that keep their breaks. */
  | { readonly kind: "example"; readonly lines: readonly string[] };

/** One manual page. */
export interface Page {
  /** Name of the command. */
  readonly name: string;
  /** Section of the manual: 1 for users, 8 for administrators. */
  readonly section: number;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** Version of the product. */
  readonly version: string;
  /** What the command is, for `apropos`. */
  readonly summary: string;
  /** Sections after NAME. */
  readonly sections: readonly { readonly title: string; readonly blocks: readonly Block[] }[];
}

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "~": "\\(ti",
  "^": "\\(ha",
  "`": "\\(ga",
  "'": "\\(aq",
};

/** Makes text safe anywhere in a line; a hyphen that a user types stays one, so that it can be pasted. */
function escape(text: string, typed: boolean): string {
  const safe = text.replace(/[\\~^`']/g, (c) => escapes[c] ?? c)
    .replace(
      /[^\x20-\x7e]/gu,
      (c) => `\\[u${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
    );
  return typed ? safe.replaceAll("-", "\\-") : safe;
}

function inline(piece: Inline): string {
  if (typeof piece === "string") return escape(piece, false);
  return "bold" in piece ? `\\fB${escape(piece.bold, true)}\\fR` : `\\fI${escape(piece.italic, true)}\\fR`;
}

/** One line of roff; a dot at its start would be taken for a request. */
function line(text: Text): string {
  const written = typeof text === "string" ? inline(text) : text.map(inline).join("");
  return written.startsWith(".") ? `\\&${written}` : written;
}

/** An argument of a macro: quoted, a quote in it doubled. */
function quoted(text: string): string {
  return `"${escape(text, false).replaceAll('"', '""')}"`;
}

function block(piece: Block): string[] {
  switch (piece.kind) {
    case "paragraph":
      return [".PP", line(piece.text)];
    case "item":
      return [".TP", line(piece.tag), line(piece.text)];
    case "example":
      return [".PP", ".RS 4", ".nf", ...piece.lines.map((text) => line([{ bold: text }])), ".fi", ".RE"];
  }
}

/** The page as roff. */
export function roff(page: Page): string {
  const { name, section, date, version, summary } = page;
  return [
    `.TH ${quoted(name.toUpperCase())} ${section} ${quoted(date)} ${quoted(`vpp-maglev ${version}`)}`,
    // No hyphenation and no justification: names of flags and keys must be found by searching.
    ".nh",
    ".ad l",
    ".SH NAME",
    `${escape(name, true)} \\- ${escape(summary, false)}`,
    ...page.sections.flatMap(({ title, blocks }) => [`.SH ${quoted(title)}`, ...blocks.flatMap(block)]),
    "",
  ].join("\n");
}
