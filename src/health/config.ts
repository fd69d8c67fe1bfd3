/**
 * The configuration as health reads it. Pure.
 *
 * The running configuration is the file's, with the weights that operators set since. What a new file means for each
 * backend:
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
 * What the file and the overrides want of a backend's state becomes the events that bring it there.
 *
 * @module
 */
import type { StateOverride, Wanted } from "../memory/overrides/override.ts";
import type { Code, IpAddress, State } from "../model.ts";
import type { Backend, Config, Frontend, HealthCheck, PoolMember } from "../configuration.ts";
import { firstEvent, type HealthEvent, type Rule } from "./backend.ts";

/** A weight that differs from the file's. */
export interface RuntimeWeight {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the backend. */
  readonly backend: string;
  /** Weight in the file, 0...100; null: the file has no such member any more. */
  readonly file: number | null;
  /** Weight set at run time, 0...100. */
  readonly weight: number;
  /** Who set it. */
  readonly by: string;
}

/** A backend's place in a frontend. */
export interface Membership {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
}

/** Configured weight of a member, 0...100; null if there is no such frontend, pool or member. */
export function memberWeight(config: Config, frontend: string, pool: string, backend: string): number | null {
  const members = config.frontends.get(frontend)?.pools.find((p) => p.name === pool)?.members;
  return members?.find((member) => member.backend === backend)?.weight ?? null;
}

/** A weight that somebody set on a member. */
export interface SetWeight {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the backend. */
  readonly backend: string;
  /** 0...100. */
  readonly weight: number;
  /** Who set it. */
  readonly by: string;
  /** Whether it was not set in this process. */
  readonly restored: boolean;
}

/** The configuration with these weights; members that do not exist leave it as it is. */
export function withWeights(config: Config, weights: readonly SetWeight[]): Config {
  if (weights.length === 0) return config;
  const frontends = new Map(config.frontends);
  for (const [name, own] of Map.groupBy(weights, ({ frontend }) => frontend)) {
    const frontend = config.frontends.get(name);
    if (frontend !== undefined) frontends.set(name, withOwn(frontend, own));
  }
  return { ...config, frontends };
}

function withOwn(frontend: Frontend, weights: readonly SetWeight[]): Frontend {
  const set = new Map(weights.map((one) => [`${one.pool}/${one.backend}`, one]));
  const pools = frontend.pools.map((pool) => ({
    ...pool,
    members: pool.members.map((member): PoolMember => {
      const one = set.get(`${pool.name}/${member.backend}`);
      if (one === undefined) return member;
      const here = { ...member, weight: one.weight, byOperator: one.by };
      return one.restored ? { ...here, restored: true } : here;
    }),
  }));
  return { ...frontend, pools };
}

/** Every weight of `running` that differs from `file`'s, in the order of `running`. */
export function runtimeWeights(file: Config, running: Config): RuntimeWeight[] {
  const weights: RuntimeWeight[] = [];
  for (const frontend of running.frontends.values()) {
    if (file.frontends.get(frontend.name) === frontend) continue;
    for (const pool of frontend.pools) {
      for (const { backend, byOperator: by = "", weight } of pool.members) {
        const filed = memberWeight(file, frontend.name, pool.name, backend);
        if (filed !== weight) {
          weights.push({ frontend: frontend.name, pool: pool.name, backend, file: filed, weight, by });
        }
      }
    }
  }
  return weights;
}

/** The places of every backend, in the file's order of frontends; a backend that nobody uses is not in the map. */
export function memberships(frontends: Iterable<Frontend>): Map<string, Membership[]> {
  const places = new Map<string, Membership[]>();
  for (const frontend of frontends) {
    for (const pool of frontend.pools) {
      for (const { backend } of pool.members) {
        const place = { frontend: frontend.name, pool: pool.name };
        const list = places.get(backend);
        if (list === undefined) places.set(backend, [place]);
        else list.push(place);
      }
    }
  }
  return places;
}

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

const rules = new WeakMap<HealthCheck, Rule>();

/** The part of a health check that the counter depends on; one object for all backends of a check. */
export function ruleOf(check: HealthCheck): Rule {
  let rule = rules.get(check);
  if (rule === undefined) rules.set(check, rule = { rise: check.rise, fall: check.fall });
  return rule;
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

/** Why a backend leaves the state it is in. */
export interface Leaving {
  /** Absent: the usual one of the event. */
  readonly code?: Code;
  /** For humans. */
  readonly detail: string;
}

/** What is wanted of a backend. */
export interface BackendOrders {
  /** By the file and the overrides. */
  readonly wanted: Wanted;
  /** The override that stops it; null: the file does, or nothing. */
  readonly override: StateOverride | null;
}

/** The events from a state to what is wanted; none if it is that already. */
export function toward(
  state: State,
  { override, wanted }: BackendOrders,
  leaving: Leaving,
): readonly HealthEvent[] {
  const is = state === "paused" || state === "disabled" ? state : "active";
  if (is === wanted || state === "removed") return [];
  const detail = override === null ? leaving.detail : overrideDetail(override);
  const left: HealthEvent = is === "paused" ? { kind: "resume", ...leaving } : { kind: "enable", ...leaving };
  switch (wanted) {
    case "active":
      return [left];
    case "disabled":
      return [override === null ? { kind: "disable", ...leaving } : { kind: "disable", detail }];
    case "paused":
      return is === "disabled" ? [left, { kind: "pause", detail }] : [{ kind: "pause", detail }];
  }
}

/** What the configuration and the overrides make of a fresh backend. */
export function firstEvents(rule: Rule | null, orders: BackendOrders): readonly HealthEvent[] {
  if (orders.override !== null) return toward("unknown", orders, { detail: "" });
  const event = firstEvent(rule, orders.wanted === "active");
  return event === null ? [] : [event];
}

/** Events of a reload: the file's word on `enabled` counts where no override says otherwise. */
export function reloadEvents(
  events: readonly HealthEvent[],
  { wanted }: BackendOrders,
): readonly HealthEvent[] {
  return events.filter(({ kind }) =>
    (kind !== "disable" || wanted === "disabled") && (kind !== "enable" || wanted !== "disabled")
  );
}

/** An override as the detail of the transition that it brings. */
export function overrideDetail({ by, kind, reason, scope }: StateOverride): string {
  const what = kind === "pause" ? "paused" : kind === "disable" ? "disabled" : "enabled";
  const where = scope === "everywhere" ? " everywhere" : "";
  return `${what}${where} by ${by}${reason === null ? "" : `: ${reason}`}`;
}
