// Every key is always present; "none" is null, never a missing key, except where `?` stands.
// Time: RFC 3339 UTC with milliseconds. Ns: a decimal string (what Go's JSON makes of an int64): nanoseconds, unix time or duration.
// Responses are application/json, errors application/problem+json. Clients ignore keys they do not know. Lists keep the file's order.
type Time = string;
type Ns = string;
type Nul<T> = T | null;
type State = "unknown" | "up" | "down" | "paused" | "disabled" | "removed";
type FState = "unknown" | "up" | "down";
type Protocol = "tcp" | "udp" | "any"; // any: all-port VIP, port 0
type Encap = "gre4" | "gre6" | "l3dsr" | "nat4" | "nat6";
type Level = "debug" | "info" | "warn" | "error";
type Code =
  | "L4OK"
  | "L4TOUT"
  | "L4CON"
  | "L6OK"
  | "L6TOUT"
  | "L6RSP"
  | "L7OK"
  | "L7TOUT"
  | "L7RSP"
  | "L7STS"
  | "paused"
  | "disabled"
  | "enabled"
  | "resumed"
  | "removed"
  | "reload"
  | "static"; // static: no health check
// file: null for a JSON body, "<body>" for posted YAML; then path is e.g. "weight". line, column count from 1.
export interface Finding {
  severity: "error" | "warning";
  pass: "structural" | "semantic" | "lint";
  file: Nul<string>;
  line: Nul<number>;
  column: Nul<number>;
  path: string;
  message: string;
  hint: Nul<string>;
}
// type: "urn:maglev:problem:" + bad-request 400, unauthorized 401 (WWW-Authenticate: Bearer), forbidden 403, not-found 404,
// method-not-allowed 405 (Allow), conflict 409, plan-changed 409, too-large 413, unsupported-media-type 415, invalid 422,
// vpp-refused 502, vpp-unavailable 503 (Retry-After), not-ready 503, busy 503. 400: unparsable; 422: parsed and wrong.
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  errors?: Finding[];
  readiness?: Ready;
  sync?: SyncResult;
  plan_digest?: string;
} // with not-ready; vpp-refused; plan-changed (the digest now)
export interface Health {
  status: "ok";
} // GET /healthz
export interface Ready {
  ready: boolean;
  config: boolean;
  probes: "running" | "blind"; // GET /readyz: 200, else Problem with `readiness`
  vpp: "off" | "disconnected" | "refused" | "warming-up" | "out-of-sync" | "in-sync";
}
export interface Info {
  version: string;
  commit: string;
  date: Time;
  started_at: Time;
  uptime_ns: Ns;
  listen: string[];
  features: string[];
  warmup: { phase: "hold" | "release" | "done"; ends_at: Time; held_frontends: string[] };
} // GET /v1/info
// GET /v1/config: the file's own keys (kebab-case, durations as "1m30s"), defaults filled in, secret header values "***".
export interface Config {
  maglev: Record<string, unknown>;
}
// POST /v1/config/check: 200 whenever a file was judged. parse_error, semantic_error: Go's triple, lines joined by \n, "" when none.
export interface ConfigCheck {
  ok: boolean;
  parse_error: string;
  semantic_error: string;
  errors: Finding[];
  warnings: Finding[];
}
export interface ReloadChange {
  object: "healthchecker" | "healthcheck" | "backend" | "frontend" | "vpp";
  name: string;
  change: "added" | "changed" | "removed";
  fields: string[];
  effect: string;
}
export interface ConfigReload extends ConfigCheck {
  changes: ReloadChange[];
  sync: Nul<SyncResult>;
} // 200; wrong file: 422 with errors
export interface HealthCheck {
  name: string;
  type: "icmp" | "tcp" | "http" | "https";
  port: Nul<number>;
  interval_ns: Ns;
  fast_interval_ns: Ns;
  down_interval_ns: Ns;
  timeout_ns: Ns;
  rise: number;
  fall: number;
  probe_ipv4_src: Nul<string>;
  probe_ipv6_src: Nul<string>;
  params: Nul<Params>;
  backends: string[];
} // GET /v1/healthchecks/{name}
export interface Params {
  path?: string;
  host?: string;
  method?: "GET" | "HEAD";
  response_code?: string;
  response_regexp?: string;
  headers?: Record<string, string>;
  ssl?: boolean;
  server_name?: string;
  insecure_skip_verify?: boolean;
  ca_file?: string;
  cert_file?: string;
  key_file?: string;
}
export interface HealthCheckList {
  healthchecks: HealthCheck[];
}
export interface Probe {
  ok: boolean;
  layer: "L4" | "L6" | "L7";
  code: Code;
  detail: string;
  scheduled_at: Time;
  started_at: Time;
  connect_ns: Nul<Ns>;
  tls_ns: Nul<Ns>;
  first_byte_ns: Nul<Ns>;
  total_ns: Ns;
  lag_ns: Ns;
  void: Nul<VoidCause>;
}
export type VoidCause =
  | "late"
  | "descriptors"
  | "ports"
  | "memory"
  | "netns"
  | "permission"
  | "source-address"
  | "worker-restart";
