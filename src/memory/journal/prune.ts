/**
 * What goes from the journal's file because it is old, or because the file is too large: in small steps, so that writes
 * wait for a few ms only.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { UnixMillis } from "../../model.ts";
import { type EntryKind, entryKinds } from "./entry.ts";
import { micros, value } from "./tables.ts";

/** Rows that one step deletes. */
const pruneRows = 5_000;
/** The same for entries that go because of the size: fewer, so that no more goes than must. */
const sizeRows = 500;

/** Kinds that are deleted last. */
const lastKinds: readonly EntryKind[] = ["change", "override", "backend", "frontend"];

/** Octets in use. */
export function sizeOf(db: DatabaseSync): number {
  const pragma = (name: string) => Number(value(db.prepare(`PRAGMA ${name}`).get()));
  return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
}

/**
 * Deletes a step's worth of what is older than `cutoff`. It looks at every run.
 *
 * @returns whether there is more to do
 */
export function pruneOld(db: DatabaseSync, cutoff: UnixMillis): boolean {
  const deleted = [
    deleteRows(db, "entry", "seq", `seq<${micros(cutoff)}`),
    deleteRows(db, "run", "backend, first", `last<${micros(cutoff)}`),
    deleteRows(db, "latency", "backend, at", `at<${micros(cutoff)}`),
  ];
  giveBack(db);
  return deleted.includes(pruneRows);
}

/**
 * Deletes a step's worth of the oldest while the file has more than `limit` octets in use: runs and latency first, then
 * entries of other kinds, changes, overrides and transitions last.
 *
 * @returns whether there is more to do
 */
export function pruneSize(db: DatabaseSync, limit: number): boolean {
  if (sizeOf(db) <= limit) return false;
  const last = lastKinds.map((name) => entryKinds.indexOf(name)).join();
  const deleted = deleteOldest(db, "run", "first") + deleteOldest(db, "latency", "at") ||
    deleteRows(db, "entry", "seq", `kind NOT IN (${last}) ORDER BY seq`, sizeRows) ||
    deleteRows(db, "entry", "seq", "1 ORDER BY seq", sizeRows);
  giveBack(db);
  return deleted > 0 && sizeOf(db) > limit;
}

function giveBack(db: DatabaseSync): void {
  db.exec("PRAGMA incremental_vacuum(2000)");
}

/** Deletes the oldest tenth of a table by its time, or a step's worth. */
function deleteOldest(db: DatabaseSync, table: "run" | "latency", time: "first" | "at"): number {
  const row = db.prepare(`SELECT count(*) AS n, min(${time}) AS first, max(${time}) AS last FROM ${table}`)
    .get();
  const n = Number(row?.n ?? 0);
  if (n === 0) return 0;
  const begin = Number(row?.first);
  const upTo = n <= pruneRows ? Number(row?.last) : begin + Math.ceil((Number(row?.last) - begin) / 10);
  return changes(db, `DELETE FROM ${table} WHERE ${time}<=${upTo}`);
}

function deleteRows(
  db: DatabaseSync,
  table: "entry" | "run" | "latency",
  key: string,
  where: string,
  rows = pruneRows,
): number {
  return changes(
    db,
    `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${where} LIMIT ${rows})`,
  );
}

function changes(db: DatabaseSync, sql: string): number {
  return Number(db.prepare(sql).run().changes);
}
