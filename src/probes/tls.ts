/**
 * TLS over a connected probe socket, by node:tls. The descriptor moves from the reactor to the event loop, so
 * that encryption, trust and names are the platform's and not ours.
 *
 * @module
 */
import { isIP, Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type SecureContext, type TLSSocket } from "node:tls";
import type { HealthCheck, TlsParams } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import type { Attempt } from "./attempt.ts";
import type { ProbePlan } from "./plan.ts";
import { duration, lateable, sentence, type Verdict, verdict, voided } from "./result.ts";
import { Connection, type Reactor } from "./socket.ts";
import { LATE, type Read, type Stream } from "./stream.ts";
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
export class TlsConnection implements Stream {
  static #alive = 0;
  readonly #attempt: Attempt;
  readonly #raw: Socket;
  readonly #socket: TLSSocket;
  readonly #arrived: Read[] = [];
  #wake: (() => void) | null = null;
  #secure = false;
  #closed = false;

  private constructor(attempt: Attempt, fd: number, options: ConnectionOptions) {
    this.#attempt = attempt;
    TlsConnection.#alive++;
    this.#raw = new Socket({ fd, readable: true, writable: true });
    this.#socket = connectTls({ ...options, socket: this.#raw });
    this.#raw.on("error", () => {}); // the TLS socket tells the same error
    this.#socket.on("secureConnect", () => {
      this.#secure = true;
      this.#wake?.();
    });
    this.#socket.on("data", (bytes: Uint8Array) => this.#push({ kind: "data", bytes }));
    this.#socket.on("end", () => this.#push({ kind: "end" }));
    this.#socket.on("close", () => this.#push({ kind: "end" }));
    this.#socket.on("error", (error: Error & { code?: string }) => {
      const { code = "", message } = error;
      const tls = !/^E[A-Z]+$/.test(code);
      this.#push({
        kind: "failed",
        name: code,
        detail: tls ? tlsSentence(code, message) : sentence(code),
        tls,
      });
    });
  }

  /** Connections of this thread that are not closed. */
  static get alive(): number {
    return TlsConnection.#alive;
  }

  /** Connects and does the handshake. A failure is the probe's verdict. Throws Cancelled. */
  static async open(
    attempt: Attempt,
    reactor: Reactor,
    files: TlsFiles,
  ): Promise<Result<TlsConnection, Verdict>> {
    const { plan } = attempt;
    const params = tlsParams(plan.target.check);
    if (params === null) throw new Error(`Cannot probe with TLS: check ${plan.target.check.name} has none`);
    const credentials = files.context(params, attempt.start);
    if (!credentials.ok) return err(voided("permission", "L6RSP", credentials.error));
    const opened = await Connection.open(attempt, reactor);
    if (!opened.ok) return opened;
    const options = handshakeOptions(plan, credentials.value, !params.insecureSkipVerify);
    const connection = new TlsConnection(attempt, opened.value.release(), options);
    let kept = false;
    try {
      const failure = await connection.#handshake();
      if (failure === null) {
        attempt.phase("tlsMs");
        kept = true;
        return ok(connection);
      }
      if (failure === LATE) {
        return err(lateable("L6TOUT", `no TLS handshake within ${duration(plan.target.check.timeoutMs)}`));
      }
      if (failure.kind !== "failed" || !failure.tls) {
        return err(lateable("L6RSP", "connection closed during the TLS handshake"));
      }
      if (!UNTOLD.has(failure.name)) return err(verdict("L6RSP", named(plan, failure)));
      const reason = await expiry(attempt, reactor, credentials.value);
      return err(verdict("L6RSP", reason ?? failure.detail));
    } finally {
      if (!kept) connection[Symbol.dispose]();
    }
  }

  /** Sends all octets; a failure shows in the next poll. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<null> {
    this.#socket.write(bytes);
    return Promise.resolve(null);
  }

  /** What has arrived. */
  poll(): Read | null {
    return this.#arrived.shift() ?? null;
  }

  /** Has `ready` called when there is something to poll. */
  arm(ready: () => void): void {
    this.#wake = ready;
  }

  /** What the peer presented, trusted or not. */
  certificate(): { readonly from: Date; readonly to: Date } | null {
    const { valid_from: from, valid_to: to } = this.#socket.getPeerCertificate() ?? {};
    return from === undefined || to === undefined ? null : { from: new Date(from), to: new Date(to) };
  }

  /** Closes; the descriptor's linger setting makes it a reset. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    TlsConnection.#alive--;
    this.#wake = null;
    this.#socket.destroy();
    this.#raw.destroy();
  }

  /** Waits for the handshake; null once it is done. */
  async #handshake(): Promise<Read | typeof LATE | null> {
    while (!this.#secure) {
      const next = this.#arrived.find((read) => read.kind === "failed") ?? this.#arrived[0];
      // The end is told before the error that explains it.
      if (next !== undefined && (next.kind === "failed" || this.#socket.closed)) return next;
      if (await this.#attempt.wait<null>((answer) => this.arm(() => answer(null))) === LATE) return LATE;
    }
    return null;
  }

  #push(read: Read): void {
    this.#arrived.push(read);
    this.#wake?.();
  }

  /**
   * The platform tells an expired certificate as one that it cannot verify. A second handshake that accepts
   * anything, sends nothing and trusts nothing, looks at the dates.
   */
  static async look(
    attempt: Attempt,
    reactor: Reactor,
    context: SecureContext,
  ): Promise<{ readonly from: Date; readonly to: Date } | null> {
    const opened = await Connection.open(attempt, reactor);
    if (!opened.ok) return null;
    const fd = opened.value.release();
    using connection = new TlsConnection(attempt, fd, handshakeOptions(attempt.plan, context, false));
    return await connection.#handshake() === null ? connection.certificate() : null;
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

/** Whether the peer's certificate is out of its time; null if not, or if there was no time to look. */
async function expiry(attempt: Attempt, reactor: Reactor, context: SecureContext): Promise<string | null> {
  const validity = await TlsConnection.look(attempt, reactor, context);
  if (validity === null) return null;
  const now = new Date();
  if (validity.to < now) return "certificate has expired";
  return validity.from > now ? "certificate is not yet valid" : null;
}
