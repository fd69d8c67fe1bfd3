/**
 * Intents: what operators want everywhere, as keys and values of the store. Pure.
 *
 *   /maglev/<fleet>/intent/backend/<backend>                      pause, disable or enable
 *   /maglev/<fleet>/intent/weight/<frontend>/<pool>/<backend>     a weight
 *
 * Names hold letters, digits, dots, dashes and underscores, so a slash separates them without escapes.
 *
 * @module
 */
import type { UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import type { KeyValue, Listing, Revision, WatchEvent } from "./store.ts";

/** What an intent is about. */
export type IntentTarget =
  | { readonly kind: "state"; readonly backend: string }
  | { readonly kind: "weight"; readonly frontend: string; readonly pool: string; readonly backend: string };

/** What every intent has. */
export interface IntentHead {
  /** Name of the operator's token. */
  readonly by: string;
  /** Who it says is behind the token; unverified. */
  readonly claimed: string | null;
  /** Why. */
  readonly reason: string | null;
  /** When it was set, by the writer's clock. */
  readonly since: UnixMillis;
  /** When it ends, by each node's own clock; null: when somebody ends it. */
  readonly until: UnixMillis | null;
  /** Node that wrote it. */
  readonly node: string;
}

/** A weight that somebody wants everywhere. */
export interface WantedWeight {
  /** What is wanted. */
  readonly kind: "weight";
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the backend. */
  readonly backend: string;
  /** 0...100. */
  readonly weight: number;
  /** Whether flows of the server are flushed. */
  readonly flush: boolean;
}

/** What somebody wants everywhere. */
export type Intent =
  & IntentHead
  & (
    | { readonly kind: "pause" | "disable" | "enable"; readonly backend: string }
    | WantedWeight
  );

/** An intent in the store. */
export interface StoredIntent {
  /** Its key. */
  readonly key: string;
  /** Revision of the last write to it. */
  readonly revision: Revision;
  /** What is wanted. */
  readonly intent: Intent;
}

/** Greatest length of an intent in octets. */
export const intentLimit = 64 * 1024;
/** Most intents of a fleet. */
export const intentsLimit = 10_000;
/** An intent that was over when it was written stays so long, in ms: each node must list it once. */
const overDeletionMs = 30_000;
/** A node that did not write an intent deletes it so long after its end, in ms. */
export const foreignDeletionMs = 24 * 3_600_000;

const namePattern = /^(?=.*[A-Za-z0-9])[A-Za-z0-9._-]{1,64}$/;

/** Prefix of all intents of a fleet. */
export function intentPrefix(fleet: string): string {
  return `/maglev/${fleet}/intent/`;
}

/** Prefix of the rows of all nodes. */
export function nodePrefix(fleet: string): string {
  return `/maglev/${fleet}/node/`;
}

/** Key of an intent. */
export function intentKey(fleet: string, target: IntentTarget): string {
  return intentPrefix(fleet) +
    (target.kind === "state"
      ? `backend/${target.backend}`
      : `weight/${target.frontend}/${target.pool}/${target.backend}`);
}

/** What the intent is about. */
export function targetOf(intent: Intent): IntentTarget {
  return intent.kind === "weight"
    ? { kind: "weight", frontend: intent.frontend, pool: intent.pool, backend: intent.backend }
    : { kind: "state", backend: intent.backend };
}

/** An intent as the value of its key. */
export function intentText(intent: Intent): string {
  const { by, claimed, node, reason, since, until } = intent;
  const time = (at: UnixMillis | null) => at === null ? null : new Date(Math.floor(at)).toISOString();
  const head = { by, claimed, reason, since: time(since), until: time(until), node };
  return JSON.stringify(
    intent.kind === "weight"
      ? { weight: intent.weight, flush: intent.flush, ...head }
      : { kind: intent.kind, ...head },
  );
}

/** Reads a key and its value; an error says in a sentence why they are no intent. */
export function parseIntent(
  fleet: string,
  { key, modRevision, value }: KeyValue,
): Result<StoredIntent, string> {
  const prefix = intentPrefix(fleet);
  const parts = key.startsWith(prefix) ? key.slice(prefix.length).split("/") : [];
  const [what, ...names] = parts;
  if (!names.every((name) => namePattern.test(name))) return err("its key has a name that is none");
  if (!(what === "backend" && names.length === 1) && !(what === "weight" && names.length === 3)) {
    return err("its key is none of an intent");
  }
  if (new TextEncoder().encode(value).length > intentLimit) return err(`it has over ${intentLimit} octets`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return err("it is no JSON");
  }
  if (typeof parsed !== "object" || parsed === null) return err("it is no object");
  const raw: Record<string, unknown> = { ...parsed };
  const head = parseHead(raw);
  if (!head.ok) return head;
  const [first = "", pool = "", backend = ""] = names;
  if (what === "backend") {
    const { kind } = raw;
    if (kind !== "pause" && kind !== "disable" && kind !== "enable") return err("kind is no known one");
    return ok({ key, revision: modRevision, intent: { kind, backend: first, ...head.value } });
  }
  const { flush, weight } = raw;
  if (typeof weight !== "number" || !Number.isInteger(weight) || weight < 0 || weight > 100) {
    return err("weight is no whole number from 0 to 100");
  }
  if (flush !== undefined && typeof flush !== "boolean") return err("flush is neither true nor false");
  const intent = { kind: "weight" as const, frontend: first, pool, backend, weight, flush: flush ?? false };
  return ok({ key, revision: modRevision, intent: { ...intent, ...head.value } });
}

function parseHead(raw: Readonly<Record<string, unknown>>): Result<IntentHead, string> {
  const { by, node } = raw;
  const claimed = raw.claimed ?? null;
  const reason = raw.reason ?? null;
  if (typeof by !== "string" || by === "") return err("by is missing");
  if (typeof node !== "string" || node === "") return err("node is missing");
  if (claimed !== null && typeof claimed !== "string") return err("claimed is no text");
  if (reason !== null && typeof reason !== "string") return err("reason is no text");
  const since = time(raw.since);
  const until = raw.until === undefined || raw.until === null ? null : time(raw.until);
  if (since === undefined) return err("since is no time");
  if (until === undefined) return err("until is no time");
  return ok({ by, claimed, reason, since, until, node });
}

function time(value: unknown): UnixMillis | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT/.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : at;
}

