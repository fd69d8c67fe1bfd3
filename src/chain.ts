/**
 * The chain of the journal, as the daemon writes it and as its readers check it. Pure.
 *
 * The chain shows that somebody rewrote the file: chain = SHA-256(chain of the entry before, newline, JSON of the
 * entry without `chain`), in hexadecimal, over entries of changes and overrides only. The chain before the first
 * entry is "". The log has `seq` and `chain` of each change, so a file that was rewritten as a whole differs from it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { JournalEntry } from "./api/memory.ts";

/** Kinds of entries that are part of the chain. */
export const chainedKinds = ["change", "override"] as const;

/**
 * The next link.
 *
 * @param before chain of the chained entry before, "" for none
 * @param json JSON of the entry without `chain`, its keys in the order of the API
 */
export function chainLink(before: string, json: string): string {
  return createHash("sha256").update(`${before}\n${json}`).digest("hex");
}

/** A chained entry. */
export interface Link {
  /** Place. */
  readonly seq: number;
  /** JSON of the entry without its chain. */
  readonly json: string;
  /** The link that was kept with it. */
  readonly chain: string;
}

/** The link of an entry as GET /v1/journal answers it; null: its kind has none. */
export function linkOf(entry: JournalEntry): Link | null {
  const { chain, ...rest } = entry;
  if (chain === null) return null;
  const { at, backend, by, claimed, data, frontend, kind, reason, seq, text } = rest;
  const json = JSON.stringify({ seq, at, kind, backend, frontend, by, claimed, reason, text, data });
  return { seq, json, chain };
}

/** Outcome of a check of the chain. */
export type Verification =
  | { readonly ok: true; readonly checked: number; readonly head: { seq: number; chain: string } | null }
  | { readonly ok: false; readonly checked: number; readonly seq: number; readonly detail: string };

/**
 * Checks links, oldest first. The oldest kept one is believed, since what came before it is gone.
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
