import type * as api from "../../api/mod.ts";
import {
  any,
  flag,
  list,
  nanos,
  nul,
  number,
  object,
  optional,
  record,
  type Shape,
  since,
  text,
  time,
} from "../shape.ts";
import { consequences, override } from "./memory.ts";
import { finding, moved } from "./vpp.ts";

/** GET /v1/healthchecks/{name} */
export const healthcheck: Shape<api.HealthCheck> = object<api.HealthCheck>({
  name: text,
  type: text,
  port: nul(number),
  interval_ns: nanos,
  fast_interval_ns: nanos,
  down_interval_ns: nanos,
  timeout_ns: nanos,
  rise: number,
  fall: number,
  probe_ipv4_src: nul(text),
  probe_ipv6_src: nul(text),
  params: nul(record(any) as Shape<api.Params>),
  backends: list(text),
});

/** GET /v1/healthchecks */
export const healthcheckList: Shape<api.HealthCheckList> = object<api.HealthCheckList>({
  healthchecks: list(healthcheck),
});

const probe: Shape<api.Probe> = object<api.Probe>({
  ok: flag,
  code: text,
  detail: text,
  started_at: time,
  connect_ns: nul(nanos),
  tls_ns: nul(nanos),
  first_byte_ns: nul(nanos),
  total_ns: nanos,
  lag_ns: nanos,
  void: nul(text<api.VoidCause>),
});

/** A backend's change of state. */
export const transition: Shape<api.Transition> = object<api.Transition>({
  from: text,
  to: text,
  at: time,
  code: text,
  detail: text,
  by: nul(text),
  effects: list(object<api.WeightEffect>({
    frontend: text,
    pool: text,
    weight_before: number,
    weight_after: number,
    flush: flag,
  })),
});

const none = () => null;

const latency: Shape<api.Latency> = object<api.Latency>({
  p50_ns: nanos,
  p95_ns: nanos,
  p99_ns: nanos,
  spark: text,
  recent: list(object<api.Latency["recent"][number]>({ at: time, total_ns: nanos, ok: flag, code: text })),
});

/** GET /v1/backends/{name} */
export const backend: Shape<api.Backend> = object<api.Backend>({
  name: text,
  address: text,
  state: text,
  since: time,
  enabled: flag,
  healthcheck: nul(text),
  health: nul(object<NonNullable<api.Backend["health"]>>({
    counter: number,
    rise: number,
    fall: number,
    max: number,
    degraded: flag,
  })),
  last_probe: nul(probe),
  next_probe_at: nul(time),
  frontends: list(object<api.Backend["frontends"][number]>({ frontend: text, pool: text })),
  transitions: list(transition),
  blind: nul(object<NonNullable<api.Backend["blind"]>>({ since: time, cause: text, detail: text })),
  certificate: nul(object<api.Certificate>({
    subject: text,
    issuer: text,
    names: list(text),
    not_before: time,
    not_after: time,
    days_left: number,
  })),
  override: since(none, nul(override)),
  latency: since(none, nul(latency)),
  consequences: optional(consequences),
});

/** GET /v1/backends */
export const backendList: Shape<api.BackendList> = object<api.BackendList>({ backends: list(backend) });

const member: Shape<api.PoolBackend> = (value, at) => {
  const read = object<api.PoolBackend>({
    name: text,
    address: text,
    state: text,
    enabled: flag,
    weight: number,
    effective_weight: number,
    num_buckets: nul(number),
    share: nul(number),
    override: since(none, nul(override)),
  })(value, at);
  // An older maglevd has no weight but the running one.
  return object<api.PoolBackend>({ file_weight: since(() => read.weight, number) })(value, at);
};

/** GET /v1/frontends/{name} */
export const frontend: Shape<api.Frontend> = object<api.Frontend>({
  name: text,
  description: text,
  address: text,
  protocol: text,
  port: number,
  state: text,
  since: time,
  src_ip_sticky: flag,
  flush_on_down: flag,
  new_flows_table_length: number,
  pools: list(object<api.Pool>({ name: text, active: flag, backends: list(member) })),
  vpp: text,
  vpp_detail: since(() => "", text),
  transitions: since(
    () => [],
    list(object<api.FrontendTransition>({
      from: text,
      to: text,
      at: time,
      active_pool: nul(text),
      reason: text,
    })),
  ),
  consequences: optional(consequences),
});

/** GET /v1/frontends */
export const frontendList: Shape<api.FrontendList> = object<api.FrontendList>({ frontends: list(frontend) });

/** GET /v1/frontends/{name}/table */
export const table: Shape<api.Table> = object<api.Table>({
  frontend: text,
  table_length: number,
  assumed: flag,
  servers: list(object<api.TableServer>({
    backend: text,
    address: text,
    weight: number,
    num_buckets: number,
    share: number,
    wanted_share: number,
  })),
  compared_to_now: nul(moved),
  lints: list(finding),
});
