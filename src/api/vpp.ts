/**
 * The API's shapes of VPP: state, counters, plan, sync.
 *
 * @module
 */
import type { Encap, Finding, Ns, Nul, Protocol, Time } from "./base.ts";

/** GET /v1/vpp/info */
export interface VppInfo {
  /** Version of VPP. */
  version: string;
  /** As VPP says it. */
  build_date: string;
  /** As VPP says it. */
  build_directory: string;
  /** Process id of VPP. */
  pid: number;
  /** When VPP started; 0 without a stats socket. */
  boottime_ns: Ns;
  /** When maglevd connected. */
  connecttime_ns: Ns;
  /** When VPP started. */
  boottime: Time;
  /** When maglevd connected. */
  connecttime: Time;
}

/** Global settings of the lb plugin. */
export interface LbConf {
  /** Outer source of GRE4. */
  ipv4_src_address: string;
  /** Outer source of GRE6. */
  ipv6_src_address: string;
  /** Entries of a core's flow table. */
  sticky_buckets_per_core: number;
  /** Seconds. */
  flow_timeout: number;
}

/** An application server as VPP reports it. */
export interface AppServer {
  /** Its address. */
  address: string;
  /** Null: not in the configuration. */
  backend: Nul<string>;
  /** 0...100. */
  weight: number;
  /** VPP's flags. */
  flags: number;
  /** Entries of the new-flow table. */
  num_buckets: number;
  /** Unix seconds. */
  in_use_since: number;
}

/** Which VIP. */
export interface VipKey {
  /** Null: foreign. */
  frontend: Nul<string>;
  /** `192.0.2.1/32` */
  prefix: string;
  /** Its protocol. */
  protocol: Protocol;
  /** 0 for an all-port VIP. */
  port: number;
}

/** A VIP as VPP reports it. */
export interface Vip extends VipKey {
  /** How packets are carried. */
  encap: Encap;
  /** Null: VPP's text could not be read. */
  src_ip_sticky: Nul<boolean>;
  /** Entries of the new-flow table. */
  flow_table_length: number;
  /** VPP's index; null: VPP's text could not be read. */
  index: Nul<number>;
  /** In numeric order. */
  application_servers: AppServer[];
}

/** GET /v1/vpp/lb/state; a VIP that is not there: `vips: []`. */
export interface LbState {
  /** When it was read. */
  read_at: Time;
  /** Global settings. */
  conf: LbConf;
  /** In VPP's order. */
  vips: Vip[];
}

/** GET /v1/frontends/{name}/whereis */
export interface Whereis {
  /** Name of the frontend. */
  frontend: string;
  /** The client's address. */
  client: string;
  /** Null: left out, which a src-ip-sticky VIP allows. */
  client_port: Nul<number>;
  /** VPP's flow hash. */
  hash: number;
  /** Entry of the table. */
  bucket: number;
  /** Entries of the table. */
  table_length: number;
  /** Server of a new flow now; null: none, or not known. */
  now: Nul<{
    /** Null: not in the configuration. */
    backend: Nul<string>;
    /** Its address. */
    address: string;
  }>;
  /** Server of a new flow after the next sync; null: none, or not known. */
  after_plan: Nul<{
    /** Null: not in the configuration. */
    backend: Nul<string>;
    /** Its address. */
    address: string;
  }>;
  /** A flow that VPP knows already stays where it is. */
  note: string;
}

/** Counters of one application server. */
export interface ServerCounters {
  /** Its address. */
  address: string;
  /** Null: not in the configuration. */
  backend: Nul<string>;
  /** Summed over `vips`. */
  packets: number;
  /** Summed over `vips`. */
  bytes: number;
  /** VIPs that share the server. */
  vips: VipKey[];
}

/** Counters of one VIP. */
export interface VipCounters extends VipKey {
  /** Packets of flows that were known. */
  next: number;
  /** First packets of flows. */
  first: number;
  /** Packets of flows that found no place in the flow table. */
  untracked: number;
  /** Packets dropped for want of a server. */
  no_server: number;
  /** Of the prefix's route, shared by its VIPs. */
  packets: number;
  /** Of the prefix's route, shared by its VIPs. */
  bytes: number;
}

