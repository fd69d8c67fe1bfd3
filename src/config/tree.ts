/**
 * A YAML document as the checker sees it: plain nodes with the place where each one stands. The YAML library
 * is hidden behind this file and `yaml.ts`.
 *
 * @module
 */

/** Something that cannot be read, with the reason. */
export interface Problem {
  /** UTF-16 units from the start of the document. */
  readonly offset: number;
  /** What is wrong, in the grammar of `Finding.message`. */
  readonly message: string;
  /** How to mend it, or null. */
  readonly hint: string | null;
}

/** What every node has. */
export interface NodeCommon {
  /** UTF-16 units from the start of the document. */
  readonly offset: number;
}

/** A value without parts. */
export interface ScalarNode extends NodeCommon {
  /** Tells the kinds of nodes apart. */
  readonly kind: "scalar";
  /** The text: of a plain scalar as it stands in the file, of any other what its quotes or block mean. */
  readonly text: string;
  /** Whether it stands without quotes, so that `5` is a number and `true` a boolean. */
  readonly plain: boolean;
}

/** One `key: value` of a mapping. */
export interface Entry {
  /** The key's text, whatever its quotes. */
  readonly key: string;
  /** UTF-16 units from the start of the document. */
  readonly keyOffset: number;
  /** The value; a scalar of type null at the key's place if there is none. */
  readonly value: Node;
}

/** A mapping. */
export interface MapNode extends NodeCommon {
  /** Tells the kinds of nodes apart. */
  readonly kind: "map";
  /** Keys are unique, in the file's order, merge keys already applied. */
  readonly entries: readonly Entry[];
  /** Entries that had to be left out, with the key if it has a text. */
  readonly problems: readonly (Problem & { readonly key: string | null })[];
}

/** A list. */
export interface ListNode extends NodeCommon {
  /** Tells the kinds of nodes apart. */
  readonly kind: "list";
  /** In the file's order. */
  readonly items: readonly Node[];
}

/** A value that cannot be read. */
export interface BrokenNode extends NodeCommon, Problem {
  /** Tells the kinds of nodes apart. */
  readonly kind: "broken";
}

/** Any value. */
export type Node = ScalarNode | MapNode | ListNode | BrokenNode;

/** What a plain scalar is in YAML 1.2's core schema. */
export type ScalarType = "null" | "boolean" | "integer" | "number" | "text";

/** Type of a scalar by the core schema of YAML 1.2: `yes`, `1:30` and `1_000` are text. */
export function scalarType(node: ScalarNode): ScalarType {
  if (!node.plain) return "text";
  const text = node.text;
  if (/^(|~|null|Null|NULL)$/.test(text)) return "null";
  if (/^(true|True|TRUE|false|False|FALSE)$/.test(text)) return "boolean";
  if (/^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$/.test(text)) return "integer";
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(text)) return "number";
  if (/^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/.test(text)) return "number";
  return "text";
}

const NAMES: Readonly<Record<ScalarType, string>> = {
  null: "no value",
  boolean: "a boolean",
  integer: "an integer",
  number: "a number",
  text: "text",
};

/** What a value is, with its article, for messages. */
export function describe(node: Node): string {
  if (node.kind === "map") return "a mapping";
  if (node.kind === "list") return "a list";
  if (node.kind === "broken") return "something unreadable";
  return NAMES[scalarType(node)];
}

/** Whether there is no value: `key:`, `key: ~` or `key: null`. */
export function isNull(node: Node): boolean {
  return node.kind === "scalar" && scalarType(node) === "null";
}

/** Text with control and invisible characters escaped, so that it breaks neither a line nor a terminal and shows all. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}

/** Text for a message: quoted, on one line, cut after 60 characters. */
export function quote(text: string): string {
  const characters = [...text];
  return printable(JSON.stringify(characters.length > 60 ? `${characters.slice(0, 60).join("")}...` : text));
}

/** Characters of a key that a path shows in full: no name that is allowed is longer. */
const SHOWN_KEY = 65;

/**
 * Path of a key below `path`. Keys that hold more than letters, digits, `_` and `-` are put in brackets, and so
 * are long ones, which are cut: a thousand findings inside one key repeat it a thousand times.
 */
export function childPath(path: string, key: string): string {
  if (key.length <= SHOWN_KEY && /^[A-Za-z0-9_-]+$/.test(key)) return path === "" ? key : `${path}.${key}`;
  return `${path}[${quote(key)}]`;
}

/** The last child of a node that starts before `offset`. */
function childBefore(
  node: Node,
  offset: number,
  path: string,
): { start: number; path: string; value: Node } | null {
  if (node.kind === "map") {
    let last: Entry | null = null;
    for (const entry of node.entries) {
      if (entry.keyOffset < offset) last = entry;
    }
    return last === null
      ? null
      : { start: last.keyOffset, path: childPath(path, last.key), value: last.value };
  }
  if (node.kind !== "list") return null;
  const index = node.items.findLastIndex((item) => item.offset < offset);
  const value = node.items[index];
  return value === undefined ? null : { start: value.offset, path: `${path}[${index}]`, value };
}

/** The innermost value whose key stands before `offset`, with its path; for errors that belong to no value. */
export function valueAt(root: Node, offset: number): { node: Node; path: string } {
  let node = root;
  let path = "";
  while (true) {
    const child = childBefore(node, offset, path);
    if (child === null) return { node, path };
    path = child.path;
    // A value that stands before its key is an alias: what is wrong is not in there.
    if (child.value.offset < child.start) return { node, path };
    node = child.value;
  }
}
