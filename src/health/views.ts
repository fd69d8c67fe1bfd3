/**
 * Backends and frontends in the shapes of the API. Pure.
 *
 * @module
 */
import type * as api from "../api.ts";
import type { Frontend, IpAddress } from "../model.ts";
import { probe, time, transition } from "../snapshot/convert.ts";
import { counterMax, isDegraded } from "./backend.ts";
import type { Entry } from "./entry.ts";
import type { FrontendWeights } from "./frontend.ts";
import type { Standing } from "./frontend_states.ts";

/** What is known of a frontend's VIP in VPP. */
export interface VipStanding {
  /** How far VPP follows. */
  readonly vpp: api.Frontend["vpp"];
  /** Buckets of the new-flow table and share 0…1 of a server as VPP last reported; null: not known. */
  share(backend: string): { readonly buckets: number; readonly share: number } | null;
}

/** A backend. */
export function backendView(entry: Readonly<Entry>): api.Backend {
  const { backend, health } = entry;
  const { rule } = health;
  return {
    name: backend.name,
    address: backend.address,
    state: health.state,
    since: time(health.since),
    enabled: health.state !== "disabled",
    healthcheck: backend.healthcheck,
    health: rule === null ? null : {
      counter: health.counter,
      rise: rule.rise,
      fall: rule.fall,
      max: counterMax(rule),
      degraded: isDegraded(health),
    },
    last_probe: entry.lastProbe === null ? null : probe(entry.lastProbe),
    next_probe_at: entry.nextDueAt === null ? null : time(entry.nextDueAt),
    frontends: entry.places.map(({ frontend, pool }) => ({ frontend, pool })),
    transitions: entry.history.map(transition),
  };
}

/**
 * A frontend.
 *
 * @param address of a backend, by name
 */
export function frontendView(
  frontend: Frontend,
  weights: FrontendWeights,
  standing: Standing,
  address: (backend: string) => IpAddress | null,
  vip: VipStanding,
): api.Frontend {
  const member = (judged: FrontendWeights["members"][number]): api.PoolBackend => {
    const share = vip.share(judged.backend);
    return {
      name: judged.backend,
      address: address(judged.backend) ?? "",
      state: judged.state,
      enabled: judged.state !== "disabled",
      weight: judged.configured,
      effective_weight: judged.effective,
      num_buckets: share?.buckets ?? null,
      share: share?.share ?? null,
    };
  };
  return {
    name: frontend.name,
    description: frontend.description,
    address: frontend.address,
    protocol: frontend.protocol,
    port: frontend.port,
    state: weights.state,
    since: time(standing.since),
    src_ip_sticky: frontend.srcIpSticky,
    flush_on_down: frontend.flushOnDown,
    new_flows_table_length: frontend.newFlowsTableLength,
    pools: frontend.pools.map((pool) => ({
      name: pool.name,
      active: pool.name === weights.activePool,
      backends: weights.members.filter((m) => m.pool === pool.name).map(member),
    })),
    vpp: vip.vpp,
  };
}
