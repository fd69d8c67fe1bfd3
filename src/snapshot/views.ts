/**
 * Backends and frontends as the API shows them. Pure.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import type { Blindness } from "../health/blind.ts";
import { counterMax, isDegraded } from "../health/backend.ts";
import type { Entry } from "../health/entry.ts";
import type { FrontendWeights, Standing } from "../health/frontend.ts";
import type { Buckets } from "../lb/vpp_view.ts";
import type { Override } from "../memory/overrides/override.ts";
import type { IpAddress, Transition, UnixMillis } from "../model.ts";
import type { Config, Frontend } from "../configuration.ts";
import { certificate, frontendTransition, latency, probe, transition } from "./convert.ts";
import { overrideView } from "./overrides.ts";

/**
 * One backend at `now`.
 *
 * @param blind since when and why no result counts
 * @param override the one in force
 * @param isListed in a list only the newest transition is shown, without effects, and no single probe: lists stay small
 */
export function backendView(
  entry: Readonly<Entry>,
  blind: Blindness | null,
  override: Override | null,
  now: UnixMillis,
  isListed = false,
): api.Backend {
  const { backend, health } = entry;
  return {
    name: backend.name,
    address: backend.address,
    state: health.state,
    since: timeText(health.since),
    enabled: health.state !== "disabled",
    healthcheck: backend.healthcheck,
    health: health.rule === null ? null : {
      counter: health.counter,
      rise: health.rule.rise,
      fall: health.rule.fall,
      max: counterMax(health.rule),
      degraded: isDegraded(health),
    },
    last_probe: entry.lastProbe === null ? null : probe(entry.lastProbe),
    next_probe_at: entry.nextDueAt === null ? null : timeText(entry.nextDueAt),
    frontends: entry.places.map(({ frontend, pool }) => ({ frontend, pool })),
    transitions: isListed ? newest(entry.history) : entry.history.map(transition),
    blind: blind === null ? null : { ...blind, since: timeText(blind.since) },
    override: override && overrideView(override),
    latency: entry.latency === null ? null : latency(entry.latency, isListed),
    certificate: entry.certificate === null ? null : certificate(entry.certificate, now),
  };
}

/** What a frontend's view shows besides its configuration and its state. */
export interface FrontendExtras {
  /** How VPP stands to it. */
  readonly vpp: api.Frontend["vpp"];
  /** Why; "" when in-sync or off. */
  readonly vppDetail: string;
  /** Weight of a member in the file; null: the file has no such member. */
  readonly fileWeight: (pool: string, backend: string) => number | null;
  /** The override of a member's weight that is in force. */
  readonly override: (pool: string, backend: string) => Override | null;
  /** Buckets of a server as VPP last reported them; null: not known. */
  readonly buckets: (address: IpAddress) => Buckets | null;
}

/** The newest transition as lists show it: without its effects, of which there is one a frontend. */
function newest([first]: readonly Transition[]): api.Transition[] {
  return first === undefined ? [] : [transition({ ...first, effects: [] })];
}

/** One frontend. */
export function frontendView(
  frontend: Frontend,
  config: Config,
  weights: FrontendWeights,
  standing: Standing,
  { buckets, fileWeight, override, vpp, vppDetail }: FrontendExtras,
): api.Frontend {
  const member = (pool: string, name: string, weight: number): api.PoolBackend[] => {
    const backend = config.backends.get(name);
    const judged = weights.members.find((m) => m.pool === pool && m.backend === name);
    if (backend === undefined || judged === undefined) return [];
    const set = override(pool, name);
    const server = judged.address === null ? null : buckets(judged.address);
    return [{
      name,
      address: backend.address,
      state: judged.state,
      enabled: judged.state !== "disabled",
      weight,
      effective_weight: judged.effective,
      num_buckets: server?.count ?? null,
      share: server === null ? null : server.count / server.length,
      file_weight: fileWeight(pool, name) ?? weight,
      override: set && overrideView(set),
    }];
  };
  return {
    name: frontend.name,
    description: frontend.description,
    address: frontend.address,
    protocol: frontend.protocol,
    port: frontend.port,
    state: weights.state,
    since: timeText(standing.since),
    src_ip_sticky: frontend.srcIpSticky,
    flush_on_down: frontend.flushOnDown,
    new_flows_table_length: frontend.newFlowsTableLength,
    pools: frontend.pools.map((pool) => ({
      name: pool.name,
      active: pool.name === weights.activePool,
      backends: pool.members.flatMap((m) => member(pool.name, m.backend, m.weight)),
    })),
    vpp,
    vpp_detail: vppDetail,
    transitions: standing.history.map(frontendTransition),
  };
}
