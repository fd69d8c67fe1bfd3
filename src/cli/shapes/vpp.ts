import type * as api from "../../api/mod.ts";
import { flag, list, nanos, nul, number, object, optional, type Shape, text, time } from "../shape.ts";

/** One mistake or lint. */
export const finding: Shape<api.Finding> = object<api.Finding>({
  severity: text,
  file: nul(text),
  line: nul(number),
  column: nul(number),
  path: text,
  message: text,
  hint: nul(text),
});

/** How much of a table moves. */
export const moved: Shape<api.Moved> = object<api.Moved>({
  moved_buckets: number,
  moved_share: number,
  least_buckets: number,
  least_share: number,
});

/** GET /v1/vpp/info */
export const vppInfo: Shape<api.VppInfo> = object<api.VppInfo>({
  version: text,
  build_date: text,
  build_directory: text,
  pid: number,
  boottime: time,
  connecttime: time,
});

const lbConf: Shape<api.LbConf> = object<api.LbConf>({
  ipv4_src_address: text,
  ipv6_src_address: text,
  sticky_buckets_per_core: number,
  flow_timeout: number,
});

const vipKey = { frontend: nul(text), prefix: text, protocol: text, port: number } as const;

/** GET /v1/vpp/lb/state */
export const lbState: Shape<api.LbState> = object<api.LbState>({
  read_at: time,
  conf: lbConf,
  vips: list(object<api.Vip>({
    ...vipKey,
    encap: text,
    src_ip_sticky: nul(flag),
    flow_table_length: number,
    index: nul(number),
    application_servers: list(object<api.AppServer>({
      address: text,
      backend: nul(text),
      weight: number,
      num_buckets: number,
    })),
  })),
});

/** GET /v1/vpp/lb/counters */
export const lbCounters: Shape<api.LbCounters> = object<api.LbCounters>({
  read_at: nul(time),
  vips: list(object<api.VipCounters>({
    ...vipKey,
    next: number,
    first: number,
    untracked: number,
    no_server: number,
    packets: number,
    bytes: number,
  })),
  servers: list(object<api.ServerCounters>({
    address: text,
    backend: nul(text),
    packets: number,
    bytes: number,
    vips: list(object<api.VipKey>(vipKey)),
  })),
  unmatched: number,
});

/** One change of a plan. */
export const change: Shape<api.Change> = object<api.Change>({
  kind: text,
  frontend: nul(text),
  prefix: nul(text),
  protocol: nul(text<api.Protocol>),
  port: nul(number),
  address: nul(text),
  backend: nul(text),
  weight_before: nul(number),
  weight_after: nul(number),
  flush: flag,
  traffic_affecting: flag,
  held: nul(text),
  holds: list(text),
  reason: text,
  conf: optional(lbConf),
  encap: optional(text<api.Encap>),
  table_length: optional(number),
  src_ip_sticky: optional(flag),
});

/** GET /v1/vpp/lb/plan */
export const plan: Shape<api.Plan> = object<api.Plan>({
  frontend: nul(text),
  digest: text,
  read_at: time,
  traffic_affecting: flag,
  changes: list(change),
  predictions: list(object<api.Prediction>({
    ...vipKey,
    moved_buckets: number,
    moved_share: number,
    least_buckets: number,
    least_share: number,
    servers: list(object<api.Prediction["servers"][number]>({
      address: text,
      backend: nul(text),
      weight_before: number,
      weight_after: number,
      share_before: number,
      share_after: number,
      has_effect: flag,
    })),
    lints: list(finding),
  })),
});

/** What became of a change. */
type Outcome = api.SyncResult["changes"][number];

/** The answer to a sync. */
export const syncResult: Shape<api.SyncResult> = object<api.SyncResult>({
  frontend: nul(text),
  took_ns: nanos,
  done: number,
  failed: number,
  skipped: number,
  changes: list((value, at): Outcome => {
    change(value, at);
    return object<Outcome>({ status: text, retval: nul(number), error: nul(text) })(value, at);
  }),
});

const server: Shape<NonNullable<api.Whereis["now"]>> = object<NonNullable<api.Whereis["now"]>>({
  backend: nul(text),
  address: text,
});

/** GET /v1/frontends/{name}/whereis */
export const whereis: Shape<api.Whereis> = object<api.Whereis>({
  frontend: text,
  client: text,
  client_port: nul(number),
  hash: number,
  bucket: number,
  table_length: number,
  now: nul(server),
  after_plan: nul(server),
  note: text,
});
