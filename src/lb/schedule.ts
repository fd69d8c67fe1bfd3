/**
 * Which sync is due when: at most one for each VIP and one of everything. Pure, but for the records that it writes to:
 * time and randomness are arguments.
 *
 * @module
 */
import type { Millis } from "../model.ts";
import type { FrontendSync } from "./frontend_record.ts";

/** What a schedule keeps for each frontend. */
export type Scheduled = Pick<FrontendSync, "name" | "dueAt" | "readBackAt" | "failures">;

/** What to sync next. */
export type Due = { readonly kind: "all" } | { readonly kind: "vips"; readonly frontends: readonly string[] };

const firstRetryMs = 250;
const longestRetryMs = 30_000;
/** Less than a second, so that buckets and shares are known again within one. */
const readBackMs = 500;
/** The same: counters and buckets. */
const setReadMs = 500;
const setReadAgainMs = 10_000;
const driftMs = 1_000;
const driftAgainMs = 10_000;

/**
 * Wait before a failed sync is tried again: 250 ms, doubled with each failure up to 30 s, ±10 % so that two
 * daemons do not stay in step.
 *
 * @param failures failures in a row, at least 1
 * @param random 0...1
 */
export function retryDelay(failures: number, random: number): Millis {
  const wait = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 20));
  return wait * (0.9 + 0.2 * random);
}

/** The earlier of both. */
function earlier(a: Millis | null, b: Millis): Millis {
  return a === null ? b : Math.min(a, b);
}

/** A VIP is to be synced at once. */
export function touch(record: Scheduled, now: Millis): void {
  record.dueAt = earlier(record.dueAt, now);
}

/** A VIP was changed without a read before: what VPP made of it is read within a second. */
export function readBack(record: Scheduled, now: Millis): void {
  record.readBackAt ??= now + readBackMs;
}

/** A sync of a VIP failed: it is tried again. */
export function failed(record: Scheduled, now: Millis, random: number): void {
  record.failures++;
  record.dueAt = earlier(record.dueAt, now + retryDelay(record.failures, random));
}

/** A sync found the VIP other than it was read: it is read again at once, but not over and over without a pause. */
export function again(record: Scheduled, now: Millis, random: number): void {
  const first = record.failures === 0;
  failed(record, now, random);
  if (first) touch(record, now);
}

/** A VIP is as it should be. */
export function done(record: Scheduled): void {
  record.failures = 0;
}

/** The syncs that wait. */
export class Schedule {
  readonly #records: () => Iterable<Scheduled>;
  /** The full sync. */
  #dueAt: Millis | null = null;
  #failures = 0;
  #lastWasVips = false;
  /** When everything was, or will be, read for the sake of new VIPs and servers. */
  #setReadAt: Millis = -Infinity;
  /** When the last full sync for the sake of drift was, or will be, due. */
  #driftAt: Millis = -Infinity;

  /** Nothing waits. `records` are those of all frontends. */
  constructor(records: () => Iterable<Scheduled>) {
    this.#records = records;
  }

  /** VIPs are to be synced at once. */
  touch(records: Iterable<Scheduled>, now: Millis): void {
    for (const record of records) touch(record, now);
  }

  /** Everything is to be synced at once. */
  touchAll(now: Millis): void {
    this.#dueAt = earlier(this.#dueAt, now);
  }

  /**
   * VPP has other VIPs or servers than were read, and they have counters only when they are. A burst is read once,
   * and a VPP that somebody else changes back all the time not more often than every 10 s for this reason.
   *
   * @returns whether everything is read within a second
   */
  setChanged(now: Millis): boolean {
    if (now >= this.#setReadAt) {
      this.#setReadAt = Math.max(now + setReadMs, this.#setReadAt + setReadAgainMs);
      this.touchAll(this.#setReadAt);
    }
    return this.#dueAt !== null && this.#dueAt <= now + setReadMs;
  }

  /**
   * Somebody else changed VPP: the next full sync is due in a second, so that who found it can see it. For this reason
   * one is due at most every 10 s.
   */
  drifted(now: Millis): void {
    if (now < this.#driftAt) return;
    this.#driftAt = Math.max(now + driftMs, this.#driftAt + driftAgainMs);
    this.touchAll(this.#driftAt);
  }

  /** A session began: the full sync is due at once, and covers what waited. */
  connected(now: Millis): void {
    this.takeAll();
    this.#dueAt = now;
    this.#failures = 0;
    this.#setReadAt = -Infinity;
  }

  /** The session ended: no full sync is due before the next. */
  disconnected(): void {
    this.#dueAt = null;
  }

  /** A full sync is through; the next is due one interval after its start. */
  allDone(startedAt: Millis, now: Millis, intervalMs: Millis): void {
    this.#failures = 0;
    this.touchAll(Math.max(startedAt + intervalMs, now));
  }

  /** A full sync failed: it is tried again, at the interval at the latest. */
  allFailed(startedAt: Millis, now: Millis, intervalMs: Millis, random: number): void {
    this.#failures++;
    this.touchAll(Math.min(now + retryDelay(this.#failures, random), Math.max(startedAt + intervalMs, now)));
  }

  /** A full sync found a VIP of nobody other than it was read. */
  allAgain(startedAt: Millis, now: Millis, intervalMs: Millis, random: number): void {
    const first = this.#failures === 0;
    this.allFailed(startedAt, now, intervalMs, random);
    if (first) this.touchAll(now);
  }

  /** Number of syncs that wait. */
  get length(): number {
    let waiting = this.#dueAt === null ? 0 : 1;
    for (const { dueAt } of this.#records()) if (dueAt !== null) waiting++;
    return waiting;
  }

  /** When the next sync is due; null: none. */
  get dueAt(): Millis | null {
    let due = this.#dueAt;
    for (const { dueAt, readBackAt } of this.#records()) {
      if (dueAt !== null) due = earlier(due, dueAt);
      if (readBackAt !== null) due = earlier(due, readBackAt);
    }
    return due;
  }

  /**
   * Takes what is due. VIPs come before a full sync, since somebody waits for them, but never twice in a row.
   *
   * @param allFirst the full sync must come first: the global settings are not known to be right
   */
  take(now: Millis, allFirst: boolean): Due | null {
    const all = this.#dueAt !== null && this.#dueAt <= now;
    if (all && (allFirst || this.#lastWasVips)) {
      this.takeAll();
      return { kind: "all" };
    }
    const frontends = this.takeDueVips(now);
    if (frontends.length > 0) return { kind: "vips", frontends };
    if (!all) return null;
    this.takeAll();
    return { kind: "all" };
  }

  /** Takes the VIPs that are due, by the names of their frontends; the full sync goes on waiting. */
  takeDueVips(now: Millis): string[] {
    const due: Scheduled[] = [];
    for (const record of this.#records()) {
      const { dueAt, readBackAt } = record;
      if ((dueAt !== null && dueAt <= now) || (readBackAt !== null && readBackAt <= now)) due.push(record);
    }
    this.takeVips(due);
    return due.map(({ name }) => name);
  }

  /** A full sync begins, for whatever reason. It covers every VIP that waits. */
  takeAll(): void {
    this.#lastWasVips = false;
    this.#dueAt = null;
    for (const record of this.#records()) record.dueAt = record.readBackAt = null;
  }

  /** A sync of these VIPs begins, for whatever reason. */
  takeVips(records: Iterable<Scheduled>): void {
    for (const record of records) {
      this.#lastWasVips = true;
      record.dueAt = record.readBackAt = null;
    }
  }
}
