import type { EchoKind } from "../../ffi/icmp.ts";
import type { LibraryNames } from "../../ffi/openssl.ts";
import type { LeafCertificate, Millis } from "../model.ts";
import type { Attempt } from "./attempt.ts";
import { HttpProbe } from "./http.ts";
import { EchoSockets } from "./echo_sockets.ts";
import { EchoProbe } from "./icmp.ts";
import { ThreadMatcher } from "./matcher.ts";
import type { ProbePlan } from "./plan.ts";
import type { ProbeTarget } from "./prober.ts";
import { RenewingProbe } from "./renewal.ts";
import type { Verdict } from "./result.ts";
import { lostGround, type Reactor } from "./socket.ts";
import type { Machine } from "./step.ts";
import type { ByteStream } from "./stream.ts";
import { TcpProbe } from "./tcp.ts";
import { TcpSockets } from "./tcp_sockets.ts";
import { TcpStream } from "./tcp_stream.ts";
import { TlsStream } from "./tls.ts";
import type { TlsContents } from "./tls_contents.ts";
import { TlsContexts } from "./tls_contexts.ts";
import { TlsMemory, tlsParams } from "./tls_memory.ts";

/** What probes need beside their sockets. */
export interface ProbesOptions {
  /** Receives the certificate that a target shows, each time it is another one. */
  readonly certificate: (target: ProbeTarget, certificate: LeafCertificate) => void;
  /** What the files of the checks hold. */
  readonly contents: TlsContents;
  /** Probes that may run at once; default: any number. */
  readonly limit?: number;
  /** Where OpenSSL is; default: the system's. */
  readonly libraries?: LibraryNames;
  /** Kinds of echo sockets, for tests. */
  readonly kinds?: readonly EchoKind[];
}

/** Runs probes of every type, and owns what they share. */
export class Probes implements Disposable {
  readonly #options: ProbesOptions;
  readonly #contexts: TlsContexts;
  readonly #memories = new Map<ProbePlan, TlsMemory>();
  readonly #echoes: EchoSockets;
  readonly #matcher = new ThreadMatcher();
  readonly #sockets: TcpSockets;

  /** Probes over sockets that `reactor` watches. */
  constructor(reactor: Reactor, options: ProbesOptions) {
    this.#sockets = new TcpSockets(reactor, options.limit);
    this.#options = options;
    this.#contexts = new TlsContexts(options.contents, options.libraries);
    this.#echoes = new EchoSockets(reactor, options.kinds);
  }

  /** Whether a match is out on the matcher's thread. */
  get matching(): boolean {
    return this.#matcher.pending > 0;
  }

  /** The machine of one probe. */
  machine(attempt: Attempt): Machine {
    const { check } = attempt.plan.target;
    if (check.type === "icmp") return new EchoProbe(attempt, this.#echoes);
    this.#echoes.send();
    const { contents } = this.#options;
    const tls = tlsParams(check);
    if (tls === null || contents.of(tls).keys.length === 0) return this.#connecting(attempt);
    return new RenewingProbe(attempt, () => this.#connecting(attempt), contents, tls);
  }

  /** The machine of a probe that connects. */
  #connecting(attempt: Attempt): Machine {
    const stream = this.#stream(attempt);
    if (attempt.plan.target.check.type === "tcp") return new TcpProbe(attempt, stream);
    return new HttpProbe(attempt, stream, this.#matcher);
  }

  /** Sends what probes have gathered to be sent together, and gives up what they no longer need. */
  flush(now: Millis): void {
    this.#echoes.flush();
    this.#sockets.sweep(now);
  }

  /** Gives up what was kept for a plan that no probe will use any more. */
  dropped(plan: ProbePlan): void {
    this.#memories.get(plan)?.[Symbol.dispose]();
    this.#memories.delete(plan);
  }

  /** Silence counts against a backend only while the probes stand on their namespace and source address. */
  review(plan: ProbePlan, found: Verdict): Verdict {
    const lost = lostGround(plan);
    // An echo socket keeps a source address that the host has lost, and IPv6 goes on sending from it.
    if (lost !== null && plan.target.check.type === "icmp") this.#echoes.drop(plan);
    return lost ?? found;
  }

  /** Closes what the probes share; none may run any more. */
  [Symbol.dispose](): void {
    for (const memory of this.#memories.values()) memory[Symbol.dispose]();
    this.#memories.clear();
    this.#contexts[Symbol.dispose]();
    this.#echoes[Symbol.dispose]();
    this.#sockets[Symbol.dispose]();
    this.#matcher[Symbol.dispose]();
  }

  #stream(attempt: Attempt): ByteStream {
    if (tlsParams(attempt.plan.target.check) === null) return new TcpStream(attempt, this.#sockets);
    return new TlsStream(attempt, this.#sockets, this.#contexts, this.#memory(attempt.plan));
  }

  #memory(plan: ProbePlan): TlsMemory {
    const known = this.#memories.get(plan);
    if (known !== undefined) return known;
    const memory = new TlsMemory(plan, (certificate) => this.#options.certificate(plan.target, certificate));
    this.#memories.set(plan, memory);
    return memory;
  }
}
