/**
 * What a sync tells: its result in the API's shape, its log lines and its counts.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import type { Refusal } from "../control.ts";
import type { Attrs, Log } from "../log/mod.ts";
import type { ActualConf, UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import type { StepResult } from "./apply.ts";
import type { VppError } from "./balancer.ts";
import type { Synced } from "./outcome.ts";
import type { SyncPlan } from "./plan.ts";
import { type Holds, isBlocked, isSent, passes, planDigest, type Step } from "./steps.ts";
import { protocolName, vipText } from "./vips.ts";
import type { RaiseGuard } from "./write_gate.ts";

const messages = {
  conf_set: "vpp-lb-conf-set",
  vip_added: "vpp-lbsync-vip-add",
  vip_removed: "vpp-lbsync-vip-del",
  vip_recreated: "vpp-lbsync-vip-recreate",
  as_added: "vpp-lbsync-as-add",
  as_removed: "vpp-lbsync-as-del",
  as_weight_updated: "vpp-lbsync-as-weight",
} as const satisfies Record<api.ChangeKind, string>;

/** Global settings. */
export function confView(conf: ActualConf): api.LbConf {
  return {
    ipv4_src_address: conf.ipv4SrcAddress,
    ipv6_src_address: conf.ipv6SrcAddress,
    sticky_buckets_per_core: conf.stickyBucketsPerCore,
    flow_timeout: conf.flowTimeoutSeconds,
  };
}

/**
 * A step in the API's shape.
 *
 * @param seq its place in the plan, from 1
 */
export function changeOf(step: Step, seq: number): api.Change {
  const { conf, flush, frontend, holds, key, kind, reason, server, settings, trafficAffecting } = step;
  return {
    seq,
    kind,
    frontend,
    prefix: key?.prefix ?? null,
    protocol: key === null ? null : protocolName(key.protocol),
    port: key?.port ?? null,
    address: server?.address ?? null,
    backend: server?.backend ?? null,
    weight_before: server?.before ?? null,
    weight_after: server?.after ?? null,
    flush,
    traffic_affecting: trafficAffecting,
    held: holds[0]?.text ?? null,
    holds: holds.map(({ text }) => text),
    reason,
    ...(conf === null ? {} : { conf: confView(conf) }),
    ...(settings === null ? {} : {
      encap: settings.encap,
      table_length: settings.tableLength,
      src_ip_sticky: settings.srcIpSticky,
    }),
  };
}

/** The changes of a plan in the API's shape, in the order in which they are sent. */
export function changesOf({ steps }: Pick<SyncPlan, "steps">): api.Change[] {
  return steps.map((step, index) => changeOf(step, index + 1));
}

function fields({ error, retval, step }: StepResult): Attrs {
  const { by = null, conf, flush, frontend, key, owner, reason, server, trafficAffecting } = step;
  const outcome = {
    reason,
    ...(by === null ? {} : { by }),
    retval,
    ...(error === null ? {} : { error }),
    ...(trafficAffecting ? { traffic_affecting: true } : {}),
  };
  if (conf !== null || key === null) return { ...(conf === null ? {} : confView(conf)), ...outcome };
  const vip = {
    frontend: owner?.frontend ?? frontend,
    ...(owner === undefined ? {} : { origin: owner.origin }),
    vip: key.prefix,
    protocol: protocolName(key.protocol),
    port: key.port,
  };
  if (server === null) return { ...vip, ...outcome };
  const { address, after, backend, before } = server;
  return { ...vip, address, backend, from: before, to: after, flush, ...outcome };
}

/** Logs what became of one step: failures as errors, what affects traffic as a warning. Skipped ones are silent. */
export function logResult(log: Log, result: StepResult): void {
  if (result.status === "skipped") return;
  const { kind, trafficAffecting } = result.step;
  const message = messages[kind];
  if (result.status === "failed") log.error(message, () => fields(result));
  else if (trafficAffecting) log.warn(message, () => fields(result));
  else log.info(message, () => fields(result));
}

/** What was synced: one frontend, or the names of several. */
function scopeFields(frontends: readonly string[] | null): Attrs {
  const [only = null] = frontends ?? [];
  const several = frontends !== null && frontends.length > 1;
  return {
    scope: frontends === null ? "all" : "vip",
    frontend: several ? null : only,
    ...(several ? { frontends: [...frontends] } : {}),
  };
}

/**
 * Logs the beginning of a sync; one with nothing to do only for those who debug.
 *
 * @param changes how many steps are sent
 */
export function logStart(log: Log, changes: number, frontends: readonly string[] | null): void {
  const attrs = { ...scopeFields(frontends), changes };
  if (changes === 0) log.debug("vpp-lbsync-start", attrs);
  else log.info("vpp-lbsync-start", attrs);
}

/** Logs the end of a sync with its counts by kind: at the level of its beginning, or as a warning where VPP refused. */
export function logDone(
  log: Log,
  frontends: readonly string[] | null,
  results: readonly StepResult[],
  release: boolean,
): void {
  const counts: Record<string, number> = {};
  const outcome = { done: 0, failed: 0, skipped: 0 };
  for (const { step, status } of results) {
    outcome[status]++;
    if (status === "done") counts[step.kind] = (counts[step.kind] ?? 0) + 1;
  }
  const attrs = { ...scopeFields(frontends), ...counts, ...outcome };
  if (outcome.failed > 0) log.warn("vpp-lbsync-done", attrs);
  else if (results.some(({ step }) => isSent(step, release))) log.info("vpp-lbsync-done", attrs);
  else log.debug("vpp-lbsync-done", attrs);
}

