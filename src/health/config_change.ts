/**
 * What a new configuration means for each backend. Pure.
 *
 *   in the file      health check   address   what happens
 *   new              any            any       fresh, probed at once
 *   gone             any            any       removed
 *   renamed          as below       same      keeps state, history and operator's actions; probed anew
 *   same             same           same      nothing
 *   same             changed        same      probed anew under the new check; state stays, counter starts over
 *   same             given, taken   same      up stays up / becomes static up
 *   same             any            changed   a new server: unknown, probed at once; the previous one serves meanwhile
 *
 * `enabled` of the file is an order only when the file changed it: a backend that an operator disabled or enabled
 * since stays as it is while the file says what it always said.
 *
 * @module
 */
import type { Backend, Config, HealthCheck, IpAddress } from "../model.ts";
import type { HealthEvent, Rule } from "./backend.ts";

/** What a reload does to one backend that was there before. */
export interface BackendReload {
  /** In the order in which they happen; at most one of them changes the state. */
  readonly events: readonly HealthEvent[];
  /** The running probe is of no use any more: cancel it and start anew if the backend is still probed. */
  readonly restart: boolean;
  /** It is another server now. */
  readonly newAddress: boolean;
}

/** What tells backends apart. */
export type NamedServer = Pick<Backend, "name" | "address">;

/**
 * Backends that only changed their name: one name is gone, and one new name has its address. Where an address has
 * several of either, nobody can say who is who.
 *
 * @returns old names by new names
 */
export function renamedBackends(
  before: ReadonlyMap<string, NamedServer>,
  after: ReadonlyMap<string, NamedServer>,
): ReadonlyMap<string, string> {
  const only = (from: ReadonlyMap<string, NamedServer>, other: ReadonlyMap<string, NamedServer>) => {
    const names = new Map<IpAddress, string | null>();
    for (const { name, address } of from.values()) {
      if (!other.has(name)) names.set(address, names.has(address) ? null : name);
    }
    return names;
  };
  const gone = only(before, after);
  const renamed = new Map<string, string>();
  for (const [address, name] of only(after, before)) {
    const was = gone.get(address) ?? null;
    if (name !== null && was !== null) renamed.set(name, was);
  }
  return renamed;
}

/** The health check of a backend, or null. */
export function checkOf(config: Config, backend: Backend): HealthCheck | null {
  return backend.healthcheck === null ? null : config.healthchecks.get(backend.healthcheck) ?? null;
}

/** The part of a health check that the counter depends on. */
export function ruleOf(check: HealthCheck): Rule {
  return { rise: check.rise, fall: check.fall };
}

/** Judges one backend that stands in both configurations. */
export function reloadBackend(before: Config, after: Config, was: Backend, is: Backend): BackendReload {
  const oldCheck = checkOf(before, was);
  const newCheck = checkOf(after, is);
  const newAddress = was.address !== is.address;
  const probesDiffer = newCheck !== null && oldCheck !== null &&
    (!sameCheck(oldCheck, newCheck) || before.healthchecker.netns !== after.healthchecker.netns);
  const events: HealthEvent[] = [];
  if (was.enabled && !is.enabled) {
    events.push({ kind: "disable", detail: "enabled: false in the configuration" });
  }
  if (newCheck === null && oldCheck !== null) events.push({ kind: "check-taken" });
  if (newCheck !== null && oldCheck === null) events.push({ kind: "check-given", rule: ruleOf(newCheck) });
  if (newCheck !== null && probesDiffer) events.push({ kind: "check-changed", rule: ruleOf(newCheck) });
  if (newAddress) {
    events.push({ kind: "address-changed", from: was.address, to: is.address });
  }
  if (!was.enabled && is.enabled) {
    events.push({ kind: "enable", detail: "enabled: true in the configuration" });
  }
  return { events, restart: probesDiffer || newAddress, newAddress };
}

/** Whether two health checks probe alike; the name alone makes no difference. */
export function sameCheck(a: HealthCheck, b: HealthCheck): boolean {
  return equal({ ...a, name: "" }, { ...b, name: "" });
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const left = new Map(Object.entries(a));
  const right = Object.entries(b);
  return left.size === right.length &&
    right.every(([key, value]) => left.has(key) && equal(left.get(key), value));
}

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
