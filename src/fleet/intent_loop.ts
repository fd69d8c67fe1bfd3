/**
 * Keeps a daemon's knowledge of the intents: lists them every 5 s, watches them between two lists, and writes.
 *
 *   away --a list that is believed--> live --a list that fails--> away
 *   any --a list of another store--> replaced --a list of the known one, or a new write--> live
 *
 * A store that was replaced may be an old backup. So nothing that it has counts but what is written to it from then
 * on, and what was known holds until its hour, a clear or a new write.
 *
 * The lists are what counts: a watch only makes changes arrive sooner. A member that was stopped leaves a watch
 * silent without an error.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis, UnixMillis } from "../model.ts";
import { type KeyValue, type Listing, type Revision, type Store, StoreError } from "./store.ts";
import {
  believe,
  deletable,
  type Intent,
  intentKey,
  intentPrefix,
  type IntentTarget,
  intentText,
  isInForce,
  learnChanges,
  type Learned,
  learnList,
  learnOwn,
  parseIntent,
  type StoredIntent,
  type StoreMemory,
  targetOf,
} from "./intents.ts";

/** Time between two lists, in ms. */
export const listEveryMs = 5_000;
/** A broken watch is begun again after this time, in ms. */
const watchAgainMs = 1_000;
/** A clock that differs by more than this from the store's deletes nothing, in ms. */
export const clockLimitMs = 30_000;

/** Detail of the state before the first answer or failure. */
export const notAsked = "not asked yet";

/** State of the store as this daemon sees it. */
export interface StoreState {
  /** `replaced`: it answers, but it is not the store that was known. */
  readonly kind: "live" | "away" | "replaced";
  /** When it became so. */
  readonly since: UnixMillis;
  /** Why, "" while live. */
  readonly detail: string;
}

/** Outcome of a write. */
export type Written =
  | { readonly kind: "done"; readonly stored: StoredIntent | null }
  /** Somebody else wrote first. */
  | { readonly kind: "conflict"; readonly present: StoredIntent | null }
  /** The key has something that is no intent, and keeps it. */
  | { readonly kind: "rubbish"; readonly key: string; readonly why: string }
  /** The store is away, or does not allow it. */
  | { readonly kind: "refused"; readonly detail: string };

/** What the loop is made of. */
export interface IntentLoopParts {
  /** Name of the fleet. */
  readonly fleet: string;
  /** Name of this node. */
  readonly node: string;
  /** The store. */
  readonly store: Store;
  /** Time. */
  readonly clock: Clock;
  /** What an earlier process knew. */
  readonly memory: StoreMemory;
  /** Called after every change of the memory, which must be kept. */
  readonly onLearned: (learned: Learned) => void;
  /** Called when the state of the store changes. */
  readonly onState: (state: StoreState) => void;
  /** A call took so long, in ms. */
  readonly onCall?: (ms: Millis) => void;
}

/** The loop of one daemon; disposal ends it and waits for what is under way. */
export class IntentLoop implements AsyncDisposable {
  readonly #parts: IntentLoopParts;
  readonly #prefix: string;
  readonly #end = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  #memory: StoreMemory;
  #state: StoreState;
  #clockOffMs = 0;
  #clockOffSince: UnixMillis | null = null;
  #listed = Promise.withResolvers<void>();
  #watching = Promise.withResolvers<void>();
  #watch = new AbortController();
  /** The store that took the place of the known one, as it was when it was first seen. */
  #stranger: Pick<Listing, "clusterId" | "revision"> | null = null;

  /** Makes a loop that has not begun. */
  constructor(parts: IntentLoopParts) {
    this.#parts = parts;
    this.#prefix = intentPrefix(parts.fleet);
    this.#memory = parts.memory;
    this.#state = { kind: "away", since: parts.clock.wall(), detail: notAsked };
  }

  /** Begins. */
  start(): void {
    this.#running.push(this.#listLoop(), this.#watchLoop());
  }

  /** Resolves after the first list that was believed. */
  get listed(): Promise<void> {
    return this.#listed.promise;
  }

  /** What is known. */
  get memory(): StoreMemory {
    return this.#memory;
  }