export interface WeightEffect {
  frontend: string;
  pool: string;
  weight_before: number;
  weight_after: number;
  flush: boolean;
}
export interface Transition {
  from: State;
  to: State;
  at: Time;
  at_unix_ns: Ns;
  code: Code;
  detail: string;
  by: Nul<string>;
  effects: WeightEffect[];
}
// GET /v1/backends/{name}; POST …/pause|resume|disable|enable answers the same, changed or not.
export interface Backend {
  name: string;
  address: string;
  state: State;
  since: Time;
  enabled: boolean;
  healthcheck: Nul<string>;
  health: Nul<{ counter: number; rise: number; fall: number; max: number; degraded: boolean }>; // null: no health check
  last_probe: Nul<Probe>;
  next_probe_at: Nul<Time>;
  frontends: { frontend: string; pool: string }[];
  transitions: Transition[];
} // newest first
export interface BackendList {
  backends: Backend[];
}
export interface PoolBackend {
  name: string;
  address: string;
  state: State;
  enabled: boolean;
  weight: number;
  effective_weight: number;
  num_buckets: Nul<number>;
  share: Nul<number>;
} // as VPP last reported, null if not known; share 0…1
export interface Pool {
  name: string;
  active: boolean;
  backends: PoolBackend[];
}
export interface Frontend {
  name: string;
  description: string;
  address: string;
  protocol: Protocol;
  port: number;
  state: FState;
  since: Time;
  src_ip_sticky: boolean;
  flush_on_down: boolean;
  new_flows_table_length: number;
  pools: Pool[]; // GET /v1/frontends/{name}
  vpp: "off" | "disconnected" | "held" | "pending" | "error" | "in-sync";
}
export interface FrontendList {
  frontends: Frontend[];
}
export interface SetWeight {
  weight: number;
  flush?: boolean;
} // PUT …/weight, weight 0…100, answers Frontend, also while VPP is away (vpp: "pending")
// GET /v1/frontends/{name}/table?state=b1:down&weight=b2:50 (both repeatable)&buckets=true
export interface Table {
  frontend: string;
  table_length: number;
  assumed: boolean;
  servers: TableServer[];
  compared_to_now: Nul<Moved>;
  buckets?: number[];
  lints: Finding[];
} // buckets: one index into servers (−1: none) a bucket
export interface TableServer {
  backend: string;
  address: string;
  weight: number;
  num_buckets: number;
  share: number;
  wanted_share: number;
}
export interface Moved {
  moved_buckets: number;
  moved_share: number;
  least_buckets: number;
  least_share: number;
}
export interface VppInfo {
  version: string;
  build_date: string;
  build_directory: string;
  pid: number;
  boottime_ns: Ns;
  connecttime_ns: Ns;
  boottime: Time;
  connecttime: Time;
} // GET /v1/vpp/info
export interface LbConf {
  ipv4_src_address: string;
  ipv6_src_address: string;
  sticky_buckets_per_core: number;
  flow_timeout: number;
} // s
export interface AppServer {
  address: string;
  backend: Nul<string>;
  weight: number;
  flags: number;
  num_buckets: number;
  in_use_since: number;
}
interface VipKey {
  frontend: Nul<string>;
  prefix: string;
  protocol: Protocol;
  port: number;
} // frontend null: foreign; prefix "192.0.2.1/32"
export interface Vip extends VipKey {
  encap: Encap;
  src_ip_sticky: Nul<boolean>;
  flow_table_length: number;
  index: Nul<number>;
  application_servers: AppServer[];
}
export interface LbState {
  read_at: Time;
  conf: LbConf;
  vips: Vip[];
} // GET /v1/vpp/lb/state[?frontend=]; a VIP that is not there: vips []
// GET /v1/frontends/{name}/whereis?client=192.0.2.7&client_port=40000 (client_port may be left out for a src-ip-sticky VIP)
export interface Whereis {
  frontend: string;
  client: string;
  client_port: Nul<number>;
  hash: number;
  bucket: number;
  table_length: number;
  now: Nul<{ backend: Nul<string>; address: string }>;
  after_plan: Nul<{ backend: Nul<string>; address: string }>;
  note: string;
} // a pinned flow stays
export interface ServerCounters {
  address: string;
  backend: Nul<string>;
  packets: number;
  bytes: number;
  vips: VipKey[];
} // summed over these VIPs
export interface VipCounters extends VipKey {
  next: number;
  first: number;
  untracked: number;
  no_server: number;
  packets: number;
  bytes: number;
}
export interface LbCounters {
  read_at: Nul<Time>;
  vips: VipCounters[];
  servers: ServerCounters[];
  unmatched: number;
} // packets, bytes: of the prefix's route, shared by its VIPs
export type ChangeKind =
  | "conf_set"
  | "vip_added"
  | "vip_removed"
  | "vip_recreated"
  | "as_added"
  | "as_removed"
  | "as_weight_updated";
