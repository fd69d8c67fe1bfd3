/**
 * A run of maglevd from its command line to its exit code.
 *
 * @module
 */
import { Bus } from "../bus/mod.ts";
import { systemClock } from "../clock.ts";
import { formatFinding } from "../config/findings.ts";
import { unknownVariables } from "../environment.ts";
import { printSchema } from "../config/json_schema.ts";
import { loadConfig } from "../config/load.ts";
import { writeStdout } from "../files/stdout.ts";
import { helpText, parseFlags } from "../flags.ts";
import { createLog } from "../log/mod.ts";
import { LogOutput } from "../log/output.ts";
import type { Actor } from "../model.ts";
import { isolate } from "../net/isolate.ts";
import { localTokenFiles } from "../net/local_token.ts";
import { buildInfo, version } from "../version.ts";
import { Daemon } from "./daemon.ts";
import { openJournal } from "./journal.ts";
import { claimDefault, LocalToken } from "./local_token.ts";
import { managerOf, Notify } from "./notify.ts";
import { logFindings } from "./reload.ts";
import { Secrets } from "./secrets.ts";
import { endOnUnhandled, Hangups, StopSignals } from "./signals.ts";
import { lockStateDir, openKeeper } from "./state_dir.ts";

const encoder = new TextEncoder();

function writeAll(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  const data = encoder.encode(text);
  for (let written = 0; written < data.length;) written += stream.writeSync(data.subarray(written));
}

const print = (text: string) => writeAll(Deno.stdout, text);
const complain = (text: string) => writeAll(Deno.stderr, `${text}\n`);
const env = (name: string): string | undefined => Deno.env.get(name);

/** What a reload by signal is done in the name of. */
const signalActor: Actor = { principal: "SIGHUP", peer: "signal" };

/** A daemon that was started, and what ends it. */
export interface Launched {
  /** The daemon. */
  readonly daemon: Daemon;
  /** Resolves when a signal asks for the end. */
  readonly stop: StopSignals;
  /** Releases everything, in reverse order. */
  readonly resources: AsyncDisposableStack;
}

/** Takes the local token: at the path of the flag, which must work, or at a default place. */
function takeToken(path: string | null): ReturnType<typeof claimDefault> | string {
  const random = (octets: Uint8Array<ArrayBuffer>) => void crypto.getRandomValues(octets);
  if (path === null) return claimDefault(localTokenFiles(env("XDG_RUNTIME_DIR")), random);
  const claimed = LocalToken.claim(path, random);
  return claimed.ok
    ? { token: claimed.value, why: "" }
    : `--local-token ${path} cannot be used: ${claimed.error.detail}`;
}

/**
 * Starts maglevd, or does what a flag asks for in its place.
 *
 * @param args arguments without the program's name
 * @param listens whether maglevd opens the API's listeners itself
 * @returns the daemon; or the exit code: 0 done, 1 cannot start or the configuration cannot be read, 2 flags or
 * configuration wrong
 */
