/**
 * Entry of the probe worker: an engine over real sockets, fed by and reporting to the main thread. Everything
 * it knows was told by the main thread, so a restart loses nothing but the probes under way.
 *
 * @module
 */
import { recordDescriptors } from "../../ffi/fd.ts";
import { threadId } from "../../ffi/thread.ts";
import { systemClock } from "../clock.ts";
import { errorText } from "../log/error_text.ts";
import type { Millis } from "../model.ts";
import { Engine } from "./engine.ts";
import { Loop } from "./loop.ts";
import {
  type FromWorker,
  POSTED,
  SHARED_HEADER,
  sharedHeader,
  SIGNS,
  STOPPED,
  THREAD,
  type ToWorker,
} from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { Probes } from "./probe.ts";
import type { ProbeTarget } from "./prober.ts";
import { TlsContents } from "./tls_contents.ts";
import { Flag, Reactor } from "./socket.ts";

/** The worker's side of the message channel; `lib.deno.window` does not describe it. */
interface Scope {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  close(): void;
}
const scope = globalThis as unknown as Scope;

/** The main thread takes a worker without a sign of life for dead; this is how often it gives one, in ms. */
const SIGN_MS: Millis = 100;
/** Probes that have to wait are told this often at most, in ms. */
const LIMITED_MS: Millis = 10_000;

/** A target and its octet in the shared memory. */
interface TargetHere extends ProbeTarget {
  readonly place: number;
}

class ProbeWorker implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  readonly #outbox = new Outbox((message, transfer) => scope.postMessage(message, transfer));
  readonly #contents = new TlsContents((look, keys) => scope.postMessage({ kind: "look", look, keys }, []));
  readonly #signs: Int32Array;
  readonly #unreported: Uint8Array;
  readonly #engine: Engine<TargetHere>;
  readonly #loop: Loop;
  #debug: boolean;
  /** Messages that have arrived; this worker's first one made it. */
  #arrived = 1;
  #signedAt: Millis = 0;
  #limitedUntil: Millis = 0;

  constructor(begin: Extract<ToWorker, { kind: "begin" }>) {
    this.#debug = begin.debug;
    this.#signs = sharedHeader(begin.shared);
    // In this order: nobody may look for descriptors of a thread whose number he does not know.
    Atomics.store(this.#signs, THREAD, threadId());
    recordDescriptors(new Uint8Array(begin.descriptors));
    this.#unreported = new Uint8Array(begin.shared, SHARED_HEADER);
    const clock = systemClock;
    const reactor = this.#resources.use(new Reactor());
    const probes = this.#resources.use(
      new Probes(reactor, {
        certificate: ({ backend, generation }, certificate) =>
          scope.postMessage({ kind: "certificate", backend, generation, certificate }, []),
        contents: this.#contents,
        limit: begin.limit,
      }),
    );
    this.#engine = this.#resources.use(
      new Engine<TargetHere>({
        clock,
        random: Math.random,
        version: begin.version,
        limit: begin.limit,
        limited: (queued) => this.#limited(queued),
        machine: (attempt) => probes.machine(attempt),
        dropped: (plan) => probes.dropped(plan),
        review: (plan, found) => probes.review(plan, found),
        drain: () => reactor.wait(0),
        flush: (now) => probes.flush(now),
        changed: () => {},
        begin: ({ backend, check, place }) => {
          this.#count(place, 1);
          if (this.#debug) this.#outbox.begun(backend, check.type);
        },
        report: ({ place, generation }, result, nextDueAt, lateMs, urgent) =>
          this.#outbox.report({ place, generation, result, nextDueAt, lateMs }, urgent),
        defect: (error, { backend }) => {
          scope.postMessage({ kind: "defect", backend, error: errorText(error) }, []);
        },
      }),
    );
    this.#loop = this.#resources.use(
      new Loop({
        clock,
        reactor,
        engine: this.#engine,
        // The platform takes its own number of turns to deliver a message, so until it is there nobody may block.
        expects: () =>
          Atomics.load(this.#signs, POSTED) !== this.#arrived
            ? "message"
            : probes.matching
            ? "answer"
            : "nothing",
        passed: () => this.#passed(clock.now()),
        stopped: () => Atomics.load(this.#signs, STOPPED) === 1,
      }),
    );
    // A message cannot wake a thread that waits in the kernel; the flag that is raised with it can.
    this.#resources.use(Flag.watch(begin.flag, reactor, () => this.#loop.attend()));
  }

  handle(message: Exclude<ToWorker, { kind: "begin" | "end" }>): void {
    this.#arrived++;
    this.#loop.attend();
    switch (message.kind) {
      case "start":
        for (const { place } of message.targets) this.#unreported[place] = 0;
        return this.#engine.start(message.targets.map(({ target, place }) => ({ ...target, place })));
      case "pace":
        return this.#engine.pace(message.backend, message.generation, message.intervalMs);
      case "stop":
        return this.#engine.stop(message.backends);
      case "files":
        return this.#contents.take(message.contents, message.gone);
      case "looked":
        return this.#contents.looked(message.look);
      case "debug":
        this.#debug = message.on;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #passed(now: Millis): void {
    this.#outbox.flush(now, this.#sent);
    if (now - this.#signedAt < SIGN_MS) return;
    this.#signedAt = now;
    Atomics.add(this.#signs, SIGNS, 1);
  }

  readonly #sent = (place: number): void => this.#count(place, -1);

  /** Keeps the number of begun but unreported probes where the main thread can read it after a crash. */
  #count(place: number, change: 1 | -1): void {
    this.#unreported[place] = Math.max(0, (this.#unreported[place] ?? 0) + change);
  }

  #limited(queued: number): void {
    const now = systemClock.now();
    if (now < this.#limitedUntil) return;
    this.#limitedUntil = now + LIMITED_MS;
    scope.postMessage({ kind: "limited", queued }, []);
  }
}

let worker: ProbeWorker | null = null;

scope.onmessage = async ({ data: message }) => {
  if (message.kind === "begin") {
    worker = new ProbeWorker(message);
  } else if (message.kind === "end") {
    await worker?.[Symbol.asyncDispose]();
    worker = null;
    scope.postMessage({ kind: "ended" }, []);
    scope.close();
  } else {
    worker?.handle(message);
  }
};