/** GET /v1/vpp/lb/counters */
export interface LbCounters {
  /** Null: not read since the connect. */
  read_at: Nul<Time>;
  /** By VIP. */
  vips: VipCounters[];
  /** By application server. */
  servers: ServerCounters[];
  /** Packets to a VIP's address on a port that no VIP has. */
  unmatched: number;
}

/** What a change does. */
export type ChangeKind =
  | "conf_set"
  | "vip_added"
  | "vip_removed"
  | "vip_recreated"
  | "as_added"
  | "as_removed"
  | "as_weight_updated";

/** One change of a plan; keys that do not apply to its kind are null. */
export interface Change {
  /** Order in the plan, from 0. */
  seq: number;
  /** What it does. */
  kind: ChangeKind;
  /** Null: foreign, or global. */
  frontend: Nul<string>;
  /** Of the VIP. */
  prefix: Nul<string>;
  /** Of the VIP. */
  protocol: Nul<Protocol>;
  /** Of the VIP. */
  port: Nul<number>;
  /** Of the application server. */
  address: Nul<string>;
  /** Of the application server. */
  backend: Nul<string>;
  /** 0...100. */
  weight_before: Nul<number>;
  /** 0...100. */
  weight_after: Nul<number>;
  /** Whether established flows are dropped. */
  flush: boolean;
  /** Whether established flows may suffer. */
  traffic_affecting: boolean;
  /** Why an automatic sync would not send it: the gravest of `holds`; null: it would. */
  held: Nul<string>;
  /** All reasons why an automatic sync would not send it, the gravest first. */
  holds: string[];
  /** Why it is needed. */
  reason: string;
  /** With `conf_set`: the settings as they become. */
  conf?: LbConf;
  /** With `vip_added` and `vip_recreated`. */
  encap?: Encap;
  /** With `vip_added` and `vip_recreated`: entries. */
  table_length?: number;
  /** With `vip_added` and `vip_recreated`. */
  src_ip_sticky?: boolean;
}

/** What a plan does to one VIP's table. */
export interface Prediction extends VipKey, Moved {
  /** Servers of the VIP. */
  servers: {
    /** Its address. */
    address: string;
    /** Null: not in the configuration. */
    backend: Nul<string>;
    /** 0...100. */
    weight_before: number;
    /** 0...100. */
    weight_after: number;
    /** 0...1 */
    share_before: number;
    /** 0...1 */
    share_after: number;
    /** False: the table is too short for this weight. */
    has_effect: boolean;
  }[];
  /** Weights that lose their effect and the like. */
  lints: Finding[];
}

/** GET /v1/vpp/lb/plan; an empty plan has `changes: []`. */
export interface Plan {
  /** Whether one frontend was asked for. */
  scope: "all" | "vip";
  /** Which one. */
  frontend: Nul<string>;
  /** Covers the changes (all keys but seq, reason, held and holds), not times, buckets or shares. */
  digest: string;
  /** When VPP was read. */
  read_at: Time;
  /** Whether any change is. */
  traffic_affecting: boolean;
  /** In the order they would be sent. */
  changes: Change[];
  /** For every VIP that changes. */
  predictions: Prediction[];
}

/** POST /v1/vpp/lb/sync; a missing body is {}. */
export interface SyncRequest {
  /** This VIP only. */
  frontend?: string;
  /** Send the held changes of this plan too. */
  plan_digest?: string;
}

/** The answer to a sync: 200, or in a 502. */
export interface SyncResult {
  /** Whether one frontend was asked for. */
  scope: "all" | "vip";
  /** Which one. */
  frontend: Nul<string>;
  /** Of the plan that was carried out. */
  digest: string;
  /** When it began. */
  started_at: Time;
  /** How long it took. */
  took_ns: Ns;
  /** Changes that VPP accepted. */
  done: number;
  /** Changes that VPP refused. */
  failed: number;
  /** Changes that were not sent. */
  skipped: number;
  /** Every change and what became of it. */
  changes: (Change & {
    /** What became of it. */
    status: "done" | "failed" | "skipped";
    /** VPP's answer; null: not sent. */
    retval: Nul<number>;
    /** VPP's name of the error. */
    error: Nul<string>;
  })[];
}

/** How much of a table changes its server. */
export interface Moved {
  /** Entries that move. */
  moved_buckets: number;
  /** The same as a share 0...1. */
  moved_share: number;
  /** Entries that must move whatever the hash. */
  least_buckets: number;
  /** The same as a share 0...1. */
  least_share: number;
}
