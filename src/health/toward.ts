/**
 * What brings a backend to the state that the file and the overrides want. Pure.
 *
 * @module
 */
import type { StateOverride, Wanted } from "../memory/overrides/override.ts";
import type { Code, State } from "../model.ts";
import { firstEvent, type HealthEvent, type Rule } from "./backend.ts";

/** Why a backend leaves the state it is in. */
export interface Leaving {
  /** Absent: the usual one of the event. */
  readonly code?: Code;
  /** For humans. */
  readonly detail: string;
}

/** What is wanted of a backend. */
export interface Orders {
  /** By the file and the overrides. */
  readonly wanted: Wanted;
  /** The override that stops it; null: the file does, or nothing. */
  readonly override: StateOverride | null;
}

/** The events from a state to what is wanted; none if it is that already. */
export function toward(
  state: State,
  { override, wanted }: Orders,
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
export function firstEvents(rule: Rule | null, orders: Orders): readonly HealthEvent[] {
  if (orders.override !== null) return toward("unknown", orders, { detail: "" });
  const event = firstEvent(rule, orders.wanted === "active");
  return event === null ? [] : [event];
}

/** Events of a reload: the file's word on `enabled` counts where no override says otherwise. */
export function reloadEvents(events: readonly HealthEvent[], { wanted }: Orders): readonly HealthEvent[] {
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
