/**
 * Which sync is due when: at most one per VIP and one of everything, whatever happens meanwhile. Pure: time
 * and randomness are arguments.
 *
 * @module
 */
import type { Millis } from "../model.ts";

/** What to sync next. */
export type Due = { readonly kind: "all" } | { readonly kind: "vips"; readonly frontends: readonly string[] };

const firstRetryMs = 250;
const longestRetryMs = 30_000;
/** Less than a second, so that buckets and shares are known again within one. */
const readBackMs = 500;
const setReadMs = 1_000;
const setReadAgainMs = 10_000;

/**
 * Wait before a failed sync is tried again: 250 ms, doubled with each failure up to 30 s, ±10 % so that two
 * daemons do not stay in step.
 *
 * @param failures failures in a row, at least 1
 * @param random 0…1
 */
export function retryDelay(failures: number, random: number): Millis {
  const wait = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 20));
  return wait * (0.9 + 0.2 * random);
}

interface Entry {
  dueAt: Millis | null;
  /** When the VIP is read back after a change that was sent without a read; it does not count as waiting. */
  readBackAt?: Millis | null;
  failures: number;
}

/** The syncs that wait. */
export class SyncQueue {
  readonly #vips = new Map<string, Entry>();
  readonly #all: Entry = { dueAt: null, failures: 0 };
  #lastWasVips = false;
  /** When everything was, or will be, read for the sake of new VIPs and servers. */
  #setReadAt: Millis = -Infinity;

  /** VIPs are to be synced at once. */
  touch(frontends: Iterable<string>, now: Millis): void {
    for (const frontend of frontends) {
      const entry = this.#vips.get(frontend);
      if (entry === undefined) this.#vips.set(frontend, { dueAt: now, failures: 0 });
      else entry.dueAt = Math.min(entry.dueAt ?? now, now);
    }
  }

  /** A VIP was changed without a read before: what VPP made of it is read within a second. */
  readBack(frontend: string, now: Millis): void {
    const entry = this.#vips.get(frontend) ?? { dueAt: null, failures: 0 };
    entry.readBackAt ??= now + readBackMs;
    this.#vips.set(frontend, entry);
  }

  /** Everything is to be synced at once. */
  touchAll(now: Millis): void {
    this.#all.dueAt = Math.min(this.#all.dueAt ?? now, now);
  }

