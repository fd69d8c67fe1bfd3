/**
 * What entries of the journal tell of a moment in the past, as the facts of an explanation. Pure.
 *
 *   configuration   the newest that was loaded before it
 *   states          the newest transition of each backend
 *   overrides       those that were set and had not ended
 *   messages        the newest sync that names the server
 *
 * @module
 */
import type { JournalEntry, Override } from "../api/mod.ts";
import { freshHealth, type Rule } from "../health/backend.ts";
import { type FrontendWeights, frontendWeights } from "../health/frontend.ts";
import { withWeights } from "../health/config.ts";
import type { Code, IpAddress, State, Transition, UnixMillis } from "../model.ts";
import type { Config, Frontend } from "../configuration.ts";
import type { ExplainFacts, Sent, StateFacts } from "./explain.ts";

/** The part of a past configuration that explanations need. */
export type PastConfig = Pick<Config, "frontends"> & {
  /** Address of each backend, and its rule; null: no health check. */
  readonly backends: ReadonlyMap<string, { readonly address: string; readonly rule: Rule | null }>;
};

/** What the journal tells of a moment. */
export interface Past {
  /** The moment. */
  readonly at: UnixMillis;
  /** The configuration that ran. */
  readonly config: PastConfig;
  /** The newest transition of each backend; missing: none is kept. */
  readonly transitions: ReadonlyMap<string, JournalEntry>;
  /** Entries of overrides, newest first. */
  readonly overrides: readonly JournalEntry[];
  /** Syncs that changed something, newest first. */
  readonly syncs: readonly JournalEntry[];
}

function part(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function number(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

/** The configuration in an entry; null: it has none. */
export function pastConfig({ data }: Pick<JournalEntry, "data">): PastConfig | null {
  if (data.config === undefined) return null;
  const file = part(part(data.config).maglev);
  const checks = part(file.healthchecks);
  const backends = Object.entries(part(file.backends)).map(([name, value]) => {
    const { address, healthcheck } = part(value);
    const check = typeof healthcheck === "string" ? part(checks[healthcheck]) : null;
    const rule = check === null ? null : { rise: number(check.rise, 2), fall: number(check.fall, 3) };
    return [name, { address: String(address), rule }] as const;
  });
  const frontends = Object.entries(part(file.frontends)).map(([name, value]): [string, Frontend] => {
    const { pools, protocol, port } = part(value);
    return [name, {
      name,
      description: "",
      address: String(part(value).address) as IpAddress,
      protocol: protocol === "tcp" || protocol === "udp" ? protocol : "any",
      port: number(port, 0),
      pools: (Array.isArray(pools) ? pools : []).map((pool) => ({
        name: String(part(pool).name),
        members: Object.entries(part(part(pool).backends)).map(([backend, member]) => ({
          backend,
          weight: number(part(member).weight, 100),
        })),
      })),
      srcIpSticky: false,
      flushOnDown: true,
      newFlowsTableLength: 1024,
      newFlowsTableLengthAuto: true,
    }];
  });
  return { frontends: new Map(frontends), backends: new Map(backends) };
}

/** The overrides that were in force, by what the newest entry of each says. */
function inForce(entries: readonly JournalEntry[]): Override[] {
  const seen = new Set<string>();
  return entries.flatMap(({ data }) => {
    // As `overrideEntries` wrote it.
    const override = data.override as Override;
    if (seen.has(override.id)) return [];
    seen.add(override.id);
    return data.what === "set" || data.what === "woken" ? [override] : [];
  });
}

function stateOf({ backends }: PastConfig, name: string, entry: JournalEntry | undefined): StateFacts | null {
  const backend = backends.get(name);
  if (backend === undefined && entry === undefined) return null;
  const rule = backend?.rule ?? null;
  if (entry === undefined) {
    return { health: { ...freshHealth(rule, 0, "none"), known: true }, newest: null, lastFailure: null };
  }
  const { data } = entry;
  const to = data.to as State;
  const at = Date.parse(entry.at);
  const since = typeof data.since === "string" ? Date.parse(data.since) : at;
  const newest: Transition = {
    backend: name,
    from: data.from as State,
    to,
    at,
    code: data.code as Code,
    detail: String(data.detail),
    by: entry.by,
    effects: [],
  };
  const counter = rule === null || to !== "up" ? 0 : rule.rise + rule.fall - 1;
  const health = { ...freshHealth(rule, since, "none"), state: to, counter, known: true, since };
  return { health, newest, lastFailure: null };
}

function sentTo(syncs: readonly JournalEntry[], frontend: string, address: string): Sent | null {
  for (const { at, data } of syncs) {
    for (const change of Array.isArray(data.changes) ? data.changes.map(part) : []) {
      if (change.frontend !== frontend || change.address !== address) continue;
      const { flush, reason, retval, weight_after: weight } = change;
      return {
        at: Date.parse(at),
        weight: number(weight, 0),
        flush: flush === true,
        retval: number(retval, 0),
        reason: String(reason),
      };
    }
  }
  return null;
}

/** The facts of an explanation of that moment. What VPP had is not known. */
export function pastFacts({ at, config, overrides, syncs, transitions }: Past): ExplainFacts {
  const forced = inForce(overrides);
  const running = withWeights(
    // Only frontends are looked at.
    { frontends: config.frontends } as Config,
    forced.flatMap(({ backend, by, frontend, pool, weight }) =>
      frontend === null || pool === null || weight === null
        ? []
        : [{ frontend, pool, backend, weight, by, restored: true }]
    ),
  );
  const states = new Map<string, StateFacts | null>();
  const backend = (name: string) => {
    const known = states.get(name);
    if (known !== undefined) return known;
    const state = stateOf(config, name, transitions.get(name));
    states.set(name, state);
    return state;
  };
  const weights = (frontend: Frontend): FrontendWeights =>
    frontendWeights(frontend, {
      status: (name) => backend(name)?.health ?? { state: "removed", known: true },
      address: (name) => (config.backends.get(name)?.address ?? null) as IpAddress | null,
      witness: () => null,
      inVpp: () => null,
    });
  return {
    at,
    frontend(name) {
      const frontend = running.frontends.get(name);
      return frontend === undefined ? null : { frontend, weights: weights(frontend) };
    },
    backend,
    fileWeight: (frontend, pool, name) =>
      config.frontends.get(frontend)?.pools.find((one) => one.name === pool)?.members
        .find((member) => member.backend === name)?.weight ?? null,
    override: (frontend, pool, name) =>
      forced.find((one) => one.backend === name && one.frontend === frontend && one.pool === pool) ??
        forced.find((one) => one.backend === name && one.frontend === null) ?? null,
    sent: (frontend, address) => sentTo(syncs, frontend, address),
    inVpp: () => null,
    witness: () => null,
    vpp: () => ({ standing: "off", detail: "" }),
  };
}
