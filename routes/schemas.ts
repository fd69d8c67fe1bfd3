/**
 * Schemas of everyday resources: problems, daemon, health checks, backends, frontends. Their types are the
 * contract's (src/api/mod.ts); their names are those of the OpenAPI document.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { VOID_CAUSES } from "../src/model.ts";
import { contract, orNull, type Schema } from "./contract.ts";
import { Consequences, CurrentProblem, FrontendTransition, Latency, Override } from "./schemas_answers.ts";
import { SyncResult } from "./schemas_vpp.ts";
import {
  Code,
  Finding,
  FrontendState,
  Ns,
  Port,
  Protocol,
  State,
  Text,
  Time,
  VppWeight,
  Weight,
} from "./schemas_base.ts";

export { Finding } from "./schemas_base.ts";

/** GET /readyz */
export const Ready: Schema<api.Ready> = contract<api.Ready>()(
  "Ready",
  z.object({
    ready: z.boolean(),
    problems: z.array(CurrentProblem).openapi({ description: "empty for callers that may not read" }),
    config: z.boolean().openapi({ description: "a configuration is loaded" }),
    probes: z.enum(["running", "blind"]).openapi({
      description: "blind: some backend has no counted result",
    }),
    vpp: z.enum(["off", "disconnected", "refused", "warming-up", "out-of-sync", "in-sync"]),
  }),
);

/** Every error of the API. */
export const Problem: Schema<api.Problem> = contract<api.Problem>()(
  "Problem",
  z.object({
    type: z.string().openapi({ format: "uri", description: "stable; see the table of problems" }),
    title: Text,
    status: z.int().min(400).max(599),
    detail: Text,
    instance: z.string().openapi({ format: "uri-reference", description: "path of the request" }),
    errors: z.array(Finding).optional(),
    readiness: Ready.optional(),
    sync: SyncResult.optional(),
    plan_digest: z.string().optional().openapi({ description: "with plan-changed: the digest now" }),
    override: Override.optional().openapi({
      description: "with conflict: what another operator has set everywhere",
    }),
  }),
);

/** GET /healthz */
export const Health: Schema<api.Health> = contract<api.Health>()(
  "Health",
  z.object({ status: z.literal("ok") }),
);

/** GET /v1/info */
export const Info: Schema<api.Info> = contract<api.Info>()(
  "Info",
  z.object({
    node: Text,
    auth: z.boolean(),
    tls: z.boolean(),
    state_dir: orNull(Text),
    grafana_url: orNull(Text),
    you: orNull(z.object({ name: Text, role: z.enum(["viewer", "operator", "admin"]) })).openapi({
      description: "null: a caller without a token",
    }),
    version: Text,
    commit: Text,
    date: Time,
    started_at: Time,
    uptime_ns: Ns,
    listen: z.array(Text),
    features: z.array(Text),
    warmup: z.object({
      phase: z.enum(["hold", "release", "done"]),
      ends_at: Time,
      held_frontends: z.array(Text),
    }),
  }),
);

const Params = contract<api.Params>()(
  "Params",
  z.object({
    path: z.string().optional(),
    host: z.string().optional(),
    method: z.enum(["GET", "HEAD"]).optional(),
    response_code: z.string().optional(),
    response_regexp: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
    ssl: z.boolean().optional(),
    server_name: z.string().optional(),
    insecure_skip_verify: z.boolean().optional(),
    ca_file: z.string().optional(),
    cert_file: z.string().optional(),
    key_file: z.string().optional(),
  }),
);

/** GET /v1/healthchecks/{name} */
export const HealthCheck: Schema<api.HealthCheck> = contract<api.HealthCheck>()(
  "HealthCheck",
  z.object({
    name: Text,
    type: z.enum(["icmp", "tcp", "http", "https"]),
    port: orNull(Port),
    interval_ns: Ns,
    fast_interval_ns: Ns,
    down_interval_ns: Ns,
    timeout_ns: Ns,
    rise: z.int().min(1).max(100),
    fall: z.int().min(1).max(100),
    probe_ipv4_src: orNull(Text),
    probe_ipv6_src: orNull(Text),
    params: orNull(Params),
    backends: z.array(Text),
  }),
);

