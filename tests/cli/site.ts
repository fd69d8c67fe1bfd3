/**
 * A site for the client to look at, at one moment: two web VIPs on three web servers and a spare, a DNS VIP, an all-port
 * VIP that is down. web3 has just gone down, web2 is paused, VPP still has a VIP that nobody knows.
 */
import type * as api from "../../src/api/mod.ts";

/** The moment. */
export const siteNow = Date.parse("2026-01-31T12:00:00.000Z");

const ago = (seconds: number): { at: string; at_unix_ns: string } => {
  const ms = siteNow - seconds * 1000;
  return { at: new Date(ms).toISOString(), at_unix_ns: `${ms}000000` };
};
/** The time so many seconds before the moment. */
export const siteSince = (seconds: number): string => ago(seconds).at;
const since = siteSince;

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

const latency = (p50_ns: string, p95_ns: string, spark: string): api.Latency => ({
  p50_ns,
  p95_ns,
  p99_ns: p95_ns,
  spark,
  recent: [],
});

/** What alice set. */
export const pauseOverride: api.Override = {
  id: "pause-web2",
  kind: "pause",
  backend: "web2",
  frontend: null,
  pool: null,
  weight: null,
  by: "ops",
  claimed: "alice",
  reason: "ticket 4711",
  since: since(3_725),
  until: since(-18_000),
  file_value: null,
  scope: "here",
  sleeping: null,
};

/** What somebody set for all nodes. */
export const weightOverride: api.Override = {
  ...pauseOverride,
  id: "weight-www6-all-web2",
  kind: "weight",
  frontend: "www6",
  pool: "all",
  weight: 20,
  by: "local",
  claimed: null,
  reason: null,
  since: since(200_000),
  until: null,
  file_value: 100,
  scope: "everywhere",
};

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
    blind: null,
    override: null,
    latency: latency("1300000", "2400000", "555565554555555545555655555555545555555555555555565555555555"),
    certificate: {
      subject: "CN=www.example.net",
      issuer: "CN=Example CA, O=Example",
      names: ["www.example.net", "10.0.0.11"],
      not_before: since(81 * 86_400),
      not_after: since(-9.5 * 86_400),
      days_left: 9,
    },
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
    blind: null,
    override: pauseOverride,
    latency: latency("980000", "1700000", "444454444444444445444444444444444444544444444444444444444444"),
    certificate: null,
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
    blind: null,
    override: null,
    latency: latency("1400000", "89000000", "5555555555855555595555555555555555555555555555555xxxxxxxxxxx"),
    certificate: null,
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
    blind: null,
    override: null,
    latency: null,
    certificate: null,
  },
  {
    name: "ns1",
    address: "2001:db8::53",
    state: "disabled",
    since: since(200_000),
    enabled: false,
    healthcheck: "dns",
    health: { ...health, counter: 1, degraded: true },
    last_probe: probe({
      ok: false,
      code: "L7TOUT",
      detail: "raw socket: EPERM (needs CAP_NET_RAW)",
      void: "permission",
    }),
    next_probe_at: null,
    frontends: [{ frontend: "dns", pool: "all" }],
    transitions: [],
    blind: null,
    override: null,
    latency: latency("700000", "16700000", "--------------------------44484444x44444x4444444444444x444444"),
    certificate: null,
  },
];

/** What makes a backend blind. */
export const blindness: Pick<api.Backend, "blind" | "last_probe"> = {
  blind: { since: since(75), cause: "netns", detail: "network namespace fe: does not exist" },
  last_probe: probe({
    ok: false,
    layer: "L4",
    code: "L4CON",
    detail: "network namespace fe: does not exist",
    connect_ns: null,
    first_byte_ns: null,
    total_ns: "90000",
    void: "netns",
  }),
};

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
  return {
    name,
    address,
    state,
    enabled,
    weight,
    effective_weight,
    num_buckets,
    share,
    file_weight: weight,
    override: null,
  };
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
  vpp_detail: "",
  transitions: [],
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
      backends: [member("web1", 100, 100, 2731, 0.66675), {
        ...member("web2", 20, 0, 1365, 0.33325),
        file_weight: 100,
        override: weightOverride,
      }],
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
    vpp_detail: "VPP refused 1 change: no such VIP (-6)",
    transitions: [
      { from: "up", to: "down", at: since(200_000), active_pool: "all", reason: "ns1 is disabled" },
      { from: "unknown", to: "up", at: since(300_000), active_pool: "all", reason: "ns1 is up" },
    ],
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
  node: "lb1",
  auth: false,
  tls: false,
  state_dir: null,
  grafana_url: null,
  you: { name: "local", role: "admin" },
  version: "0.1.0",
  commit: "0123456789ab",
  date: "2026-01-15T08:00:00.000Z",
  started_at: since(93_790),
  uptime_ns: "93790000000000",
  listen: ["127.0.0.1:9090", "unix:/run/vpp-maglev/api.sock"],
  features: ["openapi-3.1", "events"],
  warmup: { phase: "release", ends_at: since(-12), held_frontends: ["legacy"] },
};
