/**
 * What a daemon answers, made safe to show. A daemon of another version lacks keys, and a peer may answer anything:
 * what is missing or of another type gets a default, what is unknown is kept, and a list holds only what has a name.
 * Pure.
 *
 * @module
 */
import type {
  Consequences,
  Explain,
  Frontend,
  JournalEntry,
  LbCounters,
  Override,
  PeerList,
  Plan,
  ProblemList,
  VppInfo,
  Whereis,
} from "../../api/mod.ts";
import type { PageBackend, PageFrontend, PageInfo, StreamEvent } from "./model.ts";

/** Makes a value of one shape of anything. */
type Accept = (value: unknown) => unknown;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const text: Accept = (value) => typeof value === "string" ? value : "";
/** Text, or null. */
const words: Accept = (value) => typeof value === "string" ? value : null;
const number: Accept = (value) => typeof value === "number" ? value : 0;
/** A number, or null. */
const known: Accept = (value) => typeof value === "number" ? value : null;
const flag: Accept = (value) => value === true;
/** Null, missing, or of the shape. */
const maybe = (accept: Accept): Accept => (value) =>
  value === null || value === undefined ? value : accept(value);
/** Null, or of the shape. */
const or = (accept: Accept): Accept => (value) => isObject(value) ? accept(value) : null;
/** A number as text, as durations are; null where it is none. */
const duration: Accept = (value) => typeof value === "string" && /^\d{1,19}$/.test(value) ? value : null;
const list = (accept: Accept): Accept => (value) =>
  Array.isArray(value) ? value.filter(isObject).map(accept) : [];
const texts: Accept = (value) => Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
const object = (keys: Readonly<Record<string, Accept>>): Accept => (value) => {
  const given = isObject(value) ? value : {};
  const made: Record<string, unknown> = { ...given };
  for (const [key, accept] of Object.entries(keys)) {
    const accepted = accept(given[key]);
    if (accepted !== undefined) made[key] = accepted;
  }
  return made;
};
/** A list of what has a name; a name twice would be one row twice. */
const named = (accept: Accept): Accept => (value) => {
  const items = Array.isArray(value) ? value.filter(isObject) : [];
  const byName = new Map(
    items.flatMap((one) => typeof one.name === "string" ? [[one.name, accept(one)]] : []),
  );
  return [...byName.values()];
};

const override = object({
  id: text,
  kind: text,
  backend: text,
  frontend: maybe(text),
  pool: maybe(text),
  weight: maybe(number),
  by: text,
  claimed: words,
  reason: words,
  since: text,
  until: words,
  sleeping: (value) => isObject(value) ? { since: text(value.since), why: text(value.why) } : null,
});
const effect = object({ frontend: text, weight_before: number, weight_after: number, flush: flag });
const transition = object({
  from: text,
  to: text,
  at: text,
  at_unix_ns: text,
  code: text,
  detail: text,
  by: words,
  effects: list(effect),
});
const quantiles = object({ p50_ns: duration, p95_ns: duration, p99_ns: duration, spark: text });
const probe = object({
  ok: flag,
  code: text,
  detail: text,
  started_at: text,
  connect_ns: duration,
  tls_ns: duration,
  first_byte_ns: duration,
  total_ns: duration,
  void: maybe(text),
});
const backend = object({
  name: text,
  address: text,
  state: text,
  since: text,
  healthcheck: maybe(text),
  health: maybe(object({ counter: number, rise: number, max: number })),
  last_probe: maybe(probe),
  frontends: list(object({ frontend: text, pool: text })),
  transitions: list(transition),
  blind: maybe(object({ since: text, detail: text })),
  override: maybe(override),
  certificate: maybe(object({ subject: text, issuer: text, names: texts, days_left: number })),
  latency: maybe(quantiles),
});
const member = object({
  name: text,
  address: text,
  state: text,
  weight: number,
  effective_weight: number,
  share: maybe(number),
  file_weight: maybe(number),
  override: maybe(override),
});
const frontend = object({
  name: text,
  description: text,
  address: text,
  protocol: text,
  port: number,
  state: text,
  since: text,
  pools: named(object({ name: text, active: flag, backends: named(member) })),
  vpp: text,
  vpp_detail: text,
  transitions: list(object({ from: text, to: text, at: text, active_pool: maybe(text), reason: text })),
});
const vppInfo = object({ version: text, pid: number, boottime: text, connecttime: text });
const problem = object({
  severity: text,
  kind: text,
  object: text,
  since: text,
  text,
  show: words,
  fix: words,
});

/** What GET /v1/info answered. */
export function acceptInfo(value: unknown): PageInfo {
  const warmup = maybe(object({ phase: text }));
  const keys = {
    node: text,
    version: text,
    started_at: text,
    features: texts,
    warmup,
    grafana_url: maybe(text),
  };
  return object({ ...keys, you: maybe(object({ name: text, role: text })) })(value) as PageInfo;
}

