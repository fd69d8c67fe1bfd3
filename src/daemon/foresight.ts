/**
 * The consequences of what operators do: pictures are taken before, and what follows from them is worked out after the
 * messages of the action left, or instead of it.
 *
 * @module
 */
import { consequences, type Foreseen, type ForeseenAction } from "../answers/consequences.ts";
import type { Clock } from "../clock.ts";
import type { BackendAction } from "../control.ts";
import { withWeights } from "../health/config.ts";
import type { Tracker } from "../health/tracker.ts";
import type { Assumed, Assumption } from "../health/what_if.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import type { Override } from "../memory/overrides/override.ts";
import type { Config } from "../configuration.ts";

/** The parts that are asked. */
export interface ForesightParts {
  /** Time. */
  readonly clock: Clock;
  /** Health of everything. */
  readonly tracker: Tracker;
  /** Keeper of VPP's state. */
  readonly reconciler: Reconciler;
}

/** Works out the consequences of an action whose moment was just before. Call it when the action is done. */
export type Foresee = () => Promise<Foreseen>;

/** Where a fleet's order and a local one are at odds, what comes of it here is not told. */
export function notForeseen(): Promise<Foreseen> {
  return Promise.resolve({ frontends: null, changes: null });
}

const none: Omit<ForeseenAction, "assumptions"> = { weightFlush: null, wanted: null, all: false };

function eventsOf(assumed: Assumed | null, name: string, cause: "asked" | "ended"): Assumption[] {
  return (assumed?.backends ?? []).filter(({ backend }) => backend === name)
    .map(({ backend, events }) => ({ kind: "events", backend, events, cause }));
}

/** Foresees for one daemon. */
export class Foresight {
  readonly #parts: ForesightParts;

  /** Asks `parts`. */
  constructor(parts: ForesightParts) {
    this.#parts = parts;
  }

  /**
   * An operator's action on a backend.
   *
   * @param assumed as a dry run of it answers
   */
  act(backend: string, action: BackendAction, assumed: Assumed | null): Foresee {
    const starts = action === "resume" || action === "enable";
    const frontends = this.#parts.tracker.entry(backend)?.frontends ?? [];
    const assumptions = eventsOf(assumed, backend, "asked");
    return this.#at(starts ? [] : frontends, { ...none, assumptions, wanted: starts ? backend : null });
  }

  /** An operator's weight. */
  weight(
    set: {
      readonly frontend: string;
      readonly pool: string;
      readonly backend: string;
      readonly weight: number;
    },
    by: string,
    flush: boolean,
    assumed: Assumed | null,
  ): Foresee {
    const { backend, frontend } = set;
    // An operator's word counts for a member that is not yet known, also where it is the file's weight.
    const config = withWeights(assumed?.config ?? this.#parts.tracker.config, [{
      ...set,
      by,
      restored: false,
    }]);
    return this.#at([frontend], {
      ...none,
      assumptions: [{ kind: "weights", config, frontends: [frontend] }],
      weightFlush: flush ? { frontend, backend } : null,
    });
  }

  /** The end of an override at an operator's word. */
  clear(override: Override, assumed: Assumed | null): Foresee {
    const { backend, kind } = override;
    const assumptions: Assumption[] = override.kind === "weight"
      ? [{
        kind: "weights",
        config: assumed?.config ?? this.#parts.tracker.config,
        frontends: [override.frontend],
      }]
      : eventsOf(assumed, backend, "ended");
    const wanted = kind === "pause" || kind === "disable" ? backend : null;
    return this.#at([], { ...none, assumptions, wanted });
  }

  /** A reload of this file. */
  reload(file: Config): Foresee {
    const { config, overrides: { orders } } = this.#parts.tracker.foreseenReload(file);
    return this.#at([], { ...none, assumptions: [{ kind: "reload", config, orders }], all: true });
  }

  /** `asked`: frontends that the action releases from the warm-up. */
  #at(asked: readonly string[], action: ForeseenAction): Foresee {
    const { clock, reconciler, tracker } = this.#parts;
    const moment = { health: tracker.picture(), vpp: reconciler.picture(asked) };
    return () => consequences(moment, action, clock);
  }
}
