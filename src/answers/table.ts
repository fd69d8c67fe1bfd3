/**
 * The new-flow table of a frontend for people, as it is or under assumed states and weights.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import type { Config, Frontend } from "../configuration.ts";
import type { Refusal, TableQuery } from "../control.ts";
import { desiredVips, type KnownServers, type StatusOf } from "../lb/desired.ts";
import { bucketCounts, LONGEST_COMPUTED } from "../lb/table/table.ts";
import type { ActualVip } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { compare } from "./prediction.ts";
import { lengthLimitLint, sumOfWeights, tableLints } from "./table_lints.ts";
import { actualTable, tableAfter, type TableSlices } from "./vip_table.ts";

/** What the view depends on. */
export interface TableViewInput {
  /** The running configuration. */
  readonly config: Config;
  /** The frontend in it. */
  readonly frontend: Frontend;
  /** States as they are. */
  readonly status: StatusOf;
  /** What is known of VPP's servers. */
  readonly servers: KnownServers;
  /** The VIP as VPP has it; null: VPP does not have it, or is away. */
  readonly actual: ActualVip | null;
}

function strangers(frontend: Frontend, query: TableQuery): string[] {
  const members = new Set(frontend.pools.flatMap((pool) => pool.members.map((member) => member.backend)));
  return [...query.states.keys(), ...query.weights.keys()].filter((name) => !members.has(name));
}

function assume(frontend: Frontend, query: TableQuery): Frontend {
  const pools = frontend.pools.map((pool) => ({
    ...pool,
    members: pool.members.map((member) => ({
      ...member,
      weight: query.weights.get(member.backend) ?? member.weight,
    })),
  }));
  return { ...frontend, pools };
}

/** The table of a frontend. Refused as `invalid`: a weight outside 0...100, or a backend that it does not have. */
export async function tableView(
  input: TableViewInput,
  query: TableQuery,
  slices: TableSlices,
): Promise<Result<api.Table, Refusal>> {
  const { config, frontend, status, servers, actual } = input;
  const [stranger] = strangers(frontend, query);
  if (stranger !== undefined) {
    return err({ type: "invalid", detail: `frontend "${frontend.name}" has no backend "${stranger}"` });
  }
  for (const [name, weight] of query.weights) {
    if (Number.isInteger(weight) && weight >= 0 && weight <= 100) continue;
    return err({ type: "invalid", detail: `weight of "${name}" must be a whole number from 0 to 100` });
  }
  const assumed = query.states.size + query.weights.size > 0;
  const statusThen: StatusOf = (backend) => {
    const state = query.states.get(backend);
    return state === undefined ? status(backend) : { state, known: true };
  };
  const assumedConfig = {
    ...config,
    frontends: new Map([...config.frontends, [frontend.name, assume(frontend, query)]]),
  };
  const then = desiredVips(assumedConfig, statusThen, servers, [frontend.name])[0];
  const now = desiredVips(config, status, servers, [frontend.name])[0];
  if (then === undefined || now === undefined) {
    return err({ type: "not-found", detail: `there is no frontend "${frontend.name}"` });
  }
  const spec = tableAfter(then, actual, false);
  const counts = bucketCounts(spec.length, spec.servers);
  const sum = sumOfWeights(spec);
  const before = actual === null ? tableAfter(now, null, false) : actualTable(actual);
  const isShort = spec.length <= LONGEST_COMPUTED;
  const table = query.buckets && isShort ? await slices.table(spec) : null;
  const limit = lengthLimitLint(`frontends.${frontend.name}`, assumed ? [spec, before] : [spec]);
  const lints = tableLints(frontend.name, spec, (index) => then.servers[index]?.backend ?? "");
  return ok({
    frontend: frontend.name,
    table_length: spec.length,
    assumed,
    servers: then.servers.map(({ backend, address, weight }, index) => ({
      backend,
      address,
      weight,
      num_buckets: counts[index] ?? 0,
      share: (counts[index] ?? 0) / spec.length,
      wanted_share: sum === 0 ? 0 : weight / sum,
    })),
    compared_to_now: assumed ? await compare(before, spec, slices) : null,
    ...(table === null ? {} : { buckets: Array.from(table.buckets) }),
    lints: limit === null ? lints : [...lints, limit],
  });
}
