/**
 * What must be true when quiet has come, found out by other means than the daemon's.
 *
 * @module
 */
import type { BackendList, Config, FrontendList, Plan, Problem, Ready, State } from "../../src/api/mod.ts";
import { FLAG_USED } from "../../src/simulator/vip.ts";
import type { Subscriber } from "./subscriber.ts";
import type { SoakWorld } from "./world.ts";

/** VIP and server, e.g. `198.18.0.1 127.66.0.1` → weight. */
type Weights = Map<string, number>;

/** The part of `GET /v1/config` that weights follow from. */
interface RunningConfig {
  readonly backends: Readonly<Record<string, { readonly address: string }>>;
  readonly frontends: Readonly<
    Record<string, {
      readonly address: string;
      readonly pools: readonly { readonly backends: Readonly<Record<string, { readonly weight: number }>> }[];
    }>
  >;
}

/** What a backend must be: what an operator made it, else what its server is. */
function realState({ held, site }: SoakWorld, backend: string): State {
  return held.get(backend) ?? (site.server(backend)?.healthy === true ? "up" : "down");
}

/** The first pool with a member that is up and has weight carries; where there is none, nobody does. */
function wantedWeights(world: SoakWorld, config: RunningConfig): Weights {
  const weights: Weights = new Map();
  for (const { address: vip, pools } of Object.values(config.frontends)) {
    const carries = ([name, { weight }]: [string, { weight: number }]) =>
      weight > 0 && realState(world, name) === "up";
    const active = pools.findIndex(({ backends }) => Object.entries(backends).some(carries));
    for (const [place, { backends }] of pools.entries()) {
      for (const member of Object.entries(backends)) {
        const server = config.backends[member[0]]?.address ?? "?";
        weights.set(`${vip} ${server}`, place === active && carries(member) ? member[1].weight : 0);
      }
    }
  }
  return weights;
}

function weightsInVpp({ simulator }: SoakWorld): Weights {
  const weights: Weights = new Map();
  for (const { shown, servers } of simulator.vpp.lb.vips()) {
    for (const { row } of servers) {
      if ((row.flags & FLAG_USED) !== 0) weights.set(`${shown.pfx.split("/")[0]} ${row.address}`, row.weight);
    }
  }
  return weights;
}

/** Where two maps differ, as sentences. */
function differences<T>(
  what: string,
  wanted: ReadonlyMap<string, T>,
  seen: ReadonlyMap<string, T>,
): string[] {
  return [...new Set([...wanted.keys(), ...seen.keys()])].filter((key) => wanted.get(key) !== seen.get(key))
    .map((key) => `${what} ${key}: ${seen.get(key) ?? "none"}, should be ${wanted.get(key) ?? "none"}`);
}

/** Everything that is not as it should be now; empty when all is well. */
export async function judge(world: SoakWorld, subscriber: Subscriber): Promise<string[]> {
  const { api, site } = world;
  const ready = await api.send<Ready | Problem>("GET", "/readyz", undefined, [503]);
  if (ready?.status !== 200) return [`not ready: ${JSON.stringify(ready?.body)}`];
  const [list, frontendList, config, plan] = [
    await api.send<BackendList>("GET", "/v1/backends"),
    await api.send<FrontendList>("GET", "/v1/frontends"),
    await api.send<Config>("GET", "/v1/config"),
    await api.send<Plan>("GET", "/v1/vpp/lb/plan", undefined, [503]),
  ];
  if (list === null || frontendList === null || config === null || plan?.status !== 200) {
    return ["the API does not tell how things are"];
  }
  const wrong: string[] = [];
  const real = new Map([...site.backends.keys()].map((name) => [name, realState(world, name)]));
  wrong.push(
    ...differences("backend", real, new Map(list.body.backends.map(({ name, state }) => [name, state]))),
  );
  const told = [...subscriber.mirror.backends];
  wrong.push(...differences("events of backend", real, new Map(told)));
  for (const { name, state, vpp, pools } of frontendList.body.frontends) {
    if (vpp !== "in-sync") wrong.push(`frontend ${name} is ${vpp}`);
    const event = subscriber.mirror.frontends.get(name);
    const pool = pools.find(({ active }) => active)?.name;
    if (event?.state !== state || event.pool !== pool) {
      wrong.push(`frontend ${name} is ${state} by ${pool}, events say ${event?.state} by ${event?.pool}`);
    }
  }
  const wanted = wantedWeights(world, config.body.maglev as unknown as RunningConfig);
  wrong.push(...differences("weight in VPP", wanted, weightsInVpp(world)));
  const pending = plan.body.changes.filter(({ held }) => held !== "table length");
  wrong.push(...pending.map((change) => `still planned: ${JSON.stringify(change)}`));
  return wrong;
}
