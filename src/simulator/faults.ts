/**
 * Faults on purpose, and a record of what was asked: how tests see what a client does when VPP is slow, refuses,
 * or is gone, and what it sends in the first place.
 *
 * @module
 */
import type { Millis } from "../model.ts";

/** A request as it arrived. */
export interface ReceivedRequest {
  /** Name of the message without the CRC. */
  readonly name: string;
  /** Its fields under VPP's names. */
  readonly body: unknown;
  /** Name that the client gave; null before the handshake. */
  readonly client: string | null;
}

/**
 * What happens to a request instead of its answer:
 *
 *   delay    it and all that follows on the connection wait
 *   retval   not done, answered with this error (of a request that has a reply)
 *   ignore   not done, never answered
 *   mute     done, never answered
 *   garbage  not done, answered with these octets
 *   close    not done, the connection is closed
 */
export type Outcome =
  | { readonly kind: "delay"; readonly ms: Millis }
  | { readonly kind: "retval"; readonly retval: number }
  | { readonly kind: "ignore" }
  | { readonly kind: "mute" }
  | { readonly kind: "garbage"; readonly octets: Uint8Array<ArrayBuffer> }
  | { readonly kind: "close" };

/** A fault. */
export interface Fault {
  /** A message's name, or a test of the whole request. */
  readonly on: string | ((request: ReceivedRequest) => boolean);
  /** What happens to a request that it strikes. */
  readonly outcome: Outcome;
  /** How many requests it strikes; without it every one until it is disposed. */
  readonly times?: number;
}

/** The faults in force. */
export class Faults {
  /**
   * VPP takes the errno of some earlier call for the reason of a stream's end. While this is set that is EAGAIN: a
   * client that left without a farewell stays listed, until a call of VPP fails otherwise.
   */
  keepDeadClients = false;
  /** While this is set `/sys/heartbeat` does not move: VPP's main thread is stuck. */
  noHeartbeat = false;

  readonly #faults = new Set<{ fault: Fault; left: number }>();
  #hold: PromiseWithResolvers<void> | null = null;

  /** Puts a fault in force until the handle is disposed or it has struck often enough. */
  add(fault: Fault): Disposable {
    const entry = { fault, left: fault.times ?? Infinity };
    this.#faults.add(entry);
    return { [Symbol.dispose]: () => void this.#faults.delete(entry) };
  }

  /** Stops all answering until the handle is disposed; what arrives meanwhile is answered then. */
  hold(): Disposable {
    const hold = Promise.withResolvers<void>();
    this.#hold = hold;
    return {
      [Symbol.dispose]: () => {
        if (this.#hold === hold) this.#hold = null;
        hold.resolve();
      },
    };
  }

  /** Settles when answering may go on; null when it may at once. */
  get held(): Promise<void> | null {
    return this.#hold?.promise ?? null;
  }

  /** The fault that strikes this request, if one does; the first put in force wins. */
  strike(request: ReceivedRequest): Outcome | null {
    for (const entry of this.#faults) {
      const { on } = entry.fault;
      if (typeof on === "string" ? on !== request.name : !on(request)) continue;
      if (--entry.left <= 0) this.#faults.delete(entry);
      return entry.fault.outcome;
    }
    return null;
  }
}

/** What clients sent, in the order of arrival. */
export class Recorder {
  #requests: ReceivedRequest[] = [];
  readonly #limit: number;
  readonly #waiting = new Set<
    { matches: (request: ReceivedRequest) => boolean; resolve: (r: ReceivedRequest) => void }
  >();

  /** Keeps the last `limit` requests; 0 keeps none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Notes a request. */
  note(request: ReceivedRequest): void {
    if (this.#limit > 0) {
      this.#requests.push(request);
      if (this.#requests.length > 2 * this.#limit) this.#requests = this.#requests.slice(-this.#limit);
    }
    for (const one of [...this.#waiting]) {
      if (!one.matches(request)) continue;
      this.#waiting.delete(one);
      one.resolve(request);
    }
  }

  /** All requests since the start or the last `take`. */
  get requests(): readonly ReceivedRequest[] {
    return this.#requests.slice(-this.#limit || this.#requests.length);
  }

  /** The same, and forgets them. */
  take(): readonly ReceivedRequest[] {
    const requests = this.requests;
    this.#requests = [];
    return requests;
  }

  /** The next request that matches, from now on; rejects when none came for `limitMs`. */
  async next(
    on: string | ((request: ReceivedRequest) => boolean),
    limitMs = 30_000,
  ): Promise<ReceivedRequest> {
    const matches = typeof on === "string" ? (request: ReceivedRequest) => request.name === on : on;
    const { promise, resolve, reject } = Promise.withResolvers<ReceivedRequest>();
    const one = { matches, resolve };
    this.#waiting.add(one);
    const what = typeof on === "string" ? on : "the awaited request";
    const late = setTimeout(() => reject(new Error(`${what} did not come within ${limitMs} ms`)), limitMs);
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(one);
    }
  }
}
