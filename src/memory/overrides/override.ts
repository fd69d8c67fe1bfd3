/**
 * What an operator sets at run time, and which of it is in force. Pure.
 *
 *   kind     what it overrides                 file_value         in force, when both scopes have one
 *   disable  the state of a backend            enabled            before pause
 *   pause    the state of a backend            enabled            before enable
 *   enable   `enabled: false`, or an intent    enabled            before the intent it was set against
 *   weight   the weight of a member            weight             the local one
 *
 * A backend has at most one of the first three of each scope, a member at most one weight of each scope. `here` is
 * this daemon, `everywhere` an intent of the fleet.
 *
 *   set --> in force --opposite action, newer one, clear, hour, the file's own value changes--> ended
 *             |  ^
 *             |  +-- name and address come back within 30 days
 *             +- the backend or member leaves the configuration --> sleeping --30 days, hour, another address--> ended
 *
 * An override of the fleet sleeps and wakes with the name, and ends with its intent only.
 *
 * actions.ts has what operators and the fleet do, follow.ts what a configuration does, time.ts what time does.
 *
 * @module
 */
import type { IpAddress, Millis, UnixMillis } from "../../model.ts";

/** The two clocks at one moment. */
export interface Moment {
  /** Monotonic time of this process. */
  readonly mono: Millis;
  /** Wall-clock time. */
  readonly wall: UnixMillis;
}

/** When an override ends by itself; see time.ts. */
export type End =
  | { readonly kind: "hour"; readonly until: UnixMillis }
  | {
    readonly kind: "duration";
    /** Wall-clock end, as the clock is set now. */
    readonly until: UnixMillis;
    /** What was left at `at`. */
    readonly left: Millis;
    /** Monotonic time of this process. */
    readonly at: Millis;
  };

/** Kinds that concern the state of a backend. */
export type StateKind = "pause" | "disable" | "enable";

/** This daemon, or the whole fleet. */
export type Scope = "here" | "everywhere";

/** What the configuration said when it was looked at last. */
export interface Seen {
  /** Address of the backend. */
  readonly address: IpAddress;
  /** The file's own value: `enabled`, or the weight. */
  readonly value: boolean | number;
}

/** What every override has. */
export interface OverrideHead {
  /** Stable while it lasts. */
  readonly id: string;
  /** Who must follow it. */
  readonly scope: Scope;
  /** Name of the backend. */
  readonly backend: string;
  /** Name of the operator's token. */
  readonly by: string;
  /** Who it says is behind the token; unverified. */
  readonly claimed: string | null;
  /** Why. */
  readonly reason: string | null;
  /** When it was set. */
  readonly since: UnixMillis;
  /** Null: when somebody ends it. */
  readonly end: End | null;
  /** Null: this configuration never had its object; for `everywhere` only. */
  readonly seen: Seen | null;
  /** Not null: its object is not in the configuration now. */
  readonly sleeping: { readonly since: UnixMillis; readonly why: string } | null;
  /** True: it was not set in this process, or it came with the fleet's first list. */
  readonly restored: boolean;
}

/** An override of a backend's state. */
export interface StateOverride extends OverrideHead {
  /** What was set. */
  readonly kind: StateKind;
  /** With `enable`: id of the fleet's override that it lifts; null: the file's `enabled: false`. */
  readonly against: string | null;
}

/** An override of a weight. */
export interface WeightOverride extends OverrideHead {
  /** What was set. */
  readonly kind: "weight";
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
  /** 0...100. */
  readonly weight: number;
}

/** What an operator set at run time and has not taken back. */
export type Override = StateOverride | WeightOverride;

/** What a process leaves to the next one. */
export interface LeftOverrides {
  /** Overrides, oldest first. */
  readonly list: readonly Override[];
  /** Backends of the configuration that they were compared with last; empty where there is no override. */
  readonly backends: readonly { readonly name: string; readonly address: IpAddress }[];
}

/** An earlier process left nothing. */
export const noOverrides: LeftOverrides = { list: [], backends: [] };

/** What the rules ask of the configuration file. */
export interface Site {
  /** Backends by name. */
  readonly backends: ReadonlyMap<string, { readonly address: IpAddress; readonly enabled: boolean }>;
  /** Weight of a member in the file; null: there is no such member. */
  weight(frontend: string, pool: string, backend: string): number | null;
}

/** What the configuration and the overrides want of a backend. */
export type Wanted = "active" | "paused" | "disabled";

