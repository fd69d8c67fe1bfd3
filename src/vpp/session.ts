/**
 * From a path to a session with a VPP that is fit for use: its messages are there, its boot time is known, and no
 * other controller is connected.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis, UnixMillis } from "../model.ts";
import { type ByteStream, VppClient } from "./client.ts";
import { Counters } from "./counters.ts";
import { VppSessionError } from "./errors.ts";
import { VppLoadBalancer } from "./lb.ts";
import { calls } from "./messages.ts";
import type { VppHeap } from "../lb/balancer.ts";
import { readMainHeap, readPulse, StatsSource } from "./stats.ts";
import type { MessageHook } from "./trace.ts";

/** Name under which VPP lists a maglevd. */
export const CLIENT_NAME = "vpp-maglev";

/** A VPP takes a moment to notice that a client is gone: the one before a restart of maglevd is no conflict. */
const CLIENT_LOOKS = 5;
const CLIENT_LOOK_MS = 50;
/** Between looks at a stats segment that VPP is changing. */
const BUSY_LOOK_MS = 50;
/**
 * A VPP may keep a client that was killed, for as long as the last failed system call of its main thread failed
 * with EAGAIN. This command changes nothing but that: there can be no such file.
 */
const WAKE_COMMAND = "exec /dev/null/vpp-maglev";

/** How and where to connect. */
export interface SessionOptions {
  /** Path of VPP's API socket. */
  readonly apiAddress: string;
  /** Path of VPP's stats socket; "" = no counters, boot time 0. */
  readonly statsAddress: string;
  /** Source of time. */
  readonly clock: Clock;
  /** Takes records. */
  readonly log: Log;
  /** Time for each request, and for the stats descriptor, in ms. */
  readonly deadlineMs: Millis;
  /** Told of every message. */
  readonly onMessage: MessageHook;
  /** Opens the API socket. */
  readonly connect: (path: string, signal: AbortSignal) => Promise<ByteStream>;
}

/** What is known of a connected VPP. */
export interface VppInfo {
  /** As `show_version` tells it. */
  readonly version: string;
  /** As `show_version` tells it. */
  readonly buildDate: string;
  /** As `show_version` tells it. */
  readonly buildDirectory: string;
  /** Process id of VPP. */
  readonly pid: number;
  /** `/sys/boottime`, unix seconds; 0 without stats. */
  readonly bootTime: number;
  /** When this session began, by the wall clock. */
  readonly connectedAt: UnixMillis;
  /** The same by the monotonic clock. */
  readonly connectedAtMs: Millis;
}

/** A VPP lacks messages; it must be replaced or upgraded before it can be used. */
export class VppRefusedError extends VppSessionError {
  /** Table names of the messages it lacks. */
  readonly missing: readonly string[];

  /** Makes the error of a VPP of `version` that lacks `missing`. */
  constructor(version: string, missing: readonly string[]) {
    super(
      "refused",
      `VPP ${version} lacks ${missing.join(", ")}: VPP 26.10 or later with the lb plugin is needed`,
    );
    this.name = "VppRefusedError";
    this.missing = missing;
  }
}

/** Another controller is connected to the same VPP; two would undo each other's work. */
export class VppConflictError extends VppSessionError {
  /** How many controllers are connected, this one included. */
  readonly clients: number;

  /** Makes the error of a VPP with `clients` controllers. */
  constructor(clients: number) {
    super("refused", `${clients} clients named ${CLIENT_NAME} are connected to VPP, and this is one of them`);
    this.name = "VppConflictError";
    this.clients = clients;
  }
}

/**
 * Counts the socket clients of a name in the text of `show api clients`: a line `Socket clients`, a heading, then
 * name and descriptor a line.
 */
export function countClients(text: string, name: string): number {
  const lines = text.split("\n").map((line) => line.trim());
  const start = lines.indexOf("Socket clients");
  if (start < 0) return 0;
  return lines.slice(start + 2).filter((line) => /^(.*\S)\s+\d+$/.exec(line)?.[1] === name).length;
}

const UNSEALED =
  "VPP's stats segment can be made shorter while it is read (it has huge pages); its size is looked at before each read";

/** A session with both sockets. Owns them. */
export class Session implements AsyncDisposable {
  /** What is known of this VPP. */
  readonly info: VppInfo;
  /** The API session. */
  readonly client: VppClient;
  /** The lb plugin. */
  readonly lb: VppLoadBalancer;
  /** The counters; null without a stats address. */
  readonly counters: Counters | null;
  readonly #stats: StatsSource | null;