/** The list that GET /v1/backends answered. */
export function acceptBackends(value: unknown): PageBackend[] {
  return named(backend)(isObject(value) ? value.backends : null) as PageBackend[];
}

/** What GET /v1/backends/{name} answered. */
export function acceptBackend(value: unknown): PageBackend {
  return backend(value) as PageBackend;
}

/** The list that GET /v1/frontends answered. */
export function acceptFrontends(value: unknown): PageFrontend[] {
  return named(frontend)(isObject(value) ? value.frontends : null) as (PageFrontend & Frontend)[];
}

/** What GET /v1/peers answered. */
export function acceptPeers(value: unknown): PeerList {
  const peer = object({ name: text, url: text, reachable: flag, detail: text });
  return object({ peers: named(peer) })(value) as PeerList;
}

/** What GET /v1/problems answered. */
export function acceptProblems(value: unknown): ProblemList {
  return object({ problems: list(problem), critical: number, warnings: number })(value) as ProblemList;
}

/** The list that GET /v1/overrides answered. */
export function acceptOverrides(value: unknown): Override[] {
  return list(override)(isObject(value) ? value.overrides : null) as Override[];
}

/** What GET /v1/vpp/lb/counters answered. */
export function acceptCounters(value: unknown): LbCounters {
  const vip = {
    frontend: words,
    prefix: text,
    protocol: text,
    port: number,
    next: number,
    first: number,
    untracked: number,
    no_server: number,
  };
  const server = { address: text, backend: maybe(text), packets: number, bytes: number };
  const keys = {
    read_at: words,
    vips: list(object(vip)),
    servers: list(object(server)),
  };
  return object(keys)(value) as LbCounters;
}

/** What GET /v1/vpp/info answered. */
export function acceptVpp(value: unknown): VppInfo {
  return vppInfo(value) as VppInfo;
}

/** The entries that GET /v1/journal answered. */
export function acceptJournal(value: unknown): JournalEntry[] {
  const entry = object({ seq: number, at: text, text, reason: words });
  return list(entry)(isObject(value) ? value.entries : null) as JournalEntry[];
}

/** What GET /v1/vpp/lb/plan answered. */
export function acceptPlan(value: unknown): Plan {
  const place = { frontend: words, prefix: words, backend: words, address: words };
  const change = {
    ...place,
    seq: number,
    kind: text,
    weight_before: known,
    weight_after: known,
    flush: flag,
    traffic_affecting: flag,
    held: words,
    reason: text,
  };
  const server = { address: text, backend: words, share_before: known, share_after: known };
  const prediction = {
    frontend: words,
    prefix: text,
    protocol: text,
    port: number,
    moved_share: known,
    least_share: known,
    servers: list(object(server)),
  };
  const keys = { digest: text, changes: list(object(change)), predictions: list(object(prediction)) };
  return object(keys)(value) as Plan;
}

/** What GET …/explain answered. */
export function acceptExplain(value: unknown): Explain {
  const member = {
    frontend: text,
    pool: text,
    backend: text,
    in_use: flag,
    pool_reason: text,
    file_weight: number,
    override: or(override),
    state: text,
    state_reason: text,
    effective_weight: number,
    sent: or(object({ at: text, weight: number })),
    in_vpp: or(object({ weight: number })),
  };
  return object({ text, members: list(object(member)) })(value) as Explain;
}

/** What GET …/whereis answered. */
export function acceptWhereis(value: unknown): Whereis {
  const server = or(object({ backend: words, address: text }));
  const keys = { now: server, after_plan: server, bucket: number, table_length: number, note: text };
  return object(keys)(value) as Whereis;
}

/** The consequences that a change answered; null: a daemon of another version does not tell them. */
export function acceptConsequences(value: unknown): Consequences | null {
  const { consequences } = isObject(value) ? value : {};
  if (!isObject(consequences)) return null;
  const place = {
    frontend: text,
    from: text,
    to: text,
    pool_before: words,
    pool_after: words,
    servers_left: known,
    moved_share: known,
    flushed: texts,
  };
  const frontends = Array.isArray(consequences.frontends) ? list(object(place)) : () => null;
  const keys = { durable: flag, durable_detail: text, replaced: or(override), frontends };
  return object(keys)(consequences) as Consequences;
}

/** An event, or null where it is none. */
export function acceptEvent(value: unknown): StreamEvent | null {
  if (!isObject(value) || typeof value.kind !== "string") return null;
  const head = { at: text, at_unix_ns: text, synthetic: flag };
  const keys: Readonly<Record<string, Readonly<Record<string, Accept>>>> = {
    backend: { backend: text, transition },
    frontend: { frontend: text, from: text, to: text, active_pool: text, reason: text },
    vpp: { from: text, to: text, reason: text, info: or(vppInfo) },
    log: { level: text, msg: text, attrs: (one) => isObject(one) ? one : {} },
    change: { what: text },
    resync: { reason: text },
    dropped: { reason: text },
  };
  return object({ ...head, ...keys[value.kind] })(value) as StreamEvent;
}
