/**
 * Schemas of what VPP has, what it should have, and the way between: state, counters, plan, sync.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { contract, orNull, type Schema } from "./contract.ts";
import { Finding, Ns, Protocol, Text, Time, VppWeight } from "./schemas_base.ts";

const count = z.int().min(0);
const share = z.number().min(0).max(1);
const vipKey = {
  frontend: orNull(Text).openapi({ description: "null: no frontend has this VIP" }),
  prefix: z.string().openapi({ example: "192.0.2.1/32" }),
  protocol: Protocol,
  port: z.int().min(0).max(65535),
};
const moved = { moved_buckets: count, moved_share: share, least_buckets: count, least_share: share };

/** GET /v1/vpp/info */
export const VppInfo: Schema<api.VppInfo> = contract<api.VppInfo>()(
  "VppInfo",
  z.object({
    version: Text,
    build_date: Text,
    build_directory: Text,
    pid: z.int(),
    boottime_ns: Ns,
    connecttime_ns: Ns,
    boottime: Time,
    connecttime: Time,
  }),
);

const Encap = z.enum(["gre4", "gre6", "l3dsr", "nat4", "nat6"]);

const LbConf = contract<api.LbConf>()(
  "LbConf",
  z.object({
    ipv4_src_address: Text,
    ipv6_src_address: Text,
    sticky_buckets_per_core: count,
    flow_timeout: count.openapi({ description: "seconds" }),
  }),
);

const Vip = contract<api.Vip>()(
  "Vip",
  z.object({
    ...vipKey,
    encap: Encap,
    src_ip_sticky: orNull(z.boolean()),
    flow_table_length: count,
    index: orNull(count),
    application_servers: z.array(z.object({
      address: Text,
      backend: orNull(Text),
      weight: VppWeight,
      flags: count,
      num_buckets: count,
      in_use_since: count,
    })),
  }),
);

/** GET /v1/vpp/lb/state */
export const LbState: Schema<api.LbState> = contract<api.LbState>()(
  "LbState",
  z.object({
    read_at: Time,
    conf: LbConf,
    vips: z.array(Vip),
  }),
);

/** GET /v1/vpp/lb/counters */
export const LbCounters: Schema<api.LbCounters> = contract<api.LbCounters>()(
  "LbCounters",
  z.object({
    read_at: orNull(Time).openapi({ description: "null: not read since the connect" }),
    vips: z.array(z.object({
      ...vipKey,
      next: count,
      first: count,
      untracked: count,
      no_server: count,
      packets: count.openapi({ description: "of the prefix's route, shared by its VIPs" }),
      bytes: count.openapi({ description: "of the prefix's route, shared by its VIPs" }),
    })),
    servers: z.array(z.object({
      address: Text,
      backend: orNull(Text),
      packets: count.openapi({ description: "summed over `vips`" }),
      bytes: count.openapi({ description: "summed over `vips`" }),
      vips: z.array(z.object(vipKey)),
    })),
    unmatched: count.openapi({ description: "packets to a VIP's address on a port that no VIP has" }),
  }),
);

const change = {
  seq: count,
  kind: z.enum([
    "conf_set",
    "vip_added",
    "vip_removed",
    "vip_recreated",
    "as_added",
    "as_removed",
    "as_weight_updated",
  ]),
  frontend: orNull(Text),
  prefix: orNull(Text),
  protocol: orNull(Protocol),
  port: orNull(z.int().min(0).max(65535)),
  address: orNull(Text),
  backend: orNull(Text),
  weight_before: orNull(VppWeight),
  weight_after: orNull(VppWeight),
  flush: z.boolean(),
  traffic_affecting: z.boolean(),
  held: orNull(Text).openapi({
    description: "why an automatic sync would not send it, the gravest of `holds`; null: it would",
  }),
  holds: z.array(Text).openapi({ description: "all reasons why an automatic sync would not send it" }),
  reason: Text,
  conf: LbConf.optional().openapi({ description: "with `conf_set`: the settings as they become" }),
  encap: Encap.optional().openapi({ description: "with `vip_added` and `vip_recreated`" }),
  table_length: count.optional().openapi({ description: "with `vip_added` and `vip_recreated`" }),
  src_ip_sticky: z.boolean().optional().openapi({ description: "with `vip_added` and `vip_recreated`" }),
};

/** One change of a plan. */
export const Change: Schema<api.Change> = contract<api.Change>()("Change", z.object(change));

/** GET /v1/vpp/lb/plan */
export const Plan: Schema<api.Plan> = contract<api.Plan>()(
  "Plan",
  z.object({
    scope: z.enum(["all", "vip"]),
    frontend: orNull(Text),
    digest: Text,
    read_at: Time,
    traffic_affecting: z.boolean(),
    changes: z.array(Change),
    predictions: z.array(z.object({
      ...vipKey,
      ...moved,
      servers: z.array(z.object({
        address: Text,
        backend: orNull(Text),
        weight_before: VppWeight,
        weight_after: VppWeight,
        share_before: share,
        share_after: share,
        has_effect: z.boolean(),
      })),
      lints: z.array(Finding),
    })),
  }),
);

/** POST /v1/vpp/lb/sync, the request. */
export const SyncRequest: Schema<api.SyncRequest> = contract<api.SyncRequest>()(
  "SyncRequest",
  z.strictObject({
    frontend: z.string().optional().openapi({ description: "this VIP only; never deletes a VIP" }),
    plan_digest: z.string().optional().openapi({
      description: "sends the held changes of this plan too",
    }),
  }),
);

/** POST /v1/vpp/lb/sync, the answer. */
export const SyncResult: Schema<api.SyncResult> = contract<api.SyncResult>()(
  "SyncResult",
  z.object({
    scope: z.enum(["all", "vip"]),
    frontend: orNull(Text),
    digest: Text,
    started_at: Time,
    took_ns: Ns,
    done: count,
    failed: count,
    skipped: count,
    changes: z.array(z.object({
      ...change,
      status: z.enum(["done", "failed", "skipped"]),
      retval: orNull(z.int()),
      error: orNull(Text),
    })),
  }),
);
