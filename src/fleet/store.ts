/**
 * A store of keys with revisions, as a fleet needs it.
 *
 * @module
 */
import type { UnixMillis } from "../model.ts";

/** A revision of the store: grows with every write. */
export type Revision = bigint;

/** A key with its value. */
export interface KeyValue {
  /** The whole key. */
  readonly key: string;
  /** The value as text. */
  readonly value: string;
  /** Revision of the last write to it. */
  readonly modRevision: Revision;
}

/** What every answer tells about the store. */
export interface StoreHead {
  /** Identity of the cluster; another one is another store. */
  readonly clusterId: string;
  /** The store's revision. */
  readonly revision: Revision;
  /** The store's clock by the HTTP header `Date`, to the second; null: it sent none. */
  readonly date: UnixMillis | null;
}

/** A list of keys. */
export interface Listing extends StoreHead {
  /** Keys in their order. */
  readonly rows: readonly KeyValue[];
}

/** A change that a watch tells. */
export interface WatchEvent {
  /** The key. */
  readonly key: string;
  /** Null: deleted. */
  readonly value: string | null;
  /** Revision of the change. */
  readonly modRevision: Revision;
}

/** Why the store did not do what was asked. */
export type StoreFailure =
  /** Nobody answered. */
  | "unreachable"
  /** No answer in time; a write may have happened. */
  | "late"
  /** User or password are wrong, or the token is not valid any more. */
  | "login"
  /** The user may not do this. */
  | "denied"
  /** The store is full (its quota). */
  | "full"
  /** The store has no leader: it cannot write. */
  | "no-leader"
  /** The revision is compacted: list again. */
  | "compacted"
  /** Anything else that it answered. */
  | "answer";

/** The store did not do what was asked. */
export class StoreError extends Error {
  /** `detail` is one sentence without secrets. */
  constructor(readonly failure: StoreFailure, detail: string) {
    super(detail);
    this.name = "StoreError";
  }
}

/** One step of a transaction. */
export type Write =
  | { readonly put: string; readonly value: string; readonly lease?: string }
  | { readonly delete: string };

/** Outcome of a compared write. */
export type Compared =
  | { readonly done: true; readonly head: StoreHead }
  /** Somebody else wrote first; null: the key is not there. */
  | { readonly done: false; readonly head: StoreHead; readonly present: KeyValue | null };

/** What a fleet needs of its store; every call has a deadline and rejects with a StoreError. */
export interface Store {
  /** Every key that begins with `prefix`. */
  list(prefix: string): Promise<Listing>;
  /** One key; null: it is not there. */
  get(key: string): Promise<{ readonly head: StoreHead; readonly row: KeyValue | null }>;
  /** Writes without a look at what is there. */
  put(key: string, value: string, lease?: string): Promise<StoreHead>;
  /** Writes if the key still has the revision `known`; 0n: it is not there. */
  compareAndWrite(key: string, known: Revision, write: Write): Promise<Compared>;
  /** A lease of so many seconds. */
  grantLease(seconds: number): Promise<string>;
  /** Prolongs a lease; false: it is gone. */
  keepLease(id: string): Promise<boolean>;
  /** Ends a lease. */
  revokeLease(id: string): Promise<void>;
  /** Changes of keys that begin with `prefix`, from revision `from` on. */
  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]>;
}
