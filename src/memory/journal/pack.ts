/**
 * An entry as the file keeps it: what the columns do not have, as a JSON array without its brackets, with one control
 * character in the place of each name that a column has, and of each frequent piece of text. JSON has no control
 * characters of its own, so this is reversible. Pure.
 *
 * The entry of a transition takes a third of its JSON in this way, that of a sync a quarter.
 *
 * @module
 */
import type { NewEntry } from "./entry.ts";

/**
 * Pieces of text of the first version, by number from U+0001 on. Its rows have the brackets of the array; they are
 * read, and not written any more.
 */
const firstPieces = [
  '"traffic_affecting":',
  '"weight_before":',
  '"weight_after":',
  '"effects":[{"frontend":"',
  '"kind":"as_weight_updated"',
  '"frontend":"',
  '"backend":"',
  '"address":"',
  '"protocol":"',
  '"prefix":"',
  '"reason":"',
  '"detail":"',
  '"status":"done","retval":0',
  '"pool":"',
  '"flush":false}',
  '"code":"',
  '"from":"',
  '"to":"down"',
  '"to":"up"',
  '"since":"',
  '"changes":[{',
  '"done":1,"failed":0,"skipped":0',
  '"scope":"vip"',
  "up -> down",
  "down -> up",
  "connection refused",
  '"port":',
  " backend ",
  '","',
  "null",
  "00:00.000Z",
] as const;

/** Stands for the name of the entry's backend, and of its frontend. */
const nameCodes = { backend: "\u0001", frontend: "\u0002" } as const;

/**
 * Pieces of text by number, from U+0003 on; one that holds another comes before it. A file that was written with
 * these must be read with these: a new list needs a new version of the schema, and a mark by which its rows are known.
 */
const pieces = [
  '"1 change in VPP: \u0002: \u0001 weight ',
  ', flushed",{"scope":"vip","changes":[{"kind":"as_weight_updated","frontend":"\u0002","prefix":"',
  '",{"scope":"vip","changes":[{"kind":"as_weight_updated","frontend":"\u0002","prefix":"',
  '","protocol":"tcp","port":',
  '","backend":"\u0001","weight_before":',
  ',"flush":true,"reason":"backend \u0001 ',
  ',"flush":false,"reason":"backend \u0001 ',
  '","status":"done","retval":0}],"done":1,"failed":0,"skipped":0}',
  '"backend \u0001 up -> down: ',
  '"backend \u0001 down -> up: ',
  '",{"from":"up","to":"down","code":"',
  '",{"from":"down","to":"up","code":"',
  '","effects":[{"frontend":"',
  ',"flush":true}]}',
  ',"flush":false}]}',
  ',"kind":"as_weight_updated","frontend":"',
  '"status":"done","retval":0',
  '","detail":"',
  '","pool":"',
  '","weight_before":',
  ',"weight_after":',
  ',"address":"',
  '","frontend":"',
  '","backend":"',
  "connection refused",
  '"reason":"',
  '","',
  "null",
  " -> ",
] as const;

const firstCode = 3;
const codeOf = (i: number): string => String.fromCharCode(i + firstCode);

/** What a row of the file has besides its columns. */
export type Packed = Pick<NewEntry, "by" | "claimed" | "reason" | "text" | "data">;

/** Names that the columns have. */
export type PackedNames = Pick<NewEntry, "backend" | "frontend">;

const escaped = (name: string): string => JSON.stringify(name).slice(1, -1);

/** Puts codes in the place of names; the longer one first, since it may hold the other. */
function withoutNames(json: string, { backend, frontend }: PackedNames): string {
  const names = [[backend, nameCodes.backend], [frontend, nameCodes.frontend]] as const;
  let text = json;
  for (const [name, code] of names.toSorted(([a], [b]) => (b?.length ?? 0) - (a?.length ?? 0))) {
    if (name === null || name === "") continue;
    // A part of a word is no name, and would break up the pieces.
    text = text.replaceAll(new RegExp(`(?<![\\w.-])${RegExp.escape(escaped(name))}(?![\\w.-])`, "g"), code);
  }
  return text;
}

/** The text that a row keeps. */
export function pack({ backend, by, claimed, data, frontend, reason, text }: Packed & PackedNames): string {
  const all = [text, data, by, claimed, reason];
  while (all.at(-1) === null) all.pop();
  let json = withoutNames(JSON.stringify(all).slice(1, -1), { backend, frontend });
  pieces.forEach((piece, i) => json = json.replaceAll(piece, codeOf(i)));
  return json;
}

/** JSON of a kept text. */
function expanded(kept: string, { backend, frontend }: PackedNames): string {
  // Only the first version has the brackets.
  if (kept.startsWith("[")) {
    // deno-lint-ignore no-control-regex
    return kept.replace(/[\x01-\x1f]/g, (code) => firstPieces[code.charCodeAt(0) - 1] ?? "");
  }
  // deno-lint-ignore no-control-regex
  const json = kept.replace(/[\x03-\x1f]/g, (code) => pieces[code.charCodeAt(0) - firstCode] ?? "")
    .replaceAll(nameCodes.backend, () => escaped(backend ?? ""))
    .replaceAll(nameCodes.frontend, () => escaped(frontend ?? ""));
  return `[${json}]`;
}

/** What `pack` was given; null: a damaged disk made it something else. */
export function unpack(kept: string, names: PackedNames): Packed | null {
  const all = parsed(expanded(kept, names));
  if (!Array.isArray(all)) return null;
  const [text, data, by = null, claimed = null, reason = null]: unknown[] = all;
  if (typeof text !== "string" || !isRecord(data)) return null;
  if (!isTextOrNull(by) || !isTextOrNull(claimed) || !isTextOrNull(reason)) return null;
  return { text, data, by, claimed, reason };
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}