/** Why an override ended. */
export type EndCause =
  /** A newer one of its scope takes its place. */
  | "replaced"
  /** The opposite action, or the file's own weight. */
  | "undone"
  | "cleared"
  | "hour"
  /** The file's own value changed. */
  | "file"
  /** Its server did not come back, or another one did. */
  | "gone"
  /** The intent that it was set against changed or ended. */
  | "intent";

/** An override that ended. */
export interface Ended {
  /** As it was. */
  readonly override: Override;
  /** Why. */
  readonly cause: EndCause;
  /** The same for humans. */
  readonly detail: string;
}

/** What became of the overrides. */
export interface OverrideChange {
  /** All of them now, oldest first. */
  readonly list: readonly Override[];
  /** Those that are new, or have another reason or hour. */
  readonly set: readonly Override[];
  /** Those that ended. */
  readonly ended: readonly Ended[];
  /** Those that sleep from now on. */
  readonly slept: readonly Override[];
  /** Those that sleep no more. */
  readonly woken: readonly Override[];
}

/** Nothing became of them. */
export function unchanged(list: readonly Override[]): OverrideChange {
  return { list, set: [], ended: [], slept: [], woken: [] };
}

/** Whether somebody must be told of a change. */
export function isChange({ ended, set, slept, woken }: OverrideChange): boolean {
  return ended.length + set.length + slept.length + woken.length > 0;
}

/** What an override is about; two of one scope never have the same. */
export function subjectOf(override: Override): string {
  return override.kind === "weight"
    ? `${override.frontend}/${override.pool}/${override.backend}`
    : override.backend;
}

/** An override for humans: `pause of backend b1`, `weight 50 of www/main/b1`. */
export function overrideText(override: Override): string {
  return override.kind === "weight"
    ? `weight ${override.weight} of ${subjectOf(override)}`
    : `${override.kind} of backend ${override.backend}`;
}

/** The place of an override: a newer one of the same place replaces it. */
export function placeOf(override: Override): string {
  return `${override.scope} ${override.kind === "weight" ? "weight" : "state"} ${subjectOf(override)}`;
}

/** What the file says in place of an override; null: it has no such backend or member. */
export function look(site: Site, override: Override): Seen | null {
  const backend = site.backends.get(override.backend);
  if (backend === undefined) return null;
  const value = override.kind === "weight"
    ? site.weight(override.frontend, override.pool, override.backend)
    : backend.enabled;
  return value === null ? null : { address: backend.address, value };
}

const rank: Readonly<Record<StateKind, number>> = { disable: 2, pause: 1, enable: 0 };

/** The override of a backend's state of one scope that is awake. */
export function stateOverride(
  list: readonly Override[],
  backend: string,
  scope: Scope,
): StateOverride | null {
  const found = list.find((one): one is StateOverride =>
    one.kind !== "weight" && one.backend === backend && one.scope === scope && one.sleeping === null
  );
  return found ?? null;
}

/** The override of a backend's state that is in force; null: the file decides. */
export function stateInForce(list: readonly Override[], backend: string): StateOverride | null {
  const here = stateOverride(list, backend, "here");
  const fleet = stateOverride(list, backend, "everywhere");
  if (here === null || fleet === null) return here ?? fleet;
  if (here.kind === "enable" && here.against === fleet.id) return here;
  return rank[fleet.kind] > rank[here.kind] ? fleet : here;
}

/** The override of a member's weight of one scope that is awake. */
export function weightOverride(
  list: readonly Override[],
  frontend: string,
  pool: string,
  backend: string,
  scope: Scope,
): WeightOverride | null {
  const found = list.find((one): one is WeightOverride =>
    one.kind === "weight" && one.frontend === frontend && one.pool === pool && one.backend === backend &&
    one.scope === scope && one.sleeping === null
  );
  return found ?? null;
}

/** The override of a member's weight that is in force; null: the file decides. */
export function weightInForce(
  list: readonly Override[],
  frontend: string,
  pool: string,
  backend: string,
): WeightOverride | null {
  return weightOverride(list, frontend, pool, backend, "here") ??
    weightOverride(list, frontend, pool, backend, "everywhere");
}

/** What is wanted of a backend. */
export function wanted(list: readonly Override[], site: Site, backend: string): Wanted {
  const override = stateInForce(list, backend);
  if (override === null) return site.backends.get(backend)?.enabled === false ? "disabled" : "active";
  return override.kind === "pause" ? "paused" : override.kind === "disable" ? "disabled" : "active";
}
