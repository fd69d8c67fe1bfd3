/**
 * Completes first states that were told before VPP was read for the first time in this process. Pure.
 *
 * Nobody knew then what VPP had, so such a transition told no flush: most are found as they were before a restart of
 * the daemon, at weight 0. The first full read decides, and the history tells the same from then on.
 *
 * @module
 */
import type { Transition } from "../model.ts";
import type { BatchWorld } from "./batch.ts";
import { flushes } from "./flush.ts";
import type { LateFlush } from "./hooks.ts";

/** A transition with what the first full read decided. */
export interface Completed {
  /** With the weights that VPP had and the flushes. */
  readonly transition: Transition;
  /** Flushes that it did not tell before. */
  readonly late: readonly LateFlush[];
}

/**
 * Decides the flushes of a first state.
 *
 * @param told as it was told
 * @param backend its present name
 */
export function complete(told: Transition, backend: string, world: BatchWorld): Completed {
  const late: LateFlush[] = [];
  const { to } = told;
  const effects = told.effects.map((effect) => {
    const { frontend } = effect;
    const weight = world.inVpp(frontend, backend);
    const flush = effect.flush ||
      flushes({ to, flushOnDown: world.flushOnDown(frontend), first: true, weight: () => weight });
    if (flush && !effect.flush && (to === "down" || to === "disabled")) {
      late.push({ frontend, backend, state: to });
    }
    return { ...effect, weightBefore: weight ?? effect.weightBefore, flush };
  });
  return { transition: { ...told, effects }, late };
}
