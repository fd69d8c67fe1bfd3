/**
 * The daemon put together: every part is made here, wired to its neighbours, and released in reverse order.
 *
 *   prober -> tracker -> reconciler -> link -> VPP
 *                  \________ bus, log, metrics ________/ -> control -> HTTP
 *
 * @module
 */
import { descriptorUse, lackForThread } from "../../ffi/limits.ts";
import type { Api } from "../../routes/env.ts";
import type { ListenError } from "../../routes/listener.ts";
import type { Serving } from "../../routes/server.ts";
import { problemCounts, problems } from "../answers/problems.ts";
import { exportConfig } from "../config/export.ts";
import type { Control } from "../control.ts";
import { FileStore } from "../files/store.ts";
import { OpensslTrial } from "../files/trial.ts";
import { followIntents } from "../fleet/overrides.ts";
import { Tracker } from "../health/tracker.ts";
import { Reconciler } from "../lb/reconciler.ts";
import { vppFacts } from "../lb/vpp_view.ts";
import { givenUpAt } from "../lb/write_gate.ts";
import type { Log } from "../log/mod.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { StateKeeper } from "../memory/keeper.ts";
import { Metrics } from "../metrics/mod.ts";
import type { ThreadProber } from "../probes/prober.ts";
import { startProbers } from "../probes/threads.ts";
import { ok, type Result } from "../result.ts";
import { overrideView } from "../snapshot/overrides.ts";
import { version } from "../version.ts";
import { announce } from "./announce.ts";
import { Changes, tellOverrides } from "./changes.ts";
import { Checker } from "./checker.ts";
import type { FileRequest } from "./checker_worker.ts";
import { ConfigWatch, lookAtFile, whyRefused } from "./config_watch.ts";
import { DaemonControl } from "./control.ts";
import { vppStanding } from "./control_parts.ts";
import { DaemonFleet, isFleetUnknown } from "./fleet.ts";
import { noTroubles } from "./fleet_answer.ts";
import { Foresight } from "./foresight.ts";
import { fillHistories } from "./histories.ts";
import { journalTrouble } from "./journal.ts";
import { diskTroubles, KnownSource } from "./known.ts";
import { openApi } from "./listeners.ts";
import { metricsSnapshot, type MetricsSourceParts } from "./metrics_source.ts";
import { logOverrides } from "./override_log.ts";
import { type DaemonParts, features, forgotten } from "./parts.ts";
import { ReadyLog } from "./ready_log.ts";
import { Recorder } from "./recorder.ts";
import { Reloader } from "./reload.ts";
import { giveBack, lookAgain } from "./upkeep.ts";
import { vppLink } from "./vpp_parts.ts";

