/**
 * A daemon that is not there: three backends, two frontends, VPP in sync. Actions and weights take effect; what
 * VPP says can be set by the test.
 */
import type * as api from "../../src/api/mod.ts";
import { nanosText, timeText } from "../../src/api/text.ts";
import type {
  BackendAction,
  Changed,
  Control,
  JournalQuery,
  Refusal,
  ReplayQuery,
  TableQuery,
} from "../../src/control.ts";
import type { Actor } from "../../src/model.ts";
import { err, ok, type Result } from "../../src/result.ts";
import * as examples from "../../routes/examples.ts";
import * as vppExamples from "../../routes/examples_vpp.ts";

/** Wall-clock time of the fake world. */
export const fakeNow = Date.parse("2026-01-31T12:00:00.000Z");

const targets: Readonly<Record<BackendAction, api.Backend["state"]>> = {
  pause: "paused",
  resume: "unknown",
  disable: "disabled",
  enable: "unknown",
};
const codes: Readonly<Record<BackendAction, api.Transition["code"]>> = {
  pause: "paused",
  resume: "resumed",
  disable: "disabled",
  enable: "enabled",
};

function makeBackend(name: string, address: string, state: api.Backend["state"]): api.Backend {
  return { ...structuredClone(examples.backend), name, address, state, transitions: [] };
}

function makeFrontend(name: string, address: string, members: readonly api.Backend[]): api.Frontend {
  const [first, ...rest] = members;
  const pool = (poolName: string, active: boolean, backends: readonly api.Backend[]): api.Pool => ({
    name: poolName,
    active,
    backends: backends.map((backend) => ({
      name: backend.name,
      address: backend.address,
      state: backend.state,
      enabled: backend.enabled,
      weight: 100,
      effective_weight: active && backend.state === "up" ? 100 : 0,
      num_buckets: active && backend.state === "up" ? 1024 : 0,
      share: active && backend.state === "up" ? 0.5 : 0,
      file_weight: 100,
      override: null,
    })),
  });
  return {
    ...structuredClone(examples.frontend),
    name,
    address,
    pools: [
      pool("main", true, first === undefined ? [] : [first, ...rest.slice(0, -1)]),
      pool("fallback", false, rest.slice(-1)),
    ],
  };
}

/** The fake daemon. */
export class FakeControl implements Control {
  /** Every command that reached the daemon, e.g. `pause b1 by local`. */
  readonly commands: string[] = [];
  /** Set: every call to VPP is refused with it. */
  vppRefusal: Refusal | null = null;
  /** Set: what a reload or a check says instead of "all well". */
  checkResult: api.ConfigCheck | null = null;
  /** Text of GET /metrics. */
  metricsText = "# TYPE maglev_build_info gauge\nmaglev_build_info 1\n";
  /** Answer of GET /readyz. */
  readiness: api.Ready = { ...examples.ready };
  #backends = new Map<string, api.Backend>();
  #frontends = new Map<string, api.Frontend>();
  #overrides: readonly api.Override[] = [examples.override];

  constructor() {
    this.reset();
  }

  /** As it was in the beginning. */
  reset(): void {
    this.commands.length = 0;
    this.#overrides = [examples.override];
    this.vppRefusal = null;
    this.checkResult = null;
    this.readiness = { ...examples.ready };
    const backends = [
      makeBackend("b1", "198.51.100.11", "up"),
      makeBackend("b2", "198.51.100.12", "down"),
      makeBackend("b3", "198.51.100.13", "up"),
    ];
    this.#backends = new Map(backends.map((backend) => [backend.name, backend]));
    const frontends = [
      makeFrontend("web", "192.0.2.1", backends),
      makeFrontend("dns", "192.0.2.53", backends),
    ];
    this.#frontends = new Map(frontends.map((frontend) => [frontend.name, frontend]));
    for (const backend of backends) {
      backend.frontends = frontends.flatMap((frontend) =>
        frontend.pools.filter((pool) => pool.backends.some((member) => member.name === backend.name))
          .map((pool) => ({ frontend: frontend.name, pool: pool.name }))
      );
    }
  }