/** GET /v1/healthchecks */
export const HealthCheckList: Schema<api.HealthCheckList> = contract<api.HealthCheckList>()(
  "HealthCheckList",
  z.object({ healthchecks: z.array(HealthCheck) }),
);

const Probe = contract<api.Probe>()(
  "Probe",
  z.object({
    ok: z.boolean(),
    layer: z.enum(["L4", "L6", "L7"]),
    code: Code,
    detail: Text,
    scheduled_at: Time,
    started_at: Time,
    connect_ns: orNull(Ns),
    tls_ns: orNull(Ns),
    first_byte_ns: orNull(Ns),
    total_ns: Ns,
    lag_ns: Ns,
    void: orNull(
      z.enum(VOID_CAUSES),
    ).openapi({ description: "not null: the result counts neither way" }),
  }),
);

/** A change of a backend's state, in histories and events. */
export const Transition: Schema<api.Transition> = contract<api.Transition>()(
  "Transition",
  z.object({
    from: State,
    to: State,
    at: Time,
    at_unix_ns: Ns,
    code: Code,
    detail: Text,
    by: orNull(Text).openapi({ description: "the operator who asked for it" }),
    effects: z.array(z.object({
      frontend: Text,
      pool: Text,
      weight_before: VppWeight,
      weight_after: VppWeight,
      flush: z.boolean(),
    })),
  }),
);

const Certificate = contract<api.Certificate>()(
  "Certificate",
  z.object({
    subject: Text,
    issuer: Text,
    names: z.array(Text),
    not_before: Time,
    not_after: Time,
    days_left: z.int().openapi({ description: "negative once it has ended" }),
  }),
);

/** GET /v1/backends/{name} */
export const Backend: Schema<api.Backend> = contract<api.Backend>()(
  "Backend",
  z.object({
    name: Text,
    address: Text,
    state: State,
    since: Time,
    enabled: z.boolean(),
    healthcheck: orNull(Text),
    health: orNull(z.object({
      counter: z.int().min(0),
      rise: z.int().min(1),
      fall: z.int().min(1),
      max: z.int().min(1),
      degraded: z.boolean(),
    })).openapi({ description: "null: no health check" }),
    last_probe: orNull(Probe),
    next_probe_at: orNull(Time),
    frontends: z.array(z.object({ frontend: Text, pool: Text })),
    transitions: z.array(Transition).openapi({ description: "newest first" }),
    blind: orNull(z.object({ since: Time, cause: z.enum([...VOID_CAUSES, "no-result"]), detail: Text }))
      .openapi({ description: "not null: no result has counted for too long" }),
    override: orNull(Override).openapi({ description: "the one in force" }),
    latency: orNull(Latency).openapi({ description: "null: no result has counted yet" }),
    certificate: orNull(Certificate).openapi({ description: "the newest; null: none, or no probe with TLS" }),
    consequences: Consequences.optional().openapi({ description: "in the answer to a change" }),
  }),
);

/** GET /v1/backends */
export const BackendList: Schema<api.BackendList> = contract<api.BackendList>()(
  "BackendList",
  z.object({ backends: z.array(Backend) }),
);