  private constructor(client: VppClient, stats: StatsSource | null, info: VppInfo, options: SessionOptions) {
    const { clock, log } = options;
    const counters = stats === null ? null : new Counters(client, stats, clock);
    this.client = client;
    this.info = info;
    this.counters = counters;
    this.#stats = stats;
    this.lb = new VppLoadBalancer(
      {
        client,
        version: info.version,
        bootTime: info.bootTime,
        onVips: (vips) => counters?.setVips(vips),
        readHeap: heapReader(stats),
      },
      clock,
      log,
    );
  }

  /**
   * Connects and looks whether this VPP can be used; changes nothing in it. The session ends when `signal` aborts.
   * Throws VppSessionError, as VppRefusedError or VppConflictError where it is one, or the reason of `signal`.
   * Nothing stays open then.
   */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const client = await openClient(options, signal);
    let stats: StatsSource | null = null;
    try {
      const version = await checkMessages(client);
      await checkAlone(client, options.clock, options.log);
      const { vpe_pid: pid } = await client.demand(calls.controlPing, {});
      if (options.statsAddress !== "") {
        stats = await StatsSource.open(options.statsAddress, options.clock, options.deadlineMs, signal);
        if (!stats.sealed) options.log.warn("vpp-stats-unsealed", { hint: UNSEALED });
      }
      const info: VppInfo = {
        version: version.version,
        buildDate: version.build_date,
        buildDirectory: version.build_directory,
        pid,
        bootTime: stats === null ? 0 : await readBootTime(stats, options, client.signal),
        connectedAt: options.clock.wall(),
        connectedAtMs: options.clock.now(),
      };
      return new Session(client, stats, info, options);
    } catch (error) {
      stats?.[Symbol.dispose]();
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Closes both sockets; the counters' memory is revoked. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    this.#stats?.[Symbol.dispose]();
  }
}

/** Reads the main heap; a segment that VPP is changing is answered with the figures of the last read. */
function heapReader(stats: StatsSource | null): () => Promise<VppHeap | null> {
  let last: VppHeap | null = null;
  return async () => {
    if (stats === null) return null;
    const read = await stats.read(readMainHeap);
    if (read.outcome !== "busy") last = read.outcome === "ok" ? read.value : null;
    return last;
  };
}

async function openClient(options: SessionOptions, signal: AbortSignal): Promise<VppClient> {
  const { apiAddress, clock, log, deadlineMs, onMessage, connect } = options;
  let stream: ByteStream;
  try {
    stream = await connect(apiAddress, signal);
  } catch (error) {
    signal.throwIfAborted();
    const detail = error instanceof Error ? error.message : String(error);
    throw new VppSessionError("connect", `cannot connect to ${apiAddress}: ${detail}`, { cause: error });
  }
  return VppClient.open(stream, { clock, log, name: CLIENT_NAME, deadlineMs, onMessage, signal });
}

async function checkMessages(
  client: VppClient,
): Promise<{ readonly version: string; readonly build_date: string; readonly build_directory: string }> {
  const missing = client.missingMessages();
  if (missing.length === 0) return client.demand(calls.showVersion, {});
  const known = ![calls.showVersion.request, calls.showVersion.reply]
    .some((message) => missing.includes(message.tableName));
  const version = known ? (await client.demand(calls.showVersion, {})).version : "of unknown version";
  throw new VppRefusedError(version, missing);
}

async function checkAlone(client: VppClient, clock: Clock, log: Log): Promise<void> {
  for (let looks = 1;; looks++) {
    const { retval, body } = await client.request(calls.cliInband, { cmd: "show api clients" });
    const text = body?.reply ?? "";
    const clients = countClients(text, CLIENT_NAME);
    if (clients === 1) return;
    if (clients === 0) {
      const detail = "VPP does not list this client; another maglevd would not be noticed";
      return log.warn("vpp-api-clients", { detail, retval, text });
    }
    if (looks === CLIENT_LOOKS) throw new VppConflictError(clients);
    if (looks === 1) await client.request(calls.cliInband, { cmd: WAKE_COMMAND });
    await clock.sleep(CLIENT_LOOK_MS, client.signal);
  }
}

async function readBootTime(
  stats: StatsSource,
  { clock, deadlineMs }: SessionOptions,
  signal: AbortSignal,
): Promise<number> {
  const deadlineAt = clock.now() + deadlineMs;
  for (;;) {
    const read = await stats.read(readPulse);
    if (read.outcome === "ok") return read.value.bootTime ?? 0;
    if (read.outcome === "stale") {
      throw new VppSessionError("stats", `cannot read the stats segment: ${read.problem}`);
    }
    // A segment that VPP is changing is no failure, only later.
    if (clock.now() >= deadlineAt) {
      const seconds = deadlineMs / 1000;
      throw new VppSessionError("stats", `VPP has been changing its stats segment for ${seconds} s`);
    }
    await clock.sleep(BUSY_LOOK_MS, signal);
  }
}
