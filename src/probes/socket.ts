/**
 * The probes' sockets: made in their network namespace, bound, connected, read and written without a wait that
 * the deadline or a cancel could not end. The only way from a TCP probe to `ffi/`.
 *
 * @module
 */
import { hasAddress } from "../../ffi/addresses.ts";
import { E } from "../../ffi/constants.ts";
import type { Fd } from "../../ffi/fd.ts";
import { ErrnoError, errnoName } from "../../ffi/libc.ts";
import { inNamespace } from "../../ffi/netns.ts";
import { eventFlag, lower, raise, type Reactor, READABLE, type Watch, WRITABLE } from "../../ffi/reactor.ts";
import * as tcp from "../../ffi/socket.ts";
import { err, ok, type Result } from "../result.ts";
import type { Attempt } from "./attempt.ts";
import { namespacePath } from "./namespace.ts";
import type { ProbePlan } from "./plan.ts";
import { lateable, sentence, type Verdict, verdict, voidCause, voided } from "./result.ts";
import type { Step } from "./step.ts";
import type { ByteStream, Failure, Read } from "./stream.ts";

export { descriptorLimit, lackForThread } from "../../ffi/limits.ts";
export { Reactor, READABLE } from "../../ffi/reactor.ts";

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

const END_READ = { kind: "end" } as const;

const TO_ITSELF = verdict("L4CON", "connection refused (nobody listens: the probe was connected to itself)");

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
export function hostFailure(error: ErrnoError, plan: ProbePlan): Verdict {
  const { family, target: { check, netns } } = plan;
  const source = family === 4 ? check.probeIpv4Src : check.probeIpv6Src;
  const cause = voidCause(error.call, error.code) ?? "permission";
  if (cause === "family") return noFamily(plan, ` (${error.call}: ${error.code})`);
  if (error.call === "netns") {
    return voided(cause, "L4CON", `network namespace ${netns}: ${namespaceSentence(error.code)}`);
  }
  const what = error.call === "bind" ? `bind to source ${source}` : error.call;
  const why = cause === "source-address" && error.code === "EADDRNOTAVAIL"
    ? "this host does not have the address (EADDRNOTAVAIL)"
    : error.code;
  return voided(cause, "L4CON", `${what}: ${why}`);
}

/** Why a network namespace cannot be opened or entered, for humans. */
function namespaceSentence(name: string): string {
  switch (name) {
    case "ENOENT":
      return "does not exist";
    case "EINVAL":
      return "is another kind of file";
    case "EPERM":
      return "EPERM (needs CAP_SYS_ADMIN)";
    default:
      return name;
  }
}

/** The void verdict where no address of the backend's family can be sent from; `reason` follows, or "". */
export function noFamily({ family, target: { netns } }: ProbePlan, reason: string): Verdict {
  const where = netns === "" ? "this host" : `network namespace ${netns}`;
  return voided("family", "L4CON", `${where} has no usable IPv${family} address${reason}`);
}

/**
 * Whether a probe still has its network namespace, its source address, and any address of its family to send from.
 * What was taken away while it ran shows as silence of the backend, and must not count against it.
 *
 * @returns the void verdict if not, else null
 */
export function lostGround(plan: ProbePlan): Verdict | null {
  return lostSource(plan) ?? lostFamily(plan);
}

function lostFamily(plan: ProbePlan): Verdict | null {
  if (plan.source !== null) return null;
  try {
    const found = within(plan.target.netns, () => hasAddress(plan.family, plan.loopback));
    return found === false ? noFamily(plan, "") : null;
  } catch (error) {
    if (error instanceof ErrnoError) return null;
    throw error;
  }
}

function lostSource(plan: ProbePlan): Verdict | null {
  if (plan.source === null && plan.target.netns === "") return null;
  const made = open(plan);
  if (made.ok) {
    made.value[Symbol.dispose]();
    return null;
  }
  const { void: cause } = made.error;
  return cause === "netns" || cause === "source-address" || cause === "permission" ? made.error : null;
}

/** A plain TCP connection of one probe. Closed with a reset unless its descriptor is given away. */
export class TcpStream implements ByteStream {
  readonly #attempt: Attempt;
  readonly #reactor: Reactor;
  #fd: Fd | null = null;
  #watch: Watch | null = null;
  #connected = false;

  /** Of a probe, watched by `reactor`; there is no socket yet. */
  constructor(attempt: Attempt, reactor: Reactor) {
    this.#attempt = attempt;
    this.#reactor = reactor;
  }

  /** Makes the socket and connects it. */
  open(): Step | null {
    if (this.#connected) return null;
    const { plan } = this.#attempt;
    let result: number;
    if (this.#fd === null) {
      const made = open(plan);
      if (!made.ok) return made.error;
      this.#fd = made.value;
      result = tcp.connect(this.#fd, plan.address);
      // A peer on this host answers within the call, so asking once more saves the wait for an event.
      if (tcp.underWay(result)) result = tcp.connect(this.#fd, plan.address);
    } else {
      result = tcp.connect(this.#fd, plan.address);
    }
    if (tcp.underWay(result)) return this.arm(WRITABLE);
    if (result !== 0) return unconnected(errnoName(-result), plan);
    if (tcp.toItself(this.#fd, plan.address)) return TO_ITSELF;
    this.#attempt.phase("connectMs");
    this.#connected = true;
    return null;
  }

  /** The open socket, for what reads and writes it on its own; it stays ours. */
  get fd(): Fd {
    if (this.#fd === null) throw new Error("Cannot use a connection that is not open");
    return this.#fd;
  }

  /** Has the probe woken at the next of `events` (`READABLE`, `WRITABLE`). */
  arm(events: number): "wait" {
    this.#watch ??= this.#reactor.watch(this.fd.number, () => this.#attempt.wake());
    this.#watch.arm(events);
    return "wait";
  }

  /** Ends the watching and hands the descriptor over. */
  release(): number {
    this.#watch?.[Symbol.dispose]();
    this.#watch = null;
    return this.fd.release();
  }

  /** Sends what fits. */
  write(bytes: Uint8Array<ArrayBuffer>): number | "wait" | Failure {
    const sent = tcp.send(this.fd, bytes);
    if (sent >= 0) return sent;
    return sent === -E.EAGAIN ? this.arm(WRITABLE) : failed(sent);
  }

  /** Reads what has arrived. */
  read(size: number): Read | "wait" {
    const got = tcp.receive(this.fd, buffer, BigInt(Math.min(size, buffer.length)));
    if (got > 0) return { kind: "data", bytes: buffer.subarray(0, got) };
    if (got === 0) return END_READ;
    return got === -E.EAGAIN ? this.arm(READABLE) : failed(got);
  }

  /** A connect fails at once. */
  get failure(): null {
    return null;
  }

  /** TCP has no order of its own to close in: the reset is what frees the port. */
  close(): null {
    return null;
  }

  /** Closes, with a reset. */
  [Symbol.dispose](): void {
    // The kernel lets go of a closed descriptor by itself.
    this.#watch?.abandon();
    this.#watch = null;
    this.#fd?.[Symbol.dispose]();
  }
}

/** What the kernel says of an address that it does not reach; it says the same where it has no address to send from. */
const UNREACHED: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "ENETUNREACH", "EHOSTUNREACH"]);

/** The verdict on a connect that failed. */
function unconnected(name: string, plan: ProbePlan): Verdict {
  const family = UNREACHED.has(name) ? lostFamily(plan) : null;
  if (family !== null) return family;
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
