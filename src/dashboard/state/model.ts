/**
 * What the page knows of the daemon, as a value, and what reads and events make of it. Pure.
 *
 * Reads are the truth; an event changes the model at once and names what must be read again.
 *
 * @module
 */
import type {
  Backend,
  BackendEvent,
  Certificate,
  ChangeEvent,
  DroppedEvent,
  Frontend,
  FrontendEvent,
  Info,
  JournalEntry,
  Latency,
  LbCounters,
  LogEvent,
  Override,
  Plan,
  PoolBackend,
  ProblemList,
  Ready,
  ResyncEvent,
  VppEvent,
  VppInfo,
} from "../../api/mod.ts";

import { wordOf } from "./format.ts";

/** Any event of the stream. */
export type StreamEvent =
  | BackendEvent
  | FrontendEvent
  | VppEvent
  | LogEvent
  | ResyncEvent
  | DroppedEvent
  | ChangeEvent;

/** A backend; a daemon of another version may lack what is optional here. */
export type PageBackend = Backend & {
  readonly latency?: Latency | null;
  readonly override?: Override | null;
  readonly certificate?: Certificate | null;
};

/** The daemon, likewise. */
export type PageInfo = Info & { readonly grafana_url?: string | null };

/** A frontend, likewise. */
export type PageFrontend = Frontend & { readonly vpp_detail?: string };

/** A member of a pool, likewise. */
export type PageMember = PoolBackend & { readonly file_weight?: number; readonly override?: Override | null };

/** What can be read anew. */
export type Resource =
  | "info"
  | "ready"
  | "backends"
  | "frontends"
  | "problems"
  | "overrides"
  | "counters"
  | "vpp"
  | "syncs";

/** Packets a second of one server or VIP, and a short past of it. */
export interface Rate {
  /** Now; null: not known yet. */
  readonly now: number | null;
  /** Seconds since 1970 and packets a second, oldest first, at most 120. */
  readonly past: readonly (readonly [at: number, perSecond: number])[];
}

/** Quantiles of one backend's probes at a moment. */
export interface LatencyPoint {
  /** Seconds since 1970. */
  readonly at: number;
  /** In ms. */
  readonly p50: number;
  /** In ms. */
  readonly p95: number;
}

/** A line of the list of events. */
export interface EventRow {
  /** Counts up. */
  readonly key: number;
  /** The event. */
  readonly event: StreamEvent;
}

/** The connection to the daemon. `stale`: nothing was heard for a while. */
export type Connection =
  | "connecting"
  | "live"
  | "stale"
  | "unauthorized"
  | "away";

/** Everything. Null: not read yet, or this daemon does not have it. */
export interface Model {
  /** How the stream is. */
  readonly connection: Connection;
  /** Why it is not live. */
  readonly trouble: string;
  /** Version, node, who asks. */
  readonly info: PageInfo | null;
  /** Whether the daemon is ready. */
  readonly ready: Ready | null;
  /** In the file's order. */
  readonly backends: ReadonlyMap<string, PageBackend>;
  /** In the file's order. */
  readonly frontends: ReadonlyMap<string, PageFrontend>;
  /** Worst first. */
  readonly problems: ProblemList | null;
  /** What operators set. */
  readonly overrides: readonly Override[] | null;
  /** Connection of the daemon to VPP. */
  readonly link: VppEvent["to"] | null;
  /** The connected VPP. */
  readonly vpp: VppInfo | null;
  /** Counters as last read. */
  readonly counters: LbCounters | null;
  /** By `vip <frontend>` and `server <address>`. */
  readonly rates: ReadonlyMap<string, Rate>;
  /** By backend: a point a minute since the page is open, oldest first, at most 60. */
  readonly latency: ReadonlyMap<string, readonly LatencyPoint[]>;
  /** As last asked for. */
  readonly plan: Plan | null;
  /** Why the plan could not be read; "": it could. */
  readonly planTrouble: string;
  /** The last 20 syncs that changed something. */
  readonly syncs: readonly JournalEntry[] | null;
  /** Newest last, at most 500. */
  readonly events: readonly EventRow[];
}

/** Before anything was read. */
export const emptyModel: Model = {
  connection: "connecting",
  trouble: "",
  info: null,
  ready: null,
  backends: new Map(),
  frontends: new Map(),
  problems: null,
  overrides: null,
  link: null,
  vpp: null,
  counters: null,
  rates: new Map(),
  latency: new Map(),
  plan: null,
  planTrouble: "",
  syncs: null,
  events: [],
};

/** Events that are kept. */
export const eventLimit = 500;
/** Minutes of latency that are kept. */
const minuteLimit = 60;

/** Whether two values of JSON are equal; keys in any order. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (
    typeof a !== "object" || typeof b !== "object" || a === null || b === null
  ) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size &&
    left.every(([key, value]) => right.has(key) && sameJson(value, right.get(key)));
}

/** The new list by name, with the old object wherever nothing changed, so that its row is not drawn again. */
export function keepEqual<T extends { readonly name: string }>(
  before: ReadonlyMap<string, T>,
  now: readonly T[],
): ReadonlyMap<string, T> {
  const next = new Map<string, T>();
  let same = before.size === now.length;
  for (const value of now) {
    const old = before.get(value.name);
    const kept = old !== undefined && sameJson(old, value) ? old : value;
    same &&= kept === old;
    next.set(value.name, kept);
  }
  const order = same &&
    [...before.keys()].every((name, i) => name === now[i]?.name);
  return order ? before : next;
}

