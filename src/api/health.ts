/**
 * The API's shapes of health checks, backends and frontends.
 *
 * @module
 */
import type { VoidCause } from "../model.ts";
import type { Code, Finding, FState, Ns, Nul, Protocol, State, Time } from "./base.ts";
import type { ActionBody, Consequences, Override } from "./memory.ts";
import type { Moved } from "./vpp.ts";

export type { VoidCause } from "../model.ts";

/** GET /v1/healthchecks/{name} */
export interface HealthCheck {
  /** Its name. */
  name: string;
  /** How it probes. */
  type: "icmp" | "tcp" | "http" | "https";
  /** Null for icmp. */
  port: Nul<number>;
  /** Spacing while healthy. */
  interval_ns: Ns;
  /** Spacing while unknown or degraded. */
  fast_interval_ns: Ns;
  /** Spacing while fully down. */
  down_interval_ns: Ns;
  /** Per probe, all phases together. */
  timeout_ns: Ns;
  /** Passes in a row that make a backend up. */
  rise: number;
  /** Failures in a row that make a backend down. */
  fall: number;
  /** Source of probes to IPv4 backends. */
  probe_ipv4_src: Nul<string>;
  /** Source of probes to IPv6 backends. */
  probe_ipv6_src: Nul<string>;
  /** Null for icmp. */
  params: Nul<Params>;
  /** Backends that use it. */
  backends: string[];
}

/** Parameters of a health check; only those of its type are there. */
export interface Params {
  /** Path of the request. */
  path?: string;
  /** Host header. */
  host?: string;
  /** Method of the request. */
  method?: "GET" | "HEAD";
  /** Accepted statuses, e.g. `200-399`. */
  response_code?: string;
  /** RE2 pattern that the body must match. */
  response_regexp?: string;
  /** Further headers, secret values `***`. */
  headers?: Record<string, string>;
  /** Whether a tcp check does a TLS handshake. */
  ssl?: boolean;
  /** SNI, and the name in the certificate. */
  server_name?: string;
  /** Any certificate will do. */
  insecure_skip_verify?: boolean;
  /** Authorities, PEM. */
  ca_file?: string;
  /** Client certificate, PEM. */
  cert_file?: string;
  /** Its key, PEM. */
  key_file?: string;
}

/** GET /v1/healthchecks */
export interface HealthCheckList {
  /** In the file's order. */
  healthchecks: HealthCheck[];
}

/** One finished probe. */
export interface Probe {
  /** Whether it passed. */
  ok: boolean;
  /** Connect, TLS, or application and echo. */
  layer: "L4" | "L6" | "L7";
  /** The verdict. */
  code: Code;
  /** For humans: `connection refused`, `HTTP 503`. */
  detail: string;
  /** When it was due. */
  scheduled_at: Time;
  /** When it began. */
  started_at: Time;
  /** Until connected; null: not reached. */
  connect_ns: Nul<Ns>;
  /** TLS handshake; null: not reached, or none. */
  tls_ns: Nul<Ns>;
  /** Until the first byte of the answer; null: not reached. */
  first_byte_ns: Nul<Ns>;
  /** All phases. */
  total_ns: Ns;
  /** How long the probing thread did not run meanwhile. */
  lag_ns: Ns;
  /** Not null: the result counts neither way, and this is why. */
  void: Nul<VoidCause>;
}

/** What a transition did to one frontend's weight. */
export interface WeightEffect {
  /** Name of the frontend. */
  frontend: string;
  /** Pool in which the backend stands. */
  pool: string;
  /** 0...100. */
  weight_before: number;
  /** 0...100. */
  weight_after: number;
  /** Whether established flows are dropped. */
  flush: boolean;
}

/** A change of a backend's state. */
export interface Transition {
  /** State before. */
  from: State;
  /** State after. */
  to: State;
  /** When. */
  at: Time;
  /** When, to the nanosecond. */
  at_unix_ns: Ns;
  /** Why. */
  code: Code;
  /** Why, for humans. */
  detail: string;
  /** The operator who asked for it. */
  by: Nul<string>;
  /** What it did to weights. */
  effects: WeightEffect[];
}

/** A change of a frontend's state. */
export interface FrontendTransition {
  /** State before. */
  from: FState;
  /** State now. */
  to: FState;
  /** When. */
  at: Time;
  /** Pool in use now. */
  active_pool: Nul<string>;
  /** Why. */
  reason: string;
}

/** How long probes took. */
export interface Latency {
  /** Of the last 60 counted probes. */
  p50_ns: Ns;
  /** Of the last 60 counted probes. */
  p95_ns: Ns;
  /** Of the last 60 counted probes. */
  p99_ns: Ns;
  /** 60 characters, the newest last: 0 to 9 on a logarithmic scale, x failed, - none. */
  spark: string;
  /** Newest last, at most 60; [] in lists. */
  recent: { at: Time; total_ns: Ns; ok: boolean; code: Code }[];
}

