import type { Compared, KeyValue, Listing, Revision, StoreHead, WatchEvent, Write } from "./etcd.ts";

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
