/**
 * The newest entries in memory: all there is without a file, and what answers questions while the file cannot be used.
 *
 * @module
 */
import { type Entry, entryJson } from "./entry.ts";
import type { Page, PageQuery } from "./tables.ts";

/** Entries that are kept while there is no file. */
export const memoryLimit = 10_000;
/** Entries that are kept besides the file, for the time after it fails. */
const openMemoryLimit = 1_000;

/** The newest entries, oldest first. */
export class RecentEntries {
  #entries: Entry[] = [];

  /** How many there are to be seen. */
  get size(): number {
    return Math.min(this.#entries.length, memoryLimit);
  }

  /**
   * Takes an entry.
   *
   * @param onDisk whether a file has it, too
   */
  add(entry: Entry, onDisk: boolean): void {
    this.#entries.push(entry);
    const kept = onDisk ? openMemoryLimit : memoryLimit;
    if (this.#entries.length > 2 * kept) this.#entries = this.#entries.slice(-kept);
  }

  /** Entries that got another place or link. */
  replace(entries: ReadonlyMap<Entry, Entry>): void {
    this.#entries = this.#entries.map((entry) => entries.get(entry) ?? entry);
  }

  /** Whether an entry names this backend or frontend. */
  knows(name: string): boolean {
    return this.#entries.some((entry) => entry.backend === name || entry.frontend === name);
  }

  /** A page, newest first. */
  page({ backend, before, frontend, kinds, limit, since, until }: PageQuery): Page {
    const visible = this.#entries.slice(-memoryLimit);
    const found = visible.filter((entry) =>
      (kinds.length === 0 || kinds.includes(entry.kind)) && (backend === null || entry.backend === backend) &&
      (frontend === null || entry.frontend === frontend) && (since === null || entry.at >= since) &&
      (until === null || entry.at < until + 1) && (before === null || entry.seq < before)
    ).reverse();
    const rows = found.slice(0, limit).map((entry) => ({
      seq: entry.seq,
      json: entryJson(entry),
      chain: entry.chain,
    }));
    return {
      rows,
      before: found.length > limit ? rows.at(-1)?.seq ?? null : null,
      oldest: visible[0]?.at ?? null,
    };
  }
}