/** Names the servers that were raised though nobody knows whether an operator had set their weight of 0. */
export function logRaised(log: Log, results: readonly StepResult[], guard: RaiseGuard): void {
  const raised = results.flatMap(({ status, step }) => {
    const { frontend, server, vip } = step;
    if (status !== "done" || vip === null || server === null || frontend === null) return [];
    const { address, after, backend, before } = server;
    if ((after ?? 0) === 0 || (before ?? 0) > 0) return [];
    return guard.mustTell({ vip, address, frontend, backend })
      ? [`${frontend}/${backend ?? "?"} ${address}: ${before ?? 0} to ${after}`]
      : [];
  });
  if (raised.length === 0) return;
  const detail = "what operators had set is lost; these servers were at weight 0 and are raised";
  log.warn("memory-error", { detail, raised });
}

/** Logs the end of a sync that could not even read. */
export function logFailed(log: Log, frontends: readonly string[] | null, error: VppError): void {
  log.error("vpp-lbsync-done", {
    ...scopeFields(frontends),
    error: error.message,
  });
}

function isMemory(holds: Holds): boolean {
  return holds.some(({ kind }) => kind === "VPP memory");
}

/** Both figures: what is needed and what VPP has. */
function memoryFields({ shortages }: SyncPlan): Attrs {
  const heap = shortages[0]?.heap ?? null;
  return {
    needs_octets: shortages.reduce((sum, { needs }) => sum + needs, 0),
    heap_free_octets: heap?.free ?? null,
    heap_octets: heap?.total ?? null,
  };
}

function isGrave(holds: Holds): boolean {
  return holds.some(({ kind }) => kind === "mass deletion" || kind === "VPP memory");
}

/** Logs what is held, once for as long as the same is: the brake on deletions as an error. */
export class HeldLog {
  readonly #log: Log;
  #last = "";

  /** Nothing was held so far. */
  constructor(log: Log) {
    this.#log = log;
  }

  /** Takes the plan of a full sync. */
  tell(plan: SyncPlan): void {
    const steps = plan.steps.filter(({ holds }) => !passes(holds));
    // Once the rest was sent, the plan consists of what is held, so this is its digest then.
    const digest = planDigest(steps);
    const gravest = ({ holds }: Step) => holds[0]?.text ?? "";
    const state = steps.map(gravest).concat(digest).join("\n");
    if (state === this.#last) return;
    this.#last = state;
    for (const [why, group] of Map.groupBy(steps, gravest)) {
      const blocked = group.some(({ holds }) => isBlocked(holds));
      const attrs = () => ({
        held: why,
        changes: group.length,
        ...(blocked ? {} : { digest }),
        ...(group.some(({ holds }) => isMemory(holds)) ? memoryFields(plan) : {}),
        vips: [...new Set(group.flatMap(({ key }) => key === null ? [] : vipText(key)))].slice(0, 20),
        detail: blocked
          ? "sent once it is gone: delete it in VPP, or let foreign-vips be delete"
          : "sent only by a sync that carries the digest of the plan showing them",
      });
      if (group.some(({ holds }) => isGrave(holds))) this.#log.error("vpp-lbsync-held", attrs);
      else this.#log.warn("vpp-lbsync-held", attrs);
    }
  }
}

/** What the result of a sync is made from. */
export interface SyncFacts extends Pick<Synced, "results" | "startedAt" | "tookMs"> {
  /** The plan that was sent. */
  readonly plan: Pick<SyncPlan, "scope" | "digest">;
}

/** The result of a sync in the API's shape. */
export function syncResult(synced: SyncFacts, frontend: string | null): api.SyncResult {
  const { plan, results, startedAt, tookMs } = synced;
  const count = (status: StepResult["status"]) => results.filter((result) => result.status === status).length;
  return {
    scope: plan.scope,
    frontend,
    digest: plan.digest,
    started_at: timeText(startedAt),
    took_ns: nanosText(tookMs),
    done: count("done"),
    failed: count("failed"),
    skipped: count("skipped"),
    changes: results.map(({ step, status, retval, error }, index) => ({
      ...changeOf(step, index + 1),
      status,
      retval,
      error,
    })),
  };
}

/** The answer to an operator's sync: `vpp-refused` with the result when VPP did not do all of it. */
export function syncAnswer(synced: Synced, frontend: string | null): Result<api.SyncResult, Refusal> {
  const sync = syncResult(synced, frontend);
  if (sync.failed === 0) return ok(sync);
  const detail = `VPP did not make ${sync.failed} of ${sync.changes.length} changes`;
  return err({ type: "vpp-refused", detail, sync });
}

/** A plan in the API's shape, with what it does to new flows. */
export function planAnswer(
  { plan, readAt }: { readonly plan: SyncPlan; readonly readAt: UnixMillis },
  frontend: string | null,
  predictions: api.Prediction[],
): api.Plan {
  return {
    scope: plan.scope,
    frontend,
    digest: plan.digest,
    read_at: timeText(readAt),
    traffic_affecting: plan.steps.some(({ trafficAffecting }) => trafficAffecting),
    changes: changesOf(plan),
    predictions,
  };
}