  info(): api.Info {
    return structuredClone(examples.info);
  }
  ready(): api.Ready {
    return { ...this.readiness };
  }
  problems(): api.ProblemList {
    return structuredClone(examples.problemList);
  }
  config(): api.Config {
    return structuredClone(examples.config);
  }
  checkConfig(body: string | null): Promise<Result<api.ConfigCheck, Refusal>> {
    this.commands.push(`check ${body === null ? "file" : "body"}`);
    return Promise.resolve(ok(this.checkResult ?? examples.configCheck));
  }
  reload(actor: Actor): Promise<Result<Changed<api.ConfigReload>, Refusal>> {
    this.commands.push(`reload by ${actor.principal}`);
    const check = this.checkResult;
    if (check !== null && !check.ok) {
      const refusal: Refusal = { type: "invalid", detail: "the file is wrong", errors: check.errors, check };
      return Promise.resolve(err(refusal));
    }
    const value = structuredClone(examples.configReload);
    return Promise.resolve(ok({ value, before: "old", after: "new" }));
  }
  healthchecks(): api.HealthCheck[] {
    return [structuredClone(examples.healthcheck)];
  }
  healthcheck(name: string): api.HealthCheck | null {
    return this.healthchecks().find((check) => check.name === name) ?? null;
  }
  backends(): api.Backend[] {
    return [...this.#backends.values()].map((backend) => structuredClone(backend));
  }
  backend(name: string): api.Backend | null {
    return structuredClone(this.#backends.get(name) ?? null);
  }
  frontends(): api.Frontend[] {
    return [...this.#frontends.values()].map((frontend) => structuredClone(frontend));
  }
  frontend(name: string): api.Frontend | null {
    return structuredClone(this.#frontends.get(name) ?? null);
  }
  act(
    name: string,
    action: BackendAction,
    _request: api.ActionBody,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Backend>, Refusal>> {
    return Promise.resolve(this.actAtOnce(name, action, actor, dryRun));
  }
  protected actAtOnce(
    name: string,
    action: BackendAction,
    actor: Actor,
    dryRun = false,
  ): Result<Changed<api.Backend>, Refusal> {
    this.commands.push(`${action} ${name} by ${actor.principal}`);
    const backend = this.#backends.get(name);
    if (backend === undefined) return err({ type: "not-found", detail: `There is no backend "${name}"` });
    const before = backend.state;
    if (before === "disabled" && (action === "pause" || action === "resume")) {
      return err({ type: "conflict", detail: `Backend ${name} is disabled; enable it first` });
    }
    const idle = (action === "resume" && before !== "paused") ||
      (action === "enable" && before !== "disabled");
    const to = idle ? before : targets[action];
    const consequences = { ...examples.consequences, dry_run: dryRun };
    if (dryRun) return ok({ value: { ...structuredClone(backend), consequences }, before, after: to });
    if (to !== before) {
      backend.state = to;
      backend.enabled = to !== "disabled";
      const at = { at: timeText(fakeNow), at_unix_ns: nanosText(fakeNow) };
      backend.transitions.unshift({
        from: before,
        to,
        ...at,
        code: codes[action],
        detail: "",
        by: actor.principal,
        effects: [],
      });
    }
    return ok({ value: structuredClone(backend), before, after: to });
  }
  setWeight(
    name: string,
    poolName: string,
    backendName: string,
    request: api.SetWeight,
    actor: Actor,
    dryRun = false,
  ): Promise<Result<Changed<api.Frontend>, Refusal>> {
    this.commands.push(`weight ${name} ${poolName} ${backendName} ${request.weight} by ${actor.principal}`);
    const frontend = this.#frontends.get(name);
    const member = frontend?.pools.find((pool) => pool.name === poolName)?.backends
      .find((backend) => backend.name === backendName);
    if (frontend === undefined || member === undefined) {
      return Promise.resolve(err({ type: "not-found", detail: "There is no such member" }));
    }
    const before = member.weight;
    if (!dryRun) member.weight = request.weight;
    return Promise.resolve(ok({ value: structuredClone(frontend), before, after: request.weight }));
  }
  overrides(): api.Override[] {
    return this.#overrides.map((one) => structuredClone(one));
  }
  clearOverride(
    id: string,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.OverrideList>, Refusal>> {
    this.commands.push(`clear ${id} by ${actor.principal}`);
    const override = this.#overrides.find((one) => one.id === id);
    if (override === undefined) {
      return Promise.resolve(err({ type: "not-found", detail: `There is no override "${id}"` }));
    }
    if (!dryRun) this.#overrides = this.#overrides.filter((one) => one !== override);
    const consequences = { ...examples.consequences, dry_run: dryRun };
    return Promise.resolve(
      ok({ value: { overrides: this.overrides(), consequences }, before: override, after: null }),
    );
  }
  table(_frontend: string, query: TableQuery): Promise<Result<api.Table, Refusal>> {
    const assumed = query.states.size + query.weights.size > 0;
    const buckets = query.buckets ? { buckets: [0, 1, -1] } : {};
    return Promise.resolve(ok({ ...structuredClone(vppExamples.table), assumed, ...buckets }));
  }
  whereis(frontend: string, client: string, port: number | null): Promise<Result<api.Whereis, Refusal>> {
    return Promise.resolve(
      ok({ ...structuredClone(vppExamples.whereis), frontend, client, client_port: port }),
    );
  }
  explain(
    kind: "frontend" | "backend",
    name: string,
    at: number | null,
  ): Promise<Result<api.Explain, Refusal>> {
    const known = kind === "frontend" ? this.#frontends.has(name) : this.#backends.has(name);
    if (!known) return Promise.resolve(err({ type: "not-found", detail: `there is no ${kind} "${name}"` }));
    const frontend = kind === "frontend" ? name : null;
    return Promise.resolve(
      ok({ ...structuredClone(examples.explain), frontend, at: timeText(at ?? fakeNow) }),
    );
  }
  #vpp<T>(value: T): Result<T, Refusal> {
    return this.vppRefusal === null ? ok(structuredClone(value)) : err(this.vppRefusal);
  }
  vppInfo(): Result<api.VppInfo, Refusal> {
    return this.#vpp(vppExamples.vppInfo);
  }
  lbState(_frontend: string | null): Promise<Result<api.LbState, Refusal>> {
    return Promise.resolve(this.#vpp(vppExamples.lbState));
  }
  counters(): Result<api.LbCounters, Refusal> {
    return this.#vpp(vppExamples.lbCounters);
  }
  plan(_frontend: string | null): Promise<Result<api.Plan, Refusal>> {
    return Promise.resolve(this.#vpp(vppExamples.plan));
  }
  sync(request: api.SyncRequest, actor: Actor): Promise<Result<Changed<api.SyncResult>, Refusal>> {
    this.commands.push(`sync ${request.frontend ?? "all"} by ${actor.principal}`);
    if (request.plan_digest !== undefined && request.plan_digest !== vppExamples.plan.digest) {
      const detail = "The plan is another by now";
      return Promise.resolve(err({ type: "plan-changed", detail, planDigest: vppExamples.plan.digest }));
    }
    const result = this.#vpp(vppExamples.syncResult);
    return Promise.resolve(
      result.ok ? ok({ value: result.value, before: null, after: { done: 1 } }) : result,
    );
  }
  fleet(): Promise<api.Fleet> {
    return Promise.resolve(structuredClone(examples.fleet));
  }

  journal({ backend, frontend }: JournalQuery): Promise<Result<api.Journal, Refusal>> {
    const known = (backend === null || this.backend(backend) !== null) &&
      (frontend === null || this.frontend(frontend) !== null);
    if (known) return Promise.resolve(ok(structuredClone(examples.journal)));
    return Promise.resolve(err({ type: "not-found", detail: "the journal knows no such name" }));
  }
  replay(backend: string, { fall, rise }: ReplayQuery): Promise<Result<api.Replay, Refusal>> {
    if (this.backend(backend) === null) {
      return Promise.resolve(err({ type: "not-found", detail: `the journal knows no backend "${backend}"` }));
    }
    const { rule } = examples.replay;
    const tried = { rise: rise ?? rule.rise, fall: fall ?? rule.fall };
    return Promise.resolve(ok({ ...examples.replay, backend, rule: tried }));
  }
  metrics(): Promise<Iterable<Uint8Array<ArrayBuffer>>> {
    const octets = new TextEncoder().encode(this.metricsText);
    const pieces = Array.from(
      { length: Math.ceil(octets.length / 100_000) },
      (_, i) => octets.slice(i * 100_000, (i + 1) * 100_000),
    );
    return Promise.resolve(pieces);
  }
}
