/**
 * The journal as the daemon uses it: it gives every entry its place and its link of the chain at once, and writes
 * in batches on a thread of its own. Nobody waits for the disk.
 *
 *   opening --opened--> open --write failed, answer late by 10 s, thread dead--> failing
 *      |                  ^                                                         |
 *      +--cannot--> failing+-------opened again a minute later, and written---------+
 *
 * While it is not open the newest 10,000 entries are in memory and answer questions; entries that wait to be
 * written stay in the queues, so that a thread that comes back gets them. The file of a newer program is not
 * written at all: then there is only the memory until the process ends.
 *
 * @module
 */
import { chainLink, type Verification } from "../../chain.ts";
import type { Millis, UnixMillis } from "../../model.ts";
import { type Entry, entryJson, isChained, type NewEntry, nextSeq } from "./entry.ts";
import type { JournalBatch, LatencyRow, Page, PageQuery } from "./tables.ts";
import type { JournalFailure, JournalOpened, JournalRequest, JournalValues } from "./messages.ts";
import { JournalError, type JournalParts, type JournalState, type JournalThread } from "./parts.ts";
import { RecentEntries } from "./recent.ts";
import type { Run } from "./runs.ts";

/** Bounds of the queues, in rows. */
export const queueLimits = { changes: 1_000, entries: 10_000, measures: 20_000 } as const;
/** Runs that are kept while there is no file. */
const memoryRuns = 10_000;
/** A batch is sent this long after its first row, in ms. */
const batchMs = 100;
/** The end waits so long for the disk, in ms. */
const closeMs = 2_000;
/** A thread that has not answered for so long is ended, in ms. */
const hungMs = 10_000;
/** A thread is started at most this often, in ms. */
const restartMs = 60_000;

