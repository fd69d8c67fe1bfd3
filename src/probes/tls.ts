/**
 * TLS of one probe: OpenSSL between a plain stream and whoever reads and writes. The plain stream connects, owns the
 * descriptor and is watched; what it reads is fed to OpenSSL, and what OpenSSL has for the peer it sends.
 *
 *   open()    connect --> handshake: send, read 16 KiB at most, one call of OpenSSL, and again
 *   close()   close_notify; a peer that has sent no data is read to its end, which brings its session, and the alert
 *             of a server of TLS 1.3 that refuses the client's certificate
 *
 * @module
 */
import { SSL_R } from "../../ffi/openssl_constants.ts";
import { TlsClient, TlsContext, type TlsFailure } from "../../ffi/tls.ts";
import { whyRefused } from "../../ffi/x509.ts";
import type { Millis } from "../model.ts";
import type { TlsParams } from "../configuration.ts";
import type { Attempt } from "./attempt.ts";
import { DheLook } from "./dhe.ts";
import { firstWords, quoted } from "./peer.ts";
import { lateable, type Verdict, verdict } from "./result.ts";
import { READABLE } from "./socket.ts";
import type { TcpSockets } from "./tcp_sockets.ts";
import { TcpStream } from "./tcp_stream.ts";
import type { Step } from "./step.ts";
import type { ByteStream, Failure, Read } from "./stream.ts";
import type { TlsContexts } from "./tls_contexts.ts";
import { type TlsMemory, tlsParams } from "./tls_memory.ts";
import {
  alertOf,
  alertSentence,
  errorSentence,
  HANDSHAKE_FAILURE,
  isAlert,
  isReason,
  LATE_FAILURE,
  looksLikeTls,
  ONLY_DHE,
  refusalSentence,
} from "./tls_reason.ts";

/** Octets that a peer may send for a handshake: its certificates are bounded by OpenSSL, what it skips is not. */
const HANDSHAKE_LIMIT = 96 * 1024;
/** First octet of a record of the handshake (RFC 8446, section 5.1), and such a beginning. */
const HANDSHAKE_RECORD = 22;
const HANDSHAKE = Uint8Array.of(HANDSHAKE_RECORD, 3);
/** Octets of a peer that are kept to say what it speaks instead of TLS. */
const FIRST_OCTETS = 64;

/** The least time that a peer gets to close after us, in ms. */
const LEAST_CLOSING_MS: Millis = 50;

/** One buffer for all that OpenSSL has for peers; a flight is seldom longer than 4 KiB. */
const outgoing = new Uint8Array(16 * 1024);
/** One buffer for all data of a thread: what is read is used up before the next read. */
const incoming = new Uint8Array(16 * 1024);

const END_READ = { kind: "end" } as const;
const CLOSED: Failure = { kind: "failed", name: "EPIPE", detail: "connection closed", tls: false };
const REFUSED = verdict("L6RSP", alertSentence(HANDSHAKE_FAILURE));

/** A TLS connection of one probe. Disposal closes it with a reset. */
export class TlsStream implements ByteStream {
  readonly #attempt: Attempt;
  readonly #sockets: TcpSockets;
  readonly #contexts: TlsContexts;
  readonly #memory: TlsMemory;
  readonly #tcp: TcpStream;
  #context: TlsContext | null = null;
  #client: TlsClient | null = null;
  #open = false;
  /** Octets of the peer during the handshake, and the first of them. */
  #arrived = 0;
  #first: Uint8Array | null = null;
  /** Whether the handshake can only go on with more of them. */
  #starved = false;
  /** What the kernel had no room for. */
  #unsent: Uint8Array<ArrayBuffer> | null = null;
  /** Octets that were encrypted and are not all sent. */
  #accepted = 0;
  /** Whether OpenSSL may have something for the peer. */
  #talks = false;
  /** Whether something was sent that nobody can have answered yet, so that a read would find nothing. */
  #asked = false;
  /** Whether OpenSSL has used up all that it was fed. */
  #drained = false;
  /** Whether the peer has sent data. */
  #heard = false;
  #closing = false;
  #look: DheLook | null = null;

  /** Of a probe whose check has TLS; nothing is connected yet. */
  constructor(attempt: Attempt, sockets: TcpSockets, contexts: TlsContexts, memory: TlsMemory) {
    this.#attempt = attempt;
    this.#sockets = sockets;
    this.#contexts = contexts;
    this.#memory = memory;
    this.#tcp = new TcpStream(attempt, sockets);
  }

