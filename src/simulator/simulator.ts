/**
 * A VPP that is not there: the API socket with the real wire format, the stats socket with a real segment, and
 * the lb plugin's behaviour behind both.
 *
 *   running --kill, or a request that VPP does not survive--> dead
 *   running or dead --restart--> running, with everything forgotten
 *
 * It shares with the product what a fault would make wrong on both sides alike: the codec (`src/vpp/wire.ts`,
 * `messages.ts`, `frame.ts`), the new-flow table and the flow hash (`src/lb/table/table.ts`, `flow.ts`). What checks
 * those is independent of both: octets and tables that a real VPP gave (`tests/vpp/recordings.ts`,
 * `tests/lb/recordings.ts`), a plain table in BigInt (`tests/lb/table/table_reference.ts`), and the same tests against a
 * real VPP where there is one.
 *
 * @module
 */
import { E } from "../../ffi/constants.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import { FdReceiver } from "../../ffi/passfd.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { IpAddress, Millis } from "../model.ts";
import { messages } from "../vpp/messages.ts";
import { Faults, Recorder } from "./faults.ts";
import { VppCrash } from "./lbplugin.ts";
import { ApiServer } from "./server.ts";
import { SharedMemory, StatsSocket } from "./statsocket.ts";
import { MessageTable } from "./table.ts";
import { forward, type Packets } from "./traffic.ts";
import { type Build, SimulatedVpp } from "./vpp.ts";

/** How a simulator is made. */
export interface SimulatorOptions {
  /** Path of the API socket. */
  readonly api: string;
  /** Path of the stats socket; without it there is none. */
  readonly stats?: string;
  /** Source of VPP's own time; default the machine's. */
  readonly clock?: Clock;
  /** Worker threads besides the main one, default 0. */
  readonly workers?: number;
  /** Octets of VPP's main heap, default 1 GiB as VPP's own. */
  readonly heapSize?: number;
  /** Parts of what `show_version` tells. */
  readonly build?: Partial<Build>;
  /** Messages, by name without the CRC, that this VPP does not have: an older one. */
  readonly without?: readonly string[];
  /** Requests that are kept for `recorder`, default 100,000; 0 for a long run. */
  readonly keep?: number;
  /** Octets of the stats segment, default VPP's own 32 MiB; untouched memory costs nothing. */
  readonly segmentSize?: number;
  /** Directory entries of other parts of VPP, default 0; the real one has some 3,000. */
  readonly otherEntries?: number;
  /** Scalars of the segment as doubles, as before VPP 25.10. */
  readonly scalarsAsDoubles?: boolean;
}

/** A path cannot be listened on. */
export class SocketInUse extends Error {
  /** Makes the error of `path`, with what is there. */
  constructor(path: string, what: string) {
    super(`Cannot listen on ${path}: ${what}`);
    this.name = "SocketInUse";
  }
}

const BUILD: Build = {
  program: "vpe",
  version: "26.10-rc0~simulated",
  build_date: "2026-11-22T05:56:29",
  build_directory: "/simulated/vpp",
};
const SEGMENT_SIZE = 32 * 1024 * 1024;
const HEAP_SIZE = 2 ** 30;
const KEPT_REQUESTS = 100_000;
/** VPP moves its heartbeat this often. */
const HEARTBEAT_MS = 10_000;
/** VPP collects deleted servers and VIPs this often; it has been up for a second when its socket answers. */
const COLLECTION_MS = 60_000;
const FIRST_COLLECTION_MS = 59_000;

/** What exists between a start and an end. */
interface Run {
  readonly vpp: SimulatedVpp;
  readonly server: ApiServer;
  end(): Promise<void>;
}

/** A simulated VPP on its sockets. Owns them; disposal closes them and removes their files. */
export class Simulator implements AsyncDisposable {
  /** Faults on purpose. They outlast a restart. */
  readonly faults: Faults = new Faults();
  /** What clients sent, over all restarts. */
  readonly recorder: Recorder;

  readonly #options: SimulatorOptions;
  readonly #clock: Clock;
  /** Files of the sockets, with the inodes that make them ours. */
  readonly #files = new Map<string, number | null>();
  #without: ReadonlySet<string>;
  #run: Run | null = null;
  #runs = 0;
  #bootTime = 0;
  #ending: Promise<void> = Promise.resolve();
  #death: string | null = null;
  readonly #died = Promise.withResolvers<string>();

  private constructor(options: SimulatorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#without = new Set(options.without ?? []);
    this.recorder = new Recorder(options.keep ?? KEPT_REQUESTS);
  }

  /** Starts a simulated VPP. Rejects with SocketInUse, and with Deno.errors or ErrnoError for a path that is no good. */
  static async start(options: SimulatorOptions): Promise<Simulator> {
    const simulator = new Simulator(options);
    await simulator.#boot();
    return simulator;
  }

  /** The VPP that runs now. Throws when it is dead. */
  get vpp(): SimulatedVpp {
    return this.#alive().vpp;
  }

  /** Its API server: connections and dropped messages. Throws when VPP is dead. */
  get server(): ApiServer {
    return this.#alive().server;
  }

  /** Unix seconds of the last start, as `/sys/boottime` tells. */
  get bootTime(): number {
    return this.#bootTime;
  }

  /** Why VPP is dead, or null. A request that the real VPP does not survive leaves its reason here. */
  get death(): string | null {
    return this.#death;
  }

  /** Settles with the reason when a request ends VPP for the first time. */
  get crashed(): Promise<string> {
    return this.#died.promise;
  }

