/**
 * What the outside may see and do: the one seam between the HTTP routes and the daemon. Routes hold no
 * logic; they translate HTTP into these calls and their outcomes into JSON and problem documents.
 *
 * @module
 */
import type * as api from "./api/mod.ts";
import type { Actor, UnixMillis } from "./model.ts";
import type { Result } from "./result.ts";

/** Why a request was refused; each maps to one problem type of the API. */
export type RefusalType =
  | "not-found"
  | "conflict"
  | "plan-changed"
  | "invalid"
  | "vpp-refused"
  | "vpp-unavailable"
  | "not-ready"
  | "busy";

/** A refusal with one sentence for humans and what the problem document carries besides. */
export interface Refusal {
  /** Kind of the refusal. */
  readonly type: RefusalType;
  /** One sentence for humans. */
  readonly detail: string;
  /** Places of the mistakes. */
  readonly errors?: api.Finding[];
  /** With `not-ready`. */
  readonly readiness?: api.Ready;
  /** With `vpp-refused`: what was done and what was not. */
  readonly sync?: api.SyncResult;
  /** With `conflict` where another's override is in force everywhere. */
  readonly override?: api.Override;
  /** With `plan-changed`: the digest now. */
  readonly planDigest?: string;
  /** Only with `invalid` from a reload: the full answer of the checker. */
  readonly check?: api.ConfigCheck;
}

/**
 * The refusal of one field of a request.
 *
 * @param hint what would be right; null: the message says it
 */
export function invalidField(path: string, message: string, hint: string | null = null): Refusal {
  const place = { file: null, line: null, column: null, path };
  return {
    type: "invalid",
    detail: `${path}: ${message}`,
    errors: [{ severity: "error", pass: "semantic", ...place, message, hint }],
  };
}

/** What an operator can do to a backend. */
export type BackendAction = "pause" | "resume" | "disable" | "enable";

/** A change and what it replaced, for the `api-change` log line. */
export interface Changed<T> {
  /** What the request answers. */
  readonly value: T;
  /** What was replaced. */
  readonly before: unknown;
  /** What stands now. */
  readonly after: unknown;
}

/** A change over the API that took place. */
export interface ApiChange {
  /** Name of the token, or `local`. */
  readonly principal: string;
  /** Who it says is behind the token; unverified. */
  readonly claimed: string | null;
  /** The other end. */
  readonly peer: string;
  /** Upper case. */
  readonly method: string;
  /** Path of the request. */
  readonly path: string;
  /** Why, as the caller says; null: not given. */
  readonly reason: string | null;
  /** Name of the backend in the path, or null. */
  readonly backend: string | null;
  /** Name of the frontend in the path, or null. */
  readonly frontend: string | null;
  /** What was replaced. */
  readonly before: unknown;
  /** What there is now. */
  readonly after: unknown;
}

/** Which entries of the journal; null: any. */
export interface JournalQuery {
  /** Kinds; empty: all. */
  readonly kinds: readonly api.JournalKind[];
  /** Name of the backend. */
  readonly backend: string | null;
  /** Name of the frontend. */
  readonly frontend: string | null;
  /** Not before this time. */
  readonly since: UnixMillis | null;
  /** Not after this time. */
  readonly until: UnixMillis | null;
  /** Only places below this one. */
  readonly before: number | null;
  /** At most so many, 1...1,000. */
  readonly limit: number;
}

/** What a replay tries. */
export interface ReplayQuery {
  /** Begin of the range; null: a day ago. */
  readonly since: UnixMillis | null;
  /** 1...100; null: as in force. */
  readonly rise: number | null;
  /** 1...100; null: as in force. */
  readonly fall: number | null;
}

/** Assumptions for a table that is computed but not applied. */
export interface TableQuery {
  /** Backend name -> assumed state. */
  readonly states: ReadonlyMap<string, api.Backend["state"]>;
  /** Backend name -> assumed configured weight 0...100. */
  readonly weights: ReadonlyMap<string, number>;
  /** Whether the answer lists every bucket. */
  readonly buckets: boolean;
}

