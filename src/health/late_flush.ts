/**
 * Flushes that no transition of their moment tells. Pure.
 *
 * First states may be told before VPP was read for the first time in this process. Nobody knows then what VPP has, so
 * such a transition tells no flush: most are found as they were before a restart of the daemon, at weight 0. The first
 * full read decides, and the history tells the same from then on.
 *
 * A reload may give a backend that is down or disabled a server that VPP has with a weight above 0: another VIP, or
 * the address of another backend.
 *
 * @module
 */
import type { Backend, Config, Frontend, IpAddress, Transition } from "../model.ts";
import { type BatchWorld, flushes } from "./transitions.ts";
import type { Entry } from "./entry.ts";
import type { LateFlush } from "./hooks.ts";
import type { Membership } from "./running.ts";

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

/** The servers of a backend, each with its VIP, whatever the names are. */
function servers(config: Config, places: readonly Membership[], address: IpAddress): Map<string, Frontend> {
  const frontends = places.flatMap(({ frontend }) => config.frontends.get(frontend) ?? []);
  return new Map(frontends.map((one) => [`${one.address} ${one.protocol} ${one.port} ${address}`, one]));
}

/**
 * Flushes of a backend that stays down or disabled over a reload: of servers that are new to it, where VPP has them
 * with a weight, or may have while it is away.
 *
 * @param was the backend in the last configuration
 * @param left its places then
 */
export function broughtFlushes(
  entry: Pick<Entry, "backend" | "health" | "places">,
  was: Backend,
  left: readonly Membership[],
  before: Config,
  after: Config,
  world: BatchWorld,
): LateFlush[] {
  const { name } = entry.backend;
  const { state } = entry.health;
  if (state !== "down" && state !== "disabled") return [];
  const had = servers(before, left, was.address);
  return [...servers(after, entry.places, entry.backend.address)].flatMap(([server, frontend]) => {
    const weight = () => world.inVpp(frontend.name, name);
    const { flushOnDown } = frontend;
    const due = !had.has(server) && flushes({ to: state, flushOnDown, first: world.isRead, weight });
    return due ? [{ frontend: frontend.name, backend: name, state }] : [];
  });
}
