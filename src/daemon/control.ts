/**
 * What the API may see and do, put together from the parts of the daemon. Orders are in `control_orders.ts`, questions
 * about VPP in `control_vpp.ts`.
 *
 * @module
 */
import { explainBackend, explainFrontend } from "../answers/explain.ts";
import { problemList, problems } from "../answers/problems.ts";
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import { toConfigCheck } from "../config/check.ts";
import { exportConfig } from "../config/export.ts";
import type {
  BackendAction,
  Changed,
  Control,
  JournalQuery,
  Refusal,
  ReplayQuery,
  TableQuery,
} from "../control.ts";
import type { Entry } from "../health/entry.ts";
import { memberWeight } from "../health/config.ts";
import type { Actor, UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { healthCheck } from "../snapshot/convert.ts";
import { overrideView } from "../snapshot/overrides.ts";
import { backendView, frontendView } from "../snapshot/views.ts";
import { version } from "../version.ts";
import { ControlOrders } from "./control_orders.ts";
import { type ControlParts, missing, vppStanding } from "./control_parts.ts";
import { ControlVpp } from "./control_vpp.ts";
import { explainFacts } from "./explain.ts";
import { explainPast } from "./explain_past.ts";
import { noFleet } from "./fleet_answer.ts";
import { journalPage, type JournalSources, replayAnswer } from "./journal_answers.ts";

/** The daemon as its API shows it. */
export class DaemonControl implements Control {
  readonly #parts: ControlParts;
  readonly #orders: ControlOrders;
  readonly #vpp: ControlVpp;

  /** Speaks for `parts`. */
  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.#orders = new ControlOrders(parts, {
      backend: (name) => this.backend(name),
      frontend: (name) => this.frontend(name),
      overrides: () => this.overrides(),
    });
    this.#vpp = new ControlVpp(parts);
  }

  /** Version, uptime, listeners and warm-up. */
  info(): Omit<api.Info, "you"> {
    const {
      auth,
      build,
      clock,
      features,
      grafanaUrl,
      listen,
      node,
      reconciler,
      startedAt,
      startedAtMs,
      stateDir,
      tls,
    } = this.#parts;
    const { phase, endsAt, heldFrontends } = reconciler.warmup;
    return {
      node,
      auth,
      tls,
      state_dir: stateDir,
      grafana_url: grafanaUrl,
      version,
      commit: build.commit,
      date: build.date,
      started_at: timeText(startedAt),
      uptime_ns: nanosText(clock.now() - startedAtMs),
      listen: [...listen()],
      features: [...features],
      warmup: {
        phase,
        ends_at: timeText(startedAt + endsAt - startedAtMs),
        held_frontends: [...heldFrontends],
      },
    };
  }

  /** Whether everything is as it should be, and what is wrong. */
  ready(): api.Ready {
    const { ready, config, probes, vpp } = this.readiness();
    return { ready, problems: this.#problems(), config, probes, vpp };
  }

  /** Whether everything is as it should be. */
  readiness(): Omit<api.Ready, "problems"> {
    const { link, reconciler, tracker } = this.#parts;
    const probes = tracker.blind().backends.length > 0 ? "blind" : "running";
    const vpp = vppStanding(reconciler, link);
    const ready = probes === "running" && (vpp === "off" || vpp === "in-sync");
    return { ready, config: true, probes, vpp };
  }

  /** What is wrong now, worst first. */
  problems(): api.ProblemList {
    return problemList(this.#problems());
  }

  /** The running configuration. */
  config(): api.Config {
    return exportConfig(this.#parts.tracker.config);
  }

  /** Checks the file, or posted text. */
  async checkConfig(body: string | null): Promise<Result<api.ConfigCheck, Refusal>> {
    const { checker, request } = this.#parts;
    const checked = await checker.check(body === null ? request() : { text: body });
    return checked.ok ? ok(toConfigCheck(checked.value)) : checked;
  }

  /** Runs the file as it is now. */
  reload(actor: Actor, dryRun: boolean): Promise<Result<Changed<api.ConfigReload>, Refusal>> {
    const { reloader } = this.#parts;
    return dryRun ? reloader.preview() : reloader.reload(actor);
  }

  /** Health checks in the file's order. */
  healthchecks(): api.HealthCheck[] {
    const { config } = this.#parts.tracker;
    return [...config.healthchecks.values()].map((check) => healthCheck(check, config));
  }

  /** One health check. */
  healthcheck(name: string): api.HealthCheck | null {
    const { config } = this.#parts.tracker;
    const check = config.healthchecks.get(name);
    return check === undefined ? null : healthCheck(check, config);
  }

  /** Backends in the file's order. */
  backends(): api.Backend[] {
    return [...this.#parts.tracker.entries()].map((entry) => this.#view(entry, true));
  }

  /** One backend. */
  backend(name: string): api.Backend | null {
    const entry = this.#parts.tracker.entry(name);
    return entry === null ? null : this.#view(entry);
  }

  /** Frontends in the file's order. */
  frontends(): api.Frontend[] {
    return [...this.#parts.tracker.config.frontends.keys()].flatMap((name) => this.frontend(name) ?? []);
  }

  /** One frontend. */
  frontend(name: string): api.Frontend | null {
    const { reconciler, tracker } = this.#parts;
    const frontend = tracker.config.frontends.get(name);
    const weights = tracker.weights(name);
    const standing = tracker.standing(name);
    if (frontend === undefined || weights === null || standing === null) return null;
    return frontendView(
      frontend,
      tracker.config,
      weights,
      standing,
      {
        vpp: reconciler.standing(name),
        vppDetail: this.#vppDetail(name),
        fileWeight: (pool, backend) => memberWeight(tracker.fileConfig, name, pool, backend),
        override: (pool, backend) => tracker.overrides.weight(name, pool, backend),
        buckets: (address) => reconciler.view.buckets(name, address),
      },
    );
  }

  /** Pauses, resumes, disables or enables a backend. */
  act(
    backend: string,
    action: BackendAction,
    request: api.ActionBody,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Backend>, Refusal>> {
    return this.#orders.act(backend, action, request, actor, dryRun);
  }

  /** Sets a run-time weight and tells VPP at once. */
  setWeight(
    frontend: string,
    pool: string,
    backend: string,
    request: api.SetWeight,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Frontend>, Refusal>> {
    return this.#orders.setWeight(frontend, pool, backend, request, actor, dryRun);
  }

  /** What operators set and have not taken back, oldest first. */
  overrides(): api.Override[] {
    return this.#parts.tracker.overrides.list.map(overrideView);
  }

  /** Ends an override. */
  clearOverride(
    id: string,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.OverrideList>, Refusal>> {
    return this.#orders.clearOverride(id, actor, dryRun);
  }

  /** The new-flow table of a frontend, as it is or under assumptions. */
  table(name: string, query: TableQuery): Promise<Result<api.Table, Refusal>> {
    return this.#vpp.table(name, query);
  }

  /** Which server a client's new flow gets. */
  whereis(
    name: string,
    client: string,
    clientPort: number | null,
  ): Promise<Result<api.Whereis, Refusal>> {
    return this.#vpp.whereis(name, client, clientPort);
  }

  /** Why a frontend or a backend is as it is. */
  explain(
    kind: "frontend" | "backend",
    name: string,
    at: UnixMillis | null,
  ): Promise<Result<api.Explain, Refusal>> {
    const { clock, journal, tracker } = this.#parts;
    if (at !== null) return explainPast(journal, kind, name, at, clock.wall());
    const facts = explainFacts(this.#parts);
    const value = kind === "frontend"
      ? explainFrontend(facts, name)
      : explainBackend(facts, name, tracker.entry(name)?.frontends ?? []);
    return Promise.resolve(value === null ? err(missing(kind, name)) : ok(value));
  }

  /** The connected VPP. */
  vppInfo(): Result<api.VppInfo, Refusal> {
    return this.#vpp.info();
  }

  /** Reads VPP now, after what was due has been sent. */
  lbState(frontend: string | null): Promise<Result<api.LbState, Refusal>> {
    return this.#vpp.state(frontend);
  }

  /** Counters as last read. */
  counters(): Result<api.LbCounters, Refusal> {
    return this.#vpp.counters();
  }

  /** What a sync would do now, and why. */
  plan(frontend: string | null): Promise<Result<api.Plan, Refusal>> {
    return this.#vpp.plan(frontend);
  }

  /** Syncs now. */
  async sync(request: api.SyncRequest, _actor: Actor): Promise<Result<Changed<api.SyncResult>, Refusal>> {
    const result = await this.#parts.reconciler.sync(request);
    if (!result.ok) return result;
    const { done, failed, skipped, digest } = result.value;
    return ok({ value: result.value, before: null, after: { digest, done, failed, skipped } });
  }

  /** The fleet; lists the other nodes' rows now. */
  async fleet(): Promise<api.Fleet> {
    const { fleet, node } = this.#parts;
    return fleet === null ? noFleet(node) : await fleet.answer();
  }

  /** What happened. */
  journal(query: JournalQuery): Promise<Result<api.Journal, Refusal>> {
    return journalPage(this.#journalSources, query);
  }

  /** How often a backend would have been down under another rule. */
  replay(backend: string, query: ReplayQuery): Promise<Result<api.Replay, Refusal>> {
    return replayAnswer(this.#journalSources, backend, query);
  }

  get #journalSources(): JournalSources {
    const { clock, journal, openRuns, tracker } = this.#parts;
    return { clock, journal, openRuns, config: () => tracker.config };
  }

  /** The text of GET /metrics, in pieces. */
  metrics(): Promise<Iterable<Uint8Array<ArrayBuffer>>> {
    return this.#parts.metrics.text();
  }

  #vppDetail(frontend: string): string {
    const { link, reconciler } = this.#parts;
    const away = reconciler.standing(frontend) === "disconnected";
    return away ? link.reason : reconciler.detail(frontend);
  }

  #problems(): api.CurrentProblem[] {
    return problems(this.#parts.known());
  }

  #view(entry: Readonly<Entry>, isListed = false): api.Backend {
    const { clock, tracker } = this.#parts;
    const now = clock.wall();
    const override = tracker.overrides.state(entry.backend.name);
    return backendView(entry, entry.blindness(clock.now(), now), override, now, isListed);
  }
}
