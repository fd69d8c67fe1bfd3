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
import { entryJson, entryKinds } from "./entry.ts";
import { pack, unpack } from "./pack.ts";
import { pruneOld, pruneSize, sizeOf } from "./prune.ts";
import type { Run } from "./runs.ts";
import {
  type HistoryRow,
  type JournalBatch,
  type LatencyRow,
  micros,
  migrations,
  NewerSchema,
  type Page,
  type PageQuery,
  type PageRow,
  schemaVersion,
  value,
} from "./tables.ts";

/** A page ends with the entry that makes it larger than this. */
const pageCharacters = 1024 * 1024;

/** An open journal. Owns the file until disposal. */
export class JournalFile implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #names = new Map<string, number>();
  readonly #nameTexts = new Map<number, string>();
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
          pack(entry),
          entry.chain,
        ]);
      }
      for (const run of runs) {
        this.#run("INSERT OR REPLACE INTO run VALUES(?,?,?,?,?,?,?,?,?,?)", [
          this.#nameId(run.backend, true),
          Math.round(run.first * 1000),
          Math.round(run.last * 1000),
          run.count,
          run.ok ? 1 : 0,
          run.code,
          run.rise,
          run.fall,
          run.state,
          run.counter,
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
      this.#nameTexts.clear();
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** A page, newest first. */
  page(query: PageQuery): Page {
    const wanted = this.#rows(query, query.limit + 1);
    const oldest = this.#all("SELECT at FROM entry ORDER BY seq LIMIT 1", [])[0]?.at;
    const rows: PageRow[] = [];
    let characters = 0;
    let taken = 0;
    for (const row of wanted.slice(0, query.limit)) {
      // A configuration may have megabytes; a page has at least one entry.
      if (taken > 0 && characters > pageCharacters) break;
      taken++;
      const json = this.#json(row);
      // A damaged disk may have changed a text; the chain tells of it where it matters.
      if (json === null) continue;
      rows.push({ seq: Number(row.seq), json, chain: row.chain === null ? null : String(row.chain) });
      characters += json.length;
    }
    const more = wanted.length > taken;
    const last = wanted[taken - 1]?.seq;
    return {
      rows,
      before: more && last !== undefined ? Number(last) : null,
      oldest: oldest === undefined ? null : Number(oldest) / 1000,
    };
  }

  /** JSON of a row; null: it is damaged. */
  #json(row: Record<string, unknown>): string | null {
    const backend = this.#nameOf(row.backend);
    const frontend = this.#nameOf(row.frontend);
    const kept = unpack(String(row.packed), { backend, frontend });
    const kind = entryKinds[Number(row.kind)];
    if (kept === null || kind === undefined) return null;
    return entryJson({ seq: Number(row.seq), at: Number(row.at) / 1000, kind, backend, frontend, ...kept });
  }

  #rows(query: PageQuery, limit: number): Record<string, unknown>[] {
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
    const sql = `SELECT * FROM entry INDEXED BY ${index} WHERE ${conditions.join(" AND ")}` +
      " ORDER BY seq DESC LIMIT ?";
    const found = kinds.flatMap((kind) => this.#all(sql, [kind, ...values, limit]));
    return found.sort((a, b) => Number(b.seq) - Number(a.seq)).slice(0, limit);
  }

  /** The newest transitions of a backend or frontend, newest first. */
  history(of: "backend" | "frontend", name: string, limit: number): HistoryRow[] {
    const id = this.#nameId(name, false);
    if (id === null) return [];
    const sql = `SELECT at, packed FROM entry INDEXED BY entry_${of} WHERE ${of}=? AND kind=? ` +
      "ORDER BY seq DESC LIMIT ?";
    return this.#all(sql, [id, entryKinds.indexOf(of), limit]).flatMap((row) => {
      const kept = unpack(String(row.packed), { backend: null, frontend: null, [of]: name });
      return kept === null ? [] : [{ at: Number(row.at) / 1000, by: kept.by, data: kept.data }];
    });
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
      state: String(row.state) as Run["state"],
      counter: Number(row.counter),
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
      `SELECT * FROM entry WHERE kind IN (${chainedNumbers.join()}) AND seq>? ORDER BY seq LIMIT 1000`;
    for (let after = 0;;) {
      const rows = this.#all(sql, [after]);
      if (rows.length === 0) return;
      for (const row of rows) {
        after = Number(row.seq);
        // What cannot be read breaks the chain, as what was altered does.
        yield { seq: after, json: this.#json(row) ?? "", chain: String(row.chain) };
      }
    }
  }

  /** Whether an entry or a run names this backend or frontend. */
  knows(name: string): boolean {
    return this.#nameId(name, false) !== null;
  }

  /** Octets in use. */
  get size(): number {
    return sizeOf(this.#db);
  }

  /**
   * Deletes a small step's worth of what is older than `cutoff`. It looks at every run, so an hour between two
   * rounds is enough.
   *
   * @returns whether there is more to do
   */
  pruneOld(cutoff: UnixMillis): boolean {
    return pruneOld(this.#db, cutoff);
  }

  /**
   * Deletes a step's worth of the oldest while the file has more than `limit` octets in use.
   *
   * @returns whether there is more to do
   */
  pruneSize(limit: number): boolean {
    return pruneSize(this.#db, limit);
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

  /** The name of a number; null for none, or for one that a damaged disk changed. */
  #nameOf(id: unknown): string | null {
    if (id === null) return null;
    const known = this.#nameTexts.get(Number(id));
    if (known !== undefined) return known;
    const text = this.#all("SELECT text FROM name WHERE id=?", [Number(id)])[0]?.text;
    if (text === undefined) return null;
    this.#nameTexts.set(Number(id), String(text));
    return String(text);
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
}

const chainedNumbers = chainedKinds.map((kind) => entryKinds.indexOf(kind));
