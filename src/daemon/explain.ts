/**
 * Takes from the parts of the daemon what an explanation of the present is made from. Reads nothing of VPP.
 *
 * @module
 */
import type { ExplainFacts } from "../answers/explain.ts";
import type { Clock } from "../clock.ts";
import type { Tracker } from "../health/tracker.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import type { KnownServer } from "../lb/vpp_view.ts";
import type { IpAddress } from "../model.ts";
import type { Config } from "../configuration.ts";
import { overrideView } from "../snapshot/overrides.ts";

/** The parts that are asked. */
export interface ExplainParts {
  /** Time. */
  readonly clock: Clock;
  /** Health of everything. */
  readonly tracker: Tracker;
  /** Keeper of VPP's state. */
  readonly reconciler: Reconciler;
}

/** Weights of the file by pool and backend. */
function fileWeights({ frontends }: Config, name: string): ReadonlyMap<string, number> {
  const members = frontends.get(name)?.pools.flatMap((pool) =>
    pool.members.map(({ backend, weight }): [string, number] => [`${pool.name}/${backend}`, weight])
  );
  return new Map(members);
}

/** What is known now. */
export function explainFacts({ clock, reconciler, tracker }: ExplainParts): ExplainFacts {
  // Of each frontend once: a frontend may have thousands of members.
  const known = new Map<string, ReadonlyMap<IpAddress, KnownServer>>();
  const filed = new Map<string, ReadonlyMap<string, number>>();
  return {
    at: clock.wall(),
    override(frontend, pool, backend) {
      const { overrides } = tracker;
      const found = overrides.weight(frontend, pool, backend) ?? overrides.state(backend);
      return found === null ? null : overrideView(found);
    },
    frontend(name) {
      const frontend = tracker.config.frontends.get(name);
      const weights = tracker.weights(name);
      return frontend === undefined || weights === null ? null : { frontend, weights };
    },
    backend(name) {
      const entry = tracker.entry(name);
      if (entry === null) return null;
      const { health, history, lastFailure } = entry;
      return { health, newest: history[0] ?? null, lastFailure };
    },
    fileWeight(frontend, pool, backend) {
      const weights = filed.get(frontend) ?? fileWeights(tracker.fileConfig, frontend);
      filed.set(frontend, weights);
      return weights.get(`${pool}/${backend}`) ?? null;
    },
    sent: (frontend, address) => reconciler.sent(frontend, address),
    inVpp(frontend, address) {
      const servers = known.get(frontend) ?? reconciler.view.serversOf(frontend);
      known.set(frontend, servers);
      return servers.get(address) ?? null;
    },
    witness(name, address) {
      const frontend = tracker.config.frontends.get(name);
      return frontend === undefined ? null : reconciler.view.witness(frontend, address);
    },
    vpp: (name) => ({ standing: reconciler.standing(name), detail: reconciler.detail(name) ?? "" }),
  };
}
