import type * as api from "../../src/api/mod.ts";
import type { BackendAction, Changed, Refusal, TableQuery } from "../../src/control.ts";
import { nanosText, timeText } from "../../src/api/text.ts";
import type { Actor } from "../../src/model.ts";
import { ok, type Result } from "../../src/result.ts";
import { FakeControl } from "../routes/fake_control.ts";
import * as site from "./site.ts";
import { siteNow } from "./site.ts";
import * as configuration from "./site_config.ts";
import * as vpp from "./site_vpp.ts";

const codes = { pause: "paused", resume: "resumed", disable: "disabled", enable: "enabled" } as const;
const targets = { pause: "paused", resume: "unknown", disable: "disabled", enable: "unknown" } as const;

/** A daemon in the state of `site.ts`. Actions and weights take effect; a test may make VPP refuse or the file wrong. */
export class SiteControl extends FakeControl {
  readonly #frontends = structuredClone(site.frontends);
  readonly #backends = structuredClone(site.backends);
  readonly #healthchecks = structuredClone(site.healthchecks);
  /** Reads of the counters so far: each one is newer. */
  counterReads = 0;
  /** Text of the last checked body. */
  checkedBody: string | null = null;

  override info(): api.Info {
    return site.info;
  }
  override config(): api.Config {
    return configuration.config;
  }
  override checkConfig(body: string | null): ReturnType<FakeControl["checkConfig"]> {
    this.checkedBody = body;
    return super.checkConfig(body);
  }
  override reload(
    ...args: Parameters<FakeControl["reload"]>
  ): Promise<Result<Changed<api.ConfigReload>, Refusal>> {
    if (this.checkResult !== null) return super.reload(...args);
    return Promise.resolve(ok({ value: configuration.reload, before: "old", after: "new" }));
  }
  override healthchecks(): api.HealthCheck[] {
    return this.#healthchecks;
  }
  override backends(): api.Backend[] {
    return this.#backends;
  }
  override backend(name: string): api.Backend | null {
    return this.#backends.find((backend) => backend.name === name) ?? null;
  }
  override frontends(): api.Frontend[] {
    return this.#frontends;
  }
  override frontend(name: string): api.Frontend | null {
    return this.#frontends.find((frontend) => frontend.name === name) ?? null;
  }
  protected override actAtOnce(
    name: string,
    action: BackendAction,
    actor: Actor,
  ): Result<Changed<api.Backend>, Refusal> {
    const backend = this.backend(name);
    // The fake knows how refusals read; its own backends are others than these.
    if (backend === null) return super.actAtOnce(name, action, actor);
    const before = backend.state;
    if (before === "disabled" && (action === "pause" || action === "resume")) {
      return {
        ok: false,
        error: { type: "conflict", detail: `Backend ${name} is disabled; enable it first` },
      };
    }
    const to = targets[action];
    const at = { at: timeText(siteNow), at_unix_ns: nanosText(siteNow) };
    Object.assign(backend, { state: to, since: at.at, enabled: action !== "disable", next_probe_at: null });
    const effects = this.#frontends.flatMap((frontend) =>
      frontend.pools.flatMap((pool) =>
        pool.backends.filter((member) => member.name === name).map((member): api.WeightEffect => {
          const effect = { frontend: frontend.name, pool: pool.name, weight_before: member.effective_weight };
          Object.assign(member, { state: to, enabled: backend.enabled, effective_weight: 0 });
          return { ...effect, weight_after: 0, flush: action === "disable" };
        })
      )
    );
    backend.transitions.unshift({
      from: before,
      to,
      ...at,
      code: codes[action],
      detail: "",
      by: actor.principal,
      effects,
    });
    return ok({ value: backend, before, after: to });
  }
  override setWeight(
    ...[name, poolName, backendName, request]: Parameters<FakeControl["setWeight"]>
  ): Promise<Result<Changed<api.Frontend>, Refusal>> {
    const frontend = this.frontend(name);
    const pool = frontend?.pools.find((p) => p.name === poolName);
    const member = pool?.backends.find((b) => b.name === backendName);
    if (frontend === null || member === undefined) {
      const detail = `Frontend ${name} has no backend "${backendName}" in pool "${poolName}"`;
      return Promise.resolve({ ok: false, error: { type: "not-found", detail } });
    }
    const before = member.weight;
    member.weight = request.weight;
    if (pool?.active && member.state === "up") member.effective_weight = request.weight;
    this.commands.push(`weight ${request.weight}${request.flush ? " flush" : ""}`);
    return Promise.resolve(ok({ value: frontend, before, after: request.weight }));
  }
  override table(_: string, { states, weights }: TableQuery): Promise<Result<api.Table, Refusal>> {
    return Promise.resolve(ok({ ...vpp.table, assumed: states.size + weights.size > 0 }));
  }
  override whereis(
    frontend: string,
    client: string,
    client_port: number | null,
  ): Promise<Result<api.Whereis, Refusal>> {
    return Promise.resolve(ok({ ...vpp.whereis, frontend, client, client_port }));
  }
  #vpp<T>(value: T): Result<T, Refusal> {
    return this.vppRefusal === null ? ok(value) : { ok: false, error: this.vppRefusal };
  }
  override vppInfo(): Result<api.VppInfo, Refusal> {
    return this.#vpp(vpp.vppInfo);
  }
  override lbState(frontend: string | null): Promise<Result<api.LbState, Refusal>> {
    const vips = vpp.lbState.vips.filter((vip) => frontend === null || vip.frontend === frontend);
    return Promise.resolve(this.#vpp({ ...vpp.lbState, vips }));
  }
  override counters(): Result<api.LbCounters, Refusal> {
    return this.#vpp(vpp.counters[this.counterReads++ < 2 ? 0 : 1]);
  }
  override plan(frontend: string | null): Promise<Result<api.Plan, Refusal>> {
    if (frontend === null) return Promise.resolve(this.#vpp(vpp.plan));
    const changes = vpp.plan.changes.filter((change) => change.frontend === frontend);
    const predictions = vpp.plan.predictions.filter((prediction) => prediction.frontend === frontend);
    return Promise.resolve(
      this.#vpp({
        ...vpp.plan,
        scope: "vip",
        frontend,
        changes,
        predictions,
        traffic_affecting: changes.length > 0,
      }),
    );
  }
  override sync(
    request: api.SyncRequest,
    ...rest: [Parameters<FakeControl["sync"]>[1]]
  ): Promise<Result<Changed<api.SyncResult>, Refusal>> {
    if (request.plan_digest !== undefined && request.plan_digest !== vpp.plan.digest) {
      return super.sync(request, ...rest);
    }
    // A digest that is right sends the held changes too.
    const changes = request.plan_digest === undefined
      ? vpp.syncResult.changes
      : vpp.syncResult.changes.map((change) => ({ ...change, status: "done" as const, retval: 0 }));
    const done = changes.filter((change) => change.status === "done").length;
    const frontend = request.frontend ?? null;
    const skipped = changes.length - done;
    const sync = this.#vpp<api.SyncResult>({
      ...vpp.syncResult,
      scope: frontend === null ? "all" : "vip",
      frontend,
      changes,
      done,
      skipped,
    });
    return Promise.resolve(sync.ok ? ok({ value: sync.value, before: null, after: null }) : sync);
  }
}
