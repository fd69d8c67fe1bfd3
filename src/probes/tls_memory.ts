import { isIP } from "node:net";
import type { TlsClient, TlsContext, TlsPeer, TlsSession } from "../../ffi/tls.ts";
import { tlsPeer } from "../../ffi/tls.ts";
import { type Certificate, longestRsaKey, peerCertificate } from "../../ffi/x509.ts";
import type { LeafCertificate, Millis } from "../model.ts";
import type { HealthCheck, TlsParams } from "../configuration.ts";
import { leafCertificate } from "./certificate.ts";
import type { ProbePlan } from "./plan.ts";
import { keyTooLong, type Wanted } from "./tls_reason.ts";

/** A full handshake, which checks certificate and name, is made at least this often, in ms. */
const FULL_MS: Millis = 60_000;
/** Intervals are stretched by at most this factor. */
const LONGEST = 1.1;
/** Longest RSA key of a peer that is taken, in bits: longer ones take longer to check than a probe may compute. */
export const RSA_LIMIT = 8192;
/** A look for servers with finite-field Diffie-Hellman only is repeated after this time, in ms. */
const LOOK_MS: Millis = 60_000;

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

/**
 * What TLS keeps from one probe of a plan to the next. A plan is one backend under one revision of its check, with one
 * name, so no session reaches another; one of another context (CA or client certificate) is not used.
 */
export class TlsMemory implements Disposable {
  /** Who the peer must be. */
  readonly peer: TlsPeer;
  /** Server name indication; empty for none. */
  readonly sni: string;
  /** For sentences about its certificate. */
  readonly wanted: Wanted;
  readonly #intervalMs: Millis;
  readonly #changed: (certificate: LeafCertificate) => void;
  #context: TlsContext | null = null;
  #session: TlsSession | null = null;
  #fullAt: Millis = 0;
  #leaf: Certificate | null = null;
  #lookedAt: Millis | null = null;
  #onlyDhe = false;
  #ended = false;

  /** Of a plan whose check has TLS; `changed` gets each new certificate of the peer. */
  constructor(plan: ProbePlan, changed: (certificate: LeafCertificate) => void) {
    const { check } = plan.target;
    const { sni, checked } = tlsNames(plan);
    this.sni = sni;
    this.peer = tlsPeer(sni, checked, isIP(checked) !== 0);
    this.wanted = { checked, caFile: tlsParams(check)?.caFile !== null };
    this.#intervalMs = check.intervalMs;
    this.#changed = changed;
  }

  /** The session to go on from in a handshake that begins `now`; null: this one is to be a full one. */
  session(context: TlsContext, now: Millis): TlsSession | null {
    if (this.#context !== context) this.forget();
    this.#context = context;
    const last = now - this.#fullAt + this.#intervalMs * LONGEST;
    return last > FULL_MS ? null : this.#session;
  }

  /** A handshake that began at `begun` is done. Returns a sentence if the peer is refused all the same. */
  opened(client: TlsClient, begun: Millis): string | null {
    if (client.resumed) return null;
    this.#fullAt = begun;
    this.look(client);
    const bits = longestRsaKey(client);
    return bits > RSA_LIMIT ? keyTooLong(bits, RSA_LIMIT) : null;
  }

  /** Looks at the certificate that the peer showed, trusted or not. */
  look(client: TlsClient): void {
    if (this.#ended || this.#leaf?.isOf(client) === true) return;
    this.#leaf?.[Symbol.dispose]();
    this.#leaf = peerCertificate(client);
    const certificate = this.#leaf === null ? null : leafCertificate(this.#leaf.facts);
    if (certificate !== null) this.#changed(certificate);
  }

  /** Keeps the newest session of a connection, once the peer has answered on it. */
  keep(client: TlsClient): void {
    if (this.#ended || this.#context !== client.context) return;
    const session = client.session();
    // Not every connection brings a new one.
    if (session === null && client.resumed) return;
    this.#session?.[Symbol.dispose]();
    this.#session = session;
  }

  /** Drops the session: the next handshake is a full one. */
  forget(): void {
    this.#session?.[Symbol.dispose]();
    this.#session = null;
  }

  /** What a look for servers with DHE only found; null if it is time to look. */
  onlyDhe(now: Millis): boolean | null {
    return this.#lookedAt === null || now - this.#lookedAt >= LOOK_MS ? null : this.#onlyDhe;
  }

  /** Notes what such a look found. */
  looked(onlyDhe: boolean, now: Millis): void {
    this.#onlyDhe = onlyDhe;
    this.#lookedAt = now;
  }

  /** Forgets everything. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.forget();
    this.#leaf?.[Symbol.dispose]();
    this.#leaf = null;
    this.#context = null;
  }
}
