import type { EchoKind } from "../../ffi/icmp.ts";
import type { Attempt } from "./attempt.ts";
import { HttpProbe } from "./http.ts";
import { EchoSockets } from "./echo_sockets.ts";
import { EchoProbe } from "./icmp.ts";
import { ThreadMatcher } from "./matcher.ts";
import type { ProbePlan } from "./plan.ts";
import type { Verdict } from "./result.ts";
import { lostGround, type Reactor, TcpStream } from "./socket.ts";
import type { Machine } from "./step.ts";
import type { ByteStream } from "./stream.ts";
import { TcpProbe } from "./tcp.ts";
import { tlsParams, TlsStream } from "./tls.ts";
import { TlsFiles } from "./tls_files.ts";

/** Runs probes of every type, and owns what they share. */
export class Probes implements Disposable {
  readonly #reactor: Reactor;
  readonly #files = new TlsFiles();
  readonly #echoes: EchoSockets;
  readonly #matcher = new ThreadMatcher();

  /** Probes over sockets that `reactor` watches; `kinds` of echo sockets, for tests. */
  constructor(reactor: Reactor, kinds?: readonly EchoKind[]) {
    this.#reactor = reactor;
    this.#echoes = new EchoSockets(reactor, kinds);
  }

  /** Connections and matches that wait for the platform's event loop and not for a raw socket. */
  get onPlatform(): number {
    return TlsStream.alive + this.#matcher.pending;
  }

  /** The machine of one probe. */
  machine(attempt: Attempt): Machine {
    const { type } = attempt.plan.target.check;
    if (type === "icmp") return new EchoProbe(attempt, this.#echoes);
    this.#echoes.send();
    const stream = this.#stream(attempt);
    return type === "tcp" ? new TcpProbe(attempt, stream) : new HttpProbe(attempt, stream, this.#matcher);
  }

  /** Sends what probes have gathered to be sent together. */
  flush(): void {
    this.#echoes.flush();
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
    this.#echoes[Symbol.dispose]();
    this.#matcher[Symbol.dispose]();
  }

  #stream(attempt: Attempt): ByteStream {
    if (tlsParams(attempt.plan.target.check) === null) return new TcpStream(attempt, this.#reactor);
    return new TlsStream(attempt, this.#reactor, this.#files);
  }
}
