/**
 * The examples that VPP is in: its state, its counters, the tables, and the plan of a sync, in the world of `examples.ts`.
 *
 * @module
 */
import type * as api from "../src/api/mod.ts";

/** The moment of all examples. */
export const at = "2026-01-31T12:00:00.000Z";
/** The same as a number of nanoseconds. */
export const atNs = "1769860800000000000";
/** Address of backend b1. */
export const b1 = "198.51.100.11";
/** Address of backend b2. */
export const b2 = "198.51.100.12";
const vip = { frontend: "web", prefix: "192.0.2.1/32", protocol: "tcp", port: 443 } as const;

/** GET .../table */
export const table: api.Table = {
  frontend: "web",
  table_length: 2048,
  assumed: true,
  servers: [
    { backend: "b1", address: b1, weight: 100, num_buckets: 1024, share: 0.5, wanted_share: 0.5 },
    { backend: "b2", address: b2, weight: 100, num_buckets: 1024, share: 0.5, wanted_share: 0.5 },
  ],
  compared_to_now: { moved_buckets: 1024, moved_share: 0.5, least_buckets: 1024, least_share: 0.5 },
  lints: [],
};

/** GET .../whereis */
export const whereis: api.Whereis = {
  frontend: "web",
  client: "192.0.2.7",
  client_port: 40000,
  hash: 3735928559,
  bucket: 1775,
  table_length: 2048,
  now: { backend: "b1", address: b1 },
  after_plan: { backend: "b1", address: b1 },
  note: "for a new flow; a flow that VPP already knows stays where it is",
};

/** GET /v1/vpp/info */
export const vppInfo: api.VppInfo = {
  version: "25.10-release",
  build_date: "2025-10-29T12:00:00",
  build_directory: "/build/vpp",
  pid: 4711,
  boottime_ns: atNs,
  connecttime_ns: atNs,
  boottime: at,
  connecttime: at,
};

/** GET /v1/vpp/lb/state */
export const lbState: api.LbState = {
  read_at: at,
  conf: {
    ipv4_src_address: "192.0.2.254",
    ipv6_src_address: "2001:db8::fe",
    sticky_buckets_per_core: 65536,
    flow_timeout: 40,
  },
  vips: [{
    ...vip,
    encap: "gre4",
    src_ip_sticky: false,
    flow_table_length: 2048,
    index: 1,
    application_servers: [
      { address: b1, backend: "b1", weight: 100, flags: 1, num_buckets: 2048, in_use_since: 1769860700 },
      { address: b2, backend: "b2", weight: 0, flags: 1, num_buckets: 0, in_use_since: 1769860700 },
    ],
  }],
};

/** GET /v1/vpp/lb/counters */
export const lbCounters: api.LbCounters = {
  read_at: at,
  vips: [{ ...vip, next: 9000, first: 1000, untracked: 0, no_server: 0, packets: 10000, bytes: 640000 }],
  servers: [{ address: b1, backend: "b1", packets: 10000, bytes: 880000, vips: [vip] }],
  unmatched: 0,
};

const change: api.Change = {
  seq: 0,
  kind: "as_weight_updated",
  frontend: "web",
  prefix: vip.prefix,
  protocol: "tcp",
  port: 443,
  address: b2,
  backend: "b2",
  weight_before: 100,
  weight_after: 0,
  flush: true,
  traffic_affecting: true,
  held: null,
  holds: [],
  reason: "backend b2 down",
};

/** GET /v1/vpp/lb/plan */
export const plan: api.Plan = {
  scope: "vip",
  frontend: "web",
  digest: "5f2b1c0a9d3e4f60",
  read_at: at,
  traffic_affecting: true,
  changes: [change],
  predictions: [{
    ...vip,
    moved_buckets: 1024,
    moved_share: 0.5,
    least_buckets: 1024,
    least_share: 0.5,
    servers: [
      {
        address: b1,
        backend: "b1",
        weight_before: 100,
        weight_after: 100,
        share_before: 0.5,
        share_after: 1,
        has_effect: true,
      },
      {
        address: b2,
        backend: "b2",
        weight_before: 100,
        weight_after: 0,
        share_before: 0.5,
        share_after: 0,
        has_effect: true,
      },
    ],
    lints: [],
  }],
};

/** POST /v1/vpp/lb/sync */
export const syncResult: api.SyncResult = {
  scope: "vip",
  frontend: "web",
  digest: plan.digest,
  started_at: at,
  took_ns: "1800000",
  done: 1,
  failed: 0,
  skipped: 0,
  changes: [{ ...change, status: "done", retval: 0, error: null }],
};