/** What a daemon remembers of the store, also over restarts. */
export interface StoreMemory {
  /** Identity of the cluster; null: never listed. */
  readonly clusterId: string | null;
  /** Revision of the newest list or change that was believed. */
  readonly revision: Revision;
  /** Intents by key. */
  readonly intents: ReadonlyMap<string, StoredIntent>;
  /** Keys that are no intents, with the reason and the revision they had. */
  readonly rubbish: ReadonlyMap<string, { readonly revision: Revision; readonly why: string }>;
  /**
   * Writes of this daemon that lists and the watch have not reached yet, with their revisions. `revision` stays below
   * them, since others may have written in between.
   */
  readonly own: ReadonlyMap<string, Revision>;
  /** The store was replaced at this revision: what it had up to then is not believed. 0n: it never was. */
  readonly floor: Revision;
  /** Keys whose intents hold though the store that took the place of the known one may not have them. */
  readonly held: ReadonlySet<string>;
}

/** Nothing was ever heard of a store. */
export const noMemory: StoreMemory = {
  clusterId: null,
  revision: 0n,
  intents: new Map(),
  rubbish: new Map(),
  own: new Map(),
  floor: 0n,
  held: new Set(),
};

/** What a list or a change made of the memory. */
export interface Learned {
  /** The memory now. */
  readonly memory: StoreMemory;
  /** Intents that are new or were written again. */
  readonly written: readonly StoredIntent[];
  /** Intents that are gone. */
  readonly ended: readonly StoredIntent[];
  /** Keys that cannot be understood and were not told before, each with a sentence. */
  readonly rubbish: readonly { readonly key: string; readonly why: string }[];
}

/**
 * Takes a whole list. One of another cluster, or with a revision below what is known, is of a store that was
 * replaced, perhaps by an old backup: it is not believed, and the answer is null.
 */
export function learnList(memory: StoreMemory, fleet: string, listing: Listing): Learned | null {
  const { clusterId, revision } = listing;
  const replaced = memory.clusterId !== null &&
    (memory.clusterId !== clusterId || revision < memory.revision);
  return replaced ? null : takeList(memory, fleet, listing);
}

/**
 * Believes a store that took the place of the known one, from a new write on. What was known holds until it is
 * written again or ends; what the store had before is left alone.
 *
 * @param floor revision of the store before the new write
 */
export function believe(memory: StoreMemory, fleet: string, listing: Listing, floor: Revision): Learned {
  const held = new Set(memory.intents.keys());
  return takeList({ ...memory, own: new Map(), floor, held }, fleet, listing);
}

