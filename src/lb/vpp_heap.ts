/**
 * Does what a sync would send fit into VPP's main heap? VPP answers 0 to settings that kill it later: a forwarding
 * thread makes its sticky table only at its first packet. Pure, but for what `HeapPromises` remembers.
 *
 *   free, as VPP reports it
 *     - promised: accepted before, and not yet seen in VPP's figure
 *     - sticky tables: 64 octets × buckets × forwarding threads, if the setting changes or no thread has made its
 *       table yet (VPP has no VIP)
 *     - VIPs that are made, in the plan's order: 4 octets × table length, twice while the table is rebuilt
 *     >= a fifth of the heap, else the setting, or the VIP, is held
 *
 * @module
 */
import type { ActualConf, Millis } from "../model.ts";
import type { VppHeap } from "./balancer.ts";
import type { DesiredVip } from "./desired.ts";

/** A line of a sticky table, octets. */
const bucketOctets = 64;
/** An entry of a new-flow table, octets. */
const entryOctets = 4;
/** Share of the heap that stays free. */
const reserve = 1 / 5;
/** Most buckets that are set where VPP's heap is not known. */
const blindBuckets = 2 ** 18;
/** VPP reports its heap every 10 s. */
const reportedAfterMs: Millis = 15_000;

/** Why something is held: what it needs, and what there is. */
export interface Shortage {
  /** Octets that it needs. */
  readonly needs: number;
  /** Null: VPP's stats segment does not tell. */
  readonly heap: VppHeap | null;
  /** Octets of the heap that are free and not promised to anything else. */
  readonly free: number;
}

/** What is asked. */
export interface HeapQuestion {
  /** Null: not known. */
  readonly heap: VppHeap | null;
  /** Octets that were promised and are not yet part of the figure. */
  readonly promised: number;
  /** Global settings as they should be and as VPP has them. */
  readonly conf: { readonly desired: ActualConf; readonly actual: ActualConf };
  /** Whether VPP has a VIP: then its threads have made their tables. */
  readonly hasVips: boolean;
  /** VIPs that would be made, in the plan's order. */
  readonly additions: readonly Pick<DesiredVip, "id" | "tableLength">[];
}

/** What does not fit. */
export interface HeapAnswer {
  /** Not null: the number of sticky buckets is held. */
  readonly buckets: Shortage | null;
  /** Held VIPs, by `vipId`. */
  readonly vips: ReadonlyMap<string, Shortage>;
}

/** Octets of the sticky tables of all forwarding threads. */
export function stickyOctets(buckets: number, workers: number): number {
  return bucketOctets * buckets * Math.max(1, workers);
}

/** Octets of a VIP's new-flow table, while it is rebuilt: then two exist. */
export function tableOctets(length: number): number {
  return 2 * entryOctets * length;
}

/** Tells what fits. Fewer buckets than VPP has are never held: they can only give memory back. */
export function judgeHeap({ heap, promised, conf, hasVips, additions }: HeapQuestion): HeapAnswer {
  const wanted = conf.desired.stickyBucketsPerCore;
  const present = conf.actual.stickyBucketsPerCore;
  if (heap === null) {
    const needs = stickyOctets(wanted, 1);
    const held = wanted > present && wanted > blindBuckets;
    return { buckets: held ? { needs, heap, free: 0 } : null, vips: new Map() };
  }
  let free = heap.free - promised;
  const fits = (needs: number) => free - needs >= reserve * heap.total;
  let buckets: Shortage | null = null;
  if (wanted > present) {
    const needs = stickyOctets(wanted, heap.workers);
    if (!fits(needs)) buckets = { needs, heap, free };
  }
  const kept = buckets === null ? wanted : present;
  if (kept > present || !hasVips) free -= stickyOctets(kept, heap.workers);
  const vips = new Map<string, Shortage>();
  for (const { id, tableLength } of additions) {
    const needs = tableOctets(tableLength);
    if (fits(needs)) free -= needs;
    else vips.set(id, { needs, heap, free });
  }
  return { buckets, vips };
}

/** Octets for people, in MiB: `1.5 MiB`, `1,024 MiB`. */
function mib(octets: number): string {
  const size = octets / 2 ** 20;
  return `${size.toLocaleString("en-US", { maximumFractionDigits: size < 10 ? 1 : 0 })} MiB`;
}

/** Both figures in one sentence for operators. */
export function shortageText({ free, heap, needs }: Shortage): string {
  if (heap === null) {
    return `needs ${
      mib(needs)
    } a thread; without VPP's stats segment at most ${blindBuckets} buckets are set`;
  }
  return `needs ${mib(needs)} of VPP's main heap, where ${mib(free)} of ${
    mib(heap.total)
  } are free and a fifth ` +
    "must stay so";
}

/** What VPP accepted and has not reported as used yet. */
export class HeapPromises {
  #sticky: { readonly octets: number; readonly freeBefore: number } | null = null;
  #tables: { readonly octets: number; readonly until: Millis }[] = [];

  /** VPP took other sticky buckets while its heap was `heap`. Each thread makes its table at its next packet. */
  bucketsSet(buckets: number, heap: VppHeap): void {
    this.#sticky = { octets: stickyOctets(buckets, heap.workers), freeBefore: heap.free };
  }

  /** VPP made a VIP at `now`, which its next report shows. */
  vipMade(length: number, now: Millis): void {
    this.#tables.push({ octets: tableOctets(length), until: now + reportedAfterMs });
    // What the VIP takes is not to be mistaken for a sticky table.
    if (this.#sticky !== null) {
      const { octets, freeBefore } = this.#sticky;
      this.#sticky = { octets, freeBefore: freeBefore - entryOctets * length };
    }
  }

  /** Octets that `heap` does not show as used yet. */
  outstanding(heap: VppHeap, now: Millis): number {
    this.#tables = this.#tables.filter(({ until }) => until > now);
    const tables = this.#tables.reduce((sum, { octets }) => sum + octets, 0);
    if (this.#sticky === null) return tables;
    const { octets, freeBefore } = this.#sticky;
    const taken = Math.max(0, freeBefore - heap.free);
    if (taken >= octets) this.#sticky = null;
    return tables + Math.max(0, octets - taken);
  }

  /** VPP restarted: its heap is a new one. */
  forget(): void {
    this.#sticky = null;
    this.#tables = [];
  }
}
