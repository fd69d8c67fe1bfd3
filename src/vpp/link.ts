/**
 * The link to VPP: API socket and stats segment as one unit, for as long as the daemon runs.
 *
 *   off            no API address is configured; nothing is ever tried
 *   disconnected   --session opens--> connected
 *   disconnected   --VPP lacks messages--> refused, tried again after 60 s
 *   disconnected   --another maglevd is connected--> disconnected, tried again after 5 to 10 s
 *   disconnected   --anything else fails--> disconnected, tried again after 5 s
 *   connected      --session ends, ping unanswered, stats lost--> disconnected, tried again after 5 s
 *   refused        --session opens--> connected
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis, UnixMillis } from "../model.ts";
import type { ByteStream } from "./client.ts";
import type { LbCounts } from "./counters.ts";
import { VppError } from "../lb/balancer.ts";
import { VppSessionError } from "./errors.ts";
import type { VppLoadBalancer } from "./lb.ts";
import { calls } from "./messages.ts";
import { Session, VppConflictError, type VppInfo, VppRefusedError } from "./session.ts";
import { StatsWatch } from "./stats.ts";
import type { MessageHook } from "./trace.ts";

/** State of the link. */
export type LinkState = "off" | "disconnected" | "connected" | "refused";

/** A change of the link. */
export type LinkChange =
  | { readonly to: "connected"; readonly lb: VppLoadBalancer; readonly info: VppInfo }
  | { readonly to: "disconnected" | "refused"; readonly reason: string };

/** What a link needs from its surroundings. */
export interface LinkOptions {
  /** Path of VPP's API socket; "" turns the link off. */
  readonly apiAddress: string;
  /** Path of VPP's stats socket; "" = no counters, boot time 0. */
  readonly statsAddress: string;
  /** Source of time. */
  readonly clock: Clock;
  /** Takes records. */
  readonly log: Log;
  /** Random numbers in [0, 1). */
  readonly random: () => number;
  /** Told of every message on the API socket. */
  readonly onMessage: MessageHook;
  /** Told of every change of state, and of a new reason for the same one. Must not throw. */
  readonly onChange: (change: LinkChange) => void;
  /** Opens the API socket; the machine's by default. */
  readonly connect?: (path: string, signal: AbortSignal) => Promise<ByteStream>;
}

/** Time for each request, in ms. */
const DEADLINE_MS = 5000;
const PING_MS = 10_000;
const COUNTERS_MS = 5000;
const RETRY_MS = 5000;
const REFUSED_MS = 60_000;

/** Connects to a unix stream socket of this machine. */
export function connectUnix(path: string, signal: AbortSignal): Promise<ByteStream> {
  signal.throwIfAborted();
  return Deno.connect({ transport: "unix", path });
}

/** The link to VPP. Starts at once; disposal ends it and leaves VPP as it is. */
export class VppLink implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #state: LinkState;
  #reason = "";
  #since: UnixMillis;
  #session: Session | null = null;

  /** Begins to connect, unless the API address is empty. */
  constructor(options: LinkOptions) {
    this.#options = options;
    this.#since = options.clock.wall();
    this.#state = options.apiAddress === "" ? "off" : "disconnected";
    this.#reason = options.apiAddress === "" ? "no API address is configured" : "not connected yet";
    this.#running = options.apiAddress === "" ? Promise.resolve() : this.#run();
  }

  /** State of the link. */
  get state(): LinkState {
    return this.#state;
  }

  /** When the link entered its state. */
  get since(): UnixMillis {
    return this.#since;
  }

  /** Why the link is in a state other than connected; "" when it is connected. */
  get reason(): string {
    return this.#reason;
  }

  /** What is known of the connected VPP, or null. */
  get info(): VppInfo | null {
    return this.#session?.info ?? null;
  }

  /** The lb plugin of the connected VPP, or null. */
  get lb(): VppLoadBalancer | null {
    return this.#session?.lb ?? null;
  }

  /** The last counters of this session, or null. */
  get counts(): LbCounts | null {
    return this.#session?.counters?.counts ?? null;
  }

  /** Ends the session, if there is one, and waits until nothing runs any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new VppSessionError("stopped", "maglevd is stopping"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const signal = this.#stop.signal;
    while (!signal.aborted) {
      const waitMs = await this.#once();
      if (signal.aborted) break;
      await clock.sleep(waitMs, signal).catch(() => {});
    }
  }

  /** One attempt, and if it succeeds the whole session. Returns how long to wait before the next, in ms. */
  async #once(): Promise<Millis> {
    try {
      await using session = await Session.open({
        connect: connectUnix,
        ...this.#options,
        deadlineMs: DEADLINE_MS,
      }, this.#stop.signal);
      this.#connected(session);
      await Promise.all([
        this.#keep(session, this.#ping(session)),
        this.#keep(session, this.#count(session)),
      ]);
      return this.#failed(session.client.signal.reason);
    } catch (error) {
      if (!(error instanceof VppError)) throw error;
      return this.#failed(error);
    }
  }

  /** Waits for a loop of a session; what goes wrong in it ends the session, and so the other loop. */
  async #keep({ client }: Session, loop: Promise<void>): Promise<void> {
    try {
      await loop;
    } catch (error) {
      if (!(error instanceof VppError)) throw error;
      if (client.signal.aborted) return;
      client.end(
        error instanceof VppSessionError ? error : new VppSessionError("io", error.message, { cause: error }),
      );
    }
  }

  async #ping({ client }: Session): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(PING_MS, client.signal);
      await client.demand(calls.controlPing, {});
    }
  }

  async #count({ client, counters }: Session): Promise<void> {
    if (counters === null) return;
    const { clock } = this.#options;
    const watch = new StatsWatch();
    for (;;) {
      await clock.sleep(COUNTERS_MS, client.signal);
      const lost = watch.step(await counters.poll(), clock.now());
      if (lost !== null) client.end(new VppSessionError("stats", lost));
    }
  }

  #connected(session: Session): void {
    const { info, lb } = session;
    this.#session = session;
    this.#since = this.#options.clock.wall();
    this.#state = "connected";
    this.#reason = "";
    this.#options.log.info("vpp-connect", {
      version: info.version,
      build_date: info.buildDate,
      build_directory: info.buildDirectory,
      pid: info.pid,
      boot_time: info.bootTime,
    });
    this.#options.onChange({ to: "connected", lb, info });
  }

  /** Tells what went wrong, once for each reason in a row. Returns how long to wait, in ms. */
  #failed(error: unknown): Millis {
    const { clock, log, onChange, random } = this.#options;
    const stopped = this.#stop.signal.aborted;
    const reason = stopped ? "maglevd is stopping" : error instanceof Error ? error.message : String(error);
    const to = error instanceof VppRefusedError ? "refused" : "disconnected";
    const news = this.#state !== to || this.#reason !== reason;
    this.#session = null;
    if (this.#state !== to) this.#since = clock.wall();
    this.#state = to;
    this.#reason = reason;
    if (error instanceof VppConflictError) log.warn("vpp-conflict", { reason, clients: error.clients });
    else if (stopped) log.info("vpp-disconnect", { reason });
    else if (news) log[to === "refused" ? "error" : "warn"]("vpp-disconnect", { reason });
    if (news) onChange({ to, reason });
    if (error instanceof VppConflictError) return RETRY_MS * (1 + random());
    return error instanceof VppRefusedError ? REFUSED_MS : RETRY_MS;
  }
}