  /** What an earlier process knew has come late. It counts only if no store was listed before. */
  recall(memory: StoreMemory): void {
    if (this.#memory.clusterId !== null || memory.clusterId === null) return;
    this.#learn({ memory, written: [...memory.intents.values()], ended: [], rubbish: [] });
  }

  /** Whether the store answers. */
  get state(): StoreState {
    return this.#state;
  }

  /** This node's clock less the store's, in ms; 0 within the second that the store tells. */
  get clockOffMs(): Millis {
    return this.#clockOffMs;
  }

  /** Since when it has been off by more than 30 s; null: it is not. */
  get clockOffSince(): UnixMillis | null {
    return this.#clockOffSince;
  }

  /**
   * Writes an intent, compared to what this daemon knows.
   *
   * @param force whether another operator's intent is replaced
   */
  async write(intent: Intent, force: boolean): Promise<Written> {
    const key = intentKey(this.#parts.fleet, targetOf(intent));
    const known = this.#memory.intents.get(key);
    const isOthers = known !== undefined && isInForce(known.intent, this.#parts.clock.wall()) &&
      (known.intent.by !== intent.by || known.intent.claimed !== intent.claimed);
    if (isOthers && !force) return { kind: "conflict", present: known };
    return await this.#compared(key, known?.revision ?? 0n, { put: key, value: intentText(intent) }, force);
  }

  /** Deletes an intent, compared to the revision that this daemon knows. */
  async remove(target: IntentTarget): Promise<Written> {
    const key = intentKey(this.#parts.fleet, target);
    const known = this.#memory.intents.get(key);
    if (known === undefined) return { kind: "done", stored: null };
    if (this.#state.kind === "replaced" || this.#memory.held.has(key)) {
      // The store may not have the key, so its deletion would reach nobody. An intent that is over does.
      const { intent } = known;
      const now = this.#parts.clock.wall();
      const over = { ...intent, since: now, until: Math.min(intent.since, now), node: this.#parts.node };
      return await this.#compared(key, known.revision, { put: key, value: intentText(over) }, true);
    }
    return await this.#compared(key, known.revision, { delete: key }, false);
  }

  async #compared(
    key: string,
    known: Revision,
    write: { readonly put: string; readonly value: string } | { readonly delete: string },
    force: boolean,
  ): Promise<Written> {
    const { store } = this.#parts;
    // What the write that is under way is compared to; null: there is none yet.
    let expected: Revision | null = null;
    try {
      // The revisions that are known are of another store: what this one has decides.
      expected = this.#state.kind === "replaced" || this.#memory.held.has(key)
        ? (await this.#timed(store.get(key))).row?.modRevision ?? 0n
        : known;
      const outcome = await this.#timed(store.compareAndWrite(key, expected, write));
      if (outcome.done) return await this.#afterWrite(this.#wrote(key, write, outcome.head.revision));
      if (force) {
        expected = outcome.present?.modRevision ?? 0n;
        const again = await this.#timed(store.compareAndWrite(key, expected, write));
        if (again.done) return await this.#afterWrite(this.#wrote(key, write, again.head.revision));
        return this.#conflict(again.present);
      }
      // Somebody else has deleted it: what was wanted is so.
      if (outcome.present === null && "delete" in write) {
        return this.#wrote(key, write, outcome.head.revision);
      }
      return this.#conflict(outcome.present);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.failure !== "late" || expected === null) return { kind: "refused", detail: error.message };
      return await this.#afterLate(key, expected, write, error.message);
    }
  }

  /** A write without an answer may have happened: only the store knows. It is not repeated. */
  async #afterLate(
    key: string,
    expected: Revision,
    write: { readonly put: string; readonly value: string } | { readonly delete: string },
    detail: string,
  ): Promise<Written> {
    try {
      const { head, row } = await this.#timed(this.#parts.store.get(key));
      const value = "put" in write ? write.value : null;
      if ((row?.value ?? null) === value) {
        return this.#wrote(key, write, row?.modRevision ?? head.revision);
      }
      if ((row?.modRevision ?? 0n) !== expected) return this.#conflict(row);
      return { kind: "refused", detail };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return { kind: "refused", detail: `${detail}; it is not known whether it was written` };
    }
  }

  /** A new write makes a store that was replaced the known one. */
  async #afterWrite(written: Written): Promise<Written> {
    if (this.#state.kind !== "replaced") return written;
    try {
      await this.#list();
    } catch (error) {
      // The next list does the same.
      if (!(error instanceof StoreError)) throw error;
    }
    return written;
  }

  #wrote(
    key: string,
    write: { readonly put: string; readonly value: string } | { readonly delete: string },
    revision: Revision,
  ): Written {
    const value = "put" in write ? write.value : null;
    this.#learn(learnOwn(this.#memory, this.#parts.fleet, { key, value, modRevision: revision }));
    const stored = this.#memory.intents.get(key);
    return { kind: "done", stored: value === null || stored === undefined ? null : stored };
  }

  #conflict(row: KeyValue | null): Written {
    if (row === null) return { kind: "conflict", present: null };
    const parsed = parseIntent(this.#parts.fleet, row);
    if (parsed.ok) return { kind: "conflict", present: parsed.value };
    return { kind: "rubbish", key: row.key, why: parsed.error };
  }

  async #listLoop(): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#end.signal.aborted) {
      const due = clock.now() + listEveryMs;
      try {
        await this.#list();
        await this.#deleteEnded();
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#enter("away", error.message);
      }
      await this.#pause(due - clock.now());
    }
  }

  /** Lists again when the watch told something newer meanwhile: the list would look like one of an older store. */
  async #list(): Promise<void> {
    for (;;) {
      const { revision: known } = this.#memory;
      const listing = await this.#timed(this.#parts.store.list(this.#prefix));
      const { clusterId, revision } = this.#memory;
      const isOvertaken = listing.clusterId === clusterId && listing.revision >= known &&
        listing.revision < revision;
      if (!isOvertaken) return this.#take(listing);
    }
  }

