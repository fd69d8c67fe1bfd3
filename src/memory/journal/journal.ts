/**
 * The journal as the daemon uses it: it gives every entry its place and its link of the chain at once, and writes
 * in batches on a thread of its own. Nobody waits for the disk.
 *
 *   memory --open answered--> open --batch late by 10 s, or thread dead--> memory --a minute later--> opening
 *
 * While it is not open the newest 10,000 entries are in memory and answer questions; entries that wait to be
 * written stay in the queues, so that a thread that comes back gets them.
 *
 * @module
 */
import { chainLink, type Verification } from "../../chain.ts";
import type { Clock } from "../../clock.ts";
import type { Millis, UnixMillis } from "../../model.ts";
import { type Entry, entryJson, isChained, type NewEntry, nextSeq } from "./entry.ts";
import type { JournalBatch, LatencyRow, Page, PageQuery } from "./file.ts";
import type { JournalAnswer, JournalFailure, JournalRequest, JournalValues } from "./messages.ts";
import type { Run } from "./runs.ts";

/** Bounds of the queues, in rows. */
export const queueLimits = { changes: 1_000, entries: 10_000, measures: 20_000 } as const;
/** Entries that are kept in memory while there is no file. */
export const memoryLimit = 10_000;
/** Entries that are kept in memory beside the file, for the time after it fails. */
const openMemoryLimit = 1_000;
/** A batch is sent this long after its first row, in ms. */
const batchMs = 100;
/** A thread that has not answered for so long is ended, in ms. */
const hungMs = 10_000;
/** A thread is started at most this often, in ms. */
const restartMs = 60_000;

/** A thread that answers requests in their order. Disposal ends it at once. */
export interface JournalThread extends Disposable {
  /** Sends a request. */
  send(request: JournalRequest): void;
}

/** Makes a thread, or says in a sentence why there is none. */
export type StartThread = (
  onAnswer: (answer: JournalAnswer) => void,
  onDeath: (detail: string) => void,
) => JournalThread | string;

/** State of the journal for metrics and problems. */
export type JournalState =
  /** Entries reach the disk. */
  | { readonly kind: "open" }
  /** No file is wanted. */
  | { readonly kind: "memory" }
  /** Not yet, or not any more. */
  | { readonly kind: "opening" | "failing"; readonly since: UnixMillis; readonly failure: JournalFailure };

/** What a journal is made of. */
export interface JournalParts {
  /** Time. */
  readonly clock: Clock;
  /** Null: memory only. */
  readonly start: StartThread | null;
  /** Path of the file. */
  readonly path: string;
  /** Octets that the file may have. */
  readonly limit: number;
  /** Age after which entries go, in ms. */
  readonly keepMs: number;
  /** The state changed, or a damaged file was put aside. */
  readonly onState: (state: JournalState, putAside: string | null) => void;
}

interface Question {
  readonly request: JournalRequest;
  readonly sentAt: Millis;
  answer(value: JournalValues[keyof JournalValues]): void;
  fail(failure: JournalFailure): void;
}

/** The journal could not answer. */
export class JournalError extends Error {
  /** Wraps a failure. */
  constructor(readonly failure: JournalFailure) {
    super(failure.detail);
    this.name = "JournalError";
  }
}

const empty = (): { changes: Entry[]; entries: Entry[]; runs: Run[]; latency: LatencyRow[] } => {
  return { changes: [], entries: [], runs: [], latency: [] };
};

/** The journal of one daemon. */
export class Journal implements AsyncDisposable {
  readonly #parts: JournalParts;
  #thread: JournalThread | null = null;
  #startedAt: Millis = -Infinity;
  readonly #asked: Question[] = [];
  #queue = empty();
  #inFlight: JournalBatch | null = null;
  #batchTimer: Disposable | null = null;
  #watch: Disposable | null = null;
  #state: JournalState;
  #recent: Entry[] = [];
  #dropped = 0;
  #seq = 0;
  #chain = "";
  #closed = false;

