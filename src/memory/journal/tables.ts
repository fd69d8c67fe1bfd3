/**
 * The tables of the journal, and what goes into them and comes out.
 *
 * @module
 */
import type { UnixMillis } from "../../model.ts";
import type { Entry, EntryKind } from "./entry.ts";
import type { Run } from "./runs.ts";

/** Version of the tables. A file of a newer one is left alone. */
export const schemaVersion = 2;

/** A time as the tables keep it. */
export function micros(ms: UnixMillis): number {
  return Math.floor(ms * 1000);
}

/** The first value of a row. */
export function value(row: Record<string, unknown> | undefined): unknown {
  return Object.values(row ?? {})[0];
}

/** Steps that make version n+1 of version n; the first makes the tables. */
export const migrations: readonly string[] = [
  `CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO meta VALUES('lag', 0);
   CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE entry(
     seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, backend INTEGER, frontend INTEGER,
     packed TEXT NOT NULL, chain TEXT) STRICT;
   CREATE INDEX entry_kind ON entry(kind, seq);
   CREATE INDEX entry_backend ON entry(backend, kind, seq) WHERE backend IS NOT NULL;
   CREATE INDEX entry_frontend ON entry(frontend, kind, seq) WHERE frontend IS NOT NULL;
   CREATE INDEX entry_both ON entry(backend, frontend, kind, seq)
     WHERE backend IS NOT NULL AND frontend IS NOT NULL;
   CREATE TABLE run(
     backend INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
     ok INTEGER NOT NULL, code TEXT NOT NULL, rise INTEGER NOT NULL, fall INTEGER NOT NULL,
     state TEXT NOT NULL, counter INTEGER NOT NULL,
     PRIMARY KEY(backend, first)) STRICT, WITHOUT ROWID;
   CREATE TABLE latency(
     backend INTEGER NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, failed INTEGER NOT NULL,
     p50 INTEGER NOT NULL, p95 INTEGER NOT NULL, p99 INTEGER NOT NULL,
     PRIMARY KEY(backend, at)) STRICT, WITHOUT ROWID;`,
  // An index ends with the place of its row anyway; naming it keeps it twice.
  `DROP INDEX entry_kind; DROP INDEX entry_backend; DROP INDEX entry_frontend; DROP INDEX entry_both;
   CREATE INDEX entry_kind ON entry(kind);
   CREATE INDEX entry_backend ON entry(backend, kind) WHERE backend IS NOT NULL;
   CREATE INDEX entry_frontend ON entry(frontend, kind) WHERE frontend IS NOT NULL;
   CREATE INDEX entry_both ON entry(backend, frontend, kind)
     WHERE backend IS NOT NULL AND frontend IS NOT NULL;`,
];

/** Latency of one backend over ten minutes. */
export interface LatencyRow {
  /** Name of the backend. */
  readonly backend: string;
  /** Begin of the ten minutes. */
  readonly at: UnixMillis;
  /** Counted probes. */
  readonly count: number;
  /** Those of them that failed. */
  readonly failed: number;
  /** Quantiles of their time, in nanoseconds. */
  readonly p50: number;
  /** As above. */
  readonly p95: number;
  /** As above. */
  readonly p99: number;
}

/** What is written together. */
export interface JournalBatch {
  /** Entries, oldest first. */
  readonly entries: readonly Entry[];
  /** Runs; one with the same backend and begin replaces the one that is there. */
  readonly runs: readonly Run[];
  /** Latency rows; replaced likewise. */
  readonly latency: readonly LatencyRow[];
}

/** A question for a page of entries; null: any. */
export interface PageQuery {
  /** Kinds; empty: all. */
  readonly kinds: readonly EntryKind[];
  /** Name of the backend. */
  readonly backend: string | null;
  /** Name of the frontend. */
  readonly frontend: string | null;
  /** Not before this time. */
  readonly since: UnixMillis | null;
  /** Not after this time. */
  readonly until: UnixMillis | null;
  /** Only places below this one. */
  readonly before: number | null;
  /** At most so many, 1...1,000. */
  readonly limit: number;
}

/** An entry of a page. */
export interface PageRow {
  /** Its place. */
  readonly seq: number;
  /** Its JSON without chain. */
  readonly json: string;
  /** Its link of the chain; null: its kind has none. */
  readonly chain: string | null;
}

/** A transition of a backend or frontend. */
export interface HistoryRow {
  /** When. */
  readonly at: UnixMillis;
  /** Who asked for it; null: nobody. */
  readonly by: string | null;
  /** Details of the entry. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** A page of entries, newest first. */
export interface Page {
  /** The entries: as many as were asked for, or fewer large ones. */
  readonly rows: readonly PageRow[];
  /** Places below this one may match, too; null: there are none. */
  readonly before: number | null;
  /** Time of the oldest entry of all; null: there is none. */
  readonly oldest: UnixMillis | null;
}

/** The file has tables of a newer program. */
export class NewerSchema extends Error {
  /** Says which. */
  constructor(version: number) {
    super(`the journal has schema ${version}, this program knows ${schemaVersion}`);
    this.name = "NewerSchema";
  }
}
