/**
 * One consistent small world for the examples of the OpenAPI document: frontend `web` on 192.0.2.1:443 with
 * backends b1 and b2, the second of which has just gone down.
 *
 * @module
 */
import type * as api from "../src/api/mod.ts";
import { at, atNs, b1, b2, plan, syncResult } from "./examples_vpp.ts";
import { problemKinds, type ProblemType } from "./problem_kinds.ts";

const transition: api.Transition = {
  from: "up",
  to: "down",
  at,
  at_unix_ns: atNs,
  code: "L7STS",
  detail: "HTTP 503",
  by: null,
  effects: [{ frontend: "web", pool: "main", weight_before: 100, weight_after: 0, flush: true }],
};

/** Backend b2. */
export const backend: api.Backend = {
  name: "b2",
  address: b2,
  state: "down",
  since: at,
  enabled: true,
  healthcheck: "http",
  health: { counter: 0, rise: 2, fall: 3, max: 4, degraded: false },
  last_probe: {
    ok: false,
    layer: "L7",
    code: "L7STS",
    detail: "HTTP 503",
    scheduled_at: at,
    started_at: at,
    connect_ns: "310000",
    tls_ns: null,
    first_byte_ns: "1250000",
    total_ns: "1300000",
    lag_ns: "0",
    void: null,
  },
  next_probe_at: "2026-01-31T12:00:01.000Z",
  frontends: [{ frontend: "web", pool: "main" }],
  transitions: [transition],
  blind: null,
  override: null,
  latency: {
    p50_ns: "1300000",
    p95_ns: "1300000",
    p99_ns: "1300000",
    spark: `${"-".repeat(59)}x`,
    recent: [{ at, total_ns: "1300000", ok: false, code: "L7STS" }],
  },
  certificate: null,
};

/** Frontend web. */
export const frontend: api.Frontend = {
  name: "web",
  description: "the shop",
  address: "192.0.2.1",
  protocol: "tcp",
  port: 443,
  state: "up",
  since: at,
  src_ip_sticky: false,
  flush_on_down: true,
  new_flows_table_length: 2048,
  pools: [{
    name: "main",
    active: true,
    backends: [
      {
        name: "b1",
        address: b1,
        state: "up",
        enabled: true,
        weight: 100,
        effective_weight: 100,
        num_buckets: 2048,
        share: 1,
        file_weight: 100,
        override: null,
      },
      {
        name: "b2",
        address: b2,
        state: "down",
        enabled: true,
        weight: 100,
        effective_weight: 0,
        num_buckets: 0,
        share: 0,
        file_weight: 100,
        override: null,
      },
    ],
  }],
  vpp: "in-sync",
  vpp_detail: "",
  transitions: [{
    from: "unknown",
    to: "up",
    at,
    active_pool: "main",
    reason: "backend b1 up (L7OK HTTP 200)",
  }],
};

/** GET /v1/backends/b2/explain and the like. */
export const explain: api.Explain = {
  at,
  frontend: "web",
  state: "up",
  text: "frontend web is up, new flows go to b1 (weight 100) in pool main",
  members: [{
    frontend: "web",
    pool: "main",
    backend: "b2",
    in_use: true,
    pool_reason: "the first pool with a member that is up and has a weight",
    file_weight: 100,
    override: null,
    state: "down",
    state_reason: "3 failures in a row: L7STS HTTP 503",
    state_since: at,
    effective_weight: 0,
    sent: { at, weight: 0, flush: true, retval: 0, reason: "backend b2 down" },
    in_vpp: { weight: 0, num_buckets: 0, read_at: at },
  }],
};

/** Health check http. */
export const healthcheck: api.HealthCheck = {
  name: "http",
  type: "http",
  port: 80,
  interval_ns: "2000000000",
  fast_interval_ns: "500000000",
  down_interval_ns: "5000000000",
  timeout_ns: "1000000000",
  rise: 2,
  fall: 3,
  probe_ipv4_src: null,
  probe_ipv6_src: null,
  params: { path: "/healthz", host: "shop.example", method: "GET", response_code: "200-399" },
  backends: ["b1", "b2"],
};

const down: api.CurrentProblem = {
  severity: "warning",
  kind: "backend-down",
  object: "b2",
  since: at,
  text: "backend b2 is down: L7STS HTTP 503",
  show: "show backend b2",
  fix: null,
};

/** GET /v1/problems */
export const problemList: api.ProblemList = { problems: [down], critical: 0, warnings: 1 };

/** GET /readyz while ready. */
export const ready: api.Ready = {
  ready: true,
  problems: [down],
  config: true,
  probes: "running",
  vpp: "in-sync",
};

/** GET /v1/info */
export const info: api.Info = {
  node: "lb1",
  auth: false,
  tls: false,
  state_dir: null,
  grafana_url: null,
  you: { name: "local", role: "admin" },
  version: "0.1.0",
  commit: "0123456789ab",
  date: at,
  started_at: at,
  uptime_ns: "60000000000",
  listen: ["127.0.0.1:9090"],
  features: ["openapi-3.1", "events"],
  warmup: { phase: "done", ends_at: at, held_frontends: [] },
};

/** GET /v1/peers */
export const peers: api.PeerList = {
  peers: [
    { name: "lb2", url: "https://lb2.example.net:9090/", reachable: true, detail: "" },
    {
      name: "lb3",
      url: "https://lb3.example.net:9090/",
      reachable: false,
      detail: "it did not answer within 5 s",
    },
  ],
};