  /** Makes a journal that has not begun. */
  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.#state = parts.start === null
      ? { kind: "memory" }
      : this.#trouble("opening", "the journal is being opened");
  }

  /**
   * Opens the file; resolves when it is open or cannot be. Entries must not be recorded before, since their places
   * follow those of the file.
   */
  async open(): Promise<void> {
    if (this.#parts.start === null) return;
    await this.#open();
    this.#watchThread();
  }

  /** Rows that were lost because the disk was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What works. */
  get state(): JournalState {
    return this.#state;
  }

  /** Whether another change may be recorded; false: the queue of changes is full. */
  get takesChanges(): boolean {
    return this.#queue.changes.length < queueLimits.changes;
  }

  /** Records what happened; answers its place and link. Never waits. */
  record(what: NewEntry): Entry {
    const at = this.#parts.clock.wall();
    const seq = nextSeq(this.#seq, at);
    this.#seq = seq;
    let entry: Entry = { ...what, seq, at, chain: null };
    if (isChained(what.kind)) {
      this.#chain = chainLink(this.#chain, entryJson(entry));
      entry = { ...entry, chain: this.#chain };
    }
    this.#recent.push(entry);
    const kept = this.#state.kind === "open" ? openMemoryLimit : memoryLimit;
    if (this.#recent.length > 2 * kept) this.#recent = this.#recent.slice(-kept);
    if (this.#parts.start === null) return entry;
    const chained = entry.chain !== null;
    const queue = chained ? this.#queue.changes : this.#queue.entries;
    queue.push(entry);
    // The daemon asks `takesChanges` before a change; its own ends of overrides come on top and are not dropped.
    if (!chained && queue.length > queueLimits.entries) {
      queue.shift();
      this.#dropped++;
    }
    this.#later();
    return entry;
  }

  /** Records runs of results and latency; dropped first when the disk is slow. */
  measure(runs: readonly Run[], latency: readonly LatencyRow[]): void {
    if (this.#parts.start === null || runs.length + latency.length === 0) return;
    this.#queue.runs.push(...runs);
    this.#queue.latency.push(...latency);
    const over = this.#queue.runs.length + this.#queue.latency.length - queueLimits.measures;
    if (over > 0) {
      const latencyToo = Math.min(over, this.#queue.latency.length);
      this.#queue.latency.splice(0, latencyToo);
      this.#queue.runs.splice(0, over - latencyToo);
      this.#dropped += over;
    }
    this.#later();
  }

  /** A page, newest first, with what was recorded just now. */
  async page(query: PageQuery): Promise<Page> {
    if (this.#state.kind !== "open") return this.#memoryPage(query);
    this.#send();
    return await this.#ask({ kind: "page", query }, "page");
  }

  /** Runs of a backend, oldest first; [] in memory only. */
  async runs(backend: string, since: UnixMillis, until: UnixMillis): Promise<readonly Run[]> {
    if (this.#state.kind !== "open") return [];
    this.#send();
    return await this.#ask({ kind: "runs", backend, since, until }, "runs");
  }

  /** Latency of a backend by ten minutes, oldest first; [] in memory only. */
  async latency(backend: string, since: UnixMillis, until: UnixMillis): Promise<readonly LatencyRow[]> {
    if (this.#state.kind !== "open") return [];
    this.#send();
    return await this.#ask({ kind: "latency", backend, since, until }, "latency");
  }

  /** Whether an entry names this backend or frontend. */
  async knows(name: string): Promise<boolean> {
    if (this.#recent.some((entry) => entry.backend === name || entry.frontend === name)) return true;
    return this.#state.kind === "open" && await this.#ask({ kind: "knows", name }, "knows");
  }

  /** Looks at the chain. */
  async verify(head: { readonly seq: number; readonly chain: string } | null): Promise<Verification> {
    this.#send();
    return await this.#ask({ kind: "verify", head }, "verify");
  }

  /** Waits until everything recorded is on disk or cannot be, then closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#batchTimer?.[Symbol.dispose]();
    this.#watch?.[Symbol.dispose]();
    if (this.#state.kind === "open") {
      try {
        do {
          this.#send();
          await this.#ask({ kind: "knows", name: "" }, "knows");
        } while (this.#inFlight !== null || this.#waiting);
        await this.#ask({ kind: "close" }, "close");
      } catch (error) {
        if (!(error instanceof JournalError)) throw error;
      }
    }
    this.#endThread("the journal is closed");
  }

  get #waiting(): boolean {
    const { changes, entries, latency, runs } = this.#queue;
    return changes.length + entries.length + runs.length + latency.length > 0;
  }

  #later(): void {
    if (this.#batchTimer !== null || this.#closed) return;
    this.#batchTimer = this.#parts.clock.after(batchMs, () => {
      this.#batchTimer = null;
      this.#send();
    });
  }

  /** Sends what waits, unless a batch is under way: then the next goes when that is answered. */
  #send(): void {
    if (this.#state.kind !== "open" || this.#inFlight !== null || !this.#waiting) return;
    const { changes, entries, latency, runs } = this.#queue;
    this.#queue = empty();
    const batch = { entries: [...changes, ...entries].sort((a, b) => a.seq - b.seq), runs, latency };
    this.#write(batch);
  }

  #write(batch: JournalBatch): void {
    this.#inFlight = batch;
    this.#ask({ kind: "write", batch, now: this.#parts.clock.wall() }, "write").then(() => {
      this.#inFlight = null;
      if (this.#waiting) this.#later();
    }, (error) => {
      if (!(error instanceof JournalError)) throw error;
      // The batch stays in flight: it is sent again when the journal is open again.
      this.#fail(error.failure);
    });
  }

  #ask<K extends keyof JournalValues>(
    request: JournalRequest & { readonly kind: K },
    _kind: K,
  ): Promise<JournalValues[K]> {
    const { promise, reject, resolve } = Promise.withResolvers<JournalValues[K]>();
    if (this.#thread === null) {
      reject(new JournalError({ cause: "other", detail: "the journal is not open" }));
      return promise;
    }
    this.#asked.push({
      request,
      sentAt: this.#parts.clock.now(),
      // Answers come in the order of requests, so this one is of the request's own kind.
      answer: (value) => resolve(value as JournalValues[K]),
      fail: (failure) => reject(new JournalError(failure)),
    });
    this.#thread.send(request);
    return promise;
  }

  async #open(): Promise<void> {
    const { clock, keepMs, limit, path, start } = this.#parts;
    if (start === null) return;
    this.#startedAt = clock.now();
    const thread = start((answer) => {
      const question = this.#asked.shift();
      if (answer.putAside !== null) this.#parts.onState(this.#state, answer.putAside);
      if (answer.ok) question?.answer(answer.value);
      else question?.fail(answer.failure);
    }, (detail) => this.#fail({ cause: "other", detail }));
    if (typeof thread === "string") {
      this.#fail({ cause: "other", detail: thread });
      return;
    }
    this.#thread = thread;
    try {
      const opened = await this.#ask({ kind: "open", path, limit, keepMs }, "open");
      // A file that comes back has entries of this process already; its end is then older than what is known here.
      if (opened.seq > this.#seq) this.#seq = opened.seq;
      if (this.#chain === "") this.#chain = opened.chain;
      this.#enter({ kind: "open" });
      const again = this.#inFlight;
      this.#inFlight = null;
      if (again !== null) this.#write(again);
      else this.#send();
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      this.#fail(error.failure);
    }
  }

  #trouble(kind: "opening" | "failing", detail: string): JournalState {
    return { kind, since: this.#parts.clock.wall(), failure: { cause: "other", detail } };
  }

  #enter(state: JournalState): void {
    this.#state = state;
    this.#parts.onState(state, null);
  }

  #fail(failure: JournalFailure): void {
    this.#endThread(failure.detail);
    const since = this.#state.kind === "failing" ? this.#state.since : this.#parts.clock.wall();
    const same = this.#state.kind === "failing" && this.#state.failure.detail === failure.detail;
    this.#state = { kind: "failing", since, failure };
    if (!same && !this.#closed) this.#parts.onState(this.#state, null);
  }

  #endThread(detail: string): void {
    const thread = this.#thread;
    this.#thread = null;
    thread?.[Symbol.dispose]();
    for (const question of this.#asked.splice(0)) question.fail({ cause: "other", detail });
  }

  /** Ends a thread that hangs, and starts one that is gone, at most once a minute. */
  #watchThread(): void {
    this.#watch = this.#parts.clock.after(1000, () => {
      const now = this.#parts.clock.now();
      const oldest = this.#asked[0];
      if (oldest !== undefined && now - oldest.sentAt > hungMs) {
        this.#fail({ cause: "disk", detail: `the disk has not answered for ${hungMs / 1000} s` });
      }
      const state = this.#state;
      // A file of a newer program stays as it is until somebody decides.
      const final = state.kind === "failing" && state.failure.cause === "newer";
      if (this.#thread === null && !final && now - this.#startedAt >= restartMs) this.#open();
      this.#watchThread();
    });
  }

  #memoryPage({ backend, before, frontend, kinds, limit, since, until }: PageQuery): Page {
    const found = this.#recent.slice(-memoryLimit).filter((entry) =>
      (kinds.length === 0 || kinds.includes(entry.kind)) && (backend === null || entry.backend === backend) &&
      (frontend === null || entry.frontend === frontend) && (since === null || entry.at >= since) &&
      (until === null || entry.at <= until + 1 - Number.EPSILON) && (before === null || entry.seq < before)
    ).reverse();
    return {
      rows: found.slice(0, limit).map((entry) => ({
        seq: entry.seq,
        json: entryJson(entry),
        chain: entry.chain,
      })),
      more: found.length > limit,
      oldest: this.#recent.slice(-memoryLimit)[0]?.at ?? null,
    };
  }
}
