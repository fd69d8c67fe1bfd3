/**
 * What brings a backend to the state that the file and the overrides want. Pure.
 *
 * @module
 */
import type { StateOverride, Wanted } from "../memory/overrides/override.ts";
import type { Code, State } from "../model.ts";
import type { HealthEvent } from "./backend.ts";

/** Why a backend leaves the state it is in. */
export interface Leaving {
  /** Absent: the usual one of the event. */
  readonly code?: Code;
  /** For humans. */
  readonly detail: string;
}

/**
 * The events from a state to what is wanted; none if it is that already.
 *
 * @param override what is in force and stops the backend; null: the file, or nothing
 */
export function toward(
  state: State,
  wanted: Wanted,
  override: StateOverride | null,
  leaving: Leaving,
): readonly HealthEvent[] {
  const is = state === "paused" || state === "disabled" ? state : "active";
  if (is === wanted || state === "removed") return [];
  const detail = override === null ? leaving.detail : overrideDetail(override);
  const left: HealthEvent = { kind: is === "paused" ? "resume" : "enable", ...leaving };
  switch (wanted) {
    case "active":
      return [left];
    case "disabled":
      return [override === null ? { kind: "disable", ...leaving } : { kind: "disable", detail }];
    case "paused":
      return is === "disabled" ? [left, { kind: "pause", detail }] : [{ kind: "pause", detail }];
  }
}

/** An override as the detail of the transition that it brings. */
export function overrideDetail({ by, kind, reason, scope }: StateOverride): string {
  const what = kind === "pause" ? "paused" : kind === "disable" ? "disabled" : "enabled";
  const where = scope === "everywhere" ? " everywhere" : "";
  return `${what}${where} by ${by}${reason === null ? "" : `: ${reason}`}`;
}
