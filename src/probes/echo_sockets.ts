/**
 * The ICMP echo sockets of a thread, and the identifiers that echoes carry.
 *
 * A router or a firewall on the way keeps an entry for each identifier. An entry that has grown stale swallows every
 * echo, and each echo keeps the entry alive. So a backend has an identifier of its own, and gets another one after
 * each probe that did not pass. On a datagram socket the kernel owns the identifier, so there the socket is replaced.
 *
 * @module
 */
import type { Fd } from "../../ffi/fd.ts";
import { type EchoKind, openEcho } from "../../ffi/icmp.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import type { Reactor } from "../../ffi/reactor.ts";
import type { Millis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { EchoSocket } from "./echo_socket.ts";
import type { ProbePlan } from "./plan.ts";
import { RandomWords } from "./random_words.ts";
import { type Verdict, voidCause, voided } from "./result.ts";
import { hostFailure, within } from "./socket.ts";

/** A namespace may be deleted, or deleted and made anew, while a socket keeps the old one; looked at this often. */
const NAMESPACE_CHECK_MS: Millis = 20;
/** Rounds of sending in one pass; what fails at once and makes room for what fails at once must not hold the thread. */
const FLUSH_ROUNDS = 3;
/** A socket that no probe has used for this long is closed, in ms. */
const IDLE_MS: Millis = 120_000;

/** The echo sockets of a thread, and the identifiers of its backends. */
export class EchoSockets implements Disposable {
  readonly #reactor: Reactor;
  readonly #kinds: readonly EchoKind[];
  /** In use, by what they are kept for. */
  readonly #sockets = new Map<string, EchoSocket>();
  /** Replaced, but with echoes that still wait. */
  readonly #retired = new Set<EchoSocket>();
  readonly #identifiers = new WeakMap<ProbePlan, number>();
  readonly #random = new RandomWords();
  /** Whether echoes were gathered since the last `flush`. */
  gathered = false;
  #sweptAt: Millis = 0;

  /** Sockets are made when they are first needed, of the first of `kinds` that the kernel gives. */
  constructor(reactor: Reactor, kinds: readonly EchoKind[] = ["raw", "datagram"]) {
    this.#reactor = reactor;
    this.#kinds = kinds;
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#sockets.size + this.#retired.size;
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
    const opened = openFirst(plan, this.#kinds);
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

  /** The identifier of a backend's echoes, 16 bits; no use on a datagram socket. */
  identifier(plan: ProbePlan): number {
    return this.#identifiers.get(plan) ?? this.#newIdentifier(plan);
  }

  /** Has the next echo of a backend go out with another identifier than its last one, which `socket` sent. */
  renew(plan: ProbePlan, socket: EchoSocket): void {
    if (socket.kind === "raw") this.#newIdentifier(plan);
    else if (this.#sockets.get(socket.ground) === socket) {
      this.#sockets.delete(socket.ground);
      this.#retired.add(socket);
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
    if (this.gathered) { for (const socket of this.#open()) socket.send(); }
  }

  /** Sends what was gathered, and tells what could not be sent. */
  flush(): void {
    // What is told may gather others.
    for (let round = 0; this.gathered && round < FLUSH_ROUNDS; round++) {
      this.gathered = false;
      for (const socket of this.#open()) socket.flush();
    }
  }

  /** Closes all. */
  [Symbol.dispose](): void {
    for (const socket of this.#open()) socket[Symbol.dispose]();
    this.#sockets.clear();
    this.#retired.clear();
  }

  *#open(): Iterable<EchoSocket> {
    yield* this.#sockets.values();
    yield* this.#retired;
  }

  #newIdentifier(plan: ProbePlan): number {
    const old = this.#identifiers.get(plan);
    let identifier = old;
    while (identifier === old) identifier = this.#random.next() & 0xffff;
    this.#identifiers.set(plan, identifier ?? 0);
    return identifier ?? 0;
  }

  #sweep(now: Millis): void {
    for (const socket of this.#retired) {
      if (!socket.idle) continue;
      socket[Symbol.dispose]();
      this.#retired.delete(socket);
    }
    if (now - this.#sweptAt < IDLE_MS) return;
    this.#sweptAt = now;
    for (const [key, socket] of this.#sockets) {
      if (!socket.idle || now - socket.usedAt < IDLE_MS) continue;
      socket[Symbol.dispose]();
      this.#sockets.delete(key);
    }
  }
}

/** Opens a socket of the first kind for which the right is not missing. */
function openFirst(
  plan: ProbePlan,
  kinds: readonly EchoKind[],
): Result<{ fd: Fd; kind: EchoKind }, Verdict> {
  const refused: string[] = [];
  for (const kind of kinds) {
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
