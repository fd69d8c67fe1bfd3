/**
 * ICMP echo probes. One socket serves every backend of a (namespace, family, source); answers find their probe
 * by sequence number and cookie, and by the identifier where the kernel leaves it alone.
 *
 * @module
 */
import type { Fd } from "../../ffi/fd.ts";
import { type EchoKind, EchoWriter, openEcho, parseEcho, sendEcho } from "../../ffi/icmp.ts";
import { E, ErrnoError, errnoName } from "../../ffi/libc.ts";
import { type Reactor, READABLE, type Watch } from "../../ffi/reactor.ts";
import { namespaceId } from "../../ffi/netns.ts";
import { receive } from "../../ffi/socket.ts";
import type { Millis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import type { Attempt } from "./attempt.ts";
import { namespacePath } from "./namespace.ts";
import type { ProbePlan } from "./plan.ts";
import { duration, lateable, sentence, type Verdict, verdict, voidCause, voided } from "./result.ts";
import { hostFailure, lostGround, within } from "./socket.ts";
import { LATE } from "./stream.ts";

/** A namespace may be deleted, or deleted and made anew, while a socket keeps the old one; looked at this often. */
const NAMESPACE_CHECK_MS: Millis = 20;
/** A socket that no probe has used for this long is closed, in ms. */
const IDLE_MS: Millis = 120_000;
/** Sequence numbers are 16 bits; so many echoes may wait for an answer on one socket. */
const SEQUENCES = 0x10000;

/** What comes back for an echo. */
export type EchoAnswer =
  | { readonly kind: "reply" }
  | { readonly kind: "error"; readonly detail: string }
  /** The socket is gone; whether the host or the backend is to blame shows when a new one is made. */
  | { readonly kind: "lost" };

interface Waiting {
  readonly cookieLow: number;
  readonly answer: (answer: EchoAnswer) => void;
}

const buffer = new Uint8Array(2048);
const SIZE = BigInt(buffer.length);
const bufferView = new DataView(buffer.buffer);

function idOf(netns: string): string | null {
  return netns === "" ? null : namespaceId(namespacePath(netns));
}

/** One echo socket. */
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
  readonly #waiting = new Map<number, Waiting>();
  /** What a stranger would have to guess: identifier and half the cookie; the other half counts. */
  readonly #identifier: number;
  readonly #cookieHigh: number;
  readonly #writer: EchoWriter;
  #count = 0;

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
    this.#writer = new EchoWriter(plan.family, this.#identifier, cookieHigh);
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

  /**
   * Sends an echo and has `answer` called with what comes back, until `forget`.
   *
   * @returns its sequence number, or a negative errno
   */
  send(address: Uint8Array<ArrayBuffer>, answer: (answer: EchoAnswer) => void): number {
    if (this.#waiting.size >= SEQUENCES) return -E.ENOBUFS;
    let sequence = this.#count & 0xffff;
    while (this.#waiting.has(sequence)) sequence = ++this.#count & 0xffff;
    const cookieLow = this.#count++ >>> 0;
    const sent = sendEcho(this.#fd, this.#writer.write(sequence, cookieLow), address);
    if (sent < 0) return sent;
    this.#waiting.set(sequence, { cookieLow, answer });
    return sequence;
  }

  /** Waits for the answer to an echo no longer. */
  forget(sequence: number): void {
    this.#waiting.delete(sequence);
  }

  /** Closes; what waits is told. */
  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#fd[Symbol.dispose]();
    for (const { answer } of this.#waiting.values()) answer({ kind: "lost" });
  }

  #receive(): void {
    // An error that the kernel hands over (a network went down) ends no probe: each has its deadline.
    for (let got = receive(this.#fd, buffer, SIZE); got > 0; got = receive(this.#fd, buffer, SIZE)) {
      this.#handle(got);
    }
    this.#watch.arm(READABLE);
  }

  #handle(length: number): void {
    const message = parseEcho(this.#family, this.#kind, bufferView, length);
    if (message === null) return;
    if (message.kind === "error") {
      if (message.identifier !== this.#identifier) return;
      this.#waiting.get(message.sequence)?.answer({ kind: "error", detail: message.detail });
      return;
    }
    const { identifier, sequence, cookie } = message.id;
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined || waiting.cookieLow !== cookie[1] || this.#cookieHigh !== cookie[0]) return;
    if (this.#kind === "raw" && identifier !== this.#identifier) return;
    waiting.answer({ kind: "reply" });
  }
}

/** The echo sockets of a thread. */
export class EchoSockets implements Disposable {
  readonly #reactor: Reactor;
  readonly #sockets = new Map<string, EchoSocket>();
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
    const socket = new EchoSocket(opened.value.fd, opened.value.kind, plan, this.#reactor, now);
    this.#sockets.set(key, socket);
    return ok(socket);
  }

  /** Closes the socket of a plan, so that the next probe makes a new one; what waits on it runs late. */
  drop(plan: ProbePlan): void {
    const key = plan.ground;
    this.#sockets.get(key)?.[Symbol.dispose]();
    this.#sockets.delete(key);
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

/** Probes by one echo. Throws Cancelled. */
export async function probeIcmp(attempt: Attempt, sockets: EchoSockets): Promise<Verdict> {
  const { plan } = attempt;
  for (let tries = 0; tries < TRIES; tries++) {
    const socket = sockets.get(plan, attempt.start);
    if (!socket.ok) return socket.error;
    let heard: ((answer: EchoAnswer) => void) | null = null;
    const sent = socket.value.send(plan.address, (answer) => heard?.(answer));
    if (sent < 0) return unsent(errnoName(-sent), plan, sockets);
    try {
      const answer = await attempt.wait<EchoAnswer>((done) => heard = done);
      if (answer === LATE) return silence(plan);
      if (answer.kind === "error") return verdict("L4CON", answer.detail);
      if (answer.kind === "reply") {
        attempt.phase("firstByteMs");
        return verdict("L7OK", "echo reply");
      }
    } finally {
      socket.value.forget(sent);
    }
  }
  return voided("netns", "L4CON", "the echo socket was lost again and again");
}

function silence(plan: ProbePlan): Verdict {
  return lateable("L4TOUT", `no echo reply within ${duration(plan.target.check.timeoutMs)}`);
}

/** Judges an echo that could not be sent. A full send buffer is this host's trouble, not the backend's. */
function unsent(name: string, plan: ProbePlan, sockets: EchoSockets): Verdict {
  const cause = name === "EAGAIN" ? "memory" : voidCause("send", name);
  if (cause !== null) return voided(cause, "L4CON", `send: ${name}`);
  // The kernel has no route from an address that was taken from the host, and says no more than that.
  const lost = lostGround(plan);
  if (lost !== null) sockets.drop(plan);
  return lost ?? verdict("L4CON", sentence(name));
}
