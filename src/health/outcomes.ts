/**
 * What the tracker answers to those who asked for a change.
 *
 * @module
 */
import type { Refusal } from "../control.ts";
import type { OrderRefused } from "../memory/overrides/actions.ts";
import type { Override, OverrideChange } from "../memory/overrides/override.ts";
import type { State, Transition } from "../model.ts";
import type { Assumed } from "./assumed.ts";
import type { Entry } from "./entry.ts";
import type { FrontendChange } from "./hooks.ts";
import type { OrderWords } from "./override_book.ts";
import type { RuntimeWeight } from "./running.ts";

/** Outcome of an operator's action. */
export interface ActionOutcome {
  /** False: the backend was in that state already. */
  readonly changed: boolean;
  /** State before. */
  readonly before: State;
  /** State now. */
  readonly after: State;
  /** Somebody else's override that ended or was replaced. */
  readonly replaced: Override | null;
  /** With a dry run: what it would come to. */
  readonly assumed: Assumed | null;
}

/** Outcome of an operator's weight. */
export interface WeightOutcome {
  /** Weight before, 0…100. */
  readonly before: number;
  /** Weight now. */
  readonly after: number;
  /** Somebody else's override that ended or was replaced. */
  readonly replaced: Override | null;
  /** With a dry run: what it would come to. */
  readonly assumed: Assumed | null;
}

/** Outcome of the end of an override at an operator's word. */
export interface ClearOutcome {
  /** What ended. */
  readonly change: OverrideChange;
  /** With a dry run: what it would come to. */
  readonly assumed: Assumed | null;
}

/** An order that the rules refuse, as the API says it. */
export function refusalOf({ detail, kind }: OrderRefused, what: string, { end }: OrderWords): Refusal {
  if (kind === "conflict") return { type: "conflict", detail: `${what}: ${detail}` };
  const path = end?.kind === "duration" ? "for_ns" : "until";
  const where = { file: null, line: null, column: null, path };
  return {
    type: "invalid",
    detail: `${path}: ${detail}`,
    errors: [{ severity: "error", pass: "semantic", ...where, message: detail, hint: null }],
  };
}

/** Outcome of a reload. */
export interface ReloadOutcome {
  /** Changes of state, in the file's order; removed backends last. */
  readonly transitions: readonly Transition[];
  /** Changes of frontends. */
  readonly frontendChanges: readonly FrontendChange[];
  /** Backends that only changed their name: old names by new names. */
  readonly renamed: ReadonlyMap<string, string>;
  /** What ended, sleeps and wakes. */
  readonly overrides: OverrideChange;
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
