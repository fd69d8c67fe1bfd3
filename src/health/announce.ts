/**
 * Tells the world of changes: the log, the event bus and the metrics, in this order.
 *
 * @module
 */
import type { Announcer } from "../bus/mod.ts";
import type { Log } from "../log/mod.ts";
import type { Transition, UnixMillis } from "../model.ts";
import { transition as apiTransition } from "../snapshot/convert.ts";
import type { FrontendChange, HealthMetrics } from "./hooks.ts";

/** Where changes are told. */
export interface Listeners {
  /** Log of the daemon. */
  readonly log: Log;
  /** Event bus. */
  readonly announcer: Announcer;
  /** Counters. */
  readonly metrics: HealthMetrics;
}

/** Tells of one backend's change of state. */
export function tellTransition(to: Listeners, transition: Transition): void {
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

/** Tells of a frontend whose state or active pool changed. */
export function tellFrontend(to: Listeners, change: FrontendChange, at: UnixMillis): void {
  const { frontend, from, activePool, reason } = change;
  to.log.info("frontend-transition", { frontend, from, to: change.to, active_pool: activePool, reason });
  to.announcer.announce(
    { kind: "frontend", frontend, from, to: change.to, active_pool: activePool, reason },
    at,
  );
}

/** For each frontend one sentence for what a batch of transitions did to it; grouped when first asked. */
export function reasons(transitions: readonly Transition[]): (frontend: string) => string {
  let groups: Map<string, Transition[]> | null = null;
  return (frontend) => {
    if (groups === null) {
      groups = new Map();
      for (const transition of transitions) {
        for (const effect of transition.effects) {
          const group = groups.get(effect.frontend);
          if (group === undefined) groups.set(effect.frontend, [transition]);
          else group.push(transition);
        }
      }
    }
    return reasonOf(groups.get(frontend) ?? []);
  };
}

/** One sentence for what a batch of transitions did to a frontend; the first three are named. */
export function reasonOf(transitions: readonly Transition[]): string {
  const named = transitions.slice(0, 3).map(({ backend, to, code, detail }) =>
    `backend ${backend} ${to} (${detail === "" ? code : `${code} ${detail}`})`
  );
  const more = transitions.length - named.length;
  return named.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** A reason that names what a batch comes from, then the transitions that changed the frontend. */
export function because(cause: string): (why: string) => string {
  return (why) => [cause, why].filter((part) => part !== "").join(": ");
}

/** Tells which backends only changed their name in a reload: old names by new names. */
export function tellReload(log: Log, renamed: ReadonlyMap<string, string>): void {
  for (const [name, was] of renamed) {
    log.info("config-reload", { detail: `backend ${was} is ${name} now; it keeps state and history` });
  }
}
