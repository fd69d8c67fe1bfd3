/**
 * ICMP echo probes.
 *
 * @module
 */
import { errnoName } from "../../ffi/libc.ts";
import { shortDuration } from "../duration.ts";
import type { Attempt } from "./attempt.ts";
import type { Echo, EchoSocket, Ground } from "./echo_socket.ts";
import type { EchoSockets } from "./echo_sockets.ts";
import type { ProbePlan } from "./plan.ts";
import { lateable, sentence, type Verdict, verdict, voidCause, voided } from "./result.ts";
import { lostGround, noFamily } from "./socket.ts";
import type { Machine, Step } from "./step.ts";

/** A probe whose socket is lost tries anew, so often. */
const TRIES = 3;

const REPLIED = verdict("L7OK", "echo reply");

/** Probes by one echo, and another when its socket is lost. */
export class EchoProbe implements Echo, Machine {
  /** See `Echo`. */
  sequence = 0;
  /** See `Echo`. */
  identifier = 0;
  /** See `Echo`. */
  cookieHigh = 0;
  /** See `Echo`. */
  cookieLow = 0;
  /** See `Echo`. */
  readonly peer: Uint8Array;
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
    this.peer = attempt.plan.peer;
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
    socket.value.gather(plan.address, this.#sockets.identifier(plan), this);
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
    this.#renew();
    this.#hear(verdict("L4CON", detail));
  }

  /** See `Echo`. */
  unsent(errno: number, ground: Ground): void {
    this.#unsent = { errno, ground };
    this.#hear(null);
  }

  /** See `Echo`. */
  lost(): void {
    this[Symbol.dispose]();
    // Whoever gave the socket up is in the middle of making another.
    this.#attempt.wakeLater();
  }

  /** Nothing came in time. */
  late(): Verdict {
    this.#renew();
    const { timeoutMs } = this.#attempt.plan.target.check;
    return lateable("L4TOUT", `no echo reply within ${shortDuration(timeoutMs)}`);
  }

  /** Waits no longer. */
  [Symbol.dispose](): void {
    this.#socket?.forget(this);
    this.#socket = null;
  }

  #renew(): void {
    if (this.#socket !== null) this.#sockets.renew(this.#attempt.plan, this.#socket);
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
  if (cause !== null && cause !== "family") return voided(cause, "L4CON", `send: ${name}`);
  // The kernel has no route from an address that was taken from the host, and says no more than that.
  if (ground.lost === undefined) {
    ground.lost = lostGround(plan);
    if (ground.lost !== null) sockets.drop(plan);
  }
  if (ground.lost !== null) return ground.lost;
  return cause === "family" ? noFamily(plan, ` (send: ${name})`) : verdict("L4CON", sentence(name));
}
