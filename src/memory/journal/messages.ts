/**
 * Messages between the daemon and the journal's thread. Each request is answered once, in order.
 *
 * @module
 */
import type { Verification } from "../../chain.ts";
import type { UnixMillis } from "../../model.ts";
import type { HistoryRow, JournalBatch, LatencyRow, Page, PageQuery } from "./tables.ts";
import type { Run } from "./runs.ts";

/** To the thread. */
export type JournalRequest =
  /** First of all; `limit` in octets, `keepMs` is the age after which entries go. */
  | { readonly kind: "open"; readonly path: string; readonly limit: number; readonly keepMs: number }
  | { readonly kind: "write"; readonly batch: JournalBatch; readonly now: UnixMillis }
  | { readonly kind: "page"; readonly query: PageQuery }
  | {
    readonly kind: "runs" | "latency";
    readonly backend: string;
    readonly since: UnixMillis;
    readonly until: UnixMillis;
  }
  | { readonly kind: "knows"; readonly name: string }
  | {
    readonly kind: "histories";
    readonly of: "backend" | "frontend";
    readonly names: readonly string[];
    readonly limit: number;
  }
  | { readonly kind: "verify"; readonly head: { readonly seq: number; readonly chain: string } | null }
  | { readonly kind: "close" };

/** Why the journal cannot be used. */
export interface JournalFailure {
  /** `disk`: full or read-only, may mend itself. `newer`: a file of a newer program. `other`: a defect. */
  readonly cause: "disk" | "newer" | "damaged" | "other";
  /** One sentence. */
  readonly detail: string;
}

/** What an open journal tells. */
export interface JournalOpened {
  /** Place of the newest entry, 0 for none. */
  readonly seq: number;
  /** Newest link of the chain, "" for none. */
  readonly chain: string;
}

/** Values of answers by request. */
export interface JournalValues {
  /** The file is open. */
  readonly open: JournalOpened;
  /** The batch is written. */
  readonly write: null;
  /** A page of entries. */
  readonly page: Page;
  /** Runs, oldest first. */
  readonly runs: readonly Run[];
  /** Latency, oldest first. */
  readonly latency: readonly LatencyRow[];
  /** The newest transitions of backends or frontends, newest first; a name without any is left out. */
  readonly histories: readonly { readonly name: string; readonly rows: readonly HistoryRow[] }[];
  /** Whether the name was ever written. */
  readonly knows: boolean;
  /** Outcome of the look at the chain. */
  readonly verify: Verification;
  /** The file is closed. */
  readonly close: null;
}

/** From the thread. `putAside` says where a damaged file is now, if this request met one; a new one is begun. */
export type JournalAnswer =
  & { readonly putAside: string | null }
  & (
    | { readonly ok: true; readonly value: JournalValues[keyof JournalValues] }
    | { readonly ok: false; readonly failure: JournalFailure }
  );