/** GET /v1/frontends/{name} */
export const Frontend: Schema<api.Frontend> = contract<api.Frontend>()(
  "Frontend",
  z.object({
    name: Text,
    description: Text,
    address: Text,
    protocol: Protocol,
    port: z.int().min(0).max(65535),
    state: FrontendState,
    since: Time,
    src_ip_sticky: z.boolean(),
    flush_on_down: z.boolean(),
    new_flows_table_length: z.int().min(1),
    pools: z.array(z.object({
      name: Text,
      active: z.boolean(),
      backends: z.array(z.object({
        name: Text,
        address: Text,
        state: State,
        enabled: z.boolean(),
        weight: Weight,
        effective_weight: VppWeight,
        num_buckets: orNull(z.int().min(0)),
        share: orNull(z.number().min(0).max(1)),
        file_weight: Weight.openapi({ description: "what the file says in place of weight" }),
        override: orNull(Override).openapi({ description: "the override of the weight in force" }),
      })),
    })),
    vpp: z.enum(["off", "disconnected", "held", "pending", "error", "drift", "in-sync"]),
    vpp_detail: Text.openapi({ description: "why; empty when in-sync or off" }),
    transitions: z.array(FrontendTransition).openapi({
      description: "newest first; from and to are equal where only the pool in use changed",
    }),
    consequences: Consequences.optional().openapi({ description: "in the answer to a change" }),
  }),
);

/** GET /v1/frontends */
export const FrontendList: Schema<api.FrontendList> = contract<api.FrontendList>()(
  "FrontendList",
  z.object({ frontends: z.array(Frontend) }),
);

/** Longest reason, in characters. */
const longestReason = 500;

/** Why somebody changes something. It goes into logs and onto terminals. */
const Reason: Schema<string> = z.string()
  .refine((text) => [...text].length <= longestReason, `must have at most ${longestReason} characters`)
  .refine(
    (text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text),
    "must not hold line breaks or control characters",
  )
  .openapi({ maxLength: longestReason, description: "why; no control characters", example: "kernel update" });

/** What every order may say. */
const order = {
  reason: Reason.optional(),
  for_ns: Ns.optional().openapi({
    description: "it ends after this time, at least 1 ms; not together with until",
    example: "1800000000000",
  }),
  until: Time.optional().openapi({ description: "it ends at this time" }),
  everywhere: z.boolean().optional().openapi({
    description: "true: for all daemons of the fleet; 409 without a fleet",
  }),
  force: z.boolean().optional().openapi({
    description: "with everywhere: replace what another operator wants",
  }),
};

/** Body of POST /v1/backends/{name}/pause and its like. */
export const ActionBody: Schema<api.ActionBody> = contract<api.ActionBody>()(
  "ActionBody",
  z.strictObject(order),
);

/** PUT .../weight */
export const SetWeight: Schema<api.SetWeight> = contract<api.SetWeight>()(
  "SetWeight",
  z.strictObject({
    weight: Weight,
    flush: z.boolean().optional().openapi({ description: "also drop the server's established flows" }),
    ...order,
  }),
);

const Moved = {
  moved_buckets: z.int().min(0),
  moved_share: z.number().min(0).max(1),
  least_buckets: z.int().min(0),
  least_share: z.number().min(0).max(1),
};

/** GET /v1/frontends/{name}/table */
export const Table: Schema<api.Table> = contract<api.Table>()(
  "Table",
  z.object({
    frontend: Text,
    table_length: z.int().min(1),
    assumed: z.boolean(),
    servers: z.array(z.object({
      backend: Text,
      address: Text,
      weight: VppWeight,
      num_buckets: z.int().min(0),
      share: z.number().min(0).max(1),
      wanted_share: z.number().min(0).max(1),
    })),
    compared_to_now: orNull(z.object(Moved)),
    buckets: z.array(z.int().min(-1)).optional(),
    lints: z.array(Finding),
  }),
);

const Server = z.object({ backend: orNull(Text), address: Text });

/** GET /v1/frontends/{name}/whereis */
export const Whereis: Schema<api.Whereis> = contract<api.Whereis>()(
  "Whereis",
  z.object({
    frontend: Text,
    client: Text,
    client_port: orNull(Port),
    hash: z.int(),
    bucket: z.int().min(0),
    table_length: z.int().min(1),
    now: orNull(Server),
    after_plan: orNull(Server),
    note: Text,
  }),
);
