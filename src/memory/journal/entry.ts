/**
 * Entries of the journal and their places. Pure.
 *
 * @module
 */
import { chainedKinds } from "../../chain.ts";
import type { UnixMillis } from "../../model.ts";

/** Kinds of entries; the position of a kind is its number in the file, so new kinds are added at the end. */
export const entryKinds = [
  "backend",
  "frontend",
  "vpp",
  "sync",
  "drift",
  "override",
  "change",
  "config",
  "process",
  "fleet",
] as const;

/** Kind of an entry. */
export type EntryKind = (typeof entryKinds)[number];

/** What happened, before the journal has given it its place. */
export interface NewEntry {
  /** What it is about. */
  readonly kind: EntryKind;
  /** Name of the backend, or null. */
  readonly backend: string | null;
  /** Name of the frontend, or null. */
  readonly frontend: string | null;
  /** Who did it: name of a token, `local`, or null for the daemon itself. */
  readonly by: string | null;
  /** Who it says is behind the token; unverified. */
  readonly claimed: string | null;
  /** Reason that an operator gave. */
  readonly reason: string | null;
  /** One sentence that explains the entry alone. */
  readonly text: string;
  /** Details for programs. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** An entry in its place. */
export interface Entry extends NewEntry {
  /** Orders entries: greater than that of every entry before, whatever the clock did. */
  readonly seq: number;
  /** Wall clock. */
  readonly at: UnixMillis;
  /** Link of the chain; null for kinds without one. */
  readonly chain: string | null;
}

/** Whether entries of this kind are part of the chain. */
export function isChained(kind: EntryKind): boolean {
  return chainedKinds.some((chained) => chained === kind);
}

/**
 * The place of the next entry: microseconds of the wall clock, or one more than the last where the clock was set
 * back. So a place tells a time, and an index over places finds times.
 *
 * @param last place of the entry before, 0 for none
 */
export function nextSeq(last: number, now: UnixMillis): number {
  return Math.max(last + 1, Math.floor(now * 1000));
}

/** JSON of an entry without its chain: the keys of the API in their order. */
export function entryJson(entry: Omit<Entry, "chain">): string {
  const { seq, at, kind, backend, frontend, by, claimed, reason, text, data } = entry;
  return JSON.stringify({
    seq,
    at: new Date(Math.floor(at)).toISOString(),
    kind,
    backend,
    frontend,
    by,
    claimed,
    reason,
    text,
    data,
  });
}