/** Takes changes that a watch told. */
export function learnChanges(memory: StoreMemory, fleet: string, changes: readonly WatchEvent[]): Learned {
  const sum = new Sum(memory);
  let { own, revision } = memory;
  for (const change of changes) {
    // A watch begins where a list ended, and a list may have overtaken it.
    if (change.modRevision <= revision) continue;
    revision = change.modRevision;
    if (revision > (own.get(change.key) ?? 0n)) sum.change(fleet, change);
    own = stillAhead(own, revision);
  }
  return sum.learned({ ...memory, revision, own });
}

/** Takes a write of this daemon's own that the store has accepted. */
export function learnOwn(memory: StoreMemory, fleet: string, change: WatchEvent): Learned {
  const sum = new Sum(memory);
  sum.change(fleet, change);
  const { own, revision } = memory;
  const ahead = change.modRevision > revision ? new Map(own).set(change.key, change.modRevision) : own;
  return sum.learned({ ...memory, own: ahead });
}

function stillAhead(own: StoreMemory["own"], revision: Revision): StoreMemory["own"] {
  return own.size === 0 ? own : new Map([...own].filter(([, mine]) => mine > revision));
}

function takeList(memory: StoreMemory, fleet: string, { clusterId, revision, rows }: Listing): Learned {
  const sum = new Sum(memory);
  const own = stillAhead(memory.own, revision);
  const believed = rows.filter(({ modRevision }) => modRevision > memory.floor);
  const present = new Set(believed.map(({ key }) => key));
  for (const key of [...memory.intents.keys(), ...memory.rubbish.keys()]) {
    if (present.has(key) || own.has(key) || memory.held.has(key)) continue;
    sum.change(fleet, { key, value: null, modRevision: revision });
  }
  for (const row of believed) if (!own.has(row.key)) sum.change(fleet, row);
  return sum.learned({ ...memory, clusterId, revision, own });
}

/** Adds up what changes make of a memory. */
class Sum {
  readonly #intents: Map<string, StoredIntent>;
  readonly #rubbish: Map<string, { readonly revision: Revision; readonly why: string }>;
  readonly #held: Set<string>;
  readonly #written: StoredIntent[] = [];
  readonly #ended: StoredIntent[] = [];
  readonly #told: { key: string; why: string }[] = [];

  constructor({ held, intents, rubbish }: StoreMemory) {
    this.#intents = new Map(intents);
    this.#rubbish = new Map(rubbish);
    this.#held = new Set(held);
  }

  change(fleet: string, { key, modRevision, value }: WatchEvent): void {
    const before = this.#intents.get(key);
    // Another store may use the revision that the intent had.
    const isHeld = this.#held.delete(key);
    if (value === null) {
      this.#intents.delete(key);
      this.#rubbish.delete(key);
      if (before !== undefined) this.#ended.push(before);
      return;
    }
    const isSame = before?.revision === modRevision && !isHeld;
    if (isSame || this.#rubbish.get(key)?.revision === modRevision) return;
    const parsed = this.#intents.size >= intentsLimit && before === undefined
      ? err(`there are over ${intentsLimit} intents`)
      : parseIntent(fleet, { key, value, modRevision });
    if (parsed.ok) {
      this.#intents.set(key, parsed.value);
      this.#rubbish.delete(key);
      this.#written.push(parsed.value);
    } else {
      // What cannot be understood is left alone: what the key said before stays in force.
      this.#rubbish.set(key, { revision: modRevision, why: parsed.error });
      this.#told.push({ key, why: parsed.error });
    }
  }

  learned(head: Pick<StoreMemory, "clusterId" | "revision" | "own" | "floor">): Learned {
    const { clusterId, floor, own, revision } = head;
    const memory = {
      clusterId,
      floor,
      own,
      revision,
      intents: this.#intents,
      rubbish: this.#rubbish,
      held: this.#held,
    };
    return { memory, written: this.#written, ended: this.#ended, rubbish: this.#told };
  }
}

/** Whether an intent is in force at a time of this node's own clock. */
export function isInForce({ until }: IntentHead, now: UnixMillis): boolean {
  return until === null || now < until;
}

/**
 * Intents whose keys this node deletes now: its own after their end, those of others a day later.
 *
 * @param clockIsRight false: this node's clock differs from the store's, so it deletes nothing
 */
export function deletable(
  memory: StoreMemory,
  node: string,
  now: UnixMillis,
  clockIsRight: boolean,
): StoredIntent[] {
  if (!clockIsRight) return [];
  return [...memory.intents.values()].filter(({ intent }) =>
    intent.until !== null && now >= intent.until + (intent.node === node ? 0 : foreignDeletionMs) &&
    (intent.until > intent.since || now >= intent.since + overDeletionMs)
  );
}