/** A read of backends. */
export function withBackends(
  model: Model,
  backends: readonly Backend[],
): Model {
  const latency = new Map(
    backends.map((backend) => [backend.name, withMinute(model.latency.get(backend.name) ?? [], backend)]),
  );
  return { ...model, backends: keepEqual(model.backends, backends), latency };
}

/** One more point when a minute has passed since the last one; the time is the probe's own. */
function withMinute(past: readonly LatencyPoint[], backend: PageBackend): readonly LatencyPoint[] {
  const at = Date.parse(backend.last_probe?.started_at ?? "") / 1000;
  const [p50, p95] = [Number(backend.latency?.p50_ns) / 1e6, Number(backend.latency?.p95_ns) / 1e6];
  if (!Number.isFinite(at + p50 + p95) || at < (past.at(-1)?.at ?? 0) + 60) return past;
  return [...past, { at, p50, p95 }].slice(-minuteLimit);
}

/** A read of frontends. */
export function withFrontends(
  model: Model,
  frontends: readonly Frontend[],
): Model {
  return { ...model, frontends: keepEqual(model.frontends, frontends) };
}

/** A read of problems. */
export function withProblems(model: Model, problems: ProblemList): Model {
  return sameJson(model.problems, problems) ? model : { ...model, problems };
}

/** A read of overrides. */
export function withOverrides(
  model: Model,
  overrides: readonly Override[],
): Model {
  return sameJson(model.overrides, overrides) ? model : { ...model, overrides };
}

/** Share of new flows that the weights ask for, by member's name: of the pool in use, 0 elsewhere. */
export function wantedShares({ pools }: Frontend): ReadonlyMap<string, number> {
  const members = pools.find(({ active }) => active)?.backends ?? [];
  const sum = members.reduce((total, { effective_weight }) => total + effective_weight, 0);
  return new Map(members.map((one) => [one.name, sum === 0 ? 0 : one.effective_weight / sum]));
}

/** An event: the model with it, and what must be read again. */
export function withEvent(
  model: Model,
  event: StreamEvent,
): { model: Model; read: readonly Resource[] } {
  const told = event.kind !== "change" && !("synthetic" in event && event.synthetic)
    ? { ...model, events: append(model.events, event) }
    : model;
  switch (event.kind) {
    case "backend": {
      const read: readonly Resource[] = event.synthetic ? [] : ["backends", "frontends", "problems"];
      return { model: withTransition(told, event), read };
    }
    case "frontend":
      return {
        model: withFrontendState(told, event),
        read: event.synthetic ? [] : ["frontends", "problems"],
      };
    case "vpp": {
      const next = { ...told, link: event.to, vpp: event.info };
      return {
        model: next,
        read: event.synthetic ? [] : ["ready", "frontends", "problems", "counters", "vpp"],
      };
    }
    case "change":
      // A newer daemon may have changes that this page does not know.
      return { model: told, read: wordOf(changed, event.what) ?? everything };
    case "resync":
    case "dropped":
      return { model: told, read: everything };
    default:
      // Records, and what only a newer daemon has.
      return { model: told, read: [] };
  }
}

/** What a change of each kind may have altered. */
const changed: Readonly<Record<ChangeEvent["what"], readonly Resource[]>> = {
  weight: ["frontends", "overrides", "problems"],
  override: ["backends", "frontends", "overrides", "problems"],
  problems: ["problems", "ready"],
  sync: ["frontends", "problems", "ready", "syncs"],
  config: ["info", "backends", "frontends", "overrides", "problems"],
  fleet: ["overrides", "problems"],
};

/** All that a page reads at its start. */
export const everything: readonly Resource[] = [
  "info",
  "ready",
  "backends",
  "frontends",
  "problems",
  "overrides",
  "counters",
  "vpp",
  "syncs",
];

function append(
  events: readonly EventRow[],
  event: StreamEvent,
): readonly EventRow[] {
  const key = (events.at(-1)?.key ?? 0) + 1;
  return [...events.slice(-(eventLimit - 1)), { key, event }];
}

function withTransition(
  model: Model,
  { backend, synthetic, transition }: BackendEvent,
): Model {
  const before = model.backends.get(backend);
  const backends = new Map(model.backends);
  if (transition.to === "removed") backends.delete(backend);
  else if (before !== undefined && before.state !== transition.to) {
    const transitions = synthetic ? before.transitions : [transition, ...before.transitions];
    backends.set(backend, {
      ...before,
      state: transition.to,
      since: transition.at,
      transitions,
    });
  } else return model;
  const weights = new Map(
    transition.effects.map((effect) => [effect.frontend, effect.weight_after]),
  );
  const member = (frontend: string) => (one: PoolBackend): PoolBackend =>
    one.name !== backend ? one : {
      ...one,
      state: transition.to,
      effective_weight: weights.get(frontend) ?? one.effective_weight,
    };
  const frontends = new Map(
    [...model.frontends].map(([name, frontend]) => {
      if (
        !frontend.pools.some((pool) => pool.backends.some((one) => one.name === backend))
      ) return [name, frontend];
      const pools = frontend.pools.map((pool) => ({
        ...pool,
        backends: pool.backends.map(member(name)),
      }));
      return [name, { ...frontend, pools }];
    }),
  );
  return { ...model, backends, frontends };
}

function withFrontendState(
  model: Model,
  { active_pool, at, frontend, to }: FrontendEvent,
): Model {
  const before = model.frontends.get(frontend);
  if (before === undefined) return model;
  const pools = before.pools.map((pool) => ({
    ...pool,
    active: pool.name === active_pool,
  }));
  const since = before.state === to ? before.since : at;
  return {
    ...model,
    frontends: new Map(model.frontends).set(frontend, {
      ...before,
      state: to,
      since,
      pools,
    }),
  };
}
