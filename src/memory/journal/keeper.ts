/**
 * What the journal's thread does with each request: it owns the file, puts a damaged one aside, and gives room back
 * when the disk is full. Synchronous; the thread around it only passes messages.
 *
 * @module
 */
import { verifyChain } from "../../chain.ts";
import { JournalFile } from "./file.ts";
import { type JournalBatch, NewerSchema } from "./tables.ts";
import type { JournalAnswer, JournalFailure, JournalRequest, JournalValues } from "./messages.ts";

/** A full disk stops SQLite from deleting as well: this much is kept in a spare file that is removed then. */
const spareOctets = 4 * 1024 * 1024;
/** Old entries are looked for this often, in ms of the wall clock. */
const pruneOldEveryMs = 3_600_000;
/** What is in use may exceed the limit by this factor before a write, since pruning comes after it. */
const roomFactor = 0.95;
/** On a full disk a step leaves this much of what is in use. */
const fullFactor = 0.9;

/** What SQLite says when the disk is full; Deno's errors have no code of SQLite. */
const fullText = /database or disk is full/;
/** What it says of a file that it must not write. */
const readOnlyText = /readonly database/;
/** What it says of a disk that fails, is read-only, or has no such folder. */
const diskText = /database or disk is full|disk I\/O error|readonly database|unable to open database/;

interface Settings {
  readonly path: string;
  readonly limit: number;
  readonly keepMs: number;
}

/** Owns the journal's file. */
export class JournalKeeper implements Disposable {
  #settings: Settings | null = null;
  #file: JournalFile | null = null;
  #prunedAt = -Infinity;

  /**
   * Does what a request asks. A damaged file is renamed, a new one begun, and the request done again. Errors of SQLite
   * and of the disk become failures; others are defects and are thrown.
   */
  handle(request: JournalRequest): JournalAnswer {
    let putAside: string | null = null;
    for (;;) {
      try {
        return { ok: true, value: this.#do(request), putAside };
      } catch (error) {
        const failure = this.#failure(error);
        if (failure.cause !== "damaged" || putAside !== null) return { ok: false, failure, putAside };
        try {
          putAside = this.#putAside();
        } catch (aside) {
          return { ok: false, failure: failureOf(aside), putAside };
        }
      }
    }
  }

  #do(request: JournalRequest): JournalValues[keyof JournalValues] {
    switch (request.kind) {
      case "open":
        this.#settings = request;
        return this.#opened().end;
      case "write":
        this.#write(request.batch, request.now);
        return null;
      case "page":
        return this.#opened().page(request.query);
      case "runs":
        return this.#opened().runs(request.backend, request.since, request.until);
      case "latency":
        return this.#opened().latency(request.backend, request.since, request.until);
      case "histories": {
        const file = this.#opened();
        return request.names.map((name) => ({ name, rows: file.history(request.of, name, request.limit) }))
          .filter(({ rows }) => rows.length > 0);
      }
      case "knows":
        return this.#opened().knows(request.name);
      case "verify":
        return verifyChain(this.#opened().links(), request.head);
      case "close":
        this[Symbol.dispose]();
        return null;
    }
  }

  #opened(): JournalFile {
    const { path } = this.#given();
    if (this.#file === null) {
      keepPrivate(path);
      this.#file = new JournalFile(path);
      makeSpare(`${path}.spare`);
    }
    return this.#file;
  }

  #putAside(): string {
    const { path } = this.#given();
    this.#file?.[Symbol.dispose]();
    this.#file = null;
    const stamp = new Date().toISOString().replace(/[-:.]/g, "");
    const aside = `${path}.damaged-${stamp}`;
    Deno.renameSync(path, aside);
    // The log of the damaged file must not be played into the new one.
    for (const suffix of ["-wal", "-shm"]) {
      try {
        Deno.renameSync(path + suffix, aside + suffix);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return aside;
  }

  #write(batch: JournalBatch, now: number): void {
    const { keepMs, limit, path } = this.#given();
    const file = this.#opened();
    try {
      file.write(batch);
    } catch (error) {
      if (!isSqlite(error) || !fullText.test(error.message)) throw error;
      removeSpare(`${path}.spare`);
      // The log goes into the file first: that alone may make room, and deleting needs some.
      file.checkpoint();
      while (file.pruneSize(file.size * fullFactor));
      file.checkpoint();
      file.write(batch);
      makeSpare(`${path}.spare`);
    }
    if (Math.abs(now - this.#prunedAt) >= pruneOldEveryMs) {
      // One step a write, so that no write waits for long.
      if (!file.pruneOld(now - keepMs)) this.#prunedAt = now;
      makeSpare(`${path}.spare`);
    }
    file.pruneSize(limit * roomFactor);
  }

  /** A damaged head can make SQLite take a file for read-only that is not. */
  #failure(error: unknown): JournalFailure {
    const failure = failureOf(error);
    const { cause, detail } = failure;
    const path = this.#settings?.path ?? null;
    if (cause !== "disk" || !readOnlyText.test(detail) || path === null || !isWritable(path)) return failure;
    return { cause: "damaged", detail };
  }

  #given(): Settings {
    if (this.#settings === null) throw new Error("the journal was not opened");
    return this.#settings;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = null;
  }
}

/** Only the owner may read what happened: SQLite would leave that to the umask. Its log gets the file's mode. */
function keepPrivate(path: string): void {
  // What is wrong with the disk or the path is found out by SQLite.
  unlessOsError(() => Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close());
  for (const name of [path, `${path}-wal`]) {
    unlessOsError(() => {
      const { isFile, mode } = Deno.lstatSync(name);
      if (isFile && ((mode ?? 0) & 0o077) !== 0) Deno.chmodSync(name, 0o600);
    });
  }
}

function unlessOsError(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isOsError(error)) throw error;
  }
}

/** Makes the spare file; without room there is none, which a full disk then shows by itself. */
function makeSpare(path: string): void {
  try {
    using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    const piece = new Uint8Array(65_536).fill(1);
    for (let written = 0; written < spareOctets;) written += file.writeSync(piece);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (!isOsError(error)) throw error;
    removeSpare(path);
  }
}

function removeSpare(path: string): void {
  unlessOsError(() => Deno.removeSync(path));
}

function isWritable(path: string): boolean {
  try {
    Deno.openSync(path, { write: true }).close();
    return true;
  } catch (error) {
    if (!isOsError(error)) throw error;
    return false;
  }
}

function isOsError(error: unknown): boolean {
  return error instanceof Error && /\(os error \d+\)/.test(error.message);
}

function isSqlite(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

/** A damaged file can make SQLite say nearly anything, so all that is not the disk or a lock counts as damage. */
function isDamage(error: unknown): boolean {
  return isSqlite(error) && !diskText.test(error.message) && !/database is locked/.test(error.message);
}

/** A damaged number may be larger than any that the journal writes. */
function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}

function failureOf(error: unknown): JournalFailure {
  const detail = error instanceof Error ? error.message : String(error);
  if (isTooLarge(error)) return { cause: "damaged", detail };
  if (error instanceof NewerSchema) return { cause: "newer", detail };
  if (isSqlite(error)) {
    return { cause: diskText.test(detail) ? "disk" : isDamage(error) ? "damaged" : "other", detail };
  }
  if (isOsError(error)) return { cause: "disk", detail };
  throw error;
}
