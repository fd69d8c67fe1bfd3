/**
 * Intents of the fleet as overrides of one daemon. Pure.
 *
 * @module
 */
import { endEverywhere, putEverywhere } from "../memory/overrides/actions.ts";
import {
  type Moment,
  type Override,
  type OverrideChange,
  overrideText,
  type Site,
  unchanged,
} from "../memory/overrides/override.ts";
import { isInForce, type StoredIntent } from "./intents.ts";

/** Letters of an id: none that looks like another. */
const letters = "abcdefghjkmnpqrstuvwxyz23456789";

/**
 * Id of an intent's override: another one as soon as the intent is written again, and the same on every node. Key and
 * hour are part of it, since two stores may use one revision.
 */
export function overrideId({ intent, key, revision }: StoredIntent): string {
  // FNV-1a, 32 bits.
  let hash = 2_166_136_261;
  for (const octet of new TextEncoder().encode(`${key} ${intent.since}`)) {
    hash = Math.imul(hash ^ octet, 16_777_619) >>> 0;
  }
  const tail = [0, 1, 2, 3, 4].map((place) =>
    letters[Math.floor(hash / letters.length ** place) % letters.length]
  );
  return `e${revision}${tail.join("")}`;
}

/**
 * The override of an intent.
 *
 * @param restored whether it came with the fleet's first list, or from a memory
 */
export function overrideOf(stored: StoredIntent, restored: boolean): Override {
  const { intent } = stored;
  const { backend, by, claimed, reason, since, until } = intent;
  const head = {
    id: overrideId(stored),
    scope: "everywhere" as const,
    backend,
    by,
    claimed,
    reason,
    since,
    end: until === null ? null : { kind: "hour" as const, until },
    seen: null,
    sleeping: null,
    restored,
  };
  return intent.kind === "weight"
    ? { ...head, kind: "weight", frontend: intent.frontend, pool: intent.pool, weight: intent.weight }
    : { ...head, kind: intent.kind, against: null };
}

/**
 * What makes the overrides of scope `everywhere` those of the intents that are in force; null: they are.
 *
 * @param restored as `overrideOf`
 */
export function followIntents(
  list: readonly Override[],
  site: Site,
  intents: Iterable<StoredIntent>,
  now: Moment,
  restored: boolean,
): OverrideChange | null {
  const inForce = new Map<string, StoredIntent>();
  for (const one of intents) if (isInForce(one.intent, now.wall)) inForce.set(overrideId(one), one);
  const known = new Set(list.map(({ id }) => id));
  const changes: OverrideChange[] = [];
  let present = list;
  const take = (change: OverrideChange | null) => {
    if (change === null) return;
    changes.push(change);
    present = change.list;
  };
  for (const [id, stored] of inForce) {
    if (!known.has(id)) take(putEverywhere(present, site, overrideOf(stored, restored), now));
  }
  for (const override of present) {
    if (override.scope !== "everywhere" || inForce.has(override.id)) continue;
    const detail = `${overrideText(override)} everywhere was taken back`;
    take(endEverywhere(present, override.id, "cleared", detail));
  }
  if (changes.length === 0) return null;
  return {
    ...unchanged(present),
    set: changes.flatMap(({ set }) => set),
    ended: changes.flatMap(({ ended }) => ended),
    slept: changes.flatMap(({ slept }) => slept),
    woken: changes.flatMap(({ woken }) => woken),
  };
}