export async function launch(args: readonly string[], listens: boolean): Promise<Launched | number> {
  const parsed = parseFlags(args, env, Deno.hostname());
  if (!parsed.ok) {
    for (const error of parsed.error) complain(`maglevd: ${error}`);
    complain('maglevd: "maglevd --help" lists the flags');
    return 2;
  }
  const options = parsed.value;
  if (!listens && options.tls !== null) {
    complain(
      "maglevd: MAGLEV_TLS_CERT and MAGLEV_TLS_KEY have no effect here: give deno serve --cert and --key",
    );
    return 2;
  }
  const build = buildInfo(env);
  if (options.help) return print(helpText()), 0;
  if (options.version) {
    return print(`maglevd ${version} (commit ${build.commit}, deno ${Deno.version.deno})\n`), 0;
  }
  if (options.printSchema) return print(printSchema()), 0;
  await using resources = new AsyncDisposableStack();
  const hangups = resources.use(new Hangups());
  const checked = loadConfig(options.config, {
    nodeName: options.givenNodeName,
    // A start goes on without OpenSSL; only the probes that need it say nothing.
    tlsRequired: options.check,
  });
  for (const finding of checked.findings) complain(formatFinding(finding));
  const { config } = checked;
  const secrets = await Secrets.load(options);
  if (!secrets.ok) { for (const finding of secrets.error) complain(formatFinding(finding)); }
  const unknown = unknownVariables(Object.keys(Deno.env.toObject()));
  if (options.check) {
    for (const { variable, detail } of unknown) complain(`maglevd: warning: ${variable} ${detail}`);
  }
  if (config === null) return checked.exitCode;
  if (!secrets.ok) return 2;
  if (options.check) return print(`${options.config}: ok\n`), 0;

  // Before the first connection to the fleet's store.
  isolate(Deno.env, config.fleet !== undefined && config.fleet.caFile !== null);
  const clock = systemClock;
  // First of all that this process takes: a daemon that is about to end still has the other things.
  const folder = await lockStateDir(options.stateDir, clock);
  if (!folder.ok) {
    complain(`maglevd: ${folder.error.message}`);
    return folder.error.kind === "wrong" ? 2 : 1;
  }
  resources.use(folder.value);
  const local = takeToken(options.localToken);
  if (typeof local === "string") {
    complain(`maglevd: ${local}`);
    return 2;
  }
  if (local.token !== null) {
    const { token } = local;
    resources.use(token);
    // An end that is not orderly removes the files, too.
    const drop = () => token[Symbol.dispose]();
    globalThis.addEventListener("unload", drop);
    resources.defer(() => globalThis.removeEventListener("unload", drop));
  }

  const bus = resources.use(new Bus({ clock }));
  const output = resources.use(new LogOutput(writeStdout, clock));
  // A burst of lines may wait for its reader when the process ends.
  const drain = () => output.drain((ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms));
  globalThis.addEventListener("unload", drain);
  resources.defer(() => globalThis.removeEventListener("unload", drain));
  resources.defer(drain);
  const log = createLog({
    level: options.logLevel,
    format: options.logFormat,
    colour: options.logFormat === "text" && Deno.stdout.isTerminal() && !Deno.noColor,
    clock,
    write: output.write,
    listener: bus,
  });
  output.onRecovered = (lines, error) => log.error("log-lost", { lines, error });
  resources.use(endOnUnhandled(log));
  // From the first record on: who has read that the daemon starts may ask it to stop.
  const stop = resources.use(new StopSignals(log));
  log.info("starting", {
    version,
    commit: build.commit,
    deno: Deno.version.deno,
    pid: Deno.pid,
    config: options.config,
  });
  const opening = openJournal(folder.value, options, clock, log);
  resources.use(opening.journal);
  logFindings(log, checked);
  log.info("config-loaded", {
    config: options.config,
    healthchecks: config.healthchecks.size,
    backends: config.backends.size,
    frontends: config.frontends.size,
  });
  for (const { variable, detail } of unknown) log.warn("unknown-variable", { variable, detail });
  if (local.token === null) log.warn("local-token", { detail: `there is none: ${local.why}` });
  else log.info("local-token", { file: local.token.file });
  const { files } = checked;
  const keeper = resources.use(await openKeeper(folder.value, clock, log));
  await opening.ready;
  const parts = {
    options,
    config,
    files,
    clock,
    log,
    bus,
    keeper,
    journal: opening.journal,
    random: Math.random,
    build,
    secrets: secrets.value,
    local,
    listens,
  };
  const started = await Daemon.start(parts);
  if (!started.ok) {
    complain(`maglevd: ${started.error.message}`);
    return 1;
  }
  const daemon = resources.use(started.value);
  const manager = managerOf(env, Deno.pid);
  if (manager !== null) {
    const { control } = daemon;
    resources.use(
      new Notify({ manager, clock, log, ready: () => control.ready(), alive: () => daemon.alive() }),
    );
  }
  // A file that is refused is an answer, which the reloader logs. An error is a fault of the program, and ends it.
  hangups.handle(() => void daemon.reloader.reloadOnSignal(signalActor));
  return { daemon, stop, resources: resources.move() };
}

/** Runs maglevd until a signal asks it to stop; returns the exit code, as `launch`. */
export async function runDaemon(args: readonly string[]): Promise<number> {
  const launched = await launch(args, true);
  if (typeof launched === "number") return launched;
  await using _resources = launched.resources;
  await launched.stop.asked;
  return 0;
}