export interface Change {
  seq: number;
  kind: ChangeKind;
  frontend: Nul<string>;
  prefix: Nul<string>;
  protocol: Nul<Protocol>;
  port: Nul<number>;
  address: Nul<string>;
  backend: Nul<string>;
  weight_before: Nul<number>;
  weight_after: Nul<number>;
  flush: boolean;
  traffic_affecting: boolean;
  held: Nul<string>;
  reason: string;
} // held: why an automatic sync would not send it, else null
export interface Prediction extends VipKey, Moved {
  servers: {
    address: string;
    backend: Nul<string>;
    weight_before: number;
    weight_after: number;
    share_before: number;
    share_after: number;
    has_effect: boolean;
  }[];
  lints: Finding[];
}
// GET /v1/vpp/lb/plan[?frontend=]. Empty plan: changes []. digest covers changes (all keys but seq), not times, buckets or shares.
export interface Plan {
  scope: "all" | "vip";
  frontend: Nul<string>;
  digest: string;
  read_at: Time;
  traffic_affecting: boolean;
  changes: Change[];
  predictions: Prediction[];
}
export interface SyncRequest {
  frontend?: string;
  plan_digest?: string;
} // POST /v1/vpp/lb/sync; a missing body is {}
export interface SyncResult {
  scope: "all" | "vip";
  frontend: Nul<string>;
  digest: string;
  started_at: Time;
  took_ns: Ns; // 200, or 502
  done: number;
  failed: number;
  skipped: number;
  changes: (Change & { status: "done" | "failed" | "skipped"; retval: Nul<number>; error: Nul<string> })[];
}
// GET /v1/events?kinds=&level=&backend=&frontend= (comma lists; kinds default backend,frontend,vpp,log; level default info).
// Frames: "event: <kind>", "id: <epoch>-<seq>", "data: <one of these>". First the present state, from = to, synthetic true, all with the id of
// the newest real event; with a Last-Event-ID in the ring the missed events instead; otherwise `resync`, then the present state.
interface EventHead {
  at: Time;
  at_unix_ns: Ns;
  synthetic: boolean;
}
export interface BackendEvent extends EventHead {
  kind: "backend";
  backend: string;
  frontends: string[];
  transition: Transition;
}
export interface FrontendEvent extends EventHead {
  kind: "frontend";
  frontend: string;
  from: FState;
  to: FState;
  active_pool: string;
  reason: string;
}
type Link = "off" | "disconnected" | "connected";
export interface VppEvent extends EventHead {
  kind: "vpp";
  from: Link;
  to: Link;
  reason: string;
  info: Nul<VppInfo>;
}
export interface LogEvent extends EventHead {
  kind: "log";
  level: Level;
  msg: string;
  attrs: Record<string, unknown>;
}
export interface ResyncEvent extends EventHead {
  kind: "resync";
  reason: "epoch" | "ring";
}
export interface DroppedEvent extends EventHead {
  kind: "dropped";
  reason: string;
} // the last frame before the daemon closes a slow reader
