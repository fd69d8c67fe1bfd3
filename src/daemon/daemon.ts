/**
 * The daemon put together: every part is made here, wired to its neighbours, and released in reverse order.
 *
 *   prober -> tracker -> reconciler -> link -> VPP
 *                  \________ bus, log, metrics ________/ -> control -> HTTP
 *
 * @module
 */
import { descriptorLimit, descriptorUse, lackForThread } from "../../ffi/limits.ts";
import { giveBackMemory } from "../../ffi/memory.ts";
import { createApp, createMetricsApp } from "../../routes/app.ts";
import { Tokens } from "../../routes/auth.ts";
import type { Api } from "../../routes/env.ts";
import { maxStreams } from "../../routes/events.ts";
import { sharedLimits } from "../../routes/limits.ts";
import type { ListenError } from "../../routes/listener.ts";
import { serve, type Serving } from "../../routes/server.ts";
import { tokenHint } from "../../routes/token_hint.ts";
import { problemCounts, problems } from "../answers/problems.ts";
import type { VppEvent } from "../api/mod.ts";
import type { Bus } from "../bus/mod.ts";
import type { Clock } from "../clock.ts";
import { exportConfig } from "../config/export.ts";
import { Peers } from "../peers/peers.ts";
import type { Control } from "../control.ts";
import { FileStore } from "../files/store.ts";
import { OpensslTrial } from "../files/trial.ts";
import type { UnitRead } from "../files/unit.ts";
import type { Options } from "../flags.ts";
import type { VppFacts } from "../health/hooks.ts";
import type { RuntimeState } from "../health/outcomes.ts";
import { followIntents } from "../fleet/overrides.ts";
import { Tracker } from "../health/tracker.ts";
import { Reconciler } from "../lb/reconciler.ts";
import type { VppView } from "../lb/vpp_state.ts";
import type { Attrs, Log } from "../log/mod.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { StateKeeper } from "../memory/keeper.ts";
import { Metrics } from "../metrics/mod.ts";
import type { MetricsSnapshot } from "../metrics/source.ts";
import type { Config, Millis } from "../model.ts";
import { isDefaultTokenFile } from "../net/local_token.ts";
import type { ThreadProber } from "../probes/prober.ts";
import { probeLimit } from "../probes/runner.ts";
import { startProbers } from "../probes/threads.ts";
import { ok, type Result } from "../result.ts";
import { overrideView } from "../snapshot/overrides.ts";
import { vppInfoView } from "../snapshot/vpp.ts";
import { type BuildInfo, version } from "../version.ts";
import { VppLink } from "../vpp/link.ts";
import { announce } from "./announce.ts";
import { Changes, tellOverrides } from "./changes.ts";
import { Checker } from "./checker.ts";
import { ConfigWatch, lookAtFile, whyRefused } from "./config_watch.ts";
import { Foresight } from "./foresight.ts";
import { DaemonFleet, isFleetUnknown } from "./fleet.ts";
import { noTroubles } from "./fleet_answer.ts";
import type { FileRequest } from "./checker_worker.ts";
import { DaemonControl, vppStanding } from "./control.ts";
import { diskTroubles, KnownSource } from "./known.ts";
import type { TakenToken } from "./local_token.ts";
import { fillHistories } from "./histories.ts";
import { journalTrouble } from "./journal.ts";
import { logOverrides } from "./override_log.ts";
import { metricsSnapshot, type MetricsSourceParts } from "./metrics_source.ts";
import { ReadyLog } from "./ready_log.ts";
import { Recorder } from "./recorder.ts";
import { Reloader } from "./reload.ts";
import type { SecretsInUse } from "./secrets.ts";

/** What a scrape finds before the parts are there. */
const nothing: MetricsSnapshot = {
  backends: [],
  frontends: [],
  overrides: { pause: 0, disable: 0, enable: 0, weight: 0 },
  problems: { critical: 0, warning: 0, info: 0 },
  vpp: null,
  journal: { dropped: 0, onDisk: null },
};