/** GET /v1/config */
export const config: api.Config = {
  maglev: { healthchecker: { "transition-history": 5, netns: "" }, backends: { b1: { address: b1 } } },
};

/** POST /v1/config/check */
export const configCheck: api.ConfigCheck = {
  ok: true,
  parse_error: "",
  semantic_error: "",
  errors: [],
  warnings: [],
};

/** POST /v1/config/reload */
export const configReload: api.ConfigReload = {
  ...configCheck,
  changes: [{ object: "backend", name: "b2", change: "changed", fields: ["address"], effect: "probed anew" }],
  sync: { ...syncResult, scope: "all", frontend: null },
};

/** Two frames of GET /v1/events. */
export const events: string = [
  "event: backend",
  "id: 5f2b1c0a9d3e-41",
  `data: ${
    JSON.stringify(
      {
        kind: "backend",
        at,
        at_unix_ns: atNs,
        synthetic: false,
        backend: "b2",
        frontends: ["web"],
        transition,
      } satisfies api.BackendEvent,
    )
  }`,
  "",
  "",
].join("\n");

const details: Readonly<Record<ProblemType, string>> = {
  "peer-failed": "The peer lb2: it did not answer within 5 s",
  "bad-request": "The body is no JSON",
  "unauthorized": "This needs a bearer token",
  "forbidden": "The token of grafana has role viewer; this needs operator",
  "not-found": 'There is no backend "b9"',
  "method-not-allowed": "/v1/backends takes GET, HEAD",
  "conflict": "Backend b2 is disabled; enable it first",
  "plan-changed": "The plan is another by now; look at it again",
  "too-large": "A body may have at most 1048576 bytes",
  "unsupported-media-type": "The body must be application/json",
  "invalid": "One thing is wrong with the request",
  "vpp-refused": "VPP refused 1 of 1 changes",
  "vpp-unavailable": "VPP is not connected: it is tried again every 5 s",
  "not-ready": "VPP is disconnected",
  "busy": "Another sync is in the queue already",
};

/** An example of each problem. */
export function problemExample(type: ProblemType): api.Problem {
  const { status, title } = problemKinds[type];
  const finding: api.Finding = {
    severity: "error",
    pass: "semantic",
    file: null,
    line: null,
    column: null,
    path: "weight",
    message: "must be at most 100",
    hint: null,
  };
  return {
    type: `urn:maglev:problem:${type}`,
    title,
    status,
    detail: details[type],
    instance: "/v1/example",
    ...(status === 400 || status === 422 ? { errors: [finding] } : {}),
    ...(type === "not-ready" ? { readiness: { ...ready, ready: false, vpp: "disconnected" } } : {}),
    ...(type === "plan-changed" ? { plan_digest: plan.digest } : {}),
    ...(type === "vpp-refused" ? { sync: syncResult } : {}),
  };
}

/** The fleet. */
export const fleet: api.Fleet = {
  name: "site",
  node: "lb1",
  store: "live",
  store_since: at,
  store_detail: "",
  nodes: ["lb1", "lb2"].map((node) => ({
    node,
    age_ns: node === "lb1" ? "0" : "12000000000",
    version: "1.0.0",
    config: "same" as const,
    config_digest: "0123456789abcdef",
    vpp: "in-sync" as const,
    not_up: node === "lb1" ? ["b2"] : [],
  })),
  disagreements: [{
    kind: "health",
    object: "b2",
    text: "b2: down here, up on lb2: it may be this node's path",
    nodes: { lb1: "down", lb2: "up" },
  }],
};

/** GET /v1/journal */
export const journal: api.Journal = {
  entries: [{
    seq: 1769860800000000,
    at: "2026-01-31T12:00:00.000Z",
    kind: "backend",
    backend: "b2",
    frontend: null,
    by: null,
    claimed: null,
    reason: null,
    text: "backend b2 up -> down: L4CON connection refused",
    data: { from: "up", to: "down", code: "L4CON", detail: "connection refused", effects: [] },
    chain: null,
  }],
  before: null,
  oldest: "2026-01-31T12:00:00.000Z",
  dropped: 0,
};

/** GET /v1/backends/{name}/replay */
export const replay: api.Replay = {
  backend: "b2",
  since: "2026-01-31T11:00:00.000Z",
  until: "2026-01-31T12:00:00.000Z",
  rule: { rise: 2, fall: 5 },
  exact: false,
  recorded: { downs: 4, down_ns: "60000000000" },
  replayed: {
    downs: 1,
    down_ns: "20000000000",
    transitions: [
      { at: "2026-01-31T11:30:00.000Z", to: "down", code: "L4CON" },
      { at: "2026-01-31T11:30:20.000Z", to: "up", code: "L4OK" },
    ],
  },
  gaps: 0,
};

/** What an operator set. */
export const override: api.Override = {
  id: "k7m2xp",
  kind: "disable",
  backend: "b2",
  frontend: null,
  pool: null,
  weight: null,
  by: "noc",
  claimed: "alice",
  reason: "kernel update",
  since: "2026-07-01T12:00:00.000Z",
  until: "2026-07-01T14:00:00.000Z",
  file_value: true,
  scope: "here",
  sleeping: null,
};

/** What an action changed, or would change. */
export const consequences: api.Consequences = {
  dry_run: false,
  durable: true,
  durable_detail: "",
  replaced: null,
  frontends: null,
  changes: null,
};
