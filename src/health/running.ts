/**
 * The running configuration: the file's, with the weights that operators set since. Pure.
 *
 * @module
 */
import type { Config, Frontend, PoolMember } from "../model.ts";

/** A weight that differs from the file's. */
export interface RuntimeWeight {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the backend. */
  readonly backend: string;
  /** Weight in the file, 0…100; null: the file has no such member any more. */
  readonly file: number | null;
  /** Weight set at run time, 0…100. */
  readonly weight: number;
  /** Who set it. */
  readonly by: string;
}

/** A backend's place in a frontend. */
export interface Membership {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
}

/** Configured weight of a member, 0…100; null if there is no such frontend, pool or member. */
export function memberWeight(config: Config, frontend: string, pool: string, backend: string): number | null {
  const members = config.frontends.get(frontend)?.pools.find((p) => p.name === pool)?.members;
  return members?.find((member) => member.backend === backend)?.weight ?? null;
}

/** A weight that somebody set on a member. */
export interface SetWeight {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the backend. */
  readonly backend: string;
  /** 0…100. */
  readonly weight: number;
  /** Who set it. */
  readonly by: string;
  /** Whether it was not set in this process. */
  readonly restored: boolean;
}

/** The configuration with these weights; members that do not exist leave it as it is. */
export function withWeights(config: Config, weights: readonly SetWeight[]): Config {
  if (weights.length === 0) return config;
  const frontends = new Map(config.frontends);
  for (const [name, own] of Map.groupBy(weights, ({ frontend }) => frontend)) {
    const frontend = config.frontends.get(name);
    if (frontend !== undefined) frontends.set(name, withOwn(frontend, own));
  }
  return { ...config, frontends };
}

function withOwn(frontend: Frontend, weights: readonly SetWeight[]): Frontend {
  const set = new Map(weights.map((one) => [`${one.pool}/${one.backend}`, one]));
  const pools = frontend.pools.map((pool) => ({
    ...pool,
    members: pool.members.map((member): PoolMember => {
      const one = set.get(`${pool.name}/${member.backend}`);
      if (one === undefined) return member;
      const here = { ...member, weight: one.weight, byOperator: one.by };
      return one.restored ? { ...here, restored: true } : here;
    }),
  }));
  return { ...frontend, pools };
}

/** Every weight of `running` that differs from `file`'s, in the order of `running`. */
export function runtimeWeights(file: Config, running: Config): RuntimeWeight[] {
  const weights: RuntimeWeight[] = [];
  for (const frontend of running.frontends.values()) {
    if (file.frontends.get(frontend.name) === frontend) continue;
    for (const pool of frontend.pools) {
      for (const { backend, byOperator: by = "", weight } of pool.members) {
        const filed = memberWeight(file, frontend.name, pool.name, backend);
        if (filed !== weight) {
          weights.push({ frontend: frontend.name, pool: pool.name, backend, file: filed, weight, by });
        }
      }
    }
  }
  return weights;
}

/** The places of every backend, in the file's order of frontends; a backend that nobody uses is not in the map. */
export function memberships(frontends: Iterable<Frontend>): Map<string, Membership[]> {
  const places = new Map<string, Membership[]>();
  for (const frontend of frontends) {
    for (const pool of frontend.pools) {
      for (const { backend } of pool.members) {
        const place = { frontend: frontend.name, pool: pool.name };
        const list = places.get(backend);
        if (list === undefined) places.set(backend, [place]);
        else list.push(place);
      }
    }
  }
  return places;
}
