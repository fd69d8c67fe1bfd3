/**
 * TLS over a connected probe socket, by node:tls. The descriptor moves from the reactor to the event loop, so
 * that encryption, trust and names are the platform's and not ours.
 *
 * @module
 */
import { isIP, Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type SecureContext, type TLSSocket } from "node:tls";
import type { HealthCheck, TlsParams } from "../model.ts";
import type { Attempt } from "./attempt.ts";
import type { ProbePlan } from "./plan.ts";
import { lateable, sentence, type Verdict, verdict, voided } from "./result.ts";
import { type Reactor, TcpStream } from "./socket.ts";
import type { Step } from "./step.ts";
import type { ByteStream, Failure, Read } from "./stream.ts";
import type { TlsFiles } from "./tls_files.ts";

/** Names of a handshake: what the client hello says, and what the certificate must be for. */
export interface TlsNames {
  /** Server name indication; empty for none. */
  readonly sni: string;
  /** A name or an address. */
  readonly checked: string;
}

/** TLS settings of a check, or null if it has none. */
export function tlsParams(check: HealthCheck): TlsParams | null {
  return check.params?.tls ?? null;
}

/** The names of a plan's handshake: `server-name`, else `host` if that is a name, else none and the address. */
export function tlsNames({ target: { address, check } }: ProbePlan): TlsNames {
  const host = check.type === "https" ? check.params.host : null;
  const bare = host === null ? null : host.replace(/:[0-9]+$/, "").replace(/^\[(.*)\]$/, "$1");
  const name = tlsParams(check)?.serverName ?? (bare !== null && isIP(bare) === 0 ? bare : null);
  if (name === null) return { sni: "", checked: address };
  // An address may not stand in the server name indication (RFC 6066, section 3), but can be checked.
  return isIP(name) === 0 ? { sni: name, checked: name } : { sni: "", checked: name };
}

/** A TLS connection of one probe, closed with a reset. */
export class TlsStream implements ByteStream {
  static #alive = 0;
  readonly #attempt: Attempt;
  readonly #reactor: Reactor;
  readonly #files: TlsFiles;
  #tcp: TcpStream;
  #context: SecureContext | null = null;
  #platform: PlatformSocket | null = null;
  /** Why the first handshake failed, while a second one looks at the dates. */
  #failure: Failure | null = null;

  /** Of a probe whose check has TLS; nothing is connected yet. */
  constructor(attempt: Attempt, reactor: Reactor, files: TlsFiles) {
    this.#attempt = attempt;
    this.#reactor = reactor;
    this.#files = files;
    this.#tcp = new TcpStream(attempt, reactor);
  }

  /** Connections of this thread that are not closed. */
  static get alive(): number {
    return TlsStream.#alive;
  }

