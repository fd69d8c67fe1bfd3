/**
 * A site for the client to look at, at one moment: two web VIPs on three web servers and a spare, a DNS VIP, an all-port
 * VIP that is down. web3 has just gone down, web2 is paused, VPP still has a VIP that nobody knows.
 */
import type * as api from "../../src/api.ts";

/** The moment. */
export const siteNow = Date.parse("2026-01-31T12:00:00.000Z");

const ago = (seconds: number): { at: string; at_unix_ns: string } => {
  const ms = siteNow - seconds * 1000;
  return { at: new Date(ms).toISOString(), at_unix_ns: `${ms}000000` };
};
const since = (seconds: number): string => ago(seconds).at;

const probe = (overrides: Partial<api.Probe>): api.Probe => ({
  ok: true,
  layer: "L7",
  code: "L7OK",
  detail: "HTTP 200",
  scheduled_at: since(1.2),
  started_at: since(1.2),
  connect_ns: "310000",
  tls_ns: null,
  first_byte_ns: "1250000",
  total_ns: "1300000",
  lag_ns: "0",
  void: null,
  ...overrides,
});

const transition = (
  seconds: number,
  from: api.Transition["from"],
  to: api.Transition["to"],
  code: api.Transition["code"],
  rest: Partial<api.Transition> = {},
): api.Transition => ({ from, to, ...ago(seconds), code, detail: "", by: null, effects: [], ...rest });

const health = { counter: 4, rise: 2, fall: 3, max: 4, degraded: false };
const www = { frontend: "www", pool: "primary" };
const www6 = { frontend: "www6", pool: "all" };

/** GET /v1/backends */
export const backends: api.Backend[] = [
  {
    name: "web1",
    address: "10.0.0.11",
    state: "up",
    since: since(93_784),
    enabled: true,
    healthcheck: "web",
    health,
    last_probe: probe({}),
    next_probe_at: since(-0.8),
    frontends: [www, www6],
    transitions: [transition(93_784, "unknown", "up", "L7OK", {
      detail: "HTTP 200",
      effects: [{ ...www, weight_before: 0, weight_after: 100, flush: false }],
    })],
  },
  {
    name: "web2",
    address: "10.0.0.12",
    state: "paused",
    since: since(3_725),
    enabled: true,
    healthcheck: "web",
    health: { ...health, counter: 3, degraded: true },
    last_probe: probe({ started_at: since(3_726), total_ns: "980000", first_byte_ns: "930000" }),
    next_probe_at: null,
    frontends: [www, www6],
    transitions: [
      transition(3_725, "up", "paused", "paused", {
        by: "alice",
        effects: [
          { ...www, weight_before: 50, weight_after: 0, flush: false },
          { ...www6, weight_before: 100, weight_after: 0, flush: false },
        ],
      }),
      transition(93_784, "unknown", "up", "L7OK", { detail: "HTTP 200" }),
    ],
  },
  {
    name: "web3",
    address: "10.0.0.13",
    state: "down",
    since: since(42),
    enabled: true,
    healthcheck: "web",
    health: { ...health, counter: 0 },
    last_probe: probe({
      ok: false,
      layer: "L4",
      code: "L4CON",
      detail: "connection refused",
      started_at: since(3),
      connect_ns: null,
      first_byte_ns: null,
      total_ns: "210000",
      lag_ns: "12000000",
    }),
    next_probe_at: since(-2),
    frontends: [www],
    transitions: [
      transition(42, "up", "down", "L4CON", {
        detail: "connection refused",
        effects: [{ ...www, weight_before: 100, weight_after: 0, flush: true }],
      }),
      transition(7_000, "down", "up", "L7OK", {
        detail: "HTTP 200",
        effects: [{ ...www, weight_before: 0, weight_after: 100, flush: false }],
      }),
      transition(7_200, "up", "down", "L7RSP", {
        detail: "body does not match /^ready$/",
        effects: [{ ...www, weight_before: 100, weight_after: 0, flush: true }],
      }),
    ],
  },
  {
    name: "spare1",
    address: "10.0.0.21",
    state: "up",
    since: since(93_784),
    enabled: true,
    healthcheck: null,
    health: null,
    last_probe: null,
    next_probe_at: null,
    frontends: [{ frontend: "www", pool: "fallback" }],
    transitions: [transition(93_784, "unknown", "up", "static")],
  },
  {
    name: "ns1",
    address: "2001:db8::53",
    state: "disabled",
    since: since(200_000),
    enabled: false,
    healthcheck: "dns",
    health: { ...health, counter: 1, degraded: true },
    last_probe: probe({ ok: false, code: "L7TOUT", detail: "no echo reply", void: "permission" }),
    next_probe_at: null,
    frontends: [{ frontend: "dns", pool: "all" }],
    transitions: [],
  },
];

