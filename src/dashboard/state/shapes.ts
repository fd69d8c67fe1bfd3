/**
 * What a daemon answers, made safe to show. A daemon of another version lacks keys, and a peer may answer anything:
 * what is missing or of another type gets a default, what is unknown is kept, and a list holds only what has a name.
 * Pure.
 *
 * @module
 */
import type { Frontend, LbCounters, Override, PeerList, ProblemList } from "../../api/mod.ts";
import type { PageBackend, PageFrontend, PageInfo, StreamEvent } from "./model.ts";

/** Makes a value of one shape of anything. */
type Accept = (value: unknown) => unknown;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const text: Accept = (value) => typeof value === "string" ? value : "";
const number: Accept = (value) => typeof value === "number" ? value : 0;
const flag: Accept = (value) => value === true;
/** Null, missing, or of the shape. */
const maybe = (accept: Accept): Accept => (value) =>
  value === null || value === undefined ? value : accept(value);
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
  claimed: (value) => typeof value === "string" ? value : null,
  reason: (value) => typeof value === "string" ? value : null,
  since: text,
  until: (value) => typeof value === "string" ? value : null,
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
  by: (value) => typeof value === "string" ? value : null,
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
const problem = object({
  severity: text,
  kind: text,
  object: text,
  since: text,
  text,
  show: (value) => typeof value === "string" ? value : null,
  fix: (value) => typeof value === "string" ? value : null,
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
    frontend: (one: unknown) => typeof one === "string" ? one : null,
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
    read_at: (one: unknown) => typeof one === "string" ? one : null,
    vips: list(object(vip)),
    servers: list(object(server)),
  };
  return object(keys)(value) as LbCounters;
}

/** An event, or null where it is none. */
export function acceptEvent(value: unknown): StreamEvent | null {
  if (!isObject(value) || typeof value.kind !== "string") return null;
  const head = { at: text, at_unix_ns: text, synthetic: flag };
  const keys: Readonly<Record<string, Readonly<Record<string, Accept>>>> = {
    backend: { backend: text, transition },
    frontend: { frontend: text, from: text, to: text, active_pool: text, reason: text },
    vpp: { from: text, to: text, reason: text, info: (one) => isObject(one) ? one : null },
    log: { level: text, msg: text, attrs: (one) => isObject(one) ? one : {} },
    change: { what: text },
    resync: { reason: text },
    dropped: { reason: text },
  };
  return object({ ...head, ...keys[value.kind] })(value) as StreamEvent;
}
