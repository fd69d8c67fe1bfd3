/**
 * What a daemon remembers of its store, to and from the record that outlives it. Pure.
 *
 * @module
 */
import type { FleetRecord } from "../model.ts";
import { intentText, noMemory, parseIntent, type StoredIntent, type StoreMemory } from "./intents.ts";

/** The record of a memory; null: no store was ever listed, so there is nothing to keep. */
export function recordOf(name: string, memory: StoreMemory): FleetRecord | null {
  const { clusterId, floor, held, intents, revision } = memory;
  if (clusterId === null) return null;
  return {
    name,
    clusterId,
    revision: String(revision),
    floor: String(floor),
    intents: [...intents.values()].map(({ intent, key, revision: of }) => ({
      key,
      value: intentText(intent),
      revision: String(of),
      held: held.has(key),
    })),
  };
}

/** The memory of a record. One of another fleet, or none, is no memory; an intent that is not understood is left out. */
export function memoryOf(name: string, record: FleetRecord | null): StoreMemory {
  if (record === null || record.name !== name) return noMemory;
  const intents = new Map<string, StoredIntent>();
  const held = new Set<string>();
  for (const { held: isHeld, key, revision, value } of record.intents) {
    const parsed = parseIntent(name, { key, value, modRevision: BigInt(revision) });
    if (!parsed.ok) continue;
    intents.set(key, parsed.value);
    if (isHeld) held.add(key);
  }
  const { clusterId, floor, revision } = record;
  return { ...noMemory, clusterId, revision: BigInt(revision), floor: BigInt(floor), intents, held };
}
