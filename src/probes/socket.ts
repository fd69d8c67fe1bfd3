/**
 * The probes' sockets: made in their network namespace, bound, connected, read and written without a wait that
 * the deadline or a cancel could not end. The only way from a TCP probe to `ffi/`.
 *
 * @module
 */
import { E } from "../../ffi/constants.ts";
import type { Fd } from "../../ffi/fd.ts";
import { ErrnoError, errnoName } from "../../ffi/libc.ts";
import { inNamespace } from "../../ffi/netns.ts";
import { eventFlag, lower, raise, type Reactor, READABLE, type Watch, WRITABLE } from "../../ffi/reactor.ts";
import * as tcp from "../../ffi/socket.ts";
import { err, ok, type Result } from "../result.ts";
import { type Attempt, Cancelled, type Listener } from "./attempt.ts";
import { namespacePath } from "./namespace.ts";
import type { ProbePlan } from "./plan.ts";
import { duration, lateable, sentence, type Verdict, verdict, voidCause, voided } from "./result.ts";
import { type Failure, LATE, type Read, type Stream } from "./stream.ts";

export { descriptorLimit, lackForThread } from "../../ffi/limits.ts";
export { Reactor } from "../../ffi/reactor.ts";

/** Wakes a thread of this process that waits in the kernel; made and raised by one thread, watched by another. */
export class Flag implements Disposable {
  readonly #fd = eventFlag();

  /** Number of the descriptor, to be told to the other thread. */
  get number(): number {
    return this.#fd.number;
  }

