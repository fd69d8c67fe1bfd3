/**
 * What a change of the overrides would make of backends and weights, without making it. Pure.
 *
 * @module
 */
import type { Override } from "../memory/overrides/override.ts";
import type { Config, State, UnixMillis } from "../model.ts";
import { type HealthEvent, step } from "./backend.ts";
import type { Entry } from "./entry.ts";
import type { OverrideBook } from "./override_book.ts";
import { withWeights } from "./running.ts";
import { toward } from "./toward.ts";

/** What would happen to one backend. */
export interface AssumedEvents {
  /** Name of the backend. */
  readonly backend: string;
  /** In their order; never empty. */
  readonly events: readonly HealthEvent[];
  /** The state that they lead to. */
  readonly to: State;
}

/** What would happen. */
export interface Assumed {
  /** The running configuration with the weights that would be set. */
  readonly config: Config;
  /** Backends that would change their states. */
  readonly backends: readonly AssumedEvents[];
}

/** What would happen, if these were the overrides. */
export function assume(
  list: readonly Override[],
  file: Config,
  overrides: Pick<OverrideBook, "orders" | "weights">,
  entries: Iterable<Readonly<Entry>>,
  now: UnixMillis,
): Assumed {
  const backends = [...entries].flatMap(({ backend: { name }, health }): AssumedEvents[] => {
    const events = toward(health.state, overrides.orders(name, list), { detail: "" });
    if (events.length === 0) return [];
    const after = events.reduce((is, event) => step(is, event, now).health, health);
    return [{ backend: name, events, to: after.state }];
  });
  return { config: withWeights(file, overrides.weights(list)), backends };
}