/** Reads and commands of the daemon, in the shapes of the API. */
export interface Control {
  /** GET /v1/info; who asks is known to the routes only. */
  info(): Omit<api.Info, "you">;
  /** GET /readyz */
  ready(): api.Ready;
  /** GET /v1/problems */
  problems(): api.ProblemList;
  /** GET /v1/config */
  config(): api.Config;
  /** POST /v1/config/check; without a body the file. Parsed off the main thread; `busy` when too many are under way. */
  checkConfig(body: string | null): Promise<Result<api.ConfigCheck, Refusal>>;
  /** POST /v1/config/reload; a wrong file is refused with `invalid` and nothing changes. */
  reload(actor: Actor, dryRun: boolean): Promise<Result<Changed<api.ConfigReload>, Refusal>>;
  /** Health checks in the file's order. */
  healthchecks(): api.HealthCheck[];
  /** One health check. */
  healthcheck(name: string): api.HealthCheck | null;
  /** Backends in the file's order. */
  backends(): api.Backend[];
  /** One backend. */
  backend(name: string): api.Backend | null;
  /** Frontends in the file's order. */
  frontends(): api.Frontend[];
  /** One frontend. */
  frontend(name: string): api.Frontend | null;
  /** POST /v1/backends/{name}/... */
  act(
    backend: string,
    action: BackendAction,
    request: api.ActionBody,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Backend>, Refusal>>;
  /** What operators set and have not taken back, oldest first. */
  overrides(): api.Override[];
  /** DELETE /v1/overrides/{id} */
  clearOverride(
    id: string,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.OverrideList>, Refusal>>;
  /** PUT .../weight; answers also while VPP is away. */
  setWeight(
    frontend: string,
    pool: string,
    backend: string,
    request: api.SetWeight,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Frontend>, Refusal>>;
  /** GET /v1/frontends/{name}/table */
  table(frontend: string, query: TableQuery): Promise<Result<api.Table, Refusal>>;
  /** GET /v1/frontends/{name}/whereis */
  whereis(frontend: string, client: string, clientPort: number | null): Promise<Result<api.Whereis, Refusal>>;
  /**
   * GET /v1/{frontends,backends}/{name}/explain
   *
   * @param at of a moment in the past; null: now
   */
  explain(
    kind: "frontend" | "backend",
    name: string,
    at: UnixMillis | null,
  ): Promise<Result<api.Explain, Refusal>>;
  /** GET /v1/vpp/info */
  vppInfo(): Result<api.VppInfo, Refusal>;
  /** GET /v1/vpp/lb/state; reads VPP now. */
  lbState(frontend: string | null): Promise<Result<api.LbState, Refusal>>;
  /** GET /v1/vpp/lb/counters; the last read. */
  counters(): Result<api.LbCounters, Refusal>;
  /** GET /v1/vpp/lb/plan; reads VPP now. */
  plan(frontend: string | null): Promise<Result<api.Plan, Refusal>>;
  /** POST /v1/vpp/lb/sync */
  sync(request: api.SyncRequest, actor: Actor): Promise<Result<Changed<api.SyncResult>, Refusal>>;
  /** GET /v1/fleet; lists the other nodes' rows now, and waits 4 s for them at most. */
  fleet(): Promise<api.Fleet>;
  /** GET /v1/journal; names of the past are known. Refused: `not-found`. */
  journal(query: JournalQuery): Promise<Result<api.Journal, Refusal>>;
  /** GET /v1/backends/{name}/replay; names of the past are known. Refused: `not-found`. */
  replay(backend: string, query: ReplayQuery): Promise<Result<api.Replay, Refusal>>;
  /** The text of GET /metrics, in pieces. */
  metrics(): Promise<Iterable<Uint8Array<ArrayBuffer>>>;
}