/** What a daemon is made from. */
export interface DaemonParts {
  /** Flags and environment. */
  readonly options: Options;
  /** The checked configuration to start with. */
  readonly config: Config;
  /** The files that it names, as its check has read them. */
  readonly files: readonly UnitRead[];
  /** Time. */
  readonly clock: Clock;
  /** Log of the daemon. */
  readonly log: Log;
  /** Event bus. */
  readonly bus: Bus;
  /** 0…1. */
  readonly random: () => number;
  /** What was built and when. */
  readonly build: BuildInfo;
  /** Auth file, certificate and key. */
  readonly secrets: SecretsInUse;
  /** The local token. */
  readonly local: TakenToken;
  /** What an earlier process left, and what the next one must know. */
  readonly keeper: StateKeeper;
  /** What happened; its maker closes it after the daemon. */
  readonly journal: Journal;
  /** False: somebody else listens and hands requests to `app`; the metrics listener is opened all the same. */
  readonly listens: boolean;
}

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
    const { bus, clock, config, journal, keeper, local, log, options, random, secrets } = parts;
    const startedAtMs = clock.now();
    const startedAt = clock.wall();
    let sources: MetricsSourceParts | null = null;
    const metrics = new Metrics({
      source: () => sources === null ? nothing : metricsSnapshot(sources),
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
          const { transitions, decidedAt, lateFlushes, reweighed } = batch;
          reconciler?.touch(transitions, decidedAt);
          reconciler?.flush(lateFlushes);
          if (reweighed.length > 0) reconciler?.resync(reweighed);
          // VPP comes before whoever wants to know.
          announce({ log, announcer: bus, metrics }, batch);
          changes?.look();
          fleet?.touched();
        },
        overrides: keeper.overrides,
        onOverrides: (change) => {
          logOverrides(log, change);
          recorder.overrides(change);
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
      health.changeOverrides((list, site, now) => followIntents(list, site, [], now, true), null);
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
    let was: VppEvent["to"] = options.vppApiAddr === null ? "off" : "disconnected";
    const link = building.use(
      new VppLink({
        apiAddress: options.vppApiAddr ?? "",
        statsAddress: options.vppStatsAddr ?? "",
        clock,
        log,
        random,
        onMessage: metrics.vppApi,
        onChange(change) {
          const to = change.to === "connected" ? "connected" : "disconnected";
          const info = change.to === "connected" ? vppInfoView(change.info) : null;
          const reason = change.to === "connected" ? "" : change.reason;
          if (to !== was || reason !== "") bus.announce({ kind: "vpp", from: was, to, reason, info });
          if (change.to === "connected") lb.connected(change.lb);
          else if (was === "connected") lb.disconnected();
          was = to;
        },
      }),
    );
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
        check: () => new Checker(clock, lackForThread).check(request()),
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
    const listen = parts.listens ? options.listen : [];
    const open = descriptorLimit();
    const left = open - probeLimit(open) - ownDescriptors;
    const limits = sharedLimits(left, listen.length, options.metricsAddr !== null);
    const tokens = new Tokens({
      table: secrets.auth,
      local: local.token?.token ?? null,
      hint: tokenHint({
        authFile: secrets.auth !== null,
        localFile: local.token?.file ?? null,
        whyNoLocal: local.why,
        found: parts.listens && (options.localToken === null || isDefaultTokenFile(options.localToken)),
      }),
    });
    const peers = building.use(
      new Peers({ peers: options.peers, tokens: secrets.peerTokens, ca: secrets.peerCa, clock }),
    );
    const api = {
      control,
      peers,
      bus,
      log,
      clock,
      tokens,
      recorder: metrics,
      changes: recorder,
      maxStreams: Math.min(maxStreams, Math.floor(limits.api.connections / 2)),
    };
    const app = createApp(api);
    const opened = await serve({
      app,
      listen,
      limits: limits.api,
      metricsLimits: limits.metrics,
      metricsApp: createMetricsApp(api),
      metricsListen: options.metricsAddr,
      tls: secrets.tls,
      log,
      clock,
    });
    if (!opened.ok) return opened;
    serving = building.use(opened.value);
    // Readers of events are told the end first, so that their connections do not hold up the listeners.
    building.defer(() => bus[Symbol.dispose]());
    // Before the log says that the API listens: whoever waits for that may want the token.
    const published = local.token?.publish(serving.addresses);
    if (published?.ok === false) {
      log.warn("local-token", {
        file: local.token?.file,
        detail: `it cannot be written: ${published.error}`,
      });
    }
    logListeners(serving, secrets, limits.api.connections, log);
    if (serving.metricsAddress !== null) {
      const { connections } = limits.metrics;
      log.info("listening", {
        address: serving.metricsAddress,
        connections,
        auth: false,
        tls: false,
        only: "metrics",
      });
    }
    secrets.use(
      {
        auth: (table) => tokens.replace(table),
        tls: (pair) => serving?.renew(pair),
        peerTokens: (given) => peers.useTokens(given),
        peerCa: (pem) => peers.useAuthority(pem),
      },
      log,
      clock,
    );
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
    else {this.#log.warn("stopping", {
        forgets: "set at run time, and nothing is kept",
        ...forgets,
        ...journal,
      });}
    this.#recorder.stops(forgets);
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** What operators set, by kind; nothing for a kind of which there is none. */
function forgotten({ disabled, enabled, paused, weights }: RuntimeState): Attrs {
  return {
    ...(paused.length === 0 ? {} : { paused }),
    ...(disabled.length === 0 ? {} : { disabled }),
    ...(enabled.length === 0 ? {} : { enabled }),
    ...(weights.length === 0
      ? {}
      : { weights: weights.map((w) => `${w.frontend}/${w.pool}/${w.backend}: ${w.weight} (by ${w.by})`) }),
  };
}

