/**
 * TCP sockets that are used again. A connection that is dissolved (`connect` to no address) sends the same reset as a
 * close and gives its port back, and the next probe connects the same socket: no socket is made, bound, registered
 * and closed for each probe. Sockets of one namespace, family and source lie in a stack, so that few are used much.
 *
 * @module
 */
import type { Fd } from "../../ffi/fd.ts";
import { namespaceId, namespacePath } from "../../ffi/netns.ts";
import type { Reactor, Watch } from "../../ffi/reactor.ts";
import { dissolve } from "../../ffi/socket.ts";
import type { Millis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import type { ProbePlan } from "./plan.ts";
import type { Verdict } from "./result.ts";
import { makeSocket } from "./socket.ts";

/** A namespace may be deleted, or deleted and made anew, while a socket keeps the old one; looked at this often. */
const NAMESPACE_CHECK_MS: Millis = 20;
/** Sockets of all kinds that are kept without a use; as many as begin together at 4,000 probes a second, see loop.ts. */
export const MAX_IDLE = 32;
/** Sockets that no probe has needed for this long are closed, in ms. */
const IDLE_MS: Millis = 1_000;

/** One socket. */
export class TcpSocket {
  /** The descriptor. */
  readonly fd: Fd;
  /** Identity of the namespace that it was made in; "" for the thread's own, null if that is not known for sure. */
  readonly namespace: string | null;
  /** Whether it was connected before, so that what fails may be the fault of its age. */
  used = false;
  /** Called at the event that was armed. */
  wake: (() => void) | null = null;
  readonly #reactor: Reactor;
  #watch: Watch | null = null;

  /** Takes `fd`. */
  constructor(fd: Fd, namespace: string | null, reactor: Reactor) {
    this.fd = fd;
    this.namespace = namespace;
    this.#reactor = reactor;
  }

  /** Asks for the next of `events`. */
  arm(events: number): void {
    this.#watch ??= this.#reactor.watch(this.fd.number, () => this.wake?.());
    this.#watch.arm(events);
  }

  /** Closes it, with a reset. */
  close(): void {
    this.wake = null;
    // The kernel lets go of a closed descriptor by itself.
    this.#watch?.abandon();
    this.#watch = null;
    this.fd[Symbol.dispose]();
  }
}

interface Kind {
  readonly idle: TcpSocket[];
  readonly namespace: string;
  checkedAt: Millis;
  /** The fewest that were kept without a use since the last sweep: so many were not needed. */
  spare: number;
}

/** The sockets of a thread. */
export class TcpSockets implements Disposable {
  readonly #reactor: Reactor;
  readonly #room: number;
  readonly #kinds = new Map<string, Kind>();
  #idle = 0;
  #sweptAt: Millis = 0;

  /**
   * Sockets are watched by `reactor`.
   *
   * @param limit probes that may run at once; an eighth of it may be kept, since the kept ones take descriptors, too
   */
  constructor(reactor: Reactor, limit = Infinity) {
    this.#reactor = reactor;
    this.#room = Math.min(MAX_IDLE, Math.floor(limit / 8));
  }

  /** Sockets that are kept without a use. */
  get idle(): number {
    return this.#idle;
  }

  /** A socket for a plan that was used before; null if there is none. */
  take({ ground, target: { netns } }: ProbePlan, now: Millis): TcpSocket | null {
    const kind = this.#kinds.get(ground);
    if (kind === undefined) return null;
    if (netns !== "" && now - kind.checkedAt >= NAMESPACE_CHECK_MS) {
      kind.checkedAt = now;
      if (idOf(netns) !== kind.namespace) this.#drop(ground, kind);
    }
    const socket = kind.idle.pop();
    if (socket === undefined) return null;
    this.#idle--;
    kind.spare = Math.min(kind.spare, kind.idle.length);
    return socket;
  }

  /** A new socket; a failure to make one is the host's fault, and void. */
  make(plan: ProbePlan): Result<TcpSocket, Verdict> {
    const { netns } = plan.target;
    const before = netns === "" ? "" : idOf(netns);
    const made = makeSocket(plan);
    if (!made.ok) return err(made.error);
    // The namespace may have been another one a moment ago.
    const namespace = netns === "" || idOf(netns) === before ? before : null;
    return ok(new TcpSocket(made.value, namespace, this.#reactor));
  }

  /** Takes a socket back, and ends its connection with a reset. */
  give({ ground }: ProbePlan, socket: TcpSocket, now: Millis): void {
    const { namespace } = socket;
    if (namespace === null) return socket.close();
    let kind = this.#kinds.get(ground);
    if (kind === undefined) {
      kind = { idle: [], namespace, checkedAt: now, spare: 0 };
      this.#kinds.set(ground, kind);
    }
    socket.wake = null;
    socket.used = true;
    if (kind.namespace !== namespace || this.#idle >= this.#room || !dissolve(socket.fd)) {
      return socket.close();
    }
    kind.idle.push(socket);
    this.#idle++;
  }

  /** Closes, now and then, what was not needed for a while. */
  sweep(now: Millis): void {
    if (now - this.#sweptAt < IDLE_MS) return;
    this.#sweptAt = now;
    for (const [ground, kind] of this.#kinds) {
      // The oldest lie at the bottom.
      for (const socket of kind.idle.splice(0, kind.spare)) {
        this.#idle--;
        socket.close();
      }
      kind.spare = kind.idle.length;
      if (kind.idle.length === 0) this.#kinds.delete(ground);
    }
  }

  /** Closes all that are kept. */
  [Symbol.dispose](): void {
    for (const [ground, kind] of this.#kinds) this.#drop(ground, kind);
  }

  #drop(ground: string, { idle }: Kind): void {
    this.#idle -= idle.length;
    for (const socket of idle.splice(0)) socket.close();
    this.#kinds.delete(ground);
  }
}

/** Identity of a namespace; null if there is none of that name. */
function idOf(netns: string): string | null {
  return namespaceId(namespacePath(netns));
}
