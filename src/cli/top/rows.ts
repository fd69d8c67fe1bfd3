/**
 * The rows of `top`: what there is to see of each backend, in which order. Pure.
 *
 * @module
 */
import type { Backend, Frontend, LbCounters, State } from "../../api/mod.ts";
import { causeText } from "../render/backends.ts";
import { overrideText, whoText } from "../render/who.ts";

/** What `top` shows of a backend. */
export interface Row {
  /** Its name. */
  readonly name: string;
  /** Its state. */
  readonly state: State;
  /** Whether no result has counted for too long. */
  readonly blind: boolean;
  /** When the state began, in unix milliseconds. */
  readonly since: number;
  /** The counter; null: no health check. */
  readonly health: { readonly counter: number; readonly max: number; readonly degraded: boolean } | null;
  /** Median of its probes, in nanoseconds; null: no probe has counted. */
  readonly p50: number | null;
  /** The same for the slowest of twenty. */
  readonly p95: number | null;
  /** 60 characters as the API has them; "": none. */
  readonly spark: string;
  /** Largest share of new flows among its frontends; null: not known. */
  readonly share: number | null;
  /** Packets a second; null: not known. */
  readonly packets: number | null;
  /** Why it is as it is; "" where there is nothing to say. */
  readonly why: string;
  /** Where it serves. */
  readonly frontends: readonly string[];
}

/** Orders of the rows. */
export const sorts = ["worst", "name", "p95", "share", "packets", "since"] as const;

/** One of the orders. */
export type Sort = (typeof sorts)[number];

const stateRanks: ReadonlyMap<string, number> = new Map([
  ["down", 0],
  ["unknown", 2],
  ["paused", 3],
  ["disabled", 4],
]);

/** How bad a backend is; the worst is 0. */
function rank(row: Row): number {
  const byState = stateRanks.get(row.state);
  if (byState !== undefined) return byState;
  if (row.blind) return 1;
  if (row.health?.degraded === true) return 5;
  return row.spark.includes("x") ? 6 : row.why !== "" ? 7 : 8;
}

/** Names in the order of their numbers: `srv2` before `srv10`. */
const collator = new Intl.Collator("en", { numeric: true });
const most = (a: number | null, b: number | null): number => (b ?? -1) - (a ?? -1);

const orders: Readonly<Record<Sort, (a: Row, b: Row) => number>> = {
  worst: (a, b) => rank(a) - rank(b),
  name: (a, b) => collator.compare(a.name, b.name),
  p95: (a, b) => most(a.p95, b.p95),
  share: (a, b) => most(a.share, b.share),
  packets: (a, b) => most(a.packets, b.packets),
  since: (a, b) => b.since - a.since,
};

/** Rows that are wanted, in the order that is wanted; what is equal keeps the order of the file, so that rows stay. */
export function arrange(
  rows: readonly Row[],
  { sort, filter, frontend }: {
    readonly sort: Sort;
    readonly filter: string;
    readonly frontend: string | null;
  },
): Row[] {
  const wanted = filter.toLowerCase();
  return rows
    .filter((row) => frontend === null || row.frontends.includes(frontend))
    .filter((row) =>
      wanted === "" || row.name.toLowerCase().includes(wanted) || row.state.includes(wanted) ||
      row.why.toLowerCase().includes(wanted)
    )
    .sort(orders[sort]);
}

/** Packets a second of each backend between two reads of the counters; empty where no rate can be made. */
export function packetRates(earlier: LbCounters | null, later: LbCounters | null): Map<string, number> {
  const rates = new Map<string, number>();
  if (earlier?.read_at == null || later?.read_at == null) return rates;
  const seconds = (Date.parse(later.read_at) - Date.parse(earlier.read_at)) / 1000;
  if (!(seconds > 0)) return rates;
  const before = new Map(earlier.servers.map((server) => [server.address, server.packets]));
  for (const { address, backend, packets } of later.servers) {
    const old = before.get(address);
    // A counter that goes back is that of another VPP.
    if (backend === null || old === undefined || packets < old) continue;
    rates.set(backend, (rates.get(backend) ?? 0) + (packets - old) / seconds);
  }
  return rates;
}

/** Why a backend is as it is, in one line. */
function why(backend: Backend): string {
  if (backend.blind !== null) return `blind (${backend.blind.cause}): ${backend.blind.detail}`;
  const { override, last_probe: probe, state } = backend;
  const [newest] = backend.transitions;
  const set = override === null ? "" : [
    `${overrideText(override)} by ${whoText(override)}`,
    override.reason ?? "",
  ].filter((text) => text !== "").join(": ");
  if (state === "paused" || state === "disabled") {
    return set !== "" ? set : newest === undefined ? "" : causeText(newest);
  }
  if (state !== "up") return newest === undefined ? "" : causeText(newest);
  if (probe !== null && !probe.ok && probe.void === null) return `${probe.code} ${probe.detail}`;
  if (probe !== null && probe.void !== null) return `void (${probe.void}): ${probe.detail}`;
  return set;
}

/** Rows of all backends, in the file's order. */
export function rowsOf(
  backends: readonly Backend[],
  frontends: readonly Frontend[],
  rates: ReadonlyMap<string, number>,
  only: string | null,
): Row[] {
  const shares = new Map<string, number>();
  const weights = new Map<string, string>();
  for (const frontend of frontends) {
    if (only !== null && frontend.name !== only) continue;
    for (const pool of frontend.pools) {
      for (const { name, share, weight, file_weight, override } of pool.backends) {
        if (share !== null) shares.set(name, Math.max(share, shares.get(name) ?? 0));
        if (weight === file_weight) continue;
        const by = override === null ? "" : ` by ${whoText(override)}`;
        weights.set(name, `weight ${weight} in ${frontend.name}, file ${file_weight}${by}`);
      }
    }
  }
  return backends.map((backend): Row => ({
    name: backend.name,
    state: backend.state,
    blind: backend.blind !== null,
    since: Date.parse(backend.since),
    health: backend.health,
    p50: backend.latency === null ? null : Number(backend.latency.p50_ns),
    p95: backend.latency === null ? null : Number(backend.latency.p95_ns),
    spark: backend.latency?.spark ?? "",
    share: shares.get(backend.name) ?? null,
    packets: rates.get(backend.name) ?? null,
    why: why(backend) || (weights.get(backend.name) ?? ""),
    frontends: [...new Set(backend.frontends.map(({ frontend }) => frontend))],
  }));
}
