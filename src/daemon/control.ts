/**
 * What the API may see and do, put together from the parts of the daemon.
 *
 * @module
 */
import { explainBackend, explainFrontend } from "../answers/explain.ts";
import type { Known } from "../answers/known.ts";
import { problemList, problems } from "../answers/problems.ts";
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import type { Clock } from "../clock.ts";
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
import { memberWeight } from "../health/running.ts";
import type { Tracker } from "../health/tracker.ts";
import { desiredVips } from "../lb/desired.ts";
import type { PlanView } from "../lb/outcome.ts";
import { planAnswer, predict, predictionLimitMs } from "../lb/table/predict.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import { TableSlices } from "../lb/table/slices.ts";
import { tableView } from "../lb/table/view.ts";
import { frontendVip } from "../lb/vips.ts";
import { whereis } from "../lb/table/whereis.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { Run } from "../memory/journal/runs.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { Actor, ActualLb, IpAddress, Millis, State, UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { healthCheck } from "../snapshot/convert.ts";
import { overrideView } from "../snapshot/overrides.ts";
import { backendView, frontendView } from "../snapshot/views.ts";
import { countersView, lbStateView, Names, vppInfoView } from "../snapshot/vpp.ts";
import { type BuildInfo, version } from "../version.ts";
import type { VppLink } from "../vpp/link.ts";
import type { Checker } from "./checker.ts";
import type { FileRequest } from "./checker_worker.ts";
import { explainFacts } from "./explain.ts";
import { explainPast } from "./explain_past.ts";
import type { Wish } from "../fleet/wish.ts";
import type { OrderWords } from "../health/override_book.ts";
import type { Override } from "../memory/overrides/override.ts";
import type { DaemonFleet } from "./fleet.ts";
import { noFleet } from "./fleet_answer.ts";
import { Foresight, notForeseen } from "./foresight.ts";
import { journalPage, type JournalSources, replayAnswer } from "./journal_answers.ts";
import { plainConsequences, readOrder } from "./order.ts";
import type { Reloader } from "./reload.ts";

/** The parts that the control speaks for. */
export interface ControlParts {
  /** Time. */
  readonly clock: Clock;
  /** Health of everything. */
  readonly tracker: Tracker;
  /** Keeper of VPP's state. */
  readonly reconciler: Reconciler;
  /** Connection to VPP. */
  readonly link: VppLink;
  /** What happened. */
  readonly journal: Journal;
  /** Counted results of a backend that are not in the journal yet. */
  readonly openRuns: (backend: string) => readonly Run[];
  /** Checks configurations off the main thread. */
  readonly checker: Checker;
  /** The one path of a reload. */
  readonly reloader: Reloader;
  /** Counts and scrapes. */
  readonly metrics: Metrics;
  /** What was built and when. */
  readonly build: BuildInfo;
  /** What is checked: the daemon's own file. */
  readonly request: () => FileRequest;
  /** Waits until the disk has the overrides; null: it has, or why it has not. */
  readonly saved: () => Promise<string | null>;
  /** Name of this daemon. */
  readonly node: string;
  /** Its fleet; null: it stands alone. */
  readonly fleet: DaemonFleet | null;
  /** Folder of what outlives the process; null: nothing does. */
  readonly stateDir: string | null;
  /** Whether there is an auth file. */
  readonly auth: boolean;
  /** Whether the TCP listeners serve HTTPS. */
  readonly tls: boolean;
  /** Everything that is known now. */
  readonly known: () => Known;
  /** What this daemon was started with, e.g. `vpp`, `stats`, `auth`, `tls`. */
  readonly features: readonly string[];
  /** Address of a dashboard in Grafana; null: none. */
  readonly grafanaUrl: string | null;
  /** Wall clock. */
  readonly startedAt: UnixMillis;
  /** Monotonic. */
  readonly startedAtMs: Millis;
  /** Addresses of the listeners, once they are open. */
  readonly listen: () => readonly string[];
}

const aloneRefusal: Refusal = {
  type: "conflict",
  detail: "this daemon has no fleet, so nothing can be set everywhere",
};

const missing = (what: string, name: string): Refusal => ({
  type: "not-found",
  detail: `there is no ${what} "${name}"`,
});

/** How VPP stands, as GET /readyz says it. */
export function vppStanding(reconciler: Reconciler, link: VppLink): api.Ready["vpp"] {
  const { overall } = reconciler;
  return overall === "disconnected" && link.state === "refused" ? "refused" : overall;
}

/** The daemon as its API shows it. */
export class DaemonControl implements Control {
  readonly #parts: ControlParts;
  readonly #slices: TableSlices;
  readonly #foresight: Foresight;
  /** Answers to those who ask together are made once. */
  readonly #states = new WeakMap<ActualLb, api.LbState>();
  readonly #plans = new WeakMap<PlanView, Promise<api.Plan>>();

  /** Speaks for `parts`. */
  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.#slices = new TableSlices(parts.clock);
    this.#foresight = new Foresight(parts);
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
  async act(
    backend: string,
    action: BackendAction,
    request: api.ActionBody,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Backend>, Refusal>> {
    const { clock, reconciler, saved, tracker } = this.#parts;
    const words = readOrder(request, dryRun, clock.wall());
    if (!words.ok) return words;
    const everywhere = request.everywhere === true;
    const trial = tracker.act(backend, action, actor, { ...words.value, dryRun: true });
    if (!trial.ok && !everywhere) return trial;
    const isLocal = tracker.overrides.isLocal(backend);
    const foresee = !trial.ok || (everywhere && isLocal)
      ? notForeseen
      : this.#foresight.act(backend, action, trial.value.assumed);
    const old = tracker.overrides.state(backend);
    const outcome = everywhere
      ? await this.#want({ kind: action, backend }, actor, words.value, request.force === true)
      : dryRun
      ? trial
      : tracker.act(backend, action, actor, words.value);
    if (!outcome.ok) return outcome;
    const { replaced } = outcome.value;
    const { after, before } = "after" in outcome.value
      ? outcome.value
      : { before: outcome.value.state, after: tracker.entry(backend)?.health.state };
    if (!dryRun && !everywhere) reconciler.acted(backend, action);
    const now = tracker.overrides.state(backend);
    const [foreseen, unsaved] = await Promise.all([foresee(), dryRun ? null : saved()]);
    const value = this.backend(backend);
    if (value === null) return err(missing("backend", backend));
    const plain = plainConsequences(dryRun, unsaved, replaced && overrideView(replaced));
    const consequences = { ...plain, ...foreseen };
    return ok({
      value: { ...value, consequences },
      ...(before === after && old !== now
        ? { before: { override: old && overrideView(old) }, after: { override: now && overrideView(now) } }
        : { before, after }),
    });
  }

  /** Sets a run-time weight and tells VPP at once. */
  async setWeight(
    frontend: string,
    pool: string,
    backend: string,
    request: api.SetWeight,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Frontend>, Refusal>> {
    const { clock, reconciler, saved, tracker } = this.#parts;
    const words = readOrder(request, dryRun, clock.wall());
    if (!words.ok) return words;
    const flush = request.flush ?? false;
    const everywhere = request.everywhere === true;
    const runs = () => memberWeight(tracker.config, frontend, pool, backend);
    const ran = runs();
    const { weight } = request;
    const set = { frontend, pool, backend, weight };
    const trial = tracker.setWeight(frontend, pool, backend, weight, actor, { ...words.value, dryRun: true });
    if (!trial.ok && !everywhere) return trial;
    const isLocal = tracker.overrides.isLocal(backend, frontend, pool);
    const foresee = !trial.ok || (everywhere && isLocal)
      ? notForeseen
      : this.#foresight.weight(set, actor.principal, flush, trial.value.assumed);
    const outcome = everywhere
      ? await this.#want({ kind: "weight", ...set, flush }, actor, words.value, request.force === true)
      : dryRun
      ? trial
      : tracker.setWeight(frontend, pool, backend, weight, actor, words.value);
    if (!outcome.ok) return outcome;
    const { replaced } = outcome.value;
    const { after, before } = "after" in outcome.value ? outcome.value : { before: ran, after: runs() };
    // What is wanted everywhere asked for a flush where it came into force.
    const sent = dryRun ? null : reconciler.weightSet(frontend, backend, flush && !everywhere);
    const [foreseen, unsaved] = await Promise.all([foresee(), dryRun ? null : saved(), sent]);
    const value = this.frontend(frontend);
    if (value === null) return err(missing("frontend", frontend));
    const plain = plainConsequences(dryRun, unsaved, replaced && overrideView(replaced));
    const consequences = { ...plain, ...foreseen };
    return ok({
      value: { ...value, consequences },
      before: { weight: before },
      after: flush ? { weight: after, flush } : { weight: after },
    });
  }

  /** What operators set and have not taken back, oldest first. */
  overrides(): api.Override[] {
    return this.#parts.tracker.overrides.list.map(overrideView);
  }

  /** Ends an override. */
  async clearOverride(
    id: string,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.OverrideList>, Refusal>> {
    const { reconciler, saved, tracker } = this.#parts;
    const override = tracker.overrides.list.find((one) => one.id === id);
    if (override === undefined) return err(missing("override", id));
    const trial = tracker.clearOverride(id, actor, true);
    if (!trial.ok) return trial;
    const foresee = this.#foresight.clear(override, trial.value.assumed);
    if (override.scope === "everywhere") {
      const cleared = await this.#clearEverywhere(id, actor, dryRun);
      if (!cleared.ok) return cleared;
    } else if (!dryRun) {
      const outcome = tracker.clearOverride(id, actor);
      if (!outcome.ok) return outcome;
    }
    const stops = override.kind === "pause" || override.kind === "disable";
    // Whoever ends a pause wants the server back, as with resume.
    if (!dryRun && stops && override.sleeping === null) reconciler.acted(override.backend, "resume");
    const [foreseen, unsaved] = await Promise.all([foresee(), dryRun ? null : saved()]);
    const mine = override.by === actor.principal && override.claimed === (actor.claimed ?? null);
    const view = overrideView(override);
    const consequences = { ...plainConsequences(dryRun, unsaved, mine ? null : view), ...foreseen };
    return ok({ value: { overrides: this.overrides(), consequences }, before: view, after: null });
  }

  /** Carries out what an operator wants everywhere; `state` is that of the backend before. */
  async #want(
    wish: Wish,
    actor: Actor,
    { dryRun = false, end = null, reason = null }: OrderWords,
    force: boolean,
  ): Promise<Result<{ readonly state: State; readonly replaced: Override | null }, Refusal>> {
    const { fleet, tracker } = this.#parts;
    if (fleet === null) return err(aloneRefusal);
    const state = tracker.entry(wish.backend)?.health.state ?? "removed";
    const wanted = await fleet.want(wish, actor, { dryRun, end, force, reason });
    return wanted.ok ? ok({ state, replaced: wanted.value.replaced }) : wanted;
  }

  async #clearEverywhere(id: string, actor: Actor, dryRun: boolean): Promise<Result<null, Refusal>> {
    const { fleet } = this.#parts;
    if (fleet === null) return err(aloneRefusal);
    return dryRun ? ok(null) : await fleet.clear(id, actor);
  }

  /** The new-flow table of a frontend, as it is or under assumptions. */
  async table(name: string, query: TableQuery): Promise<Result<api.Table, Refusal>> {
    const { reconciler, tracker } = this.#parts;
    const { config } = tracker;
    const frontend = config.frontends.get(name);
    if (frontend === undefined) return err(missing("frontend", name));
    const status = (backend: string) => tracker.status(backend);
    return await tableView(
      { config, frontend, status, servers: reconciler.view.servers, actual: reconciler.view.vip(name) },
      query,
      this.#slices,
    );
  }

  /** Which server a client's new flow gets. */
  async whereis(
    name: string,
    client: string,
    clientPort: number | null,
  ): Promise<Result<api.Whereis, Refusal>> {
    const { reconciler, tracker } = this.#parts;
    const { config } = tracker;
    const frontend = config.frontends.get(name);
    if (frontend === undefined) return err(missing("frontend", name));
    const actual = reconciler.view.vip(name);
    const vip = frontendVip(frontend);
    const names = this.#names();
    const status = (backend: string) => tracker.status(backend);
    const [desired] = desiredVips(config, status, reconciler.view.servers, [name]);
    if (desired === undefined) return err(missing("frontend", name));
    const input = {
      frontend,
      desired,
      actual,
      backendOf: (address: IpAddress) => names.server(vip, address) ?? names.backend(address),
    };
    return await whereis(input, client, clientPort, this.#slices);
  }

  /** Why a frontend or a backend is as it is. */
  explain(
    kind: "frontend" | "backend",
    name: string,
    at: UnixMillis | null,
  ): Promise<Result<api.Explain, Refusal>> {
    const { journal, tracker } = this.#parts;
    if (at !== null) return explainPast(journal, kind, name, at);
    const facts = explainFacts(this.#parts);
    const value = kind === "frontend"
      ? explainFrontend(facts, name)
      : explainBackend(facts, name, tracker.entry(name)?.frontends ?? []);
    return Promise.resolve(value === null ? err(missing(kind, name)) : ok(value));
  }

  /** The connected VPP. */
  vppInfo(): Result<api.VppInfo, Refusal> {
    const { link } = this.#parts;
    const info = link.info;
    if (info === null) return err(this.#unavailable());
    return ok(vppInfoView(info));
  }

  /** Reads VPP now, after what was due has been sent. */
  async lbState(frontend: string | null): Promise<Result<api.LbState, Refusal>> {
    const { link, reconciler, tracker } = this.#parts;
    if (frontend !== null && !tracker.config.frontends.has(frontend)) {
      return err(missing("frontend", frontend));
    }
    if (link.lb === null) return err(this.#unavailable());
    const reading = await reconciler.read(frontend);
    if (!reading.ok) return reading;
    const { conf, readAt, vips } = reading.value;
    const made = this.#states.get(reading.value) ?? lbStateView(readAt, conf, vips, this.#names());
    this.#states.set(reading.value, made);
    return ok(made);
  }

  /** Counters as last read. */
  counters(): Result<api.LbCounters, Refusal> {
    const { link } = this.#parts;
    if (link.state !== "connected") return err(this.#unavailable());
    return ok(countersView(link.counts, this.#names()));
  }

  /** What a sync would do now, and why. */
  async plan(frontend: string | null): Promise<Result<api.Plan, Refusal>> {
    const { clock, reconciler } = this.#parts;
    const deadline = clock.now() + predictionLimitMs;
    const planned = await reconciler.plan(frontend);
    if (!planned.ok) return planned;
    const made = this.#plans.get(planned.value) ?? this.#answer(planned.value, frontend, deadline);
    this.#plans.set(planned.value, made);
    return ok(await made);
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
  metrics(): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    return this.#parts.metrics.text();
  }

  async #answer(planned: PlanView, frontend: string | null, deadline: Millis): Promise<api.Plan> {
    return planAnswer(planned, frontend, await predict(planned, this.#slices, deadline));
  }

  #vppDetail(frontend: string): string {
    const { link, reconciler } = this.#parts;
    const away = reconciler.standing(frontend) === "disconnected";
    return away ? link.reason : reconciler.detail(frontend);
  }

  #problems(): api.CurrentProblem[] {
    return problems(this.#parts.known());
  }

  #names(): Names {
    const { tracker } = this.#parts;
    return new Names(tracker.config, tracker.previousAddresses());
  }

  #view(entry: Readonly<Entry>, isListed = false): api.Backend {
    const { clock, tracker } = this.#parts;
    const now = clock.wall();
    const override = tracker.overrides.state(entry.backend.name);
    return backendView(entry, entry.blindness(clock.now(), now), override, now, isListed);
  }

  #unavailable(): Refusal {
    const { link } = this.#parts;
    if (link.state === "off") {
      return { type: "vpp-unavailable", detail: "VPP is switched off: no API socket is configured" };
    }
    return { type: "vpp-unavailable", detail: `VPP is not connected: ${link.reason}` };
  }
}
