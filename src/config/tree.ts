/**
 * A YAML document as the checker sees it: plain nodes with the place where each one stands. The YAML library
 * is hidden behind this file and `yaml.ts`.
 *
 * @module
 */

/** A value without parts. */
export interface ScalarNode {
  readonly kind: "scalar";
  /** UTF-16 units from the start of the document. */
  readonly offset: number;
  /** The text: of a plain scalar as it stands in the file, of any other what its quotes or block mean. */
  readonly text: string;
  /** Whether it stands without quotes, so that `5` is a number and `true` a boolean. */
  readonly plain: boolean;
}

/** One `key: value` of a mapping. */
export interface Entry {
  readonly key: string;
  readonly keyOffset: number;
  readonly value: Node;
}

/** A mapping; keys are unique, in the file's order, merge keys already applied. */
export interface MapNode {
  readonly kind: "map";
  readonly offset: number;
  readonly entries: readonly Entry[];
}

/** A list. */
export interface ListNode {
  readonly kind: "list";
  readonly offset: number;
  readonly items: readonly Node[];
}

/** A value that could not be read; a finding says why, so nothing more is said about it. */
export interface BrokenNode {
  readonly kind: "broken";
  readonly offset: number;
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

/** Text for a message: quoted, on one line, cut after 60 characters. */
export function quote(text: string): string {
  const characters = [...text];
  return JSON.stringify(characters.length > 60 ? `${characters.slice(0, 60).join("")}...` : text);
}

/** Path of a key below `path`; names that hold more than letters, digits, `_` and `-` are put in brackets. */
export function childPath(path: string, key: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(key)) return path === "" ? key : `${path}.${key}`;
  return `${path}[${quote(key)}]`;
}