/** What the tracker asks of VPP; it starts before there is a reconciler. */
function vppFacts(enabled: boolean, view: () => VppView | null): VppFacts {
  return {
    get firstRead() {
      if (!enabled) return "off";
      return view()?.wasRead === true ? "done" : "awaited";
    },
    get isRead() {
      return view()?.isRead === true;
    },
    witness: (frontend, address) => view()?.witness(frontend, address) ?? null,
    hadWeight: (address) => view()?.hadWeight(address) ?? false,
    weight: (frontend, address) => view()?.weight(frontend, address) ?? null,
    weightAtMost: (frontend, address) => view()?.weightAtMost(frontend, address) ?? null,
  };
}

/** Descriptors of the daemon itself: its runtime and threads, VPP's sockets, and three configurations in check. */
const ownDescriptors = 96;

/** The daemon's own files are read again so often, in ms. */
const lookMs: Millis = 60_000;

/** Memory that a start, a reload or a large answer took for a moment is given back so often, in ms. */
const giveBackMs: Millis = 15_000;

function giveBack(clock: Clock): Disposable {
  let timer: Disposable | null = null;
  const wait = () => {
    timer = clock.after(giveBackMs, () => {
      giveBackMemory();
      wait();
    });
  };
  wait();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

function lookAgain(clock: Clock, secrets: SecretsInUse): Disposable {
  let timer: Disposable | null = null;
  const wait = () => {
    timer = clock.after(lookMs, () => {
      void secrets.look();
      wait();
    });
  };
  wait();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

/** Says where the API listens and what protects it; an open listener without protection is a warning. */
function logListeners(serving: Serving, secrets: SecretsInUse, connections: number, log: Log): void {
  const auth = secrets.auth !== null;
  for (const { address, kind, secure } of serving.listeners) {
    log.info("listening", { address, connections, auth, tls: secure });
    if (kind !== "open") continue;
    if (!auth) {
      log.warn("listener-open", {
        address,
        detail: "everybody who reaches it may read: give maglevd an --auth-file",
      });
    }
    if (!secure) {
      log.warn("listener-open", {
        address,
        detail: "tokens and answers cross the network in clear: give maglevd --tls-cert and --tls-key",
      });
    }
  }
}

function features({ config, options, secrets: { auth, tls } }: DaemonParts): string[] {
  const all: [string, boolean][] = [
    ["vpp", options.vppApiAddr !== null],
    ["stats", options.vppApiAddr !== null && options.vppStatsAddr !== null],
    ["auth", auth !== null],
    ["tls", tls !== null],
    ["peers", options.peers.length > 0],
    ["metrics-listener", options.metricsAddr !== null],
    ["fleet", config.fleet !== undefined],
  ];
  return all.filter(([, on]) => on).map(([name]) => name);
}
