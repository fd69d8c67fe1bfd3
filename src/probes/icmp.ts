/**
 * ICMP echo probes. One socket serves every backend of a (namespace, family, source); answers find their probe
 * by sequence number and cookie, and by the identifier where the kernel leaves it alone.
 *
 * @module
 */
import type { Fd } from "../../ffi/fd.ts";
import { ECHO_BATCH, type EchoKind, EchoReceiver, EchoSender, openEcho, parseEcho } from "../../ffi/icmp.ts";
import { ErrnoError, errnoName } from "../../ffi/libc.ts";
import { type Reactor, READABLE, type Watch } from "../../ffi/reactor.ts";
import { namespaceId } from "../../ffi/netns.ts";
import type { Millis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import type { Attempt } from "./attempt.ts";
import { namespacePath } from "./namespace.ts";
import type { ProbePlan } from "./plan.ts";
import { duration, lateable, sentence, type Verdict, verdict, voidCause, voided } from "./result.ts";
import { hostFailure, lostGround, within } from "./socket.ts";
import type { Machine, Step } from "./step.ts";
import { MAX_WAITING, type Numbered, Waiting } from "./waiting.ts";

/** A namespace may be deleted, or deleted and made anew, while a socket keeps the old one; looked at this often. */
const NAMESPACE_CHECK_MS: Millis = 20;
/** Rounds of sending in one pass; what fails at once and makes room for what fails at once must not hold the thread. */
const FLUSH_ROUNDS = 3;
/** A socket that no probe has used for this long is closed, in ms. */
const IDLE_MS: Millis = 120_000;

/** What is known of what the probes of a socket stand on, see `lostGround`; undefined before anybody looked. */
export interface Ground {
  /** The void verdict for its probes, or null. */
  lost?: Verdict | null;
}

/** One echo that waits for what comes back. */
export interface Echo extends Numbered {
  /** Half of its cookie; written by `EchoSocket.gather`. */
  cookieLow: number;
  /** The reply came. */
  replied(): void;
  /** A router, or the host itself, says that it cannot be delivered. */
  undeliverable(detail: string): void;
  /** It could not be sent. `ground` is one for all that could not at the same time. */
  unsent(errno: number, ground: Ground): void;
  /** The socket is gone; whether the host or the backend is to blame shows when a new one is made. */
  lost(): void;
}

function idOf(netns: string): string | null {
  return netns === "" ? null : namespaceId(namespacePath(netns));
}

/** One echo socket. Echoes are gathered, to go out with one call. */
export class EchoSocket implements Disposable {
  /** When a probe last used it, on the monotonic clock. */
  usedAt: Millis;
  /** When its namespace was last looked at. */
  checkedAt: Millis;
  readonly #family: 4 | 6;
  readonly #kind: EchoKind;
  readonly #fd: Fd;
  readonly #watch: Watch;
  readonly #namespace: string | null;
  readonly #waiting = new Waiting<Echo>();
  /** What a stranger would have to guess: identifier and half the cookie; the other half counts. */
  readonly #identifier: number;
  readonly #cookieHigh: number;
  readonly #sender: EchoSender;
  readonly #receiver: EchoReceiver;
  /** Echoes that could not be sent; told by `flush`, when nothing is in the middle of sending. */
  readonly #unsent: { readonly echo: Echo; readonly errno: number }[] = [];
  #count = 0;
  #closed = false;

  /** Takes `fd`, made for the namespace, family and source of `plan`. */
  constructor(fd: Fd, kind: EchoKind, plan: ProbePlan, reactor: Reactor, now: Millis) {
    this.usedAt = now;
    this.checkedAt = now;
    this.#fd = fd;
    this.#kind = kind;
    this.#family = plan.family;
    this.#namespace = idOf(plan.target.netns);
    const [identifier = 0, cookieHigh = 0] = crypto.getRandomValues(new Uint32Array(2));
    this.#identifier = identifier & 0xffff;
    this.#cookieHigh = cookieHigh;
    this.#sender = new EchoSender(fd, plan.family, this.#identifier, cookieHigh);
    this.#receiver = new EchoReceiver(fd);
    this.#watch = reactor.watch(fd.number, () => this.#receive());
    this.#watch.arm(READABLE);
  }

  /** Whether the namespace of this name is still the one that the socket was made in. */
  isIn(netns: string): boolean {
    return idOf(netns) === this.#namespace;
  }

  /** Whether nothing waits here. */
  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Whether as many wait as there are sequence numbers. */
  get full(): boolean {
    return this.#waiting.size >= MAX_WAITING;
  }

  /** Has an echo sent by the next `send`, and tells it what comes back until `forget`. The socket must not be full. */
  gather(address: Uint8Array<ArrayBuffer>, echo: Echo): void {
    if (this.#sender.count === ECHO_BATCH) this.send();
    while (this.#waiting.get(this.#count & 0xffff) !== undefined) this.#count++;
    echo.sequence = this.#count & 0xffff;
    echo.cookieLow = this.#count++ >>> 0;
    this.#sender.add(echo.sequence, echo.cookieLow, address);
    this.#waiting.add(echo);
  }

  /** Sends what waits for it, but tells nothing yet of what could not be sent. */
  send(): void {
    if (this.#sender.count === 0 || this.#closed) return;
    this.#sender.send((sequence, errno) => {
      const echo = this.#waiting.get(sequence);
      if (echo !== undefined) this.#unsent.push({ echo, errno });
    });
  }

  /** Sends what waits for it, and tells what could not be sent. */
  flush(): void {
    this.send();
    const ground: Ground = {};
    // To be told may make room for another probe, which may fail as well.
    for (let one = this.#unsent.shift(); one !== undefined; one = this.#unsent.shift()) {
      one.echo.unsent(one.errno, ground);
      if (this.#unsent.length === 0) this.send();
    }
  }

  /** Waits for the answer to an echo no longer. */
  forget(echo: Echo): void {
    this.#waiting.remove(echo);
  }

  /** Closes; what waits is told, in a turn of its own, since it begins anew then. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch[Symbol.dispose]();
    this.#fd[Symbol.dispose]();
    const waiting = this.#waiting.clear();
    queueMicrotask(() => waiting.forEach((echo) => echo.lost()));
  }

  #receive(): void {
    // An error that the kernel hands over (a network went down) ends no probe: each has its deadline.
    for (let got = ECHO_BATCH; got === ECHO_BATCH && !this.#closed;) {
      got = this.#receiver.receive();
      for (let i = 0; i < got; i++) this.#handle(i);
    }
    if (!this.#closed) this.#watch.arm(READABLE);
  }

  #handle(i: number): void {
    const receiver = this.#receiver;
    const message = parseEcho(this.#family, this.#kind, receiver.view, receiver.start(i), receiver.end(i));
    if (message === null) return;
    const echo = this.#waiting.get(message.sequence);
    if (echo === undefined) return;
    if (message.kind === "error") {
      if (message.identifier === this.#identifier) echo.undeliverable(message.detail);
      return;
    }
    if (echo.cookieLow !== message.cookieLow || this.#cookieHigh !== message.cookieHigh) return;
    if (this.#kind === "raw" && message.identifier !== this.#identifier) return;
    echo.replied();
  }
}

/** The echo sockets of a thread. */
export class EchoSockets implements Disposable {
  readonly #reactor: Reactor;
  readonly #sockets = new Map<string, EchoSocket>();
  /** Whether echoes were gathered since the last `flush`. */
  gathered = false;
  #sweptAt: Millis = 0;

  /** Sockets are made when they are first needed, and watched by `reactor`. */
  constructor(reactor: Reactor) {
    this.#reactor = reactor;
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#sockets.size;
  }

  /** The socket for a plan; a failure to make one is void. */
  get(plan: ProbePlan, now: Millis): Result<EchoSocket, Verdict> {
    this.#sweep(now);
    const key = plan.ground;
    const known = this.#sockets.get(key);
    if (known !== undefined) {
      known.usedAt = now;
      if (plan.target.netns === "" || now - known.checkedAt < NAMESPACE_CHECK_MS) return ok(known);
      known.checkedAt = now;
      if (known.isIn(plan.target.netns)) return ok(known);
      this.drop(plan);
    }
    const opened = openFirst(plan);
    if (!opened.ok) return opened;
    const { fd, kind } = opened.value;
    try {
      const socket = new EchoSocket(fd, kind, plan, this.#reactor, now);
      this.#sockets.set(key, socket);
      return ok(socket);
    } catch (error) {
      fd[Symbol.dispose]();
      throw error;
    }
  }

  /** Closes the socket of a plan, so that the next probe makes a new one; what waits on it tries that as well. */
  drop(plan: ProbePlan): void {
    const key = plan.ground;
    this.#sockets.get(key)?.[Symbol.dispose]();
    this.#sockets.delete(key);
  }

  /** Sends what was gathered; called before anything that takes longer than gathering another echo. */
  send(): void {
    if (this.gathered) { for (const socket of this.#sockets.values()) socket.send(); }
  }

  /** Sends what was gathered, and tells what could not be sent. */
  flush(): void {
    // What is told may gather others.
    for (let round = 0; this.gathered && round < FLUSH_ROUNDS; round++) {
      this.gathered = false;
      for (const socket of this.#sockets.values()) socket.flush();
    }
  }

  /** Closes all. */
  [Symbol.dispose](): void {
    for (const socket of this.#sockets.values()) socket[Symbol.dispose]();
    this.#sockets.clear();
  }

  #sweep(now: Millis): void {
    if (now - this.#sweptAt < IDLE_MS) return;
    this.#sweptAt = now;
    for (const [key, socket] of this.#sockets) {
      if (!socket.idle || now - socket.usedAt < IDLE_MS) continue;
      socket[Symbol.dispose]();
      this.#sockets.delete(key);
    }
  }
}

/** Opens a raw socket, or a datagram socket where the right for a raw one is missing. */
function openFirst(plan: ProbePlan): Result<{ fd: Fd; kind: EchoKind }, Verdict> {
  const refused: string[] = [];
  for (const kind of ["raw", "datagram"] as const) {
    try {
      return ok({ fd: within(plan.target.netns, () => openEcho(plan.family, kind, plan.source)), kind });
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (error.call !== "socket" || voidCause("socket", error.code) !== "permission") {
        return err(hostFailure(error, plan));
      }
      refused.push(`${kind} socket: ${error.code}`);
    }
  }
  const needs = "needs CAP_NET_RAW, or a group in net.ipv4.ping_group_range";
  return err(voided("permission", "L4CON", `${refused.join(", ")} (${needs})`));
}

/** A probe whose socket is lost tries anew, so often. */
const TRIES = 3;

const REPLIED = verdict("L7OK", "echo reply");

/** Probes by one echo, and another when its socket is lost. */
export class EchoProbe implements Echo, Machine {
  /** See `Echo`. */
  sequence = 0;
  /** See `Echo`. */
  cookieLow = 0;
  readonly #attempt: Attempt;
  readonly #sockets: EchoSockets;
  /** Where the echo waits for its answer; null while it is not sent. */
  #socket: EchoSocket | null = null;
  #found: Verdict | null = null;
  #unsent: { readonly errno: number; readonly ground: Ground } | null = null;
  #tries = 0;

  /** Probes over one of `sockets`. */
  constructor(attempt: Attempt, sockets: EchoSockets) {
    this.#attempt = attempt;
    this.#sockets = sockets;
  }

  /** Sends an echo, or judges what came of it. */
  step(): Step {
    if (this.#found !== null) return this.#found;
    if (this.#socket !== null) return "wait";
    const { plan, start } = this.#attempt;
    if (this.#unsent !== null) {
      return unsent(errnoName(this.#unsent.errno), plan, this.#sockets, this.#unsent.ground);
    }
    if (this.#tries === TRIES) return voided("netns", "L4CON", "the echo socket was lost again and again");
    const socket = this.#sockets.get(plan, start);
    if (!socket.ok) return socket.error;
    if (socket.value.full) return unsent("ENOBUFS", plan, this.#sockets, {});
    this.#tries++;
    this.#socket = socket.value;
    socket.value.gather(plan.address, this);
    this.#sockets.gathered = true;
    return "wait";
  }

  /** See `Echo`. */
  replied(): void {
    this.#attempt.phase("firstByteMs");
    this.#hear(REPLIED);
  }

  /** See `Echo`. */
  undeliverable(detail: string): void {
    this.#hear(verdict("L4CON", detail));
  }

  /** See `Echo`. */
  unsent(errno: number, ground: Ground): void {
    this.#unsent = { errno, ground };
    this.#hear(null);
  }

  /** See `Echo`. */
  lost(): void {
    this.#hear(null);
  }

  /** Nothing came in time. */
  late(): Verdict {
    const { timeoutMs } = this.#attempt.plan.target.check;
    return lateable("L4TOUT", `no echo reply within ${duration(timeoutMs)}`);
  }

  /** Waits no longer. */
  [Symbol.dispose](): void {
    this.#socket?.forget(this);
    this.#socket = null;
  }

  #hear(found: Verdict | null): void {
    this[Symbol.dispose]();
    this.#found = found;
    this.#attempt.wake();
  }
}

/** Judges an echo that could not be sent. A full send buffer is this host's trouble, not the backend's. */
function unsent(name: string, plan: ProbePlan, sockets: EchoSockets, ground: Ground): Verdict {
  const cause = name === "EAGAIN" ? "memory" : voidCause("send", name);
  if (cause !== null) return voided(cause, "L4CON", `send: ${name}`);
  // The kernel has no route from an address that was taken from the host, and says no more than that.
  if (ground.lost === undefined) {
    ground.lost = lostGround(plan);
    if (ground.lost !== null) sockets.drop(plan);
  }
  return ground.lost ?? verdict("L4CON", sentence(name));
}
