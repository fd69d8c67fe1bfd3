/**
 * The journal's file: SQLite by Deno's own `node:sqlite`. Everything here is synchronous and belongs into the
 * journal's thread, or into a test.
 *
 * One process has the file: `locking_mode=EXCLUSIVE` before WAL keeps SQLite from mapping a shared index, and
 * `mmap_size=0` keeps it from mapping the file, because a mapped file on a damaged disk ends the process by SIGBUS.
 *
 * Places of entries (`seq`) are microseconds of the wall clock where it did not go back. `meta.lag` is the greatest distance that
 * a place ever had from its time, so that a range of times is a range of places.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { UnixMillis } from "../../model.ts";
import { chainedKinds, type Link } from "../../chain.ts";
import { type Entry, entryJson, type EntryKind, entryKinds } from "./entry.ts";
import type { Run } from "./runs.ts";

/** Version of the tables. A file of a newer one is left alone. */
export const schemaVersion = 1;

/** Steps that make version n+1 of version n; the first makes the tables. */
const migrations: readonly string[] = [
  `CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO meta VALUES('lag', 0);
   CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE entry(
     seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, backend INTEGER, frontend INTEGER,
     json TEXT NOT NULL, chain TEXT) STRICT;
   CREATE INDEX entry_kind ON entry(kind, seq);
   CREATE INDEX entry_backend ON entry(backend, kind, seq) WHERE backend IS NOT NULL;
   CREATE INDEX entry_frontend ON entry(frontend, kind, seq) WHERE frontend IS NOT NULL;
   CREATE INDEX entry_both ON entry(backend, frontend, kind, seq)
     WHERE backend IS NOT NULL AND frontend IS NOT NULL;
   CREATE TABLE run(
     backend INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
     ok INTEGER NOT NULL, code TEXT NOT NULL, rise INTEGER NOT NULL, fall INTEGER NOT NULL,
     PRIMARY KEY(backend, first)) STRICT, WITHOUT ROWID;
   CREATE TABLE latency(
     backend INTEGER NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, failed INTEGER NOT NULL,
     p50 INTEGER NOT NULL, p95 INTEGER NOT NULL, p99 INTEGER NOT NULL,
     PRIMARY KEY(backend, at)) STRICT, WITHOUT ROWID;`,
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
  /** At most so many, 1…1,000. */
  readonly limit: number;
}

/** A page of entries as JSON texts without chain, newest first. */
export interface Page {
  /** The entries. */
  readonly rows: readonly { readonly seq: number; readonly json: string; readonly chain: string | null }[];
  /** Places below the last row's may match. */
  readonly more: boolean;
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

const micros = (ms: UnixMillis) => Math.floor(ms * 1000);

/** Rows that one step of pruning deletes: small, so that writes wait for a few ms only. */
const pruneRows = 5_000;
/** The same for entries that go because of the size: fewer, so that no more goes than must. */
const sizeRows = 500;

/** An open journal. Owns the file until disposal. */
export class JournalFile implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #names = new Map<string, number>();
  #lag: number;

  /**
   * Opens the file, and makes or migrates its tables.
   *
   * @throws {NewerSchema} The file is of a newer program.
   * @throws SQLite's errors (`code: "ERR_SQLITE_ERROR"`) when it is damaged, locked, or cannot be written.
   */
  constructor(path: string) {
    const db = new DatabaseSync(path);
    try {
      db.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA mmap_size=0; PRAGMA auto_vacuum=INCREMENTAL");
      const version = Number(value(db.prepare("PRAGMA user_version").get()));
      if (version > schemaVersion) throw new NewerSchema(version);
      db.exec(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-4096; PRAGMA wal_autocheckpoint=256",
      );
      for (let from = version; from < schemaVersion; from++) {
        db.exec(`BEGIN IMMEDIATE; ${migrations[from] ?? ""} PRAGMA user_version=${from + 1}; COMMIT`);
      }
      this.#lag = Number(value(db.prepare("SELECT value FROM meta WHERE key='lag'").get()));
    } catch (error) {
      db.close();
      throw error;
    }
    this.#db = db;
  }

  /** Place of the newest entry, 0 for none, and the newest link of the chain, "" for none. */
  get end(): { readonly seq: number; readonly chain: string } {
    const seq = this.#all("SELECT max(seq) AS seq FROM entry", [])[0]?.seq;
    const chained = chainedNumbers.map((kind) =>
      this.#all("SELECT seq, chain FROM entry WHERE kind=? ORDER BY seq DESC LIMIT 1", [kind])[0]
    ).filter((row) => row !== undefined).sort((a, b) => Number(b.seq) - Number(a.seq));
    return { seq: Number(seq ?? 0), chain: String(chained[0]?.chain ?? "") };
  }

