/**
 * The whole daemon inside the test's own process: real parts, no fake control. Requests go to its application
 * directly, so that thousands of them take seconds.
 *
 * @module
 */
import { type Peer, unixPeer } from "../../routes/access.ts";
import type { SecretsInUse } from "../../src/daemon/secrets.ts";
import { secretsOf, someLocal } from "../secrets.ts";
import type { AuthTable } from "../../routes/auth.ts";
import { Bus } from "../../src/bus/mod.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { lockStateDir, openKeeper } from "../../src/daemon/state_dir.ts";
import { openJournal } from "../../src/daemon/journal.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { warmThreads } from "./warm_threads.ts";
import { parseFlags } from "../../src/flags.ts";
import { createLog, type Level } from "../../src/log/mod.ts";
import type { StartThread } from "../../src/memory/journal/parts.ts";

/** One JSON line of the log. */
export interface Line {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** Longest wait for anything; a loaded machine must not fail these tests. */
const patienceMs = 30_000;

/** A client of this host. */
export const here: Peer = unixPeer("/run/test/api.sock");

/**
 * A clock that runs `factor` times as fast as the machine's from now on, so that what a daemon does every so many
 * seconds need not be waited for.
 */
export function fasterClock(factor: number): Clock {
  const began = systemClock.now();
  const wall = systemClock.wall();
  const passed = () => (systemClock.now() - began) * factor;
  return {
    now: () => began + passed(),
    wall: () => Math.round(wall + passed()),
    after: (ms, run) => systemClock.after(ms / factor, run),
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  };
}

/** How the daemon is started. */
export interface InsideOptions {
  /** Text of maglev.yaml. */
  readonly config: string;
  /** Paths of VPP's sockets; null: VPP is off. */
  readonly vpp: { readonly api: string; readonly stats: string } | null;
  readonly auth?: AuthTable | null;
  /** Auth file, certificate and key; default: a table of `auth`, and no TLS. */
  readonly secrets?: SecretsInUse;
  /** More flags; without `--listen` nothing is listened on. */
  readonly args?: readonly string[];
  /** Level of the daemon's own output, default info. */
  readonly level?: Level;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Makes the journal's thread; default: the real one. */
  readonly startJournal?: StartThread;
}

/** What a daemon logged, and a way to wait for more. */
class Lines {
  readonly all: Line[] = [];
  #more = Promise.withResolvers<void>();

  take(text: string): void {
    this.all.push(JSON.parse(text));
    const { resolve } = this.#more;
    this.#more = Promise.withResolvers();
    resolve();
  }

  more(): Promise<void> {
    return this.#more.promise;
  }
}

/** A running daemon. */
export class Inside implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #lines: Lines;
  /** The daemon. */
  readonly daemon: Daemon;
  /** Its event bus. */
  readonly bus: Bus;
  /** Path of its configuration; write it and reload. */
  readonly config: string;

  private constructor(stack: AsyncDisposableStack, lines: Lines, daemon: Daemon, bus: Bus, config: string) {
    this.#stack = stack;
    this.#lines = lines;
    this.daemon = daemon;
    this.bus = bus;
    this.config = config;
  }

  /** Starts it. */
  static async start(options: InsideOptions): Promise<Inside> {
    await warmThreads();
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const path = `${folder}/maglev.yaml`;
    await Deno.writeTextFile(path, options.config);
    const { config, files, findings } = loadConfig(path);
    if (config === null) throw new Error(JSON.stringify(findings, null, 1));
    const { vpp, args = [] } = options;
    const sockets = ["--vpp-api-addr", vpp?.api ?? "", "--vpp-stats-addr", vpp?.stats ?? ""];
    const flags = parseFlags(["--config", path, ...sockets, ...args], () => undefined);
    if (!flags.ok) throw new Error(flags.error.join("\n"));
    const clock = options.clock ?? systemClock;
    const bus = stack.use(new Bus({ clock }));
    const lines = new Lines();
    const log = createLog({
      level: options.level ?? "info",
      format: "json",
      clock,
      write: (text) => lines.take(text),
      listener: bus,
    });
    const stateDir = await lockStateDir(flags.value.stateDir, clock);
    if (!stateDir.ok) throw new Error(stateDir.error.message);
    stack.use(stateDir.value);
    const keeper = stack.use(await openKeeper(stateDir.value, clock, log));
    const opening = openJournal(stateDir.value, flags.value, clock, log, options.startJournal);
    stack.use(opening.journal);
    await opening.ready;
    const started = await Daemon.start({
      options: flags.value,
      keeper,
      journal: opening.journal,
      config,
      files,
      clock,
      log,
      bus,
      random: Math.random,
      build: { commit: "0123456789ab", date: "2026-01-31T12:00:00.000Z" },
      secrets: options.secrets ?? secretsOf(options.auth ?? null),
      local: someLocal,
      listens: args.includes("--listen"),
    });
    if (!started.ok) throw new Error(started.error.message);
    const daemon = stack.use(started.value);
    return new Inside(stack.move(), lines, daemon, bus, path);
  }

  /** Everything it logged so far. */
  get log(): readonly Line[] {
    return this.#lines.all;
  }

  /** Asks its application as a client of this host, or another. */
  async ask(path: string, init: RequestInit = {}, peer: Peer = here): Promise<Response> {
    return await this.daemon.app.fetch(new Request(`http://127.0.0.1:9090${path}`, init), { peer });
  }

  /** The JSON of an answer, which must have this status. */
  async json<T>(path: string, init: RequestInit = {}, status = 200): Promise<T> {
    const answer = await this.ask(path, init);
    const text = await answer.text();
    if (answer.status !== status) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Sends a change with an optional JSON body. */
  async send<T>(method: string, path: string, body?: unknown, status = 200): Promise<T> {
    const init = body === undefined
      ? { method }
      : { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    return await this.json<T>(path, init, status);
  }

  /** Resolves with the first log record, old or new, that matches, from index `from` on. */
  logged(matches: string | ((line: Line) => boolean), from = 0): Promise<Line> {
    const test = typeof matches === "string" ? (line: Line) => line.msg === matches : matches;
    return this.until(() => this.log.slice(from).find(test), String(matches));
  }

  /** Resolves when `look` gives something; asked again after each log record and every 20 ms. */
  async until<T>(look: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
    const late = performance.now() + patienceMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > late) {
        const last = this.log.slice(-10).map((line) => JSON.stringify(line)).join("\n");
        throw new Error(`waited too long for ${what}; the last records:\n${last}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, 20);
      await Promise.race([promise, this.#lines.more()]);
      clearTimeout(timer);
    }
  }

  /** Resolves when VPP is in sync. */
  async synced(from = 0): Promise<void> {
    await this.until(
      () => this.daemon.control.ready().vpp === "in-sync" ? true : undefined,
      `VPP in sync, from record ${from}`,
    );
  }

  /** Ends the daemon. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
