/**
 * Tells the world what a batch of the tracker changed: the log, the event bus and the metrics, in this order.
 *
 * @module
 */
import type { Announcer } from "../bus/mod.ts";
import type { FrontendChange } from "../health/frontend.ts";
import type { HealthChanges } from "../health/transitions.ts";
import type { HealthMetrics } from "../health/tracker_parts.ts";
import type { Log } from "../log/mod.ts";
import type { Transition, UnixMillis } from "../model.ts";
import { transition as apiTransition } from "../snapshot/convert.ts";

/** Where changes are told. */
export interface Listeners {
  /** Log of the daemon. */
  readonly log: Log;
  /** Event bus. */
  readonly announcer: Announcer;
  /** Counters. */
  readonly metrics: Pick<HealthMetrics, "transitioned" | "forgotten">;
}

function tellTransition(to: Listeners, transition: Transition): void {
  const { backend, from, code, detail, by } = transition;
  to.log.info("backend-transition", {
    backend,
    from,
    to: transition.to,
    code,
    detail,
    ...(by === null ? {} : { by }),
  });
  to.announcer.announce({
    kind: "backend",
    backend,
    frontends: transition.effects.map((effect) => effect.frontend),
    transition: apiTransition(transition),
  }, transition.at);
  to.metrics.transitioned(backend, from, transition.to);
  if (transition.to === "removed") to.metrics.forgotten(backend);
}

function tellFrontend(to: Listeners, change: FrontendChange, at: UnixMillis): void {
  const { frontend, from, activePool, reason } = change;
  to.log.info("frontend-transition", { frontend, from, to: change.to, active_pool: activePool, reason });
  to.announcer.announce(
    { kind: "frontend", frontend, from, to: change.to, active_pool: activePool, reason },
    at,
  );
}

/** Tells of all changes of one batch. */
export function announce(
  to: Listeners,
  { at, frontendChanges, transitions }: Pick<HealthChanges, "at" | "frontendChanges" | "transitions">,
): void {
  for (const transition of transitions) tellTransition(to, transition);
  for (const change of frontendChanges) tellFrontend(to, change, at);
}