const member = (
  name: string,
  weight: number,
  effective_weight: number,
  num_buckets: number | null,
  share: number | null,
): api.PoolBackend => {
  const backend = backends.find((b) => b.name === name);
  if (backend === undefined) throw new ReferenceError(name);
  const { address, state, enabled } = backend;
  return { name, address, state, enabled, weight, effective_weight, num_buckets, share };
};

const frontend = (overrides: Partial<api.Frontend> & Pick<api.Frontend, "name" | "address" | "pools">) => ({
  description: "",
  protocol: "tcp" as const,
  port: 443,
  state: "up" as const,
  since: since(93_784),
  src_ip_sticky: false,
  flush_on_down: true,
  new_flows_table_length: 4096,
  vpp: "in-sync" as const,
  ...overrides,
});

/** GET /v1/frontends */
export const frontends: api.Frontend[] = [
  frontend({
    name: "www",
    address: "192.0.2.1",
    description: "the shop, with a spare that takes over when nothing else is left",
    pools: [
      {
        name: "primary",
        active: true,
        backends: [
          member("web1", 100, 100, 4096, 1),
          member("web2", 50, 0, 0, 0),
          member("web3", 100, 0, 0, 0),
        ],
      },
      { name: "fallback", active: false, backends: [member("spare1", 100, 0, 0, 0)] },
    ],
  }),
  frontend({
    name: "www6",
    address: "2001:db8:80::1",
    src_ip_sticky: true,
    vpp: "pending",
    pools: [{
      name: "all",
      active: true,
      backends: [member("web1", 100, 100, 2731, 0.66675), member("web2", 100, 0, 1365, 0.33325)],
    }],
  }),
  frontend({
    name: "dns",
    address: "192.0.2.53",
    protocol: "udp",
    port: 53,
    state: "down",
    since: since(200_000),
    flush_on_down: false,
    vpp: "error",
    pools: [{ name: "all", active: true, backends: [member("ns1", 100, 0, null, null)] }],
  }),
  frontend({
    name: "legacy",
    address: "192.0.2.99",
    protocol: "any",
    port: 0,
    state: "unknown",
    description: "all ports",
    vpp: "held",
    pools: [{ name: "none", active: true, backends: [] }],
  }),
];

/** GET /v1/healthchecks */
export const healthchecks: api.HealthCheck[] = [
  {
    name: "web",
    type: "https",
    port: 8443,
    interval_ns: "1000000000",
    fast_interval_ns: "200000000",
    down_interval_ns: "5000000000",
    timeout_ns: "1500000000",
    rise: 2,
    fall: 3,
    probe_ipv4_src: "10.0.0.1",
    probe_ipv6_src: null,
    params: {
      path: "/healthz",
      host: "shop.example",
      method: "GET",
      response_code: "200-299",
      response_regexp: "^ready$",
      headers: { "x-probe": "maglev", authorization: "***" },
      server_name: "shop.example",
      insecure_skip_verify: false,
    },
    backends: ["web1", "web2", "web3"],
  },
  {
    name: "dns",
    type: "icmp",
    port: null,
    interval_ns: "2000000000",
    fast_interval_ns: "2000000000",
    down_interval_ns: "60000000000",
    timeout_ns: "1000000000",
    rise: 1,
    fall: 5,
    probe_ipv4_src: null,
    probe_ipv6_src: null,
    params: null,
    backends: ["ns1"],
  },
];

/** GET /v1/info */
export const info: api.Info = {
  version: "0.1.0",
  commit: "0123456789ab",
  date: "2026-01-15T08:00:00.000Z",
  started_at: since(93_790),
  uptime_ns: "93790000000000",
  listen: ["127.0.0.1:9090", "unix:/run/maglevd/api.sock"],
  features: ["openapi-3.1", "events"],
  warmup: { phase: "release", ends_at: since(-12), held_frontends: ["legacy"] },
};

/** GET /v1/config */
export const config: api.Config = {
  maglev: {
    healthchecker: { "transition-history": 5, netns: "" },
    vpp: {
      lb: {
        "sync-interval": "30s",
        "ipv4-src-address": "192.0.2.254",
        "ipv6-src-address": "2001:db8::fe",
        "sticky-buckets-per-core": 65536,
      },
    },
    healthchecks: {
      web: {
        type: "https",
        port: 8443,
        params: {
          "response-code": "200-299",
          "response-regexp": "^ready$",
          headers: { authorization: "***" },
        },
      },
    },
    backends: { web1: { address: "10.0.0.11", healthcheck: "web", enabled: true } },
    frontends: {
      www: {
        description: "the shop: with a spare",
        address: "192.0.2.1",
        protocol: "tcp",
        port: 443,
        pools: [
          { name: "primary", backends: { web1: { weight: 100 }, web2: { weight: 50 } } },
          { name: "fallback", backends: {} },
        ],
      },
    },
  },
};

