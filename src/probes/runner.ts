/**
 * The main thread's side of the probes: hands targets to the probe worker, gives its reports on, and starts a
 * new worker when one dies or falls silent. It knows every target, so a new worker goes on where the old ended.
 *
 * @module
 */
import { startThread, threadHints, type ThreadLack } from "../async/thread.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { UnitContents } from "../files/unit.ts";
import type { Log } from "../log/mod.ts";
import type { LeafCertificate, Millis } from "../model.ts";
import type { CheckType } from "../configuration.ts";
import { type Batch, readBatch } from "./batch.ts";
import { DeadThreads } from "./dead_threads.ts";
import {
  type FromWorker,
  POSTED,
  SHARED_HEADER,
  SHARED_PLACES,
  sharedHeader,
  SIGNS,
  STOPPED,
  THREAD,
  type ToWorker,
} from "./messages.ts";
import { probeLimit } from "./limit.ts";
import { describe, lostReport } from "./report.ts";
import type { ProbeReport, ProberEvents, ProbeTarget, ReportSink, ThreadProber } from "./prober.ts";
import { descriptorLimit, Flag, lackForThread } from "./socket.ts";
import { VoidLog } from "./void_log.ts";

/** What a prober needs. */
export interface ProberOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Where `probe-*` and `worker-restart` are written. */
  readonly log: Log;
  /** Receives finished probes in batches. */
  readonly sink: ReportSink;
  /** For metrics. */
  readonly events?: ProberEvents;
  /** Version for the User-Agent `maglevd/<version>`. */
  readonly version?: string;
  /** Limit of open files; default: that of the process. */
  readonly descriptors?: number;
  /** Part of the descriptors that is this prober's, 0...1; default 1. */
  readonly share?: number;
  /** Looks at files on the disk, see `FileStore.look`; absent: they never change. */
  readonly look?: (keys: readonly string[]) => Promise<void>;
  /** Makes a worker; for tests. */
  readonly spawn?: () => Worker;
  /** What is missing for the thread of another worker; for tests. */
  readonly lack?: () => ThreadLack | null;
}

const LIMIT_HINT = "raise the limit of open files (LimitNOFILE= of the unit, ulimit -n)";

/** Numbers of descriptors that are recorded, so that a restart of the worker can give them back. */
const RECORDED = 2 ** 20;
const HANGING = "the thread of the old worker does not end; it takes a processor and keeps its descriptors";
/** The main thread looks after the worker this often, in ms. */
const LOOK_MS = 1000;
/** So many looks in a row without a sign of life, and the worker is taken for dead. */
const SILENT_LOOKS = 10;
/** Waits before a new worker is started, by the number of deaths in a row, in ms. */
const RESTART_MS = [0, 250, 1000, 5000] as const;
/** A worker that lived this long ends the row of deaths, in ms. */
const STEADY_MS = 60_000;

/** A target as the main thread remembers it. */
interface Known {
  target: ProbeTarget;
  readonly place: number;
  /** Monotonic time when its next probe is due. */
  nextDue: Millis;
  /** The certificate that it last showed. */
  certificate: LeafCertificate | null;
}

function newWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}

/** Starts the probe worker. The prober ends it on disposal. */
export function startProber(options: ProberOptions): ThreadProber {
  return new WorkerProber(options);
}

