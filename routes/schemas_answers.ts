/**
 * Schemas of answers to an operator's questions: what is wrong, what operators set, what an action changes.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { contract, orNull, type Schema } from "./contract.ts";
import { Code, FrontendState, Ns, State, Text, Time, VppWeight, Weight } from "./schemas_base.ts";
import { Change } from "./schemas_vpp.ts";

/** One thing that is wrong now. */
export const CurrentProblem: Schema<api.CurrentProblem> = contract<api.CurrentProblem>()(
  "CurrentProblem",
  z.object({
    severity: z.enum(["critical", "warning", "info"]),
    kind: z.enum([
      "frontend-down",
      "vpp-gone",
      "vpp-refused",
      "all-blind",
      "pool-fallback",
      "backend-down",
      "backend-blind",
      "backend-void",
      "flapping",
      "certificate",
      "out-of-sync",
      "held",
      "drift",
      "file-refused",
      "file-kept",
      "file-differs",
      "address-wait",
      "disk",
      "journal",
      "clock",
      "fleet-store",
      "fleet-node",
      "vpp-memory",
      "paused",
      "disabled",
      "override",
      "weight-without-effect",
      "warm-up",
    ]),
    object: Text.openapi({ description: "a backend, a frontend, a file, a VIP; empty: the daemon or VPP" }),
    since: Time.openapi({ description: "stays the same for as long as the problem lasts" }),
    text: Text.openapi({ description: "one sentence" }),
    show: orNull(Text).openapi({ description: "maglevc's words that show more" }),
    fix: orNull(Text).openapi({ description: "maglevc's words that mend it" }),
  }),
);

/** GET /v1/problems */
export const ProblemList: Schema<api.ProblemList> = contract<api.ProblemList>()(
  "ProblemList",
  z.object({
    problems: z.array(CurrentProblem).openapi({ description: "worst first" }),
    critical: z.int().min(0),
    warnings: z.int().min(0),
  }),
);

/** What an operator set at run time and has not taken back. */
export const Override: Schema<api.Override> = contract<api.Override>()(
  "Override",
  z.object({
    id: Text,
    kind: z.enum(["pause", "disable", "enable", "weight"]),
    backend: Text,
    frontend: orNull(Text),
    pool: orNull(Text),
    weight: orNull(Weight),
    by: Text,
    claimed: orNull(Text).openapi({ description: "who it says is behind the token; unverified" }),
    reason: orNull(Text),
    since: Time,
    until: orNull(Time).openapi({ description: "null: when somebody ends it" }),
    file_value: orNull(z.union([z.number(), z.boolean()])),
    scope: z.enum(["here", "everywhere"]),
    sleeping: orNull(z.object({ since: Time, why: Text })).openapi({
      description: "not null: its object is not in the configuration now",
    }),
  }),
);

/** What an action changes, or would change. */
export const Consequences: Schema<api.Consequences> = contract<api.Consequences>()(
  "Consequences",
  z.object({
    dry_run: z.boolean(),
    durable: z.boolean(),
    durable_detail: Text,
    replaced: orNull(Override),
    frontends: orNull(z.array(z.object({
      frontend: Text,
      from: FrontendState,
      to: FrontendState,
      pool_before: orNull(Text),
      pool_after: orNull(Text),
      servers_left: z.int().min(0),
      moved_share: orNull(z.number().min(0).max(1)),
      flushed: z.array(Text),
    }))).openapi({ description: "null: not known" }),
    changes: orNull(z.array(Change)).openapi({ description: "null: not known" }),
  }),
);

/** A change of a frontend's state. */
export const FrontendTransition: Schema<api.FrontendTransition> = contract<api.FrontendTransition>()(
  "FrontendTransition",
  z.object({
    from: FrontendState,
    to: FrontendState,
    at: Time,
    active_pool: orNull(Text),
    reason: Text,
  }),
);

/** How long probes took. */
export const Latency: Schema<api.Latency> = contract<api.Latency>()(
  "Latency",
  z.object({
    p50_ns: Ns,
    p95_ns: Ns,
    p99_ns: Ns,
    spark: z.string().openapi({
      description: "60 characters, the newest last: 0 to 9 on a logarithmic scale, x failed, - none",
    }),
    recent: z.array(z.object({ at: Time, total_ns: Ns, ok: z.boolean(), code: Code })).openapi({
      description: "newest last, at most 60; empty in lists",
    }),
  }),
);

/** GET /v1/{frontends,backends}/{name}/explain */
export const Explain: Schema<api.Explain> = contract<api.Explain>()(
  "Explain",
  z.object({
    at: Time,
    frontend: orNull(Text).openapi({ description: "null: of a backend" }),
    state: Text,
    text: Text.openapi({ description: "one sentence" }),
    members: z.array(z.object({
      frontend: Text,
      pool: Text,
      backend: Text,
      in_use: z.boolean().openapi({ description: "whether the pool carries the frontend" }),
      pool_reason: Text,
      file_weight: Weight,
      override: orNull(Override),
      state: State,
      state_reason: Text.openapi({ description: "which results led to it, and when" }),
      state_since: Time,
      effective_weight: VppWeight,
      sent: orNull(z.object({
        at: Time,
        weight: VppWeight,
        flush: z.boolean(),
        retval: z.int(),
        reason: Text,
      })).openapi({ description: "the last message that VPP answered; null: none, or not known" }),
      in_vpp: orNull(z.object({ weight: VppWeight, num_buckets: orNull(z.int().min(0)), read_at: Time }))
        .openapi({ description: "null: VPP does not have the server, or it is not known" }),
    })),
  }),
);