/** GET /v1/vpp/info */
export const vppInfo: api.VppInfo = {
  version: "25.10-release",
  build_date: "2025-10-29T12:00:00",
  build_directory: "/build/vpp",
  pid: 4711,
  boottime_ns: "1769000000000000000",
  connecttime_ns: "1769767010000000000",
  boottime: "2026-01-21T12:53:20.000Z",
  connecttime: since(93_790),
};

const wwwVip = { frontend: "www", prefix: "192.0.2.1/32", protocol: "tcp", port: 443 } as const;
const www6Vip = { frontend: "www6", prefix: "2001:db8:80::1/128", protocol: "tcp", port: 443 } as const;
const foreignVip = { frontend: null, prefix: "192.0.2.200/32", protocol: "udp", port: 514 } as const;
const used = Math.floor(siteNow / 1000) - 93_784;
const server = (address: string, backend: string | null, weight: number, num_buckets: number) => ({
  address,
  backend,
  weight,
  flags: 1,
  num_buckets,
  in_use_since: num_buckets > 0 ? used : 0,
});

/** GET /v1/vpp/lb/state */
export const lbState: api.LbState = {
  read_at: since(0.2),
  conf: {
    ipv4_src_address: "192.0.2.254",
    ipv6_src_address: "2001:db8::fe",
    sticky_buckets_per_core: 65536,
    flow_timeout: 40,
  },
  vips: [
    {
      ...wwwVip,
      encap: "gre4",
      src_ip_sticky: false,
      flow_table_length: 4096,
      index: 1,
      application_servers: [
        server("10.0.0.11", "web1", 100, 4096),
        server("10.0.0.12", "web2", 0, 0),
        server("10.0.0.13", "web3", 0, 0),
        server("10.0.0.21", "spare1", 0, 0),
      ],
    },
    {
      ...www6Vip,
      encap: "gre4",
      src_ip_sticky: true,
      flow_table_length: 4096,
      index: 2,
      application_servers: [server("10.0.0.11", "web1", 100, 2731), server("10.0.0.12", "web2", 100, 1365)],
    },
    {
      ...foreignVip,
      encap: "gre6",
      src_ip_sticky: null,
      flow_table_length: 1024,
      index: null,
      application_servers: [server("2001:db8::99", null, 100, 1024)],
    },
  ],
};

/** GET /v1/vpp/lb/counters, a read and the next one. */
export const counters: readonly [api.LbCounters, api.LbCounters] = [0, 5].map((later): api.LbCounters => ({
  read_at: since(6 - later),
  vips: [
    {
      ...wwwVip,
      next: 1_234_567 + 61_000 * later,
      first: 98_765 + 7 * later,
      untracked: 12,
      no_server: 3 * later,
      packets: 1_333_347 + 61_007 * later,
      bytes: 85_334_208 + 61_007 * 64 * later,
    },
    { ...www6Vip, next: 0, first: 0, untracked: 0, no_server: 0, packets: 0, bytes: 0 },
    { ...foreignVip, next: 0, first: 2, untracked: 0, no_server: 0, packets: 2, bytes: 128 },
  ],
  servers: [
    {
      address: "10.0.0.11",
      backend: "web1",
      packets: 1_333_335 + 61_007 * later,
      bytes: 117_333_480 + 5_368_616 * later,
      vips: [wwwVip, www6Vip],
    },
    { address: "2001:db8::99", backend: null, packets: 2, bytes: 200, vips: [foreignVip] },
  ],
  unmatched: 17,
})) as [api.LbCounters, api.LbCounters];

const change = (seq: number, overrides: Partial<api.Change>): api.Change => ({
  seq,
  kind: "as_weight_updated",
  ...www6Vip,
  address: "10.0.0.12",
  backend: "web2",
  weight_before: 100,
  weight_after: 0,
  flush: false,
  traffic_affecting: true,
  held: null,
  reason: "backend web2 paused",
  ...overrides,
});

const noServer = { address: null, backend: null, weight_before: null, weight_after: null };

