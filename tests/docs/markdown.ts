/**
 * As much of Markdown as the tests of the documents need, with GitHub's rules for anchors. Pure.
 *
 * @module
 */

/** A code block. */
export interface CodeBlock {
  /** The words after the opening fence, e.g. `sh`. */
  readonly info: string;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

/** A link of a document. */
export interface Link {
  readonly target: string;
  /** From 1. */
  readonly line: number;
}

/** Splits a document into its prose (code blocks are blank lines there) and its code blocks. */
export function parts(document: string): { prose: string[]; blocks: CodeBlock[] } {
  const prose: string[] = [];
  const blocks: CodeBlock[] = [];
  let open: { fence: string; info: string; line: number; text: string[] } | null = null;
  for (const [index, line] of document.split("\n").entries()) {
    const [, fence, info = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (open === null && fence !== undefined) {
      open = { fence, info: info.trim(), line: index + 1, text: [] };
    } else if (open !== null && fence?.startsWith(open.fence) === true && info.trim() === "") {
      blocks.push({ info: open.info, text: open.text.map((text) => `${text}\n`).join(""), line: open.line });
      open = null;
    } else if (open !== null) open.text.push(line);
    prose.push(open === null && fence === undefined ? line : "");
  }
  if (open !== null) throw new SyntaxError(`the code block of line ${open.line} has no end`);
  return { prose, blocks };
}

/** Code spans of a line of prose, without their backticks. */
export function codeSpans(line: string): string[] {
  return [...line.matchAll(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/g)].map(([, , text = ""]) => text.trim());
}

function withoutCode(line: string): string {
  return line.replaceAll(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/g, "");
}

/** Targets of inline links, images and reference definitions. */
export function links(document: string): Link[] {
  return parts(document).prose.flatMap((text, index) => {
    const line = withoutCode(text);
    const inline = [...line.matchAll(/\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
    const defined = [...line.matchAll(/^ {0,3}\[[^\]]+\]:\s+<?([^\s>]+)/g)];
    return [...inline, ...defined].map(([, target = ""]) => ({ target, line: index + 1 }));
  });
}

/** The anchor that GitHub gives to a heading, before it makes it unique. */
export function slug(heading: string): string {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/(\*\*|\*|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}]))/gu, "")
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

/** Every anchor of a document; a heading that comes again gets a number. */
export function anchors(document: string): Set<string> {
  const found = new Set<string>();
  const seen = new Map<string, number>();
  for (const line of parts(document).prose) {
    for (const [, name = ""] of line.matchAll(/<a\s+(?:name|id)="([^"]+)"/g)) found.add(name);
    const [, heading] = /^ {0,3}#{1,6}\s+(.*?)(?:\s+#+)?\s*$/.exec(line) ?? [];
    if (heading === undefined) continue;
    const base = slug(heading);
    const times = seen.get(base) ?? 0;
    seen.set(base, times + 1);
    found.add(times === 0 ? base : `${base}-${times}`);
  }
  return found;
}