  /** Connects and does the handshake. */
  open(): Step | null {
    if (this.#open) return null;
    if (this.#look !== null) return this.#lookOn(this.#look);
    if (this.#context === null) {
      const context = this.#contexts.context(this.#params, this.#attempt.start);
      if (!(context instanceof TlsContext)) return context;
      this.#context = context;
    }
    if (this.#client === null) {
      const opening = this.#tcp.open();
      if (opening !== null) return opening;
      const session = this.#memory.session(this.#context, this.#attempt.start);
      this.#client = new TlsClient(this.#context, this.#memory.peer, session);
    }
    return this.#shake(this.#client);
  }

  /** A handshake that has failed, while a look finds better words for it. */
  get failure(): Verdict | null {
    return this.#look === null ? null : REFUSED;
  }

  /** Encrypts and sends. */
  write(bytes: Uint8Array<ArrayBuffer>): number | "wait" | Failure {
    const client = this.#secured;
    if (this.#accepted === 0) {
      const written = client.write(bytes);
      if (typeof written !== "number") return this.#failed(written) ?? CLOSED;
      this.#accepted = written;
      this.#talks = true;
    }
    const sent = this.#send(client);
    if (sent !== null) return sent;
    this.#asked = true;
    const taken = this.#accepted;
    this.#accepted = 0;
    return taken;
  }

  /** Reads and decrypts. */
  read(size: number): Read | "wait" | "again" {
    const client = this.#secured;
    if (this.#drained) {
      const filled = this.#fill(client);
      if (filled !== null) return filled;
      this.#drained = false;
    }
    const read = client.read(incoming, Math.min(size, incoming.length));
    if (typeof read === "number") {
      // A session of TLS 1.3 comes with the first data.
      if (!this.#heard) this.#memory.keep(client);
      this.#heard = true;
      return { kind: "data", bytes: incoming.subarray(0, read) };
    }
    if (read === "more") {
      this.#drained = client.fed === 0;
      // The answer to a KeyUpdate, say. What finds no room now goes with what is sent next.
      this.#talks = true;
      const sent = this.#send(client);
      return sent !== null && sent !== "wait" ? sent : "again";
    }
    if (read !== "end") return this.#failed(read) ?? END_READ;
    this.#memory.keep(client);
    return END_READ;
  }

  /** Closes in order, see above. A verdict if the peer refuses after all what it had accepted. */
  close(): Step | null {
    // A peer that has sent data knows that the handshake was good, and has nothing to complain of.
    if (this.#heard) return null;
    const client = this.#secured;
    if (!this.#closing) {
      this.#closing = true;
      client.close();
      this.#talks = true;
      // What finds no room is not worth a wait.
      if (this.#send(client) !== null) return null;
      this.#asked = true;
      // The verdict is known, so the peer's end is worth no more time than what went before.
      const { connectMs, tlsMs } = this.#attempt;
      this.#attempt.hurry(Math.max(LEAST_CLOSING_MS, connectMs ?? 0, tlsMs ?? 0));
    }
    const read = this.#attempt.budget.read(this);
    if (typeof read === "string") return read;
    if (read.kind === "failed" && read.tls) return verdict("L6RSP", read.detail);
    return read.kind === "data" ? "again" : null;
  }

  /** Closes, with a reset. */
  [Symbol.dispose](): void {
    // Whatever kept a handshake from its end, the next one is a full one.
    if (!this.#open) this.#memory.forget();
    this.#look?.[Symbol.dispose]();
    this.#client?.[Symbol.dispose]();
    this.#client = null;
    this.#tcp[Symbol.dispose]();
  }

  get #params(): TlsParams {
    const { check } = this.#attempt.plan.target;
    const params = tlsParams(check);
    if (params === null) throw new Error(`Cannot probe with TLS: check ${check.name} has none`);
    return params;
  }

  get #secured(): TlsClient {
    if (this.#client === null || !this.#open) throw new Error("Cannot use a TLS connection that is not open");
    return this.#client;
  }

  /** One step of the handshake: what there is to send, else what has arrived, else OpenSSL. */
  #shake(client: TlsClient): Step | null {
    const sent = this.#send(client);
    if (sent === "wait") return sent;
    if (sent !== null) return lateable("L6RSP", `${sent.detail} during the TLS handshake`);
    if (this.#starved) {
      const filled = this.#fill(client);
      if (filled === "wait") return filled;
      if (filled !== null) return lateable("L6RSP", `${filled.detail} during the TLS handshake`);
      this.#starved = false;
      if (this.#arrived <= HANDSHAKE_LIMIT) return "again";
      return verdict("L6RSP", `more than ${HANDSHAKE_LIMIT / 1024} KiB in the TLS handshake`);
    }
    const turn = client.connect();
    this.#talks = true;
    if (turn === "more") {
      this.#starved = true;
      this.#asked = this.#first === null;
      return "again";
    }
    if (turn !== "done") return this.#refused(client, turn);
    this.#attempt.phase("tlsMs");
    const refused = this.#memory.opened(client, this.#attempt.start);
    if (refused !== null) return verdict("L6RSP", refused);
    // What OpenSSL still has for the peer goes with the first data.
    this.#open = true;
    this.#drained = client.fed === 0;
    return null;
  }

  /** What a handshake that failed says of the peer. */
  #refused(client: TlsClient, { error }: TlsFailure): Step {
    // The peer learns why, if there is room.
    this.#send(client);
    if (error === null || isReason(error, SSL_R.SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
      return lateable("L6RSP", `${CLOSED.detail} during the TLS handshake`);
    }
    if (this.#first !== null && !looksLikeTls(this.#first)) {
      return verdict("L6RSP", `peer does not speak TLS: ${quoted(firstWords(this.#first))}`);
    }
    const alert = alertOf(error);
    if (alert === HANDSHAKE_FAILURE) {
      return this.#first !== null && isAlert(this.#first) ? this.#ask() : verdict("L6RSP", LATE_FAILURE);
    }
    if (alert !== null) return verdict("L6RSP", alertSentence(alert));
    this.#memory.look(client);
    const refusal = isReason(error, SSL_R.SSL_R_CERTIFICATE_VERIFY_FAILED) ? whyRefused(client) : null;
    const known = refusal !== null && refusal.code !== 0;
    return verdict("L6RSP", known ? refusalSentence(refusal, this.#memory.wanted) : errorSentence(error));
  }

  /** The peer agrees to nothing that was offered: asks on a second connection whether it takes DHE only. */
  #ask(): Step {
    const known = this.#memory.onlyDhe(this.#attempt.start);
    if (known !== null) return known ? verdict("L6RSP", ONLY_DHE) : REFUSED;
    // A server that does not answer is asked no sooner again, either.
    this.#memory.looked(false, this.#attempt.start);
    // Some servers serve one connection after the other.
    this.#client?.[Symbol.dispose]();
    this.#tcp[Symbol.dispose]();
    this.#look = new DheLook(new TcpStream(this.#attempt, this.#sockets), this.#memory.sni);
    return "again";
  }

  #lookOn(look: DheLook): Step {
    const found = look.step();
    if (typeof found === "string") return found;
    this.#memory.looked(found, this.#attempt.start);
    return found ? verdict("L6RSP", ONLY_DHE) : REFUSED;
  }

  /** Sends what OpenSSL has for the peer; null when all is sent. */
  #send(client: TlsClient): "wait" | Failure | null {
    while (this.#talks) {
      const rest = this.#unsent ?? outgoing.subarray(0, client.take(outgoing));
      // Less than there was room for: that was all.
      if (this.#unsent === null) this.#talks = rest.length === outgoing.length;
      if (rest.length === 0) break;
      const sent = this.#tcp.write(rest);
      const taken = typeof sent === "number" ? sent : 0;
      // The buffer is everybody's, so what is left of it is copied.
      this.#unsent = taken < rest.length ? rest.slice(taken) : null;
      if (this.#unsent !== null) this.#talks = true;
      if (typeof sent !== "number") return sent;
    }
    return null;
  }

  /** Feeds OpenSSL what has arrived, or the end; null when it was fed. */
  #fill(client: TlsClient): "wait" | Failure | null {
    if (this.#asked) {
      this.#asked = false;
      return this.#tcp.arm(READABLE);
    }
    const read = this.#tcp.read(incoming.length);
    if (read === "wait") return read;
    if (read.kind === "failed") return read;
    if (read.kind === "end") {
      client.feedEnd();
      return null;
    }
    // A server's answer begins with a handshake; only another beginning is worth to be kept.
    this.#first ??= read.bytes[0] === HANDSHAKE_RECORD ? HANDSHAKE : read.bytes.slice(0, FIRST_OCTETS);
    this.#arrived += read.bytes.length;
    client.feed(read.bytes);
    return null;
  }

  /** What a failed call says once the handshake was done; null: the peer has closed without saying so, as many do. */
  #failed({ error }: TlsFailure): Failure | null {
    this.#memory.forget();
    if (error === null || isReason(error, SSL_R.SSL_R_UNEXPECTED_EOF_WHILE_READING)) return null;
    const alert = alertOf(error);
    const detail = alert === null ? errorSentence(error) : alertSentence(alert);
    return { kind: "failed", name: error.text, detail, tls: true };
  }
}