class WorkerProber implements ThreadProber {
  readonly #options: ProberOptions;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #files = new Map<string, UnitContents>();
  readonly #freePlaces: number[] = [];
  readonly #byPlace: (Known | undefined)[] = [];
  readonly #flag = new Flag();
  readonly #voids: VoidLog;
  readonly #limit: number;
  readonly #recorded: number;
  #warned = false;
  #places = 0;
  #shared = new SharedArrayBuffer(SHARED_HEADER + SHARED_PLACES);
  #descriptors = new SharedArrayBuffer(0);
  readonly #dead: DeadThreads;
  #worker: Worker | null = null;
  #bornAt: Millis = 0;
  #deaths = 0;
  #debug = false;
  #silentLooks = 0;
  #lastSign = 0;
  /** What `alive` saw last. */
  #seen: { readonly worker: Worker | null; readonly sign: number } = { worker: null, sign: 0 };
  #look: Disposable | null = null;
  #restart: Disposable | null = null;
  #ended: (() => void) | null = null;
  #closing = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#voids = new VoidLog(this.#clock, options.log);
    const descriptors = options.descriptors ?? descriptorLimit();
    this.#limit = probeLimit(descriptors, options.share);
    this.#recorded = Math.min(descriptors, RECORDED);
    this.#dead = new DeadThreads(this.#clock, {
      gone: (descriptors) => options.log.debug("worker-gone", { descriptors }),
      hanging: () => options.log.error("worker-restart", { reason: HANGING, hint: "restart the daemon" }),
    });
    this.#startWorker(true);
    this.#lookLater();
  }

  start(targets: readonly ProbeTarget[]): void {
    const now = this.#clock.now();
    for (const target of targets) {
      const place = this.#known.get(target.backend)?.place ?? this.#freePlaces.pop() ?? this.#places++;
      const known = { target, place, nextDue: now + target.firstDelayMs, certificate: null };
      this.#known.set(target.backend, known);
      this.#byPlace[place] = known;
    }
    this.#warnOfLimit();
    this.#post({ kind: "start", targets: targets.map((target) => this.#placed(target)) });
  }

  files(contents: readonly UnitContents[], gone: readonly string[]): void {
    for (const key of gone) this.#files.delete(key);
    for (const unit of contents) this.#files.set(unit.key, unit);
    this.#post({ kind: "files", contents, gone });
  }

  pace(backend: string, generation: number, intervalMs: Millis): void {
    const known = this.#known.get(backend);
    if (known === undefined || known.target.generation !== generation) return;
    if (known.target.intervalMs === intervalMs) return;
    known.target = { ...known.target, intervalMs };
    this.#post({ kind: "pace", backend, generation, intervalMs });
  }

  stop(backends: readonly string[]): void {
    const unreported = new Uint8Array(this.#shared, SHARED_HEADER);
    for (const backend of backends) {
      const known = this.#known.get(backend);
      if (known === undefined) continue;
      this.#known.delete(backend);
      this.#freePlaces.push(known.place);
      this.#byPlace[known.place] = undefined;
      unreported[known.place] = 0;
    }
    this.#post({ kind: "stop", backends });
  }

  alive(): boolean {
    const worker = this.#worker;
    const sign = Atomics.load(sharedHeader(this.#shared), SIGNS);
    const { sign: before, worker: same } = this.#seen;
    this.#seen = { worker, sign };
    return worker === null || worker !== same || sign !== before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#look?.[Symbol.dispose]();
    this.#restart?.[Symbol.dispose]();
    this.#voids[Symbol.dispose]();
    this.#known.clear();
    using _flag = this.#flag;
    using _dead = this.#dead;
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) return;
    // A worker that hangs is not waited for.
    const ended = new Promise<void>((resolve) => this.#ended = resolve);
    this.#postTo(worker, { kind: "end" });
    const timeout = new AbortController();
    await Promise.race([ended, this.#clock.sleep(LOOK_MS, timeout.signal).catch(() => {})]);
    timeout.abort();
    this.#kill(worker);
  }

  /** Ends a worker without its help; what it leaves behind is given back when its thread is gone. */
  #kill(worker: Worker): void {
    const header = sharedHeader(this.#shared);
    Atomics.store(header, STOPPED, 1);
    worker.terminate();
    this.#dead.add({
      number: () => Atomics.load(header, THREAD),
      descriptors: new Uint8Array(this.#descriptors),
    });
  }

  /** Warns when all targets at once would need more descriptors than there are. */
  #warnOfLimit(): void {
    const targets = this.#known.size;
    const over = targets > this.#limit;
    if (over && !this.#warned) {
      this.#options.log.warn("probe-limit", { targets, limit: this.#limit, hint: LIMIT_HINT });
    }
    this.#warned = over;
  }

  #placed(target: ProbeTarget): { target: ProbeTarget; place: number } {
    return { target, place: this.#known.get(target.backend)?.place ?? SHARED_PLACES };
  }

  #post(message: ToWorker): void {
    if (this.#worker !== null) this.#postTo(this.#worker, message);
  }

  #postTo(worker: Worker, message: ToWorker): void {
    Atomics.add(sharedHeader(this.#shared), POSTED, 1);
    worker.postMessage(message);
    this.#flag.raise();
  }

  #begin(worker: Worker): void {
    const { log, version = "dev" } = this.#options;
    this.#worker = worker;
    this.#bornAt = this.#clock.now();
    this.#silentLooks = 0;
    this.#lastSign = 0;
    this.#shared = new SharedArrayBuffer(SHARED_HEADER + SHARED_PLACES);
    this.#debug = log.enabled("debug");
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(worker, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#died(worker, event.message);
    };
    this.#descriptors = new SharedArrayBuffer(this.#recorded);
    this.#post({
      kind: "begin",
      version,
      debug: this.#debug,
      limit: this.#limit,
      flag: this.#flag.number,
      shared: this.#shared,
      descriptors: this.#descriptors,
    });
  }

  #hear(worker: Worker, message: FromWorker): void {
    if (message.kind === "ended") return this.#ended?.();
    if (worker !== this.#worker) return;
    const { log } = this.#options;
    switch (message.kind) {
      case "batch":
        return this.#batch(message.batch);
      case "begun":
        for (const attrs of message.probes) log.debug("probe-start", { ...attrs });
        return;
      case "limited":
        return log.warn("probe-limit", { queued: message.queued, limit: this.#limit, hint: LIMIT_HINT });
      case "certificate":
        return this.#certificate(message);
      case "look":
        return void this.#lookAt(worker, message.look, message.keys);
      case "defect":
        return log.error("probe-defect", { backend: message.backend, error: message.error });
    }
  }

  /** It stands for all results that follow. */
  #certificate({ backend, generation, certificate }: Extract<FromWorker, { kind: "certificate" }>): void {
    const known = this.#known.get(backend);
    if (known?.target.generation === generation) known.certificate = certificate;
  }

  async #lookAt(worker: Worker, look: number, keys: readonly string[]): Promise<void> {
    await this.#options.look?.(keys);
    if (worker === this.#worker) this.#post({ kind: "looked", look });
  }

  #batch(batch: Batch): void {
    const { sink, events, log } = this.#options;
    const ahead = this.#clock.now() - this.#clock.wall();
    const debug = log.enabled("debug");
    const reports: ProbeReport[] = [];
    for (const { place, generation, result, nextDueAt, lateMs } of readBatch(batch)) {
      const known = this.#byPlace[place];
      if (known === undefined || known.target.generation !== generation) continue;
      const { backend, check } = known.target;
      const report = { backend, generation, result, nextDueAt, certificate: known.certificate };
      known.nextDue = ahead + nextDueAt;
      reports.push(report);
      events?.lateness?.(lateMs);
      this.#tell(report, check.type);
      if (debug) log.debug("probe-done", () => describe(report));
    }
    if (reports.length > 0) sink(reports);
  }

  #tell({ backend, result }: ProbeReport, type: CheckType): void {
    const { events } = this.#options;
    if (result.void === null) return events?.probe?.(backend, type, result);
    events?.void?.(backend, result.void);
    this.#voids.note(backend, result.void, result.detail);
  }

  #lookLater(): void {
    this.#look = this.#clock.after(LOOK_MS, () => {
      this.#lookLater();
      this.#lookAfter();
    });
  }

  /** Counts looks, not time: a main thread that did not run must not hold that against the worker. */
  #lookAfter(): void {
    const worker = this.#worker;
    if (worker === null) return;
    const debug = this.#options.log.enabled("debug");
    if (debug !== this.#debug) this.#post({ kind: "debug", on: debug });
    this.#debug = debug;
    const sign = Atomics.load(sharedHeader(this.#shared), SIGNS);
    this.#silentLooks = sign === this.#lastSign ? this.#silentLooks + 1 : 0;
    this.#lastSign = sign;
    if (this.#silentLooks >= SILENT_LOOKS) this.#died(worker, `no sign of life for ${SILENT_LOOKS} s`);
  }

  #died(worker: Worker, reason: string): void {
    if (worker !== this.#worker || this.#closing) return;
    this.#worker = null;
    this.#kill(worker);
    const now = this.#clock.now();
    this.#deaths = now - this.#bornAt > STEADY_MS ? 1 : this.#deaths + 1;
    const unreported = new Uint8Array(this.#shared, SHARED_HEADER);
    const lost = [...this.#known.values()].filter(({ place }) => (unreported[place] ?? 0) > 0);
    for (const known of lost) known.nextDue = now;
    this.#options.log.error("worker-restart", {
      reason,
      probes_lost: lost.length,
      targets: this.#known.size,
    });
    this.#options.events?.restart?.();
    this.#voidLost(lost);
    const wait = RESTART_MS[Math.min(this.#deaths - 1, RESTART_MS.length - 1)] ?? 0;
    this.#restartAfter(wait, true);
  }

  /** Starts a worker and gives it every target; where that cannot be done now, tries again every second. */
  #startWorker(first: boolean): void {
    const { log, lack = lackForThread, spawn = newWorker } = this.#options;
    const worker = startThread(spawn, lack);
    if (typeof worker === "string") {
      const reason = threadHints[worker];
      if (first) log.error("worker-restart", { reason, targets: this.#known.size });
      return this.#restartAfter(LOOK_MS, false);
    }
    this.#begin(worker);
    this.#handOver();
  }

  #restartAfter(wait: Millis, first: boolean): void {
    this.#restart = this.#clock.after(wait, () => this.#startWorker(first));
  }

  /** Reports the probes that died with their worker as void. */
  #voidLost(lost: readonly Known[]): void {
    const wall = this.#clock.wall();
    const reports = lost.map(({ certificate, target }) => lostReport(target, certificate, wall));
    for (const report of reports) {
      this.#tell(report, this.#known.get(report.backend)?.target.check.type ?? "tcp");
    }
    if (reports.length > 0) this.#options.sink(reports);
  }

  #handOver(): void {
    const now = this.#clock.now();
    if (this.#files.size > 0) this.#post({ kind: "files", contents: [...this.#files.values()], gone: [] });
    const targets = [...this.#known.values()].map(({ target, nextDue, place }) => ({
      target: { ...target, firstDelayMs: Math.max(0, nextDue - now) },
      place,
    }));
    if (targets.length > 0) this.#post({ kind: "start", targets });
  }
}
