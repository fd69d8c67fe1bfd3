import type { Fd } from "../../ffi/fd.ts";
import { E } from "../../ffi/constants.ts";
import { errnoName } from "../../ffi/libc.ts";
import { READABLE, WRITABLE } from "../../ffi/reactor.ts";
import * as tcp from "../../ffi/socket.ts";
import type { Attempt } from "./attempt.ts";
import type { ProbePlan } from "./plan.ts";
import { lateable, sentence, type Verdict, verdict, voidCause, voided } from "./result.ts";
import { lostFamily } from "./socket.ts";
import type { Step } from "./step.ts";
import type { ByteStream, Failure, Read } from "./stream.ts";
import type { TcpSocket, TcpSockets } from "./tcp_sockets.ts";

/** One buffer for all reads of a thread: what is read is used up before the next read. */
const buffer = new Uint8Array(16 * 1024);

const END_READ = { kind: "end" } as const;

const TO_ITSELF = verdict("L4CON", "connection refused (nobody listens: the probe was connected to itself)");

/** A plain TCP connection of one probe, ended with a reset. */
export class TcpStream implements ByteStream {
  readonly #attempt: Attempt;
  readonly #sockets: TcpSockets;
  #socket: TcpSocket | null = null;
  #connected = false;

  /** Of a probe, with a socket of `sockets`; there is none yet. */
  constructor(attempt: Attempt, sockets: TcpSockets) {
    this.#attempt = attempt;
    this.#sockets = sockets;
  }

  /** Takes or makes a socket and connects it. */
  open(): Step | null {
    if (this.#connected) return null;
    const { plan, start } = this.#attempt;
    if (this.#socket !== null) return this.#connect(this.#socket);
    let socket = this.#sockets.take(plan, start);
    if (socket === null) {
      const made = this.#sockets.make(plan);
      if (!made.ok) return made.error;
      socket = made.value;
    }
    this.#socket = socket;
    // A peer on this host answers within the call, so asking once more saves the wait for an event.
    const first = tcp.connect(socket.fd, plan.address);
    if (tcp.underWay(first)) return this.#connect(socket);
    if (first === 0 || first === -E.ECONNREFUSED || !socket.used) return this.#judge(first, socket);
    // What the host took away since, its source address say, must not count against the backend.
    socket.close();
    this.#socket = null;
    const made = this.#sockets.make(plan);
    if (!made.ok) return made.error;
    this.#socket = made.value;
    return this.#connect(made.value);
  }

  /** The open socket, for what reads and writes it on its own; it stays ours. */
  get fd(): Fd {
    if (this.#socket === null) throw new Error("Cannot use a connection that is not open");
    return this.#socket.fd;
  }

  /** Has the probe woken at the next of `events` (`READABLE`, `WRITABLE`). */
  arm(events: number): "wait" {
    const socket = this.#socket;
    if (socket === null) throw new Error("Cannot wait for a connection that is not open");
    socket.wake ??= () => this.#attempt.wake();
    socket.arm(events);
    return "wait";
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

  /** Ends the connection with a reset. */
  [Symbol.dispose](): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    this.#sockets.give(this.#attempt.plan, socket, this.#attempt.start);
  }

  #connect(socket: TcpSocket): Step | null {
    const result = tcp.connect(socket.fd, this.#attempt.plan.address);
    return tcp.underWay(result) ? this.arm(WRITABLE) : this.#judge(result, socket);
  }

  /** What came of the connect. */
  #judge(result: number, socket: TcpSocket): Verdict | null {
    const { plan } = this.#attempt;
    if (result !== 0) return unconnected(errnoName(-result), plan);
    if (tcp.toItself(socket.fd, plan.address)) return TO_ITSELF;
    this.#attempt.phase("connectMs");
    this.#connected = true;
    return null;
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