  /** Writes a batch as one transaction. What is there already stays, so that a batch may be sent again. */
  write({ entries, runs, latency }: JournalBatch): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const entry of entries) {
        const lag = entry.seq - micros(entry.at);
        if (lag > this.#lag) {
          this.#run("UPDATE meta SET value=? WHERE key='lag'", [lag]);
          this.#lag = lag;
        }
        this.#run("INSERT OR IGNORE INTO entry VALUES(?,?,?,?,?,?,?)", [
          entry.seq,
          micros(entry.at),
          entryKinds.indexOf(entry.kind),
          this.#nameId(entry.backend, true),
          this.#nameId(entry.frontend, true),
          entryJson(entry),
          entry.chain,
        ]);
      }
      for (const run of runs) {
        this.#run("INSERT OR REPLACE INTO run VALUES(?,?,?,?,?,?,?,?)", [
          this.#nameId(run.backend, true),
          micros(run.first),
          micros(run.last),
          run.count,
          run.ok ? 1 : 0,
          run.code,
          run.rise,
          run.fall,
        ]);
      }
      for (const row of latency) {
        this.#run("INSERT OR REPLACE INTO latency VALUES(?,?,?,?,?,?,?)", [
          this.#nameId(row.backend, true),
          micros(row.at),
          row.count,
          row.failed,
          Math.round(row.p50),
          Math.round(row.p95),
          Math.round(row.p99),
        ]);
      }
      this.#db.exec("COMMIT");
    } catch (error) {
      // SQLite ends the transaction by itself for some errors; the names of this one are not known any more.
      this.#names.clear();
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** A page, newest first. */
  page(query: PageQuery): Page {
    const wanted = this.#rows(query, query.limit + 1);
    const oldest = this.#all("SELECT at FROM entry ORDER BY seq LIMIT 1", [])[0]?.at;
    return {
      // A damaged disk may have changed a text; the chain tells of it where it matters.
      rows: wanted.slice(0, query.limit).filter(({ json }) => isJson(json)),
      more: wanted.length > query.limit,
      oldest: oldest === undefined ? null : Number(oldest) / 1000,
    };
  }

  #rows(query: PageQuery, limit: number): { seq: number; json: string; chain: string | null }[] {
    const kinds = query.kinds.length === 0 ? entryKinds.map((_, i) => i) : [
      ...new Set(query.kinds.map((kind) => entryKinds.indexOf(kind))),
    ];
    const backend = query.backend === null ? undefined : this.#nameId(query.backend, false);
    const frontend = query.frontend === null ? undefined : this.#nameId(query.frontend, false);
    if (backend === null || frontend === null) return [];
    const conditions = ["kind=?"];
    const values: (number | string)[] = [];
    const also = (condition: string, value: number) => {
      conditions.push(condition);
      values.push(value);
    };
    if (backend !== undefined) also("backend=?", backend);
    if (frontend !== undefined) also("frontend=?", frontend);
    if (query.before !== null) also("seq<?", query.before);
    if (query.since !== null) {
      also("seq>=?", micros(query.since));
      also("at>=?", micros(query.since));
    }
    if (query.until !== null) {
      // Times are kept in ms with a fraction; "until" means the end of its millisecond.
      const until = micros(query.until) + 999;
      also("seq<=?", until + this.#lag);
      also("at<=?", until);
    }
    const index = backend !== undefined && frontend !== undefined
      ? "entry_both"
      : backend !== undefined
      ? "entry_backend"
      : frontend !== undefined
      ? "entry_frontend"
      : "entry_kind";
    // One search in the index for each kind: a single one over several kinds would sort all that match.
    const sql = `SELECT seq, json, chain FROM entry INDEXED BY ${index} WHERE ${conditions.join(" AND ")}` +
      " ORDER BY seq DESC LIMIT ?";
    const found = kinds.flatMap((kind) => this.#all(sql, [kind, ...values, limit]));
    return found.map((row) => ({
      seq: Number(row.seq),
      json: String(row.json),
      chain: row.chain === null ? null : String(row.chain),
    })).sort((a, b) => b.seq - a.seq).slice(0, limit);
  }

  /** Runs of a backend that end at or after `since` and begin at or before `until`, oldest first. */
  runs(backend: string, since: UnixMillis, until: UnixMillis): Run[] {
    const id = this.#nameId(backend, false);
    if (id === null) return [];
    // Runs of one backend do not overlap, so the one before the first that begins in time is the only other one.
    const sql = `SELECT * FROM run WHERE backend=? AND last>=? AND first<=? AND first>=ifnull(
      (SELECT max(first) FROM run WHERE backend=? AND first<=?), 0) ORDER BY first`;
    return this.#all(sql, [id, micros(since), micros(until), id, micros(since)]).map((row) => ({
      backend,
      ok: row.ok === 1,
      code: String(row.code) as Run["code"],
      first: Number(row.first) / 1000,
      last: Number(row.last) / 1000,
      count: Number(row.count),
      rise: Number(row.rise),
      fall: Number(row.fall),
    }));
  }

  /** Latency of a backend in a range of times, oldest first. */
  latency(backend: string, since: UnixMillis, until: UnixMillis): LatencyRow[] {
    const id = this.#nameId(backend, false);
    if (id === null) return [];
    const sql = "SELECT * FROM latency WHERE backend=? AND at>=? AND at<=? ORDER BY at";
    return this.#all(sql, [id, micros(since), micros(until)]).map((row) => ({
      backend,
      at: Number(row.at) / 1000,
      count: Number(row.count),
      failed: Number(row.failed),
      p50: Number(row.p50),
      p95: Number(row.p95),
      p99: Number(row.p99),
    }));
  }

  /** Every link of the chain, oldest first. */
  *links(): Generator<Link> {
    const sql =
      `SELECT seq, json, chain FROM entry WHERE kind IN (${chainedNumbers.join()}) AND seq>? ORDER BY seq LIMIT 1000`;
    for (let after = 0;;) {
      const rows = this.#all(sql, [after]);
      if (rows.length === 0) return;
      for (const row of rows) {
        after = Number(row.seq);
        yield { seq: after, json: String(row.json), chain: String(row.chain) };
      }
    }
  }

  /** Whether an entry or a run names this backend or frontend. */
  knows(name: string): boolean {
    return this.#nameId(name, false) !== null;
  }

  /** Octets in use. */
  get size(): number {
    const pragma = (name: string) => Number(value(this.#db.prepare(`PRAGMA ${name}`).get()));
    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
  }

  /**
   * Deletes a small step's worth of what is older than `cutoff`. It looks at every run, so an hour between two
   * rounds is enough.
   *
   * @returns whether there is more to do
   */
  pruneOld(cutoff: UnixMillis): boolean {
    const deleted = [
      this.#delete("entry", "seq", `seq<${micros(cutoff)}`),
      this.#delete("run", "backend, first", `last<${micros(cutoff)}`),
      this.#delete("latency", "backend, at", `at<${micros(cutoff)}`),
    ];
    this.#giveBack();
    return deleted.includes(pruneRows);
  }

  /**
   * Deletes a step's worth of the oldest while the file has more than `limit` octets in use: runs and latency
   * first, then entries of other kinds, changes, overrides and transitions last.
   *
   * @returns whether there is more to do
   */
  pruneSize(limit: number): boolean {
    if (this.size <= limit) return false;
    const last = lastKinds.map((name) => entryKinds.indexOf(name)).join();
    const deleted = this.#deleteOldest("run", "first") + this.#deleteOldest("latency", "at") ||
      this.#delete("entry", "seq", `kind NOT IN (${last}) ORDER BY seq`, sizeRows) ||
      this.#delete("entry", "seq", "1 ORDER BY seq", sizeRows);
    this.#giveBack();
    return deleted > 0 && this.size > limit;
  }

  #giveBack(): void {
    this.#db.exec("PRAGMA incremental_vacuum(2000)");
  }

  /** Deletes the oldest tenth of a table by its time, or a step's worth. */
  #deleteOldest(table: "run" | "latency", time: "first" | "at"): number {
    const row =
      this.#all(`SELECT count(*) AS n, min(${time}) AS first, max(${time}) AS last FROM ${table}`, [])[0];
    const n = Number(row?.n ?? 0);
    if (n === 0) return 0;
    const begin = Number(row?.first);
    const upTo = n <= pruneRows ? Number(row?.last) : begin + Math.ceil((Number(row?.last) - begin) / 10);
    return this.#changes(`DELETE FROM ${table} WHERE ${time}<=${upTo}`);
  }

  #delete(table: "entry" | "run" | "latency", key: string, where: string, rows = pruneRows): number {
    return this.#changes(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${where} LIMIT ${rows})`,
    );
  }

  /** Moves what the write-ahead log has into the file, so that both stay small. */
  checkpoint(): void {
    this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#db.close();
  }

  /** Number of a name; null for no name, or for one that is not there and shall not be made. */
  #nameId(name: string | null, make: boolean): number | null {
    if (name === null) return null;
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (make) this.#run("INSERT OR IGNORE INTO name(text) VALUES(?)", [name]);
    const id = this.#all("SELECT id FROM name WHERE text=?", [name])[0]?.id;
    if (id === undefined) return null;
    this.#names.set(name, Number(id));
    return Number(id);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#db.prepare(sql));
    return statement;
  }

  #all(sql: string, values: readonly (number | string)[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...values);
  }

  #run(sql: string, values: readonly (number | string | null)[]): void {
    this.#statement(sql).run(...values);
  }

  #changes(sql: string): number {
    return Number(this.#db.prepare(sql).run().changes);
  }
}

const chainedNumbers = chainedKinds.map((kind) => entryKinds.indexOf(kind));
/** Kinds that are deleted last. */
const lastKinds: readonly EntryKind[] = ["change", "override", "backend", "frontend"];

function value(row: Record<string, unknown> | undefined): unknown {
  return Object.values(row ?? {})[0];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