  /** Ends VPP at once, as a signal would: connections break, the files of the sockets stay behind. */
  async kill(reason = "killed"): Promise<void> {
    this.#end(reason);
    await this.#ending;
  }

  /**
   * Starts VPP anew, after ending it if it runs: everything forgotten, other message ids, another boot time. Other
   * messages may be missing afterwards. Rejects as `start` does.
   */
  async restart(change: { readonly without?: readonly string[] } = {}): Promise<void> {
    if (change.without !== undefined) this.#without = new Set(change.without);
    await this.kill("restart");
    await this.#boot();
  }

  /** Sends a keepalive to every client. */
  sendKeepalive(): void {
    this.server.broadcast(messages.memclnt_keepalive, {});
  }

  /** Sends octets to every client, as they stand. */
  sendOctets(octets: Uint8Array): void {
    for (const session of this.server.sessions()) session.sendOctets(octets);
  }

  /** Closes every connection; VPP goes on. */
  disconnect(): void {
    for (const session of this.server.sessions()) session.close();
  }

  /** Sends packets of one flow through VPP; returns the server that got them, or null. They may end VPP. */
  forward(packets: Packets): IpAddress | null {
    try {
      return forward(this.vpp, packets, this.vpp.uptime());
    } catch (error) {
      if (!(error instanceof VppCrash)) throw error;
      this.#crash(`a packet: ${error.message}`);
      return null;
    }
  }

  /** Ends VPP and removes the files of its sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("disposed");
    for (const [path, inode] of this.#files) {
      const present = await Deno.lstat(path).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      });
      // Another VPP may have taken the place of one that was killed.
      if (present?.ino === inode) await Deno.remove(path);
    }
  }

  #alive(): Run {
    if (this.#run === null) throw new Error(`Cannot use a simulated VPP that is dead: ${this.#death}`);
    return this.#run;
  }

  #crash(reason: string): void {
    this.#end(reason);
    this.#died.resolve(reason);
  }

  #end(reason: string): void {
    const run = this.#run;
    if (run === null) return;
    this.#run = null;
    this.#death = reason;
    this.#ending = run.end();
  }

  async #boot(): Promise<void> {
    const { api, stats, workers = 0, build, segmentSize = SEGMENT_SIZE, heapSize = HEAP_SIZE } =
      this.#options;
    await freePath(api, connectStream);
    if (stats !== undefined) await freePath(stats, connectSeqpacket);
    // Two starts within one second must not look like one.
    this.#bootTime = Math.max(Math.floor(this.#clock.wall() / 1000), this.#bootTime + 1);
    await using owned = new AsyncDisposableStack();
    const memory = stats === undefined ? null : owned.use(new SharedMemory(segmentSize));
    const vpp = new SimulatedVpp({
      clock: this.#clock,
      segment: memory?.buffer ?? new ArrayBuffer(segmentSize),
      segmentOptions: {
        workers,
        bootTime: this.#bootTime,
        otherEntries: this.#options.otherEntries ?? 0,
        scalarsAsDoubles: this.#options.scalarsAsDoubles ?? false,
      },
      build: { ...BUILD, ...build },
      pid: Deno.pid + this.#runs,
      heapSize,
    });
    if (stats !== undefined && memory !== null) owned.use(new StatsSocket(stats, memory.fd));
    vpp.stats.beat();
    const beat = (): void => {
      if (!this.faults.noHeartbeat) vpp.stats.beat();
    };
    owned.use(every(this.#clock, HEARTBEAT_MS, HEARTBEAT_MS, beat));
    owned.use(every(this.#clock, FIRST_COLLECTION_MS, COLLECTION_MS, () => vpp.lb.collect(vpp.uptime())));
    const server = owned.use(
      new ApiServer({
        clock: this.#clock,
        path: api,
        vpp,
        table: new MessageTable(this.#runs, this.#without),
        faults: this.faults,
        recorder: this.recorder,
        crashed: (reason) => this.#crash(reason),
      }),
    );
    for (const path of stats === undefined ? [api] : [api, stats]) {
      this.#files.set(path, (await Deno.lstat(path)).ino);
    }
    this.#runs++;
    this.#death = null;
    const kept = owned.move();
    this.#run = { vpp, server, end: () => kept.disposeAsync() };
  }
}

function every(clock: Clock, firstMs: Millis, thenMs: Millis, act: () => void): Disposable {
  let timer: Disposable;
  const wait = (ms: Millis) => {
    timer = clock.after(ms, () => {
      wait(thenMs);
      act();
    });
  };
  wait(firstMs);
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** Removes what a VPP that was killed left behind. Throws SocketInUse for anything else that is there. */
async function freePath(path: string, connect: (path: string) => Promise<boolean>): Promise<void> {
  let present: Deno.FileInfo;
  try {
    present = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (present.isSocket !== true) throw new SocketInUse(path, "there is a file that is no socket");
  if (await connect(path)) throw new SocketInUse(path, "another process listens there");
  await Deno.remove(path);
}

async function connectStream(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    // EPROTOTYPE, which has no class of its own: somebody listens, with another kind of socket.
    if (error instanceof Error && error.message.includes("os error 91")) return true;
    throw error;
  }
}

function connectSeqpacket(path: string): Promise<boolean> {
  try {
    new FdReceiver(path)[Symbol.dispose]();
    return Promise.resolve(true);
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === E.ECONNREFUSED) return Promise.resolve(false);
    return Promise.resolve(true);
  }
}
