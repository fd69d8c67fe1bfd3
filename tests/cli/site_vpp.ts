/** What VPP has and counted at the site of `site.ts`, and what a sync would do. */
import type * as api from "../../src/api/mod.ts";
import { siteSince as since } from "./site.ts";

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
const server = (address: string, backend: string | null, weight: number, num_buckets: number) => ({
  address,
  backend,
  weight,
  flags: 1,
  num_buckets,
  in_use_since: 0,
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
  held: overrides.holds?.[0] ?? null,
  holds: [],
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
      holds: ["table length"],
      reason: "a table of 8192 instead of 4096 buckets",
      encap: "gre4",
      table_length: 8192,
      src_ip_sticky: false,
    }),
    change(2, {
      kind: "as_removed",
      ...foreignVip,
      address: "2001:db8::99",
      backend: null,
      weight_after: null,
      flush: true,
      holds: ["mass deletion", "warm-up"],
      reason: "not in the configuration",
    }),
    change(3, {
      kind: "vip_removed",
      ...foreignVip,
      ...noServer,
      holds: ["mass deletion", "warm-up"],
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