  /** Has the other thread's `raised` called. */
  raise(): void {
    raise(this.#fd.number);
  }

  /** Watches the flag of another thread, which keeps owning it. */
  static watch(number: number, reactor: Reactor, raised: () => void): Disposable {
    const watch = reactor.watch(number, () => {
      lower(number);
      watch.arm(READABLE);
      raised();
    });
    watch.arm(READABLE);
    return watch;
  }

  /** Closes it; the other thread must have ended. */
  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** One buffer for all reads of a thread: what is read is used up before the next read. */
const buffer = new Uint8Array(16 * 1024);
const SIZE = BigInt(buffer.length);

const END_READ = { kind: "end" } as const;

/** Makes the socket of a probe; a failure to make one is the host's fault, and void. */
function open(plan: ProbePlan): Result<Fd, Verdict> {
  try {
    return ok(within(plan.target.netns, () => tcp.openTcp(plan.family, plan.source)));
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    return err(hostFailure(error, plan));
  }
}

/** Runs a synchronous `make` in a network namespace; "" is the daemon's own. Throws ErrnoError `netns`. */
export function within<T>(netns: string, make: () => T): T {
  return netns === "" ? make() : inNamespace(namespacePath(netns), make);
}

/** The void verdict of a failed call that made a socket; names what is missing. */
export function hostFailure(error: ErrnoError, { family, target }: ProbePlan): Verdict {
  const { check, netns } = target;
  const source = family === 4 ? check.probeIpv4Src : check.probeIpv6Src;
  const cause = voidCause(error.call, error.code) ?? "permission";
  const what = error.call === "bind"
    ? `bind to source ${source}`
    : error.call === "netns"
    ? `network namespace ${netns}`
    : error.call;
  const needs = error.call === "netns" && cause === "permission" ? " (needs CAP_SYS_ADMIN)" : "";
  return voided(cause, "L4CON", `${what}: ${error.code}${needs}`);
}

/**
 * Whether a probe still stands on its network namespace and source address; what was taken away while it ran
 * shows as silence of the backend, and must not count against it.
 *
 * @returns the void verdict if not, else null
 */
export function lostGround(plan: ProbePlan): Verdict | null {
  if (plan.source === null && plan.target.netns === "") return null;
  const made = open(plan);
  if (made.ok) {
    made.value[Symbol.dispose]();
    return null;
  }
  const { void: cause } = made.error;
  return cause === "netns" || cause === "source-address" || cause === "permission" ? made.error : null;
}

/** A plain TCP connection of one probe. Closed with a reset unless it is given away. */
export class Connection implements Stream {
  readonly #fd: Fd;
  readonly #attempt: Attempt;
  readonly #reactor: Reactor;
  #watch: Watch | null = null;
  #ready: ((events: number) => void) | null = null;

  private constructor(fd: Fd, attempt: Attempt, reactor: Reactor) {
    this.#fd = fd;
    this.#attempt = attempt;
    this.#reactor = reactor;
  }

  /** Makes the socket and connects it. A failure is the probe's verdict. Throws Cancelled. */
  static open(attempt: Attempt, reactor: Reactor): Promise<Result<Connection, Verdict>> {
    return new Promise((resolve, reject) =>
      Connection.connect(attempt, reactor, resolve, () => reject(new Cancelled()))
    );
  }

  /**
   * The same without a promise, which would cost as much as some of the system calls: `then` gets the connection or
   * the verdict, at once if the peer answers within the call; or else `cancelled` is called.
   */
  static connect(
    attempt: Attempt,
    reactor: Reactor,
    then: (made: Result<Connection, Verdict>) => void,
    cancelled: () => void,
  ): void {
    const made = open(attempt.plan);
    if (!made.ok) return then(made);
    const connection = new Connection(made.value, attempt, reactor);
    let result = connection.#connect();
    // A peer on this host answers within the call, so asking once more saves the wait for an event.
    if (tcp.underWay(result)) result = connection.#connect();
    if (!tcp.underWay(result)) return then(connection.#connected(result));
    try {
      connection.#await(then, cancelled);
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** Ends the watching and hands the descriptor over, e.g. to a TLS socket. */
  release(): number {
    this.#watch?.[Symbol.dispose]();
    return this.#fd.release();
  }

  /** Sends all octets. */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<Failure | typeof LATE | null> {
    let rest = bytes;
    while (true) {
      const sent = tcp.send(this.#fd, rest);
      if (sent === rest.length) return null;
      if (sent >= 0) rest = rest.subarray(sent);
      else if (sent !== -E.EAGAIN) return failed(sent);
      if (await this.#until(WRITABLE) === LATE) return LATE;
    }
  }

  /** Reads what has arrived. */
  poll(): Read | null {
    const got = tcp.receive(this.#fd, buffer, SIZE);
    if (got > 0) return { kind: "data", bytes: buffer.subarray(0, got) };
    if (got === 0) return END_READ;
    return got === -E.EAGAIN ? null : failed(got);
  }

  /** Has `ready` called when there is something to poll. */
  arm(ready: () => void): void {
    this.#arm(READABLE, ready);
  }

  /** Closes, with a reset. */
  [Symbol.dispose](): void {
    this.#watch?.abandon();
    this.#fd[Symbol.dispose]();
  }

  #connect(): number {
    return tcp.connect(this.#fd, this.#attempt.plan.address);
  }

  /** Waits until the connect that is under way has ended. */
  #await(then: (made: Result<Connection, Verdict>) => void, cancelled: () => void): void {
    const { plan } = this.#attempt;
    const listener: Listener = {
      late: () => {
        this[Symbol.dispose]();
        then(err(lateable("L4TOUT", `no connection within ${duration(plan.target.check.timeoutMs)}`)));
      },
      cancelled: () => {
        this[Symbol.dispose]();
        cancelled();
      },
    };
    this.#arm(WRITABLE, () =>
      this.#attempt.guard(() => {
        const result = this.#connect();
        if (tcp.underWay(result)) this.#watch?.arm(WRITABLE);
        else if (this.#attempt.heard(listener)) then(this.#connected(result));
      }));
    this.#attempt.listen(listener);
  }

  /** What came of the connect. */
  #connected(result: number): Result<Connection, Verdict> {
    if (result === 0) {
      this.#attempt.phase("connectMs");
      return ok(this);
    }
    this[Symbol.dispose]();
    return err(unconnected(errnoName(-result)));
  }

  #until(events: number): Promise<number | typeof LATE> {
    return this.#attempt.wait<number>((answer) => this.#arm(events, answer));
  }

  /** Watches from the first wait on; many connections never wait. */
  #arm(events: number, ready: (events: number) => void): void {
    this.#ready = ready;
    this.#watch ??= this.#reactor.watch(this.#fd.number, (happened) => this.#ready?.(happened));
    this.#watch.arm(events);
  }
}

/** The verdict on a connect that failed. */
function unconnected(name: string): Verdict {
  const cause = voidCause("connect", name);
  if (cause !== null) return voided(cause, "L4CON", `connect: ${name}`);
  if (name === "ETIMEDOUT") return lateable("L4TOUT", sentence(name));
  const say = name === "ECONNRESET" || name === "ECONNABORTED" ? lateable : verdict;
  return say("L4CON", sentence(name));
}

function failed(result: number): Failure {
  const name = errnoName(-result);
  return { kind: "failed", name, detail: sentence(name), tls: false };
}
