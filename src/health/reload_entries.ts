import type { Backend, Config } from "../model.ts";
import { renamedBackends } from "./reload.ts";

/** The backends of a new configuration, and what becomes of the old ones. */
export interface SortedEntries<T> {
  /** By name, in the file's order. */
  readonly entries: Map<string, T>;
  /** Those of them that are new. */
  readonly fresh: ReadonlySet<T>;
  /** Those that are gone. */
  readonly removed: readonly T[];
  /** Those that only changed their name: old names by new names. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** Sorts the backends of a reload into those that stay, under whatever name, those that are new and those that go. */
export function sortEntries<T>(
  old: ReadonlyMap<string, T>,
  before: Config,
  after: Config,
  make: (backend: Backend) => T,
): SortedEntries<T> {
  const renamed = renamedBackends(before.backends, after.backends);
  const entries = new Map<string, T>();
  const fresh = new Set<T>();
  for (const backend of after.backends.values()) {
    const kept = old.get(renamed.get(backend.name) ?? backend.name);
    const entry = kept ?? make(backend);
    if (kept === undefined) fresh.add(entry);
    entries.set(backend.name, entry);
  }
  const kept = new Set(entries.values());
  const removed = [...old.values()].filter((entry) => !kept.has(entry));
  return { entries, fresh, removed, renamed };
}