  #take(listing: Listing): void {
    const { clock, fleet } = this.#parts;
    // The header tells whole seconds, so a difference below one is none.
    const off = listing.date === null ? 0 : clock.wall() - listing.date;
    this.#clockOffMs = off >= 0 && off < 1000 ? 0 : off;
    this.#clockOffSince = Math.abs(off) <= clockLimitMs ? null : this.#clockOffSince ?? clock.wall();
    // A store that was wiped has the identity that it had, and its revision may grow beyond the one that was known.
    const isMet = this.#stranger?.clusterId === listing.clusterId;
    const learned = isMet ? null : learnList(this.#memory, fleet, listing);
    if (learned === null) return this.#meet(listing);
    this.#stranger = null;
    // A watch that did not tell this may be silent for good: its member may be stopped.
    const missed = this.#state.kind === "live" && learned.written.length + learned.ended.length > 0;
    this.#believed(learned);
    if (missed) this.#watch.abort();
  }

  #believed(learned: Learned): void {
    this.#learn(learned);
    this.#enter("live", "");
    this.#listed.resolve();
    this.#watching.resolve();
  }

  /** Looks at a store that is not the known one. */
  #meet(listing: Listing): void {
    const { clusterId, revision, rows } = listing;
    const met = this.#stranger;
    if (met === null || met.clusterId !== clusterId || revision < met.revision) {
      this.#stranger = { clusterId, revision };
    } else if (rows.some(({ modRevision }) => modRevision > met.revision)) {
      this.#stranger = null;
      this.#believed(believe(this.#memory, this.#parts.fleet, listing, met.revision));
      // The watch under way waits for a revision of the other store.
      this.#watch.abort();
      return;
    }
    this.#enter("replaced", "the store was replaced");
  }

  async #deleteEnded(): Promise<void> {
    if (this.#state.kind !== "live") return;
    const { clock, node, store } = this.#parts;
    const right = Math.abs(this.#clockOffMs) <= clockLimitMs;
    for (const { key, revision } of deletable(this.#memory, node, clock.wall(), right)) {
      await this.#timed(store.compareAndWrite(key, revision, { delete: key }));
    }
  }

  async #watchLoop(): Promise<void> {
    const { fleet, store } = this.#parts;
    while (!this.#end.signal.aborted) {
      await Promise.race([this.#watching.promise, aborted(this.#end.signal)]);
      if (this.#end.signal.aborted) return;
      this.#watch = new AbortController();
      const signal = AbortSignal.any([this.#watch.signal, this.#end.signal]);
      try {
        for await (const events of store.watch(this.#prefix, this.#memory.revision + 1n, signal)) {
          if (this.#state.kind !== "replaced") this.#learn(learnChanges(this.#memory, fleet, events));
        }
      } catch (error) {
        if (this.#end.signal.aborted) return;
        if (this.#watch.signal.aborted) continue;
        if (!(error instanceof StoreError)) throw error;
        // The next list tells what the watch missed; it begins again after that.
        this.#watching = Promise.withResolvers();
      }
      await this.#pause(watchAgainMs);
    }
  }

  #learn(learned: Learned): void {
    this.#memory = learned.memory;
    this.#parts.onLearned(learned);
  }

  #enter(kind: StoreState["kind"], detail: string): void {
    if (this.#state.kind === kind && this.#state.detail === detail) return;
    const since = this.#state.kind === kind ? this.#state.since : this.#parts.clock.wall();
    this.#state = { kind, since, detail };
    this.#parts.onState(this.#state);
  }

  async #timed<T>(call: Promise<T>): Promise<T> {
    const began = this.#parts.clock.now();
    try {
      return await call;
    } finally {
      this.#parts.onCall?.(this.#parts.clock.now() - began);
    }
  }

  async #pause(ms: Millis): Promise<void> {
    try {
      await this.#parts.clock.sleep(Math.max(0, ms), this.#end.signal);
    } catch (error) {
      if (!this.#end.signal.aborted) throw error;
    }
  }

  /** Ends the loop. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#running);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
