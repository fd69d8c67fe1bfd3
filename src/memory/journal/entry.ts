/**
 * Entries of the journal and their chain. Pure.
 *
 * The chain finds out who rewrites the file: chain = SHA-256(chain of the entry before, newline, JSON of the entry
 * without `chain`), in hexadecimal, over entries of changes and overrides only. The chain before the first entry
 * is "". The log has `seq` and `chain` of each change, so a file that was rewritten as a whole does not agree with it.
 *
 * @module
 */
import { createHash } from "node:crypto";
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
  return kind === "change" || kind === "override";
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

/**
 * The next link.
 *
 * @param before chain of the chained entry before, "" for none
 * @param json `entryJson` of the entry
 */
export function chainLink(before: string, json: string): string {
  return createHash("sha256").update(`${before}\n${json}`).digest("hex");
}

/** A chained entry as it is kept. */
export interface Link {
  /** Place. */
  readonly seq: number;
  /** JSON of the entry without its chain. */
  readonly json: string;
  /** The link that was kept with it. */
  readonly chain: string;
}

/** Outcome of a look at the chain. */
export type Verification =
  | { readonly ok: true; readonly checked: number; readonly head: { seq: number; chain: string } | null }
  | { readonly ok: false; readonly checked: number; readonly seq: number; readonly detail: string };

/**
 * Checks links in their order. The oldest kept one is believed, since what came before it is gone.
 *
 * @param head an entry that the log names; it must be among the links with that chain
 */
export function verifyChain(
  links: Iterable<Link>,
  head: { readonly seq: number; readonly chain: string } | null,
): Verification {
  let checked = 0;
  let last: Link | null = null;
  let headSeen = false;
  for (const link of links) {
    if (last !== null && chainLink(last.chain, link.json) !== link.chain) {
      const detail = `entry ${link.seq} does not follow from entry ${last.seq}`;
      return { ok: false, checked, seq: link.seq, detail };
    }
    if (head !== null && link.seq === head.seq) {
      if (link.chain !== head.chain) {
        return {
          ok: false,
          checked,
          seq: link.seq,
          detail: `entry ${link.seq} has another chain than the log`,
        };
      }
      headSeen = true;
    }
    checked++;
    last = link;
  }
  if (head !== null && !headSeen) {
    return {
      ok: false,
      checked,
      seq: head.seq,
      detail: `entry ${head.seq} of the log is not in the journal`,
    };
  }
  return { ok: true, checked, head: last === null ? null : { seq: last.seq, chain: last.chain } };
}
