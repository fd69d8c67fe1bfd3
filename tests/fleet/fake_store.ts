import {
  type KeyValue,
  type Revision,
  type Store,
  StoreError,
  type StoreFailure,
  type WatchEvent,
  type Write,
} from "../../src/fleet/store.ts";

/** A store in memory that several daemons of a test share, with the faults of a real one. */
export class FakeStore implements Store {
  clusterId = "c1";
  revision = 1n;
  rows = new Map<string, KeyValue>();
  /** Every change, for watches that begin in the past. */
  readonly #log: WatchEvent[] = [];
  readonly #watchers = new Set<(events: WatchEvent[]) => void>();
  /** What every call fails with. */
  failing: StoreFailure | null = null;
  /** Fails the next write after it happened, or before. */
  lateWrite: "written" | "lost" | null = null;
  /** Watches stay open and tell nothing. */
  silent = false;
  /** Difference of the store's clock, in ms. */
  date: number | null = null;
  /** Answers of lists that were made arrive when this resolves. */
  slowList: Promise<void> = Promise.resolve();
  leases = 0;
  calls = 0;

  #check(): void {
    this.calls++;
    if (this.failing !== null) throw new StoreError(this.failing, `the store is ${this.failing}`);
  }

  get #head() {
    return { clusterId: this.clusterId, revision: this.revision, date: this.date };
  }

  list(prefix: string) {
    return Promise.try(async () => {
      this.#check();
      const rows = [...this.rows.values()].filter(({ key }) => key.startsWith(prefix));
      const listing = { ...this.#head, rows };
      await this.slowList;
      return listing;
    });
  }

  get(key: string) {
    return Promise.try(() => {
      this.#check();
      return { head: this.#head, row: this.rows.get(key) ?? null };
    });
  }

  put(key: string, value: string, _lease?: string) {
    return Promise.try(() => {
      this.#check();
      this.#write(key, value);
      return this.#head;
    });
  }

  compareAndWrite(key: string, known: Revision, write: Write) {
    return Promise.try(() => {
      this.#check();
      const late = this.lateWrite;
      this.lateWrite = null;
      if (late === "lost") throw new StoreError("late", "no answer");
      const present = this.rows.get(key) ?? null;
      if ((present?.modRevision ?? 0n) !== known) return { done: false as const, head: this.#head, present };
      if ("put" in write) this.#write(write.put, write.value);
      else this.#write(write.delete, null);
      if (late === "written") throw new StoreError("late", "no answer");
      return { done: true as const, head: this.#head };
    });
  }

  grantLease(_seconds: number) {
    return Promise.try(() => {
      this.#check();
      return String(++this.leases);
    });
  }

  keepLease(id: string) {
    return Promise.try(() => {
      this.#check();
      return Number(id) === this.leases;
    });
  }

  revokeLease(_id: string) {
    return Promise.try(() => this.#check());
  }

  async *watch(prefix: string, from: Revision, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]> {
    this.#check();
    const queue: WatchEvent[] = this.#log.filter(({ modRevision }) => modRevision >= from);
    let wake = Promise.withResolvers<void>();
    const watcher = (events: WatchEvent[]) => {
      if (this.silent) return;
      queue.push(...events);
      wake.resolve();
    };
    this.#watchers.add(watcher);
    signal.addEventListener("abort", () => wake.resolve(), { once: true });
    try {
      yield [];
      while (!signal.aborted) {
        const events = queue.splice(0).filter(({ key }) => key.startsWith(prefix));
        if (events.length > 0) yield events;
        wake = Promise.withResolvers();
        if (queue.length === 0 && !signal.aborted) await wake.promise;
        if (this.failing !== null) throw new StoreError(this.failing, "the watch broke");
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  /** Breaks every watch, as the end of a member does. */
  breakWatches(): void {
    for (const watcher of this.#watchers) watcher([]);
  }

  #write(key: string, value: string | null): void {
    this.revision++;
    if (value === null) this.rows.delete(key);
    else this.rows.set(key, { key, value, modRevision: this.revision });
    const event = { key, value, modRevision: this.revision };
    this.#log.push(event);
    for (const watcher of this.#watchers) watcher([event]);
  }
}