/** GET /v1/vpp/lb/plan */
export const plan: api.Plan = {
  scope: "all",
  frontend: null,
  digest: "5f2b1c0a9d3e4f60",
  read_at: since(0.2),
  traffic_affecting: true,
  changes: [
    change(0, {}),
    change(1, {
      kind: "vip_recreated",
      ...wwwVip,
      ...noServer,
      held: "table length",
      reason: "a table of 8192 instead of 4096 buckets",
    }),
    change(2, {
      kind: "as_removed",
      ...foreignVip,
      address: "2001:db8::99",
      backend: null,
      weight_after: null,
      flush: true,
      held: "deletions",
      reason: "not in the configuration",
    }),
    change(3, {
      kind: "vip_removed",
      ...foreignVip,
      ...noServer,
      held: "deletions",
      reason: "not in the configuration",
    }),
  ],
  predictions: [{
    ...www6Vip,
    moved_buckets: 1365,
    moved_share: 0.33325,
    least_buckets: 1365,
    least_share: 0.33325,
    servers: [
      {
        address: "10.0.0.11",
        backend: "web1",
        weight_before: 100,
        weight_after: 100,
        share_before: 0.66675,
        share_after: 1,
        has_effect: true,
      },
      {
        address: "10.0.0.12",
        backend: "web2",
        weight_before: 100,
        weight_after: 0,
        share_before: 0.33325,
        share_after: 0,
        has_effect: true,
      },
    ],
    lints: [{
      severity: "warning",
      pass: "lint",
      file: null,
      line: null,
      column: null,
      path: "frontends.www6",
      message: "a table of 8192 buckets would follow the weights within 1%",
      hint: "new-flows-table-length: 8192",
    }],
  }],
};

/** POST /v1/vpp/lb/sync */
export const syncResult: api.SyncResult = {
  scope: "all",
  frontend: null,
  digest: plan.digest,
  started_at: since(0),
  took_ns: "1800000",
  done: 1,
  failed: 0,
  skipped: 3,
  changes: plan.changes.map((c) => ({
    ...c,
    status: c.held === null ? "done" : "skipped",
    retval: c.held === null ? 0 : null,
    error: null,
  })),
};

/** What a sync answers of which VPP refused a part. */
export const refusedSync: api.SyncResult = {
  ...syncResult,
  done: 0,
  failed: 1,
  changes: syncResult.changes.map((c) =>
    c.status === "done" ? { ...c, status: "failed", retval: -81, error: "VNET_API_ERROR_VALUE_EXIST" } : c
  ),
};

/** GET …/table */
export const table: api.Table = {
  frontend: "www",
  table_length: 4096,
  assumed: false,
  servers: [
    { backend: "web1", address: "10.0.0.11", weight: 100, num_buckets: 4096, share: 1, wanted_share: 1 },
    { backend: "web2", address: "10.0.0.12", weight: 0, num_buckets: 0, share: 0, wanted_share: 0 },
  ],
  compared_to_now: { moved_buckets: 12, moved_share: 12 / 4096, least_buckets: 0, least_share: 0 },
  lints: [],
};

/** GET …/whereis */
export const whereis: api.Whereis = {
  frontend: "www6",
  client: "2001:db8:1::7",
  client_port: 40000,
  hash: 3735928559,
  bucket: 1775,
  table_length: 4096,
  now: { backend: "web2", address: "10.0.0.12" },
  after_plan: { backend: "web1", address: "10.0.0.11" },
  note: "for a new flow; a flow that VPP already knows stays where it is",
};

/** Errors and a warning, as the checker words them. */
export const badCheck: api.ConfigCheck = {
  ok: false,
  parse_error: "",
  semantic_error: "maglev.frontends.www.port: must be 1 to 65535",
  errors: [{
    severity: "error",
    pass: "semantic",
    file: "<body>",
    line: 31,
    column: 13,
    path: "maglev.frontends.www.port",
    message: "must be 1 to 65535",
    hint: null,
  }, {
    severity: "error",
    pass: "structural",
    file: "<body>",
    line: 40,
    column: 7,
    path: "maglev.backends.web1.adress",
    message: "unknown key",
    hint: 'did you mean "address"?',
  }],
  warnings: [{
    severity: "warning",
    pass: "lint",
    file: "<body>",
    line: 12,
    column: 5,
    path: "maglev.healthchecks.dns",
    message: "no backend uses it",
    hint: null,
  }],
};

/** POST /v1/config/reload */
export const reload: api.ConfigReload = {
  ok: true,
  parse_error: "",
  semantic_error: "",
  errors: [],
  warnings: [],
  changes: [
    {
      object: "backend",
      name: "web4",
      change: "added",
      fields: [],
      effect: "started in unknown, probed at once",
    },
    {
      object: "healthcheck",
      name: "web",
      change: "changed",
      fields: ["interval", "params.path"],
      effect: "the new check is probed at once; state and history stay",
    },
    { object: "frontend", name: "legacy", change: "removed", fields: [], effect: "deleted from VPP" },
  ],
  sync: { ...syncResult, done: 3, skipped: 0 },
};