/** A running daemon. */
export class Daemon implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #log: Log;
  readonly #tracker: Tracker;
  readonly #prober: ThreadProber;
  readonly #keeper: StateKeeper;
  readonly #recorder: Recorder;
  readonly #journal: Journal;
  /** Reads and commands. */
  readonly control: Control;
  /** The one path of a reload. */
  readonly reloader: Reloader;
  /** The API. */
  readonly app: Api;

  private constructor(
    stack: AsyncDisposableStack,
    log: Log,
    tracker: Tracker,
    prober: ThreadProber,
    keeper: StateKeeper,
    recorder: Recorder,
    journal: Journal,
    control: Control,
    reloader: Reloader,
    app: Api,
  ) {
    this.#stack = stack;
    this.#log = log;
    this.#tracker = tracker;
    this.#prober = prober;
    this.#keeper = keeper;
    this.#recorder = recorder;
    this.#journal = journal;
    this.control = control;
    this.reloader = reloader;
    this.app = app;
  }

  /** Starts everything; or says which listener could not be opened, and leaves nothing behind. */
  static async start(parts: DaemonParts): Promise<Result<Daemon, ListenError>> {
    await using building = new AsyncDisposableStack();
    const { bus, clock, config, journal, keeper, log, options, random, secrets } = parts;
    const startedAtMs = clock.now();
    const startedAt = clock.wall();
    let sources: MetricsSourceParts | null = null;
    const metrics = new Metrics({
      source: () => metricsSnapshot(sources),
      version,
      build: parts.build,
      descriptors: descriptorUse,
    });
    let tracker: Tracker | null = null;
    const recorder = building.use(
      new Recorder({
        clock,
        log,
        journal,
        since: (backend) => tracker?.entry(backend)?.health.since ?? null,
      }),
    );
    building.use(bus.tap(recorder.heard));
    recorder.process(`maglevd ${version} is started`, {
      version,
      commit: parts.build.commit,
      pid: Deno.pid,
      node: options.nodeName,
      config: options.config,
    });
    recorder.config(options.config, null, { what: "loaded", config: exportConfig(config) });
    let named: FileStore | null = null;
    let fleet: DaemonFleet | null = null;
    const prober = building.use(startProbers(options.probeThreads, {
      clock,
      log,
      version,
      sink: (reports) => tracker?.report(reports),
      events: { lateness: (ms) => metrics.probeLateness(ms) },
      look: (keys) => named?.look(keys) ?? Promise.resolve(),
    }));
    const trial = building.use(new OpensslTrial());
    const files = building.use(
      new FileStore(
        {
          clock,
          log,
          trial,
          changed(contents, gone) {
            prober.files(contents, gone);
            fleet?.files(contents);
          },
        },
        parts.files,
      ),
    );
    named = files;
    let readyLog: ReadyLog | null = null;
    let changes: Changes | null = null;
    let reconciler: Reconciler | null = null;
    const health = building.use(
      new Tracker({
        config,
        clock,
        log,
        metrics,
        prober,
        vpp: vppFacts(options.vppApiAddr !== null, () => reconciler?.view ?? null),
        onCounted: recorder.counted,
        onChanges: (batch) => {
          // VPP comes before whoever wants to know.
          reconciler?.take(batch);
          announce({ log, announcer: bus, metrics }, batch);
          changes?.look();
          fleet?.touched();
        },
        overrides: keeper.overrides,
        unreadUntil: keeper.isLate ? givenUpAt(startedAtMs, config.lb.startupMaxDelayMs) : null,
        onOverrides: (change, by, claimed) => {
          logOverrides(log, change);
          recorder.overrides(change, by, claimed);
          tellOverrides(change, changes);
          keeper.changed();
        },
      }),
    );
    tracker = health;
    health.start();
    // A daemon that has left its fleet does not do what was wanted everywhere.
    const leave = () => {
      if (config.fleet !== undefined) return;
      health.orders.changeOverrides((list, site, now) => followIntents(list, site, [], now, true), null);
    };
    leave();
    const lb = building.use(
      new Reconciler({
        clock,
        log,
        random,
        world: () => ({
          config: health.config,
          status: (backend) => health.status(backend),
        }),
        hooks: {
          changed: metrics.changed,
          answered: metrics.answered,
          applied: (result) => {
            recorder.applied(result);
            changes?.tell("sync", { frontend: result.frontend });
          },
          firstRead: () => {
            health.firstRead();
            fleet?.touched();
          },
          synced: () => {
            readyLog?.look();
            changes?.look();
            fleet?.touched();
          },
        },
        enabled: options.vppApiAddr !== null,
        inFlight: options.vppInflight,
        startedAt: startedAtMs,
        record: keeper.vips,
        memory: keeper.left,
        fleetUnknown: isFleetUnknown(config, keeper.fleet),
        recorded: () => keeper.changed(),
      }),
    );
    reconciler = lb;
    keeper.begin({
      vips: () => lb.record,
      overrides: () => health.overrides.left,
      fleet: () => fleet?.record ?? null,
      late(state) {
        // Before the guard of what VPP has at weight 0 ends.
        health.recallOverrides(state.overrides);
        lb.recall(state.vips, keeper.left === "older");
        fleet?.recall(state.fleet);
        leave();
      },
    });
    lb.start();
    const link = building.use(vppLink({ options, clock, log, random, metrics, bus, reconciler: lb }));
    const node = config.fleet?.node ?? options.nodeName;
    const joined = config.fleet === undefined ? null : building.use(
      new DaemonFleet({
        settings: config.fleet,
        node,
        instance: crypto.randomUUID(),
        clock,
        log,
        files: files.contents,
        record: keeper.fleet,
        recorded: () => keeper.changed(),
        tracker: health,
        reconciler: lb,
        vpp: () => vppStanding(lb, link),
        journal(...entry) {
          recorder.fleet(...entry);
          changes?.tell("fleet");
        },
        onCall: metrics.fleetCall,
      }),
    );
    fleet = joined;
    joined?.start();
    const request = (): FileRequest => ({
      file: options.config,
      nodeName: options.givenNodeName,
      inUse: files.keys,
    });
    const checker = new Checker(clock, lackForThread);
    const watch = building.use(
      new ConfigWatch({
        clock,
        path: options.config,
        look: lookAtFile,
        check: (signal) => new Checker(clock, lackForThread).check(request(), signal),
        running: () => health.fileConfig,
      }),
    );
    const foresight = new Foresight({ clock, tracker: health, reconciler: lb });
    const reloader = new Reloader({
      request,
      // One of its own: checks of posted texts must not keep a reload from being made.
      checker: new Checker(clock, lackForThread),
      tracker: health,
      reconciler: lb,
      secrets,
      files,
      foresee: (file) => foresight.reload(file),
      saved: () => keeper.saved(),
      recorder: {
        config(file, actor, step) {
          recorder.config(file, actor, step);
          if (step.what === "reloaded") {
            watch.taken();
            changes?.tell("config");
          } else if (step.what === "refused" && step.errors.length > 0) {
            watch.refused(whyRefused(step.errors));
          }
          changes?.look();
        },
      },
      log,
    });
    let serving: Serving | null = null;
    const disk = diskTroubles(keeper, clock, startedAt);
    const known = new KnownSource({
      clock,
      tracker: health,
      reconciler: lb,
      link,
      startedAt,
      startedAtMs,
      files: () => ({
        config: watch.trouble,
        kept: [
          ...secrets.kept(),
          ...files.kept.map(({ path, since, why }) => ({ object: path, since, detail: why })),
        ],
      }),
      overrides: () => health.overrides.list.map(overrideView),
      memory: () => ({
        disk: disk(),
        journal: journalTrouble(journal.state),
        clock: recorder.clockTrouble ?? joined?.troubles.clock ?? null,
      }),
      fleet: () => joined?.troubles ?? noTroubles,
    });
    const control = new DaemonControl({
      clock,
      tracker: health,
      reconciler: lb,
      journal,
      openRuns: recorder.openRuns,
      link,
      checker,
      reloader,
      metrics,
      build: parts.build,
      request,
      node,
      fleet: joined,
      saved: () => keeper.saved(),
      stateDir: options.stateDir,
      auth: secrets.auth !== null,
      tls: secrets.tls !== null,
      known: () => known.take(),
      features: features(parts),
      grafanaUrl: options.grafanaUrl,
      startedAt,
      startedAtMs,
      listen: () => serving?.addresses ?? [],
    });
    changes = building.use(
      new Changes({ clock, announcer: bus, problems: () => problems(known.take()) }),
    );
    const counts = () => problemCounts(problems(known.take()));
    sources = { tracker: health, reconciler: lb, link, clock, journal, fleet: joined, problems: counts };
    const opened = await openApi(building, parts, { control, metrics, recorder });
    if (!opened.ok) return opened;
    const { app } = opened.value;
    serving = opened.value.serving;
    void fillHistories(journal, health, startedAt);
    building.use(lookAgain(clock, secrets));
    building.use(giveBack(clock));
    readyLog = building.use(new ReadyLog({ clock, log, ready: () => control.readiness(), startedAtMs }));
    return ok(
      new Daemon(building.move(), log, health, prober, keeper, recorder, journal, control, reloader, app),
    );
  }

  /** Whether the probe thread has run since the last call. */
  alive(): boolean {
    return this.#prober.alive();
  }

  /** Closes streams and listeners, stops probes and leaves VPP as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    // What is left of durations is noted, whatever the clock shows when the next process starts.
    this.#tracker.overrides.end();
    this.#keeper.changed();
    const forgets = this.#keeper.keeps ? {} : forgotten(this.#tracker.runtimeState());
    const entries = this.#journal.forgets;
    const journal = entries === 0 ? {} : { journal_entries: entries };
    if (Object.keys(forgets).length === 0) this.#log.info("stopping", journal);
    else {
      const what = { forgets: "set at run time, and nothing is kept", ...forgets, ...journal };
      this.#log.warn("stopping", what);
    }
    this.#recorder.stops(forgets);
    await this.#stack[Symbol.asyncDispose]();
  }
}
