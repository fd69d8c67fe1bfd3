/**
 * An entry as the file keeps it: what the columns do not have, as a JSON array, with one control character in the
 * place of each frequent piece of text. JSON has no control characters of its own, so this is reversible. Pure.
 *
 * An entry of a transition takes a third of its JSON in this way, and the file holds three times as many.
 *
 * @module
 */
import type { NewEntry } from "./entry.ts";

/**
 * Pieces of text by number, from U+0001 on. A file that was written with these must be read with these: a new list
 * needs a new version of the schema.
 */
const pieces = [
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

const codeOf = (i: number): string => String.fromCharCode(i + 1);

/** What a row of the file has besides its columns. */
export type Packed = Pick<NewEntry, "by" | "claimed" | "reason" | "text" | "data">;

/** The text that a row keeps. */
export function pack({ by, claimed, data, reason, text }: Packed): string {
  const all = [text, data, by, claimed, reason];
  while (all.at(-1) === null) all.pop();
  let json = JSON.stringify(all);
  pieces.forEach((piece, i) => json = json.replaceAll(piece, codeOf(i)));
  return json;
}

/** What `pack` was given; null: a damaged disk made it something else. */
export function unpack(kept: string): Packed | null {
  // deno-lint-ignore no-control-regex
  const json = kept.replace(/[\x01-\x1f]/g, (code) => pieces[code.charCodeAt(0) - 1] ?? "");
  const all = parsed(json);
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
