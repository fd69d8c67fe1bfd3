/**
 * maglevd composed in this process, as main.ts composes it: real probes, real sockets to VPP, no listener. It
 * starts faster than a process, and its clock may be the test's.
 *
 * @module
 */
import type { ConfigReload, Frontend, SyncResult } from "../../src/api/mod.ts";
import { Bus } from "../../src/bus/mod.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { formatFinding } from "../../src/config/findings.ts";
import type { BackendAction, Control, Refusal } from "../../src/control.ts";
import { openJournal } from "../../src/daemon/journal.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { createLog, type Level } from "../../src/log/mod.ts";
import { StateKeeper } from "../../src/memory/keeper.ts";
import type { Actor } from "../../src/model.ts";
import type { Result } from "../../src/result.ts";
import { warmThreads } from "../daemon/warm_threads.ts";
import { noLocal, secretsOf } from "../secrets.ts";
import { eventually, type LogLine } from "./harness.ts";

const operator: Actor = { principal: "local", peer: "127.0.0.1" };

/** Nothing is kept. */
const noFolder = { path: null, used: false, problem: null, [Symbol.dispose]() {} };

/** How to start one. */
export interface LocalOptions {
  /** Text of maglev.yaml. */
  readonly config: string;
  /** Paths of VPP's sockets; null: VPP is off. */
  readonly vpp: { readonly api: string; readonly stats: string } | null;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: info. */
  readonly level?: Level;
}

function must<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new Error(`refused: ${result.error.type}: ${result.error.detail}`);
  return result.value;
}

/** A daemon in this process. */
export class LocalDaemon implements AsyncDisposable {
  readonly #daemon: Daemon;
  readonly #owned: AsyncDisposableStack;
  readonly #file: string;
  #changed: PromiseWithResolvers<void>;
  /** Everything it logged so far. */
  readonly log: LogLine[];

  private constructor(
    daemon: Daemon,
    owned: AsyncDisposableStack,
    file: string,
    log: LogLine[],
    onLine: (listener: () => void) => void,
  ) {
    this.#daemon = daemon;
    this.#owned = owned;
    this.#file = file;
    this.log = log;
    this.#changed = Promise.withResolvers();
    onLine(() => {
      const { resolve } = this.#changed;
      this.#changed = Promise.withResolvers();
      resolve();
    });
  }

  /** Starts one; throws what the checker says of a wrong configuration. */
  static async start(
    { config: text, vpp, clock = systemClock, level = "info" }: LocalOptions,
  ): Promise<LocalDaemon> {
    await warmThreads();
    await using owned = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
    owned.defer(() => Deno.remove(folder, { recursive: true }));
    const file = `${folder}/maglev.yaml`;
    await Deno.writeTextFile(file, text);
    const { config, files, findings } = loadConfig(file);
    if (config === null) throw new Error(findings.map(formatFinding).join("\n"));
    const bus = owned.use(new Bus({ clock }));
    const lines: LogLine[] = [];
    let told = () => {};
    const log = createLog({
      level,
      format: "json",
      clock,
      listener: bus,
      write(line) {
        lines.push(JSON.parse(line));
        told();
      },
    });
    const started = await Daemon.start({
      options: {
        config: file,
        listen: [],
        metricsAddr: null,
        vppApiAddr: vpp?.api ?? null,
        vppStatsAddr: vpp?.stats ?? null,
        vppInflight: 32,
        probeThreads: 1,
        logLevel: level,
        logFormat: "json",
        authFile: null,
        stateDir: null,
        journalDays: 30,
        journalOctets: 2 ** 29,
        peers: [],
        peerTokenFile: null,
        peerCaFile: null,
        grafanaUrl: null,
        localToken: null,
        nodeName: "lb1",
        givenNodeName: null,
        tls: null,
        check: false,
        printSchema: false,
        version: false,
        help: false,
      },
      config,
      files,
      keeper: StateKeeper.none(),
      journal: openJournal(noFolder, { journalDays: 0, journalOctets: 0 }, clock, log).journal,
      clock,
      log,
      bus,
      random: Math.random,
      build: { commit: "unknown", date: "1970-01-01T00:00:00.000Z" },
      secrets: secretsOf(),
      local: noLocal,
      listens: false,
    });
    if (!started.ok) throw new Error(started.error.message);
    owned.use(started.value);
    return new LocalDaemon(started.value, owned.move(), file, lines, (listener) => told = listener);
  }

  /** What the API may see and do. */
  get control(): Control {
    return this.#daemon.control;
  }

  /** Resolves with the first record, old or new, that `matches`, from index `from` on. */
  logged(matches: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    return this.until(
      () => this.log.slice(from).find(matches),
      () => `a log record; the last ones:\n${this.log.slice(-12).map((l) => JSON.stringify(l)).join("\n")}`,
    );
  }

  /** Resolves when `look` gives something; asked again after each log record. */
  until<T>(look: () => T | undefined, what: () => string): Promise<T> {
    return eventually(what, look, () => this.#changed.promise);
  }

  /** Resolves when a backend has entered `to`, from index `from` of the log on. */
  async became(backend: string, to: string, from = 0): Promise<LogLine> {
    return await this.logged(
      (line) => line.msg === "backend-transition" && line.backend === backend && line.to === to,
      from,
    );
  }

  /** Transitions since index `from` of the log, as `b1 up>down L4CON`. */
  transitions(from = 0): string[] {
    return this.log.slice(from).filter((line) => line.msg === "backend-transition").map((line) =>
      `${line.backend} ${line.from}>${line.to} ${line.code}`
    );
  }

  /** Writes the configuration without running it. */
  async write(config: string): Promise<void> {
    await Deno.writeTextFile(this.#file, config);
  }

  /** Reloads, after writing `config` if one is given. */
  async reload(config?: string): Promise<ConfigReload> {
    if (config !== undefined) await this.write(config);
    return must(await this.#daemon.reloader.reload(operator)).value;
  }

  /** What SIGHUP does; answers whether the file was taken. */
  async hangUp(): Promise<boolean> {
    return (await this.#daemon.reloader.reloadOnSignal({ principal: "SIGHUP", peer: "signal" })).ok;
  }

  /** The same as `reload`; answers the refusal. */
  async refusedReload(config: string): Promise<Refusal> {
    await this.write(config);
    const outcome = await this.#daemon.reloader.reload(operator);
    if (outcome.ok) throw new Error("the reload was not refused");
    return outcome.error;
  }

  /** An operator's action. */
  async act(backend: string, action: BackendAction): Promise<void> {
    must(await this.control.act(backend, action, {}, operator, false));
  }

  /** An operator's run-time weight. */
  async weigh(frontend: string, pool: string, backend: string, weight: number): Promise<Frontend> {
    return must(await this.control.setWeight(frontend, pool, backend, { weight }, operator, false)).value;
  }

  /** An operator's sync of everything, or of one frontend. */
  async sync(frontend?: string): Promise<SyncResult> {
    return must(await this.control.sync(frontend === undefined ? {} : { frontend }, operator)).value;
  }

  /** An operator's sync that carries the digest of the plan, so that what is held goes too. */
  async release(): Promise<SyncResult> {
    const { digest } = must(await this.control.plan(null));
    return must(await this.control.sync({ plan_digest: digest }, operator)).value;
  }

  /** Changes that an ordinary sync would send now. */
  async planned(): Promise<string[]> {
    const { changes } = must(await this.control.plan(null));
    return changes.filter((change) => change.held === null).map((change) => JSON.stringify(change));
  }

  /** Ends it and removes its file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}
