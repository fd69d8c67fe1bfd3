/**
 * One ICMP echo socket, which serves all backends of a (namespace, family, source). Messages find their echo by
 * sequence number, and echo.ts says which of them may be believed.
 *
 * @module
 */
import type { Fd } from "../../ffi/fd.ts";
import { ECHO_BATCH, type EchoId, type EchoKind, EchoReceiver, EchoSender } from "../../ffi/icmp.ts";
import { namespaceId, namespacePath } from "../../ffi/netns.ts";
import { type Reactor, READABLE, type Watch } from "../../ffi/reactor.ts";
import type { Millis } from "../model.ts";
import { isAbout, parseEcho } from "./echo.ts";
import type { ProbePlan } from "./plan.ts";
import { RandomWords } from "./random_words.ts";
import type { Verdict } from "./result.ts";
import { MAX_WAITING, Waiting } from "./waiting.ts";

/**
 * Rounds of receiving in a row. They take more messages than the socket's buffer holds (about 11,000), so all that
 * had arrived when they began is read before a deadline is looked at; but a flood does not hold the thread.
 */
const RECEIVE_ROUNDS = 512;

/** What is known of what the probes of a socket stand on, see `lostGround`; undefined before anybody looked. */
export interface Ground {
  /** The void verdict for its probes, or null. */
  lost?: Verdict | null;
}

/** One echo that waits for what comes back. What an `EchoId` has is written by `EchoSocket.gather`. */
export interface Echo extends EchoId {
  /** See `EchoId`. */
  sequence: number;
  /** See `EchoId`. */
  identifier: number;
  /** See `EchoId`. */
  cookieHigh: number;
  /** See `EchoId`. */
  cookieLow: number;
  /** Octets of the address that is asked. */
  readonly peer: Uint8Array;
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
  /** What `EchoSockets` keeps it for, see `ProbePlan.ground`. */
  readonly ground: string;
  /** The kind of its socket. */
  readonly kind: EchoKind;
  readonly #family: 4 | 6;
  readonly #fd: Fd;
  readonly #watch: Watch;
  readonly #namespace: string | null;
  readonly #waiting = new Waiting<Echo>();
  readonly #random = new RandomWords();
  readonly #draw = (): number => this.#random.next();
  readonly #sender: EchoSender;
  readonly #receiver: EchoReceiver;
  /** Echoes that could not be sent; told by `flush`, when nothing is in the middle of sending. */
  readonly #unsent: { readonly echo: Echo; readonly errno: number }[] = [];
  #closed = false;

  /** Takes `fd`, made for the namespace, family and source of `plan`. */
  constructor(fd: Fd, kind: EchoKind, plan: ProbePlan, reactor: Reactor, now: Millis) {
    this.usedAt = now;
    this.checkedAt = now;
    this.#fd = fd;
    this.kind = kind;
    this.ground = plan.ground;
    this.#family = plan.family;
    this.#namespace = idOf(plan.target.netns);
    this.#sender = new EchoSender(fd, plan.family);
    this.#receiver = new EchoReceiver(fd, plan.family);
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

  /** Whether as many wait as may, see `Waiting`. */
  get full(): boolean {
    return this.#waiting.size >= MAX_WAITING;
  }

  /**
   * Has an echo sent by the next `send`, and tells it what comes back until `forget`. The socket must not be full.
   *
   * @param identifier 16 bits; the kernel's own on a datagram socket
   */
  gather(address: Uint8Array<ArrayBuffer>, identifier: number, echo: Echo): void {
    if (this.#sender.count === ECHO_BATCH) this.send();
    this.#waiting.add(echo, this.#draw);
    echo.identifier = identifier;
    echo.cookieHigh = this.#random.next();
    echo.cookieLow = this.#random.next();
    this.#sender.add(echo, address);
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

  /** Closes; what waits is told, and begins anew in its turn. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch[Symbol.dispose]();
    this.#fd[Symbol.dispose]();
    for (const echo of this.#waiting.clear()) echo.lost();
  }

  #receive(): void {
    // An error that the kernel hands over (a network went down) ends no probe: each has its deadline.
    for (let round = 0; round < RECEIVE_ROUNDS && !this.#closed; round++) {
      const got = this.#receiver.receive();
      for (let i = 0; i < got; i++) this.#handle(i);
      if (got < ECHO_BATCH) break;
    }
    if (!this.#closed) this.#watch.arm(READABLE);
  }

  #handle(i: number): void {
    const { view } = this.#receiver;
    const from = this.#receiver.start(i);
    const message = parseEcho(
      this.#family,
      this.kind,
      view,
      this.#receiver.source(i),
      from,
      this.#receiver.end(i),
    );
    if (message === null) return;
    const echo = this.#waiting.get(message.sequence);
    if (echo === undefined || !isAbout(message, view, echo, echo.peer, this.kind)) return;
    if (message.kind === "reply") echo.replied();
    else echo.undeliverable(message.detail);
  }
}
