/**
 * The same facts as different witnesses tell them: which state a backend has, which weight it carries where, and
 * how a frontend stands.
 *
 * @module
 */
import type { BackendList, FrontendList, FState, LbState, State } from "../../src/api/mod.ts";
import type { ActualVip } from "../../src/model.ts";
import type { EventMirror } from "../soak/mirror.ts";

/** Frontend → backend → weight. */
export type Weights = Record<string, Record<string, number>>;

/** What one witness says; what it cannot know is left out. */
export interface View {
  readonly states?: Record<string, State>;
  readonly weights?: Weights;
  readonly frontends?: Record<string, { state: FState; pool?: string }>;
}

/** By the lists of the API, asked directly or by the client. */
export function listsView({ backends }: BackendList, { frontends }: FrontendList): View {
  return {
    states: Object.fromEntries(backends.map(({ name, state }) => [name, state])),
    weights: Object.fromEntries(frontends.map(({ name, pools }) => [
      name,
      Object.fromEntries(pools.flatMap((pool) => pool.backends).map((b) => [b.name, b.effective_weight])),
    ])),
    frontends: Object.fromEntries(
      frontends.map((
        { name, state, pools },
      ) => [name, { state, pool: pools.find((p) => p.active)?.name ?? "" }]),
    ),
  };
}

/** By VPP, as the daemon or the client shows what it reads there. */
export function lbStateView({ vips }: LbState): View {
  return {
    weights: Object.fromEntries(vips.map((vip) => [
      vip.frontend ?? vip.prefix,
      Object.fromEntries(
        vip.application_servers.map((server) => [server.backend ?? server.address, server.weight]),
      ),
    ])),
  };
}

/** By VPP itself; `frontends` names VIPs by prefix, `backends` servers by address. */
export function vppView(
  vips: readonly ActualVip[],
  frontends: ReadonlyMap<string, string>,
  backends: ReadonlyMap<string, string>,
): View {
  return {
    weights: Object.fromEntries(vips.map((vip) => [
      frontends.get(vip.prefix) ?? vip.prefix,
      Object.fromEntries(
        vip.servers.map(({ address, weight }) => [backends.get(address) ?? address, weight]),
      ),
    ])),
  };
}

/** By the events so far. */
export function eventsView({ backends, frontends }: EventMirror): View {
  return { states: Object.fromEntries(backends), frontends: Object.fromEntries(frontends) };
}

/** By the text of GET /metrics. */
export function metricsView(text: string): View {
  const states: Record<string, State> = {};
  const weights: Weights = {};
  const frontends: Record<string, { state: FState }> = {};
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    const label = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, k = "", v = ""]) => [k, v]),
    );
    const { backend = "", frontend = "", state = "" } = label;
    if (name === "maglev_backend_state" && value === "1") states[backend] = state as State;
    if (name === "maglev_frontend_state" && value === "1") frontends[frontend] = { state: state as FState };
    if (name === "maglev_frontend_pool_backend_effective_weight") {
      (weights[frontend] ??= {})[backend] = Number(value);
    }
  }
  return { states, weights, frontends };
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** Where a witness says something else than was expected, as a sentence; null: nowhere. */
export function disagreement(witness: string, expected: Required<View>, seen: View): string | null {
  for (const key of ["states", "weights", "frontends"] as const) {
    if (seen[key] === undefined) continue;
    const wanted = key === "frontends" && witness === "metrics"
      ? withoutPools(expected.frontends)
      : expected[key];
    const [a, b] = [JSON.stringify(sorted(wanted)), JSON.stringify(sorted(seen[key]))];
    if (a !== b) return `${witness}: ${key} are ${b}, should be ${a}`;
  }
  return null;
}

/** Metrics do not tell which pool is active. */
function withoutPools(frontends: Required<View>["frontends"]): Required<View>["frontends"] {
  return Object.fromEntries(Object.entries(frontends).map(([name, { state }]) => [name, { state }]));
}