/** GET /v1/backends/{name}; POST .../pause, resume, disable, enable answer the same, changed or not. */
export interface Backend {
  /** Its name. */
  name: string;
  /** Canonical text. */
  address: string;
  /** Its state. */
  state: State;
  /** When the state began. */
  since: Time;
  /** False while disabled. */
  enabled: boolean;
  /** Name of its health check. */
  healthcheck: Nul<string>;
  /** The counter; null: no health check. */
  health: Nul<{
    /** 0...max; up from rise on. */
    counter: number;
    /** Passes that make it up. */
    rise: number;
    /** Failures that make it down. */
    fall: number;
    /** rise + fall - 1. */
    max: number;
    /** 0 < counter < max. */
    degraded: boolean;
  }>;
  /** The newest finished probe, void ones too. */
  last_probe: Nul<Probe>;
  /** When the next one is due. */
  next_probe_at: Nul<Time>;
  /** Where it serves. */
  frontends: {
    /** Name of the frontend. */
    frontend: string;
    /** Name of the pool. */
    pool: string;
  }[];
  /** Newest first. */
  transitions: Transition[];
  /** Not null: no result has counted for too long. */
  blind: Nul<{
    /** Since when. */
    since: Time;
    /** Cause of the last void result; `no-result`: not even a void one arrived. */
    cause: VoidCause | "no-result";
    /** The same for humans. */
    detail: string;
  }>;
  /** The override in force; the one of the other scope is in /v1/overrides. */
  override: Nul<Override>;
  /** How long its probes took; null: no result has counted yet. */
  latency: Nul<Latency>;
  /** The certificate that it showed last; null: none, or no probe with TLS. */
  certificate: Nul<Certificate>;
  /** In the answer to a change. */
  consequences?: Consequences;
}

/** The certificate that a server showed last. */
export interface Certificate {
  /** Whose. */
  subject: string;
  /** Who signed it. */
  issuer: string;
  /** What it is valid for. */
  names: string[];
  /** From. */
  not_before: Time;
  /** To. */
  not_after: Time;
  /** Whole days to its end; negative after it. */
  days_left: number;
}

/** GET /v1/backends */
export interface BackendList {
  /** In the file's order. */
  backends: Backend[];
}

/** A backend as a pool sees it. */
export interface PoolBackend {
  /** Its name. */
  name: string;
  /** Its address. */
  address: string;
  /** Its state. */
  state: State;
  /** False while disabled. */
  enabled: boolean;
  /** In the running configuration, 0...100. */
  weight: number;
  /** What VPP should have, 0...100. */
  effective_weight: number;
  /** Entries of the new-flow table as VPP last reported; null: not known. */
  num_buckets: Nul<number>;
  /** The same as a share 0...1. */
  share: Nul<number>;
  /** What the file says in place of `weight`. */
  file_weight: number;
  /** The override of the weight in force. */
  override: Nul<Override>;
}

/** A pool; order is priority. */
export interface Pool {
  /** Its name. */
  name: string;
  /** Whether it carries the frontend. */
  active: boolean;
  /** In the file's order. */
  backends: PoolBackend[];
}

/** GET /v1/frontends/{name} */
export interface Frontend {
  /** Its name. */
  name: string;
  /** From the file. */
  description: string;
  /** Of the VIP. */
  address: string;
  /** Of the VIP. */
  protocol: Protocol;
  /** 0 for an all-port VIP. */
  port: number;
  /** Up if any effective weight > 0. */
  state: FState;
  /** When the state began. */
  since: Time;
  /** Hash on the source address only. */
  src_ip_sticky: boolean;
  /** Drop flows of a backend that goes down. */
  flush_on_down: boolean;
  /** Entries of the new-flow table, as configured. */
  new_flows_table_length: number;
  /** In order of priority. */
  pools: Pool[];
  /** How VPP stands to this frontend. */
  vpp: "off" | "disconnected" | "held" | "pending" | "error" | "drift" | "in-sync";
  /** Why; "" when in-sync or off. */
  vpp_detail: string;
  /** Newest first; `from` and `to` are equal where only the pool in use changed. */
  transitions: FrontendTransition[];
  /** In the answer to a change. */
  consequences?: Consequences;
}

/** GET /v1/frontends */
export interface FrontendList {
  /** In the file's order. */
  frontends: Frontend[];
}

/** PUT .../weight; answers the frontend, also while VPP is away. */
export interface SetWeight extends ActionBody {
  /** 0...100. */
  weight: number;
  /** Also drop the server's established flows. */
  flush?: boolean;
}

/** GET /v1/frontends/{name}/table?state=b1:down&weight=b2:50&buckets=true, the first two repeatable. */
export interface Table {
  /** Name of the frontend. */
  frontend: string;
  /** Entries of the table. */
  table_length: number;
  /** Whether states or weights were assumed. */
  assumed: boolean;
  /** Servers of the VIP. */
  servers: TableServer[];
  /** What would move, against VPP's table now; null: not known. */
  compared_to_now: Nul<Moved>;
  /** One index into servers (-1: none) a bucket. */
  buckets?: number[];
  /** Weights that lose their effect and the like. */
  lints: Finding[];
}

/** A server of a computed table. */
export interface TableServer {
  /** Name of the backend. */
  backend: string;
  /** Its address. */
  address: string;
  /** Weight in this table. */
  weight: number;
  /** Entries that it gets. */
  num_buckets: number;
  /** The same as a share 0...1. */
  share: number;
  /** Share that its weight asks for. */
  wanted_share: number;
}
