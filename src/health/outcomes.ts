/**
 * What the tracker answers to those who asked for a change.
 *
 * @module
 */
import type { State, Transition } from "../model.ts";
import type { Entry } from "./entry.ts";
import type { FrontendChange } from "./hooks.ts";
import type { RuntimeWeight } from "./running.ts";

/** Outcome of an operator's action. */
export interface ActionOutcome {
  /** False: the backend was in that state already. */
  readonly changed: boolean;
  /** State before. */
  readonly before: State;
  /** State now. */
  readonly after: State;
}

/** Outcome of a reload. */
export interface ReloadOutcome {
  /** Changes of state, in the file's order; removed backends last. */
  readonly transitions: readonly Transition[];
  /** Changes of frontends. */
  readonly frontendChanges: readonly FrontendChange[];
  /** Run-time weights that went back to the file's. */
  readonly weightsReset: readonly RuntimeWeight[];
  /** Backends that only changed their name: old names by new names. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Removed backends that were paused or disabled, by name: they would start as unknown if they came back. */
  readonly heldRemoved: ReadonlyMap<string, "paused" | "disabled">;
}

/** What a restart of the daemon would forget. */
export interface RuntimeState {
  /** Backends that an operator paused. */
  readonly paused: readonly string[];
  /** Backends that an operator disabled. */
  readonly disabled: readonly string[];
  /** Backends that an operator enabled though the file says `enabled: false`. */
  readonly enabled: readonly string[];
  /** Weights that operators set. */
  readonly weights: readonly RuntimeWeight[];
}

/** What a restart of the daemon would forget of these backends and weights. */
export function runtimeState(entries: readonly Entry[], weights: readonly RuntimeWeight[]): RuntimeState {
  const named = (wanted: (entry: Entry) => boolean) =>
    entries.filter(wanted).map((entry) => entry.backend.name);
  return {
    paused: named((entry) => entry.health.state === "paused"),
    disabled: named((entry) => entry.health.state === "disabled" && entry.backend.enabled),
    enabled: named((entry) => entry.health.state !== "disabled" && !entry.backend.enabled),
    weights,
  };
}
