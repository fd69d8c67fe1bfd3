/**
 * Entry of the probe worker: an engine over real sockets, fed by and reporting to the main thread. Everything
 * it knows was told by the main thread, so a restart loses nothing but the probes under way.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { systemClock } from "../clock.ts";
import type { CheckType } from "../model.ts";
import { Engine } from "./engine.ts";
import { type FromWorker, SHARED_HEADER, type TimedReport, type ToWorker } from "./messages.ts";
import { Probes } from "./probe.ts";
import { Reactor } from "./socket.ts";

/** The worker's side of the message channel; `lib.deno.window` does not describe it. */
interface Scope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  close(): void;
}
const scope = globalThis as unknown as Scope;

/** Reports that surely change no state wait this long for company, in ms. */
const BATCH_MS = 10;
/** The main thread takes a worker without a sign of life for dead; this is how often it gives one, in ms. */
const SIGN_MS = 100;
/** Probes that have to wait are told this often at most, in ms. */
const LIMITED_MS = 10_000;

class ProbeWorker implements AsyncDisposable {
  readonly #reactor: Reactor;
  readonly #probes: Probes;
  readonly #engine: Engine;
  readonly #signs: Int32Array;
  readonly #unreported: Uint8Array;
  readonly #places = new Map<string, number>();
  readonly #pulse: ReturnType<typeof setInterval>;
  #debug: boolean;
  #begun: { backend: string; type: CheckType }[] = [];
  #batch: TimedReport[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #flushSoon = false;
  #limitedUntil = 0;

  constructor(begin: Extract<ToWorker, { kind: "begin" }>) {
    this.#debug = begin.debug;
    this.#signs = new Int32Array(begin.shared, 0, 1);
    this.#unreported = new Uint8Array(begin.shared, SHARED_HEADER);
    const reactor = new Reactor(() => this.#engine.pass());
    this.#reactor = reactor;
    const probes = new Probes(reactor);
    this.#probes = probes;
    this.#engine = new Engine({
      clock: systemClock,
      random: Math.random,
      version: begin.version,
      limit: begin.limit,
      limited: (queued) => this.#limited(queued),
      probe: (attempt) => probes.run(attempt),
      drain: () => void reactor.drain(),
      soon: (callback) => void setImmediate(callback),
      begin: ({ backend, check }) => this.#began(backend, check.type),
      report: (report, lateMs, urgent) => {
        this.#batch.push({ report, lateMs });
        if (urgent) this.#soon();
        else this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS);
      },
      defect: (error, { backend }) => {
        const text = error instanceof Error ? error.stack ?? error.message : String(error);
        scope.postMessage({ kind: "defect", backend, error: text });
      },
    });
    this.#pulse = setInterval(() => void Atomics.add(this.#signs, 0, 1), SIGN_MS);
  }

  handle(message: Exclude<ToWorker, { kind: "begin" | "end" }>): void {
    switch (message.kind) {
      case "start":
        for (const { target, place } of message.targets) this.#places.set(target.backend, place);
        return this.#engine.start(message.targets.map(({ target }) => target));
      case "pace":
        return this.#engine.pace(message.backend, message.generation, message.intervalMs);
      case "stop":
        this.#engine.stop(message.backends);
        for (const backend of message.backends) this.#places.delete(backend);
        return;
      case "debug":
        this.#debug = message.on;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#pulse);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#engine[Symbol.dispose]();
    this.#probes[Symbol.dispose]();
    await this.#reactor[Symbol.asyncDispose]();
  }

  #began(backend: string, type: CheckType): void {
    this.#count(backend, 1);
    if (!this.#debug) return;
    this.#begun.push({ backend, type });
    this.#soon();
  }

  /** Keeps the number of begun but unreported probes where the main thread can read it after a crash. */
  #count(backend: string, change: 1 | -1): void {
    const place = this.#places.get(backend);
    if (place === undefined) return;
    this.#unreported[place] = Math.max(0, (this.#unreported[place] ?? 0) + change);
  }

  #limited(queued: number): void {
    const now = systemClock.now();
    if (now < this.#limitedUntil) return;
    this.#limitedUntil = now + LIMITED_MS;
    scope.postMessage({ kind: "limited", queued });
  }

  #soon(): void {
    if (this.#flushSoon) return;
    this.#flushSoon = true;
    setImmediate(() => {
      this.#flushSoon = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#begun.length > 0) scope.postMessage({ kind: "begun", probes: this.#begun.splice(0) });
    if (this.#batch.length === 0) return;
    const reports = this.#batch.splice(0);
    scope.postMessage({ kind: "batch", reports });
    for (const { report } of reports) {
      this.#count(report.backend, -1);
    }
  }
}

let worker: ProbeWorker | null = null;

scope.onmessage = async ({ data: message }) => {
  if (message.kind === "begin") {
    worker = new ProbeWorker(message);
  } else if (message.kind === "end") {
    await worker?.[Symbol.asyncDispose]();
    worker = null;
    scope.postMessage({ kind: "ended" });
    scope.close();
  } else {
    worker?.handle(message);
  }
};