interface Question {
  readonly request: JournalRequest;
  readonly sentAt: Millis;
  answer(value: JournalValues[keyof JournalValues]): void;
  fail(failure: JournalFailure): void;
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
  readonly #recent = new RecentEntries();
  /** The newest runs, oldest first, while there is no file. */
  #recentRuns: Run[] = [];
  /** Whether the thread has opened the file and not failed since. */
  #usable = false;
  #opening: Promise<void> = Promise.resolve();
  /** Whether the file was ever open in this process. */
  #opened = false;
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
   * Opens the file; resolves when it is open or cannot be. Entries that are recorded before get their final places
   * and links then, since those follow from the file's.
   */
  async open(): Promise<void> {
    if (this.#parts.start === null) return;
    this.#opening = this.#open();
    this.#watchThread();
    await this.#opening;
  }

  /** How many entries are in memory and will be lost with the process; 0 while there is a file. */
  get forgets(): number {
    return this.#writes ? 0 : this.#recent.size;
  }

  /** Whether what is recorded is written sooner or later. */
  get #writes(): boolean {
    const { kind } = this.#state;
    // A file of a newer program stays as it is until somebody decides.
    return kind !== "memory" && !(kind === "failing" && this.#state.failure.cause === "newer");
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

  /**
   * Records what happened; answers its place and link. Never waits.
   *
   * @param at when it happened
   */
  record(what: NewEntry, at: UnixMillis = this.#parts.clock.wall()): Entry {
    const seq = nextSeq(this.#seq, at);
    this.#seq = seq;
    let entry: Entry = { ...what, seq, at, chain: null };
    if (isChained(what.kind)) {
      this.#chain = chainLink(this.#chain, entryJson(entry));
      entry = { ...entry, chain: this.#chain };
    }
    this.#recent.add(entry, this.#state.kind === "open");
    if (!this.#writes) return entry;
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
    if (runs.length + latency.length === 0) return;
    if (!this.#writes) {
      this.#recentRuns.push(...runs);
      if (this.#recentRuns.length > 2 * memoryRuns) this.#recentRuns = this.#recentRuns.slice(-memoryRuns);
      return;
    }
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

  /** A page, newest first, with what was recorded just now; of what is in memory while the file cannot be read. */
  page(query: PageQuery): Promise<Page> {
    return this.#orElse(() => this.#ask({ kind: "page", query }, "page"), () => this.#recent.page(query));
  }

  /** Runs of a backend, oldest first. */
  runs(backend: string, since: UnixMillis, until: UnixMillis): Promise<readonly Run[]> {
    return this.#orElse(
      () => this.#ask({ kind: "runs", backend, since, until }, "runs"),
      () =>
        this.#recentRuns.filter((run) => run.backend === backend && run.last >= since && run.first <= until),
    );
  }

  /** Latency of a backend by ten minutes, oldest first; [] in memory only. */
  latency(backend: string, since: UnixMillis, until: UnixMillis): Promise<readonly LatencyRow[]> {
    return this.#orElse(() => this.#ask({ kind: "latency", backend, since, until }, "latency"), () => []);
  }

  /** The newest transitions of some backends or frontends, newest first; of those in the file only. */
  histories(
    of: "backend" | "frontend",
    names: readonly string[],
    limit: number,
  ): Promise<JournalValues["histories"]> {
    return this.#orElse(() => this.#ask({ kind: "histories", of, names, limit }, "histories"), () => []);
  }

  /** Whether an entry names this backend or frontend. */
  knows(name: string): Promise<boolean> {
    if (this.#recent.knows(name)) return Promise.resolve(true);
    return this.#orElse(() => this.#ask({ kind: "knows", name }, "knows"), () => false);
  }

  /** The file's answer; what is in memory answers while the file cannot. */
  async #orElse<T>(file: () => Promise<T>, memory: () => T): Promise<T> {
    if (this.#state.kind !== "open") return memory();
    try {
      await this.#written();
      return await file();
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      return memory();
    }
  }

  /** Looks at the chain. */
  async verify(head: { readonly seq: number; readonly chain: string } | null): Promise<Verification> {
    await this.#written();
    return await this.#ask({ kind: "verify", head }, "verify");
  }

  /** Waits until everything recorded is on disk or cannot be, then closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#batchTimer?.[Symbol.dispose]();
    this.#watch?.[Symbol.dispose]();
    using _deadline = this.#parts.clock.after(
      closeMs,
      () => this.#endThread("the disk is too slow for the end"),
    );
    await this.#opening;
    if (this.#usable) {
      try {
        while (this.#inFlight !== null || this.#waiting) {
          this.#send();
          await this.#ask({ kind: "knows", name: "" }, "knows");
        }
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

  /** Sends what was recorded so far; a question that is asked when this resolves sees it. */
  async #written(): Promise<void> {
    this.#send();
    // Answers come in the order of requests, so one round more sends what waited for the batch under way.
    if (!this.#waiting) return;
    await this.#ask({ kind: "knows", name: "" }, "knows");
    this.#send();
  }

  /** Sends what waits, unless a batch is under way: then the next goes when that is answered. */
  #send(): void {
    if (!this.#usable || this.#inFlight !== null || !this.#waiting) return;
    const { changes, entries, latency, runs } = this.#queue;
    this.#queue = empty();
    const batch = { entries: [...changes, ...entries].sort((a, b) => a.seq - b.seq), runs, latency };
    this.#write(batch);
  }

  #write(batch: JournalBatch): void {
    this.#inFlight = batch;
    this.#ask({ kind: "write", batch, now: this.#parts.clock.wall() }, "write").then(() => {
      this.#inFlight = null;
      // After a failure only a write that succeeds shows that the disk takes something again.
      if (this.#state.kind !== "open") this.#enter({ kind: "open" });
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
      if (!this.#opened) this.#continueFrom(opened);
      this.#opened = true;
      this.#usable = true;
      const again = this.#inFlight;
      this.#inFlight = null;
      if (this.#state.kind === "opening" || (again === null && !this.#waiting)) this.#enter({ kind: "open" });
      if (again !== null) this.#write(again);
      else this.#send();
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      this.#fail(error.failure);
    }
  }

  /** Puts what was recorded before the file could be opened behind the file's end, in places and in the chain. */
  #continueFrom(opened: JournalOpened): void {
    const { changes, entries } = this.#queue;
    const moved = new Map<Entry, Entry>();
    this.#chain = opened.chain;
    let seq = opened.seq;
    for (const entry of [...changes, ...entries].sort((a, b) => a.seq - b.seq)) {
      seq = Math.max(seq + 1, entry.seq);
      let placed: Entry = { ...entry, seq, chain: null };
      if (entry.chain !== null) {
        this.#chain = chainLink(this.#chain, entryJson(placed));
        placed = { ...placed, chain: this.#chain };
      }
      moved.set(entry, placed);
    }
    this.#seq = Math.max(seq, this.#seq);
    this.#recent.replace(moved);
    this.#queue.changes = changes.map((entry) => moved.get(entry) ?? entry);
    this.#queue.entries = entries.map((entry) => moved.get(entry) ?? entry);
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
    if (!this.#writes) {
      this.#queue = empty();
      this.#inFlight = null;
    }
    if (!same && !this.#closed) this.#parts.onState(this.#state, null);
  }

  #endThread(detail: string): void {
    const thread = this.#thread;
    this.#thread = null;
    this.#usable = false;
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
      if (this.#thread === null && this.#writes && now - this.#startedAt >= restartMs) this.#open();
      this.#watchThread();
    });
  }
}