  /** Connects and does the handshake. */
  open(): Step | null {
    const { plan, start } = this.#attempt;
    const params = tlsParams(plan.target.check);
    if (params === null) throw new Error(`Cannot probe with TLS: check ${plan.target.check.name} has none`);
    if (this.#context === null) {
      const credentials = this.#files.context(params, start);
      if (!credentials.ok) return voided("permission", "L6RSP", credentials.error);
      this.#context = credentials.value;
    }
    if (this.#platform === null) {
      const opening = this.#tcp.open();
      if (opening !== null) {
        return this.#failure === null || typeof opening === "string" ? opening : this.#refused();
      }
      const verify = this.#failure === null && !params.insecureSkipVerify;
      const options = handshakeOptions(plan, this.#context, verify);
      this.#platform = new PlatformSocket(this.#tcp.release(), options, () => this.#attempt.wake());
      TlsStream.#alive++;
    }
    return this.#shaken(this.#platform);
  }

  /** Gives all octets to the platform; a failure shows in the next read. */
  write(bytes: Uint8Array<ArrayBuffer>): number {
    this.#platform?.write(bytes);
    return bytes.length;
  }

  /** Reads what has arrived. */
  read(size: number): Read | "wait" {
    return this.#platform?.read(size) ?? "wait";
  }

  /** Nothing is said before the reset. */
  close(): null {
    return null;
  }

  /** Closes; the descriptor's linger setting makes it a reset. */
  [Symbol.dispose](): void {
    this.#tcp[Symbol.dispose]();
    if (this.#platform === null) return;
    TlsStream.#alive--;
    this.#platform[Symbol.dispose]();
    this.#platform = null;
  }

  /** What came of the handshake so far. */
  #shaken(platform: PlatformSocket): Step | null {
    const shaken = platform.shaken();
    if (shaken === "wait") return shaken;
    if (this.#failure !== null) return this.#refused(shaken === null ? platform.expiry() : null);
    if (shaken === null) {
      this.#attempt.phase("tlsMs");
      return null;
    }
    if (shaken.kind !== "failed" || !shaken.tls) {
      return lateable("L6RSP", "connection closed during the TLS handshake");
    }
    if (!UNTOLD.has(shaken.name)) return verdict("L6RSP", named(this.#attempt.plan, shaken));
    // The platform tells an expired certificate as one that it cannot verify. A second handshake that accepts
    // anything, sends nothing and trusts nothing, looks at the dates.
    this[Symbol.dispose]();
    this.#failure = shaken;
    this.#tcp = new TcpStream(this.#attempt, this.#reactor);
    return "again";
  }

  #refused(reason: string | null = null): Verdict {
    return verdict("L6RSP", reason ?? this.#failure?.detail ?? "");
  }
}

/** A socket of the platform that takes over a connected descriptor. */
class PlatformSocket implements Disposable {
  readonly #raw: Socket;
  readonly #socket: TLSSocket;
  readonly #arrived: Read[] = [];
  readonly #wake: () => void;
  #secure = false;

  constructor(fd: number, options: ConnectionOptions, wake: () => void) {
    this.#wake = wake;
    this.#raw = new Socket({ fd, readable: true, writable: true });
    this.#socket = connectTls({ ...options, socket: this.#raw });
    this.#raw.on("error", () => {}); // the TLS socket tells the same error
    this.#socket.on("secureConnect", () => {
      this.#secure = true;
      this.#wake();
    });
    this.#socket.on("data", (bytes: Uint8Array) => {
      // What nobody reads stays with the peer.
      this.#socket.pause();
      this.#push({ kind: "data", bytes });
    });
    this.#socket.on("end", () => this.#push({ kind: "end" }));
    this.#socket.on("close", () => this.#push({ kind: "end" }));
    this.#socket.on("error", (error: Error & { code?: string }) => {
      const { code = "", message } = error;
      const tls = !/^E[A-Z]+$/.test(code);
      const detail = tls ? tlsSentence(code, message) : sentence(code);
      this.#push({ kind: "failed", name: code, detail, tls });
    });
  }

  /** Whether the handshake is done: null, or how it failed. */
  shaken(): Exclude<Read, { kind: "data" }> | "wait" | null {
    if (this.#secure) return null;
    const next = this.#arrived.find((read) => read.kind === "failed") ?? this.#arrived[0];
    // The end is told before the error that explains it.
    if (next === undefined || next.kind === "data") return "wait";
    return next.kind === "failed" || this.#socket.closed ? next : "wait";
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  read(size: number): Read | "wait" {
    const next = this.#arrived.shift();
    if (next === undefined) {
      this.#socket.resume();
      return "wait";
    }
    if (next.kind !== "data" || next.bytes.length <= size) return next;
    this.#arrived.unshift({ kind: "data", bytes: next.bytes.subarray(size) });
    return { kind: "data", bytes: next.bytes.subarray(0, size) };
  }

  /** Whether the peer's certificate, trusted or not, is out of its time; null if not. */
  expiry(): string | null {
    const { valid_from: from, valid_to: to } = this.#socket.getPeerCertificate() ?? {};
    if (from === undefined || to === undefined) return null;
    const now = Date.now();
    if (new Date(to).getTime() < now) return "certificate has expired";
    return new Date(from).getTime() > now ? "certificate is not yet valid" : null;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
    this.#raw.destroy();
  }

  #push(read: Read): void {
    this.#arrived.push(read);
    this.#wake();
  }
}

/** Codes under which the platform hides an expired certificate. */
const UNTOLD: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

const SENTENCES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "certificate has expired",
  CERT_NOT_YET_VALID: "certificate is not yet valid",
  CERT_REVOKED: "certificate is revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "self-signed certificate in the chain",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate signed by an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "certificate signed by an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate signed by an unknown authority",
  ERR_SSL_WRONG_VERSION_NUMBER: "peer does not speak TLS",
};

/** One sentence for a TLS error of the platform. */
export function tlsSentence(code: string, message: string): string {
  const known = SENTENCES[code];
  if (known !== undefined) return known;
  const alert = /ALERT_([A-Z_]+)$/.exec(code);
  if (alert !== null) return `TLS alert: ${(alert[1] ?? "").toLowerCase().replaceAll("_", " ")}`;
  return `TLS: ${message.split("\n", 1)[0]}`;
}

function named(plan: ProbePlan, failure: { readonly name: string; readonly detail: string }): string {
  if (failure.name !== "ERR_TLS_CERT_ALTNAME_INVALID") return failure.detail;
  return `certificate is not valid for ${tlsNames(plan).checked}`;
}

function handshakeOptions(plan: ProbePlan, secureContext: SecureContext, verify: boolean): ConnectionOptions {
  const { sni, checked } = tlsNames(plan);
  return { secureContext, servername: sni, host: checked, rejectUnauthorized: verify };
}
