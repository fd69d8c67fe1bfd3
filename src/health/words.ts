/**
 * Why frontends changed, in one sentence each, and what a reload did to what operators had set.
 *
 * @module
 */
import type { Log } from "../log/mod.ts";
import type { Transition } from "../model.ts";

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
