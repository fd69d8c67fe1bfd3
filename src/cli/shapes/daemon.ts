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
import { finding, syncResult } from "./vpp.ts";

/** GET /v1/info */
export const info: Shape<api.Info> = object<api.Info>({
  node: since(() => "", text),
  version: text,
  commit: text,
  date: time,
  started_at: time,
  uptime_ns: nanos,
  listen: list(text),
  features: list(text),
  warmup: object<api.Info["warmup"]>({ phase: text, ends_at: time, held_frontends: list(text) }),
});

/** GET /v1/config */
export const config: Shape<api.Config> = object<api.Config>({ maglev: record(any) });

const checked = {
  ok: flag,
  errors: list(finding),
  warnings: list(finding),
} as const;

/** POST /v1/config/check */
export const configCheck: Shape<api.ConfigCheck> = object<api.ConfigCheck>(checked);

/** The answer to a reload, with its consequences. */
export type Reload = api.ConfigReload & {
  /** What it changes. */
  consequences?: api.Consequences;
};

/** POST /v1/config/reload */
export const configReload: Shape<Reload> = object<Reload>({
  ...checked,
  changes: list(object<api.ReloadChange>({
    object: text,
    name: text,
    change: text,
    fields: list(text),
    effect: text,
  })),
  sync: nul(syncResult),
  consequences: optional(consequences),
});

/** A refusal, with the override that it is about. */
export type Problem = api.Problem & {
  /** Somebody else's intent. */
  override?: api.Override;
};

/** Every refusal. */
export const problem: Shape<Problem> = object<Problem>({
  type: text,
  title: text,
  status: number,
  detail: text,
  errors: optional(list(finding)),
  sync: optional(syncResult),
  plan_digest: optional(text),
  override: optional(override),
});

/** GET /v1/problems */
export const problemList: Shape<api.ProblemList> = object<api.ProblemList>({
  problems: list(object<api.CurrentProblem>({
    severity: text,
    kind: text,
    object: text,
    since: time,
    text: text,
    show: nul(text),
    fix: nul(text),
  })),
  critical: number,
  warnings: number,
});

type Member = api.Explain["members"][number];

/** GET /v1/{frontends,backends}/{name}/explain */
export const explain: Shape<api.Explain> = object<api.Explain>({
  at: time,
  frontend: nul(text),
  state: text,
  text: text,
  members: list(object<Member>({
    frontend: text,
    pool: text,
    backend: text,
    in_use: flag,
    pool_reason: text,
    file_weight: number,
    override: nul(override),
    state: text,
    state_reason: text,
    state_since: time,
    effective_weight: number,
    sent: nul(object<NonNullable<Member["sent"]>>({
      at: time,
      weight: number,
      flush: flag,
      retval: number,
      reason: text,
    })),
    in_vpp: nul(object<NonNullable<Member["in_vpp"]>>({
      weight: number,
      num_buckets: nul(number),
      read_at: time,
    })),
  })),
});

/** GET /v1/fleet */
export const fleet: Shape<api.Fleet> = object<api.Fleet>({
  name: nul(text),
  node: text,
  store: text,
  store_since: nul(time),
  store_detail: text,
  nodes: list(object<api.Fleet["nodes"][number]>({
    node: text,
    age_ns: nanos,
    version: text,
    config: text,
    config_digest: text,
    vpp: text,
    not_up: list(text),
  })),
  disagreements: list(object<api.Fleet["disagreements"][number]>({
    kind: text,
    object: text,
    text: text,
    nodes: record(text) as Shape<Record<string, string>>,
  })),
});