  /**
   * VPP has other VIPs or servers than were read, and they have counters only when they are. A burst is read once,
   * and a VPP that somebody else changes back all the time not more often than every 10 s for this reason.
   */
  setChanged(now: Millis): void {
    if (now < this.#setReadAt) return;
    this.#setReadAt = Math.max(now + setReadMs, this.#setReadAt + setReadAgainMs);
    this.touchAll(this.#setReadAt);
  }

  /** A new session: whatever waited is part of the full sync, which is due at once. */
  restart(now: Millis): void {
    this.#vips.clear();
    this.#all.dueAt = now;
    this.#all.failures = 0;
    this.#setReadAt = -Infinity;
  }

  /** The session ended: nothing is due before the next. */
  stop(): void {
    this.#vips.clear();
    this.#all.dueAt = null;
  }

  /** Forgets frontends that the configuration does not have any more. */
  keep(configured: (frontend: string) => boolean): void {
    for (const frontend of [...this.#vips.keys()]) if (!configured(frontend)) this.#vips.delete(frontend);
  }

  /** A VIP is as it should be, or the next touch will tell. */
  vipDone(frontend: string): void {
    const entry = this.#vips.get(frontend);
    if (entry === undefined) return;
    if (entry.dueAt === null && (entry.readBackAt ?? null) === null) this.#vips.delete(frontend);
    else entry.failures = 0;
  }

  /** A sync of a VIP failed: it is tried again. */
  vipFailed(frontend: string, now: Millis, random: number): void {
    const entry = this.#vips.get(frontend) ?? { dueAt: null, failures: 0 };
    entry.failures++;
    entry.dueAt = Math.min(entry.dueAt ?? Infinity, now + retryDelay(entry.failures, random));
    this.#vips.set(frontend, entry);
  }

  /** A sync found the VIP other than it was read: it is read again at once, but not over and over without a pause. */
  vipAgain(frontend: string, now: Millis, random: number): void {
    const again = this.failures(frontend) === 0;
    this.vipFailed(frontend, now, random);
    if (again) this.touch([frontend], now);
  }

  /** A full sync is through; the next is due one interval after its start. */
  allDone(startedAt: Millis, now: Millis, intervalMs: Millis): void {
    this.#all.failures = 0;
    this.#all.dueAt = Math.min(this.#all.dueAt ?? Infinity, Math.max(startedAt + intervalMs, now));
  }

  /** A full sync failed: it is tried again, at the interval at the latest. */
  allFailed(startedAt: Millis, now: Millis, intervalMs: Millis, random: number): void {
    this.#all.failures++;
    const retry = now + retryDelay(this.#all.failures, random);
    this.#all.dueAt = Math.min(this.#all.dueAt ?? Infinity, retry, Math.max(startedAt + intervalMs, now));
  }

  /** A full sync found a VIP of nobody other than it was read. */
  allAgain(startedAt: Millis, now: Millis, intervalMs: Millis, random: number): void {
    const again = this.#all.failures === 0;
    this.allFailed(startedAt, now, intervalMs, random);
    if (again) this.touchAll(now);
  }

  /** Failures in a row of a VIP's syncs. */
  failures(frontend: string): number {
    return this.#vips.get(frontend)?.failures ?? 0;
  }

  /** Whether a sync of the VIP waits. */
  waits(frontend: string): boolean {
    return (this.#vips.get(frontend)?.dueAt ?? null) !== null;
  }

  /** Number of syncs that wait. */
  get length(): number {
    let waiting = this.#all.dueAt === null ? 0 : 1;
    for (const entry of this.#vips.values()) if (entry.dueAt !== null) waiting++;
    return waiting;
  }

  /** When the next sync is due; null: none. */
  get dueAt(): Millis | null {
    let due = this.#all.dueAt;
    for (const { dueAt, readBackAt } of this.#vips.values()) {
      for (const at of [dueAt, readBackAt ?? null]) if (at !== null && (due === null || at < due)) due = at;
    }
    return due;
  }

  /**
   * Takes what is due. VIPs come before a full sync, since somebody waits for them, but never twice in a row.
   *
   * @param allFirst the full sync must come first: the global settings are not known to be right
   */
  take(now: Millis, allFirst: boolean): Due | null {
    const all = this.#all.dueAt !== null && this.#all.dueAt <= now;
    const frontends: string[] = [];
    for (const [frontend, entry] of this.#vips) {
      if ((entry.dueAt ?? Infinity) <= now || (entry.readBackAt ?? Infinity) <= now) frontends.push(frontend);
    }
    if (all && (allFirst || this.#lastWasVips || frontends.length === 0)) {
      // A full sync covers every VIP that waits.
      this.takeAll();
      return { kind: "all" };
    }
    if (frontends.length === 0) return null;
    this.takeVips(frontends);
    return { kind: "vips", frontends };
  }

  /** A full sync begins, for whatever reason. */
  takeAll(): void {
    this.#lastWasVips = false;
    this.#all.dueAt = null;
    for (const entry of this.#vips.values()) entry.dueAt = entry.readBackAt = null;
  }

  /** A sync of these VIPs begins, for whatever reason. */
  takeVips(frontends: Iterable<string>): void {
    this.#lastWasVips = true;
    for (const frontend of frontends) {
      const entry = this.#vips.get(frontend);
      if (entry !== undefined) entry.dueAt = entry.readBackAt = null;
    }
  }
}
