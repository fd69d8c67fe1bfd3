import type { Attempt } from "./attempt.ts";
import { lateOpening, type Verdict, verdict } from "./result.ts";
import type { Machine, Step } from "./step.ts";
import type { ByteStream } from "./stream.ts";

const CONNECTED = verdict("L4OK", "connected");
const SECURED = verdict("L6OK", "TLS handshake done");

/** Probes by opening a connection, with TLS if the stream has it, and closing it. */
export class TcpProbe implements Machine {
  readonly #attempt: Attempt;
  readonly #stream: ByteStream;
  #open = false;

  /** Opens `stream`, which it owns. */
  constructor(attempt: Attempt, stream: ByteStream) {
    this.#attempt = attempt;
    this.#stream = stream;
  }

  /** Opens, then closes in order. */
  step(): Step {
    if (!this.#open) {
      const opening = this.#stream.open();
      if (opening !== null) return opening;
      this.#open = true;
    }
    return this.#stream.close() ?? this.#found();
  }

  /** A peer that does not close in time has shown all that was asked of it. */
  late(): Verdict {
    return this.#stream.failure ?? lateOpening(this.#attempt.plan.target.check, this.#attempt) ??
      this.#found();
  }

  /** Closes. */
  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }

  #found(): Verdict {
    return this.#attempt.tlsMs === null ? CONNECTED : SECURED;
  }
}
