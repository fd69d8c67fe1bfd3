/**
 * TLS as a client by the system's OpenSSL, without a socket: octets of the peer are fed in, octets for the peer are
 * taken out. So a call never sees more than what was fed before it, 16 KiB at most. With a descriptor of its own OpenSSL
 * goes on for as long as it finds octets there: HelloRequest messages, which it skips, held one SSL_connect for 27 ms
 * when a script sent them on the same machine, and nothing bounds that. 16 KiB of them take 0.05 to 0.17 ms.
 *
 * @module
 */
import { cString } from "./libc.ts";
import { N } from "./openssl_constants.ts";
import { made, NO_PASSWORD, type Openssl, type OpensslError } from "./openssl.ts";

/** Octets of a peer's certificates that are accepted. */
export const CHAIN_LIMIT = 64 * 1024;
/** Certificates between the leaf and the one that is trusted. */
export const DEPTH_LIMIT = 10;

/**
 * Suites of TLS 1.2: those of `DEFAULT:!DHE`, and CCM behind them, which DEFAULT forbids for good. With a finite-field
 * group of 8,192 bits (DHE), which the server chooses, OpenSSL holds one call for 0.9 s.
 */
export const SUITES = "ALL:!aNULL:!eNULL:!PSK:!SRP:!DHE:!ARIA:!CAMELLIA:+AESCCM";
/** Suites of TLS 1.3: OpenSSL's own, and CCM. */
const SUITES_13 = cString(
  "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:" +
    "TLS_AES_128_CCM_8_SHA256",
);
/** OpenSSL's own groups in its order without the finite fields of TLS 1.3, and secp256k1. */
const GROUPS = cString("X25519:P-256:X448:P-521:P-384:secp256k1");

/** For each connection, so made once: a bigint costs as much as the call. */
const HOST_NAME = BigInt(N.TLSEXT_NAMETYPE_host_name);
/** For a text that ends with NUL, in place of its length. */
const TO_ITS_END = 0n;

/** PEM files of a check, as octets. */
export interface TlsCredentials {
  /** Certificates to trust, roots or not; null: those of the system. */
  readonly ca: Uint8Array<ArrayBuffer> | null;
  /** Certificate of the client, and those between it and a root; null for none. */
  readonly cert: Uint8Array<ArrayBuffer> | null;
  /** Key of the client's certificate. */
  readonly key: Uint8Array<ArrayBuffer> | null;
}

/** Credentials cannot be used. */
export class TlsSetupError extends Error {
  /** Makes the error; `why` is one sentence. */
  constructor(why: string) {
    super(why);
    this.name = "TlsSetupError";
  }
}

/** What all connections with the same credentials share. Connections that it made may outlive it. */
export class TlsContext implements Disposable {
  /** The library that made it. */
  readonly openssl: Openssl;
  #pointer: Deno.PointerValue;

  /**
   * Makes it.
   *
   * @param verify whether the handshake fails with a certificate that is not trusted, not valid, or of another name
   * @throws TlsSetupError when a file cannot be used
   */
  constructor(openssl: Openssl, credentials: TlsCredentials, verify: boolean) {
    const { ssl } = openssl;
    this.openssl = openssl;
    this.#pointer = made(openssl, ssl.SSL_CTX_new(ssl.TLS_client_method()), "context");
    try {
      configure(openssl, this.pointer, verify);
      // Reading the system's certificates takes 20 ms, and without a verification nobody looks at them.
      if (verify || credentials.ca !== null) trust(openssl, this.pointer, credentials.ca);
      identify(openssl, this.pointer, credentials);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** For files of `ffi/`. Throws after disposal. */
  get pointer(): Deno.PointerObject {
    if (this.#pointer === null) throw new Error("Cannot use a TLS context after its disposal");
    return this.#pointer;
  }

  /** Gives it up. */
  [Symbol.dispose](): void {
    this.openssl.ssl.SSL_CTX_free(this.#pointer);
    this.#pointer = null;
  }
}

function configure({ ssl, crypto }: Openssl, context: Deno.PointerObject, verify: boolean): void {
  // One record a call: otherwise KeyUpdates without end held one SSL_read for 20 s.
  ssl.SSL_CTX_ctrl(context, N.SSL_CTRL_CLEAR_MODE, BigInt(N.SSL_MODE_AUTO_RETRY), null);
  const mode = N.SSL_MODE_ENABLE_PARTIAL_WRITE | N.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
  ssl.SSL_CTX_ctrl(context, N.SSL_CTRL_MODE, BigInt(mode), null);
  ssl.SSL_CTX_set_options(context, BigInt(N.SSL_OP_NO_RENEGOTIATION));
  ssl.SSL_CTX_set_cipher_list(context, cString(SUITES));
  ssl.SSL_CTX_set_ciphersuites(context, SUITES_13);
  ssl.SSL_CTX_ctrl_text(context, N.SSL_CTRL_SET_GROUPS_LIST, 0n, GROUPS);
  ssl.SSL_CTX_ctrl(context, N.SSL_CTRL_SET_MAX_CERT_LIST, BigInt(CHAIN_LIMIT), null);
  ssl.SSL_CTX_ctrl(context, N.SSL_CTRL_SET_SESS_CACHE_MODE, BigInt(N.SSL_SESS_CACHE_OFF), null);
  ssl.SSL_CTX_set_verify(context, verify ? N.SSL_VERIFY_PEER : N.SSL_VERIFY_NONE, null);
  const rules = ssl.SSL_CTX_get0_param(context);
  // A `ca-file` may hold an intermediate alone.
  crypto.X509_VERIFY_PARAM_set_flags(rules, BigInt(N.X509_V_FLAG_PARTIAL_CHAIN));
  crypto.X509_VERIFY_PARAM_set_depth(rules, DEPTH_LIMIT);
  // `w*.example.net` is no name that a certificate of today may have (RFC 6125, section 6.4.3).
  crypto.X509_VERIFY_PARAM_set_hostflags(rules, N.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
}

function trust(openssl: Openssl, context: Deno.PointerObject, ca: Uint8Array<ArrayBuffer> | null): void {
  const { ssl, crypto } = openssl;
  if (ca === null) {
    ssl.SSL_CTX_set_default_verify_paths(context);
    return;
  }
  const store = ssl.SSL_CTX_get_cert_store(context);
  forEachCertificate(openssl, ca, "ca-file", (certificate) => crypto.X509_STORE_add_cert(store, certificate));
}

function identify(openssl: Openssl, context: Deno.PointerObject, { cert, key }: TlsCredentials): void {
  if (cert === null || key === null) return;
  const { ssl, crypto } = openssl;
  forEachCertificate(
    openssl,
    cert,
    "cert-file",
    (certificate, index) =>
      index === 0
        ? ssl.SSL_CTX_use_certificate(context, certificate)
        : ssl.SSL_CTX_ctrl(context, N.SSL_CTRL_CHAIN_CERT, 1n, certificate),
  );
  using source = memory(openssl, key);
  const pair = crypto.PEM_read_bio_PrivateKey(source.bio, null, null, NO_PASSWORD);
  if (pair === null) throw unusable(openssl, "key-file");
  const used = ssl.SSL_CTX_use_PrivateKey(context, pair);
  crypto.EVP_PKEY_free(pair);
  if (used !== 1) throw unusable(openssl, "key-file");
}

/** Hands over each certificate of a PEM file; `use` answers 1 if it took it. */
function forEachCertificate(
  openssl: Openssl,
  pem: Uint8Array<ArrayBuffer>,
  name: string,
  use: (certificate: Deno.PointerObject, index: number) => number,
): void {
  const { crypto } = openssl;
  using source = memory(openssl, pem);
  for (let index = 0;; index++) {
    const certificate = crypto.PEM_read_bio_X509_AUX(source.bio, null, null, NO_PASSWORD);
    if (certificate === null) {
      const error = openssl.error();
      const end = error?.library === N.ERR_LIB_PEM && error.reason === N.PEM_R_NO_START_LINE;
      if (end && index > 0) return;
      throw new TlsSetupError(`${name}: ${end ? "it holds no PEM certificate" : error?.text}`);
    }
    const used = use(certificate, index);
    crypto.X509_free(certificate);
    if (used !== 1) throw unusable(openssl, name);
  }
}

function unusable(openssl: Openssl, name: string): TlsSetupError {
  return new TlsSetupError(`${name}: ${openssl.error()?.text ?? "OpenSSL does not take it"}`);
}

/**
 * A copy of octets that OpenSSL reads. The one call that would not copy, BIO_new_mem_buf, keeps an address that moves
 * with JavaScript's memory.
 */
function memory(openssl: Openssl, octets: Uint8Array<ArrayBuffer>): { bio: Deno.PointerObject } & Disposable {
  const { crypto } = openssl;
  const bio = made(openssl, crypto.BIO_new(crypto.BIO_s_mem()), "memory");
  crypto.BIO_write(bio, octets, octets.length);
  return { bio, [Symbol.dispose]: () => void crypto.BIO_free(bio) };
}

/** Who the peer must be. Made once for many connections. */
export interface TlsPeer {
  /** Server name indication; null for none. */
  readonly sni: Uint8Array<ArrayBuffer> | null;
  /** What the certificate must be valid for. */
  readonly checked: Uint8Array<ArrayBuffer>;
  /** Whether that is an address and not a name. */
  readonly address: boolean;
}

/** Makes a peer of texts; `sni` "" is none, `address` says what `checked` is. */
export function tlsPeer(sni: string, checked: string, address: boolean): TlsPeer {
  return { sni: sni === "" ? null : cString(sni), checked: cString(checked), address };
}

/** What a later connection can go on from. */
export class TlsSession implements Disposable {
  readonly #openssl: Openssl;
  #pointer: Deno.PointerValue;

  /** Takes over a session; for files of `ffi/`. */
  constructor(openssl: Openssl, pointer: Deno.PointerObject) {
    this.#openssl = openssl;
    this.#pointer = pointer;
  }

  /** For files of `ffi/`. Throws after disposal. */
  get pointer(): Deno.PointerObject {
    if (this.#pointer === null) throw new Error("Cannot use a TLS session after its disposal");
    return this.#pointer;
  }

  /** Forgets it. */
  [Symbol.dispose](): void {
    this.#openssl.ssl.SSL_SESSION_free(this.#pointer);
    this.#pointer = null;
  }
}

/** A call that failed. */
export interface TlsFailure {
  /** Tells it from the other answers. */
  readonly kind: "failed";
  /** What OpenSSL says; null if it says nothing. */
  readonly error: OpensslError | null;
}

/** TLS of one connection. */
export class TlsClient implements Disposable {
  /** What it was made of. */
  readonly context: TlsContext;
  readonly #in: Deno.PointerObject;
  readonly #out: Deno.PointerObject;
  #pointer: Deno.PointerValue;

  /** Begins a connection; with `session`, if the peer agrees, without its certificate. */
  constructor(context: TlsContext, peer: TlsPeer, session: TlsSession | null) {
    const { openssl } = context;
    const { ssl, crypto } = openssl;
    this.context = context;
    const pointer = made(openssl, ssl.SSL_new(context.pointer), "connection");
    this.#pointer = pointer;
    const memory = crypto.BIO_s_mem();
    this.#in = made(openssl, crypto.BIO_new(memory), "memory");
    this.#out = made(openssl, crypto.BIO_new(memory), "memory");
    // From here on they are freed with the connection.
    ssl.SSL_set_bio(pointer, this.#in, this.#out);
    if (peer.sni !== null) {
      ssl.SSL_ctrl(pointer, N.SSL_CTRL_SET_TLSEXT_HOSTNAME, HOST_NAME, peer.sni);
    }
    const rules = ssl.SSL_get0_param(pointer);
    if (peer.address) crypto.X509_VERIFY_PARAM_set1_ip_asc(rules, peer.checked);
    else crypto.X509_VERIFY_PARAM_set1_host(rules, peer.checked, TO_ITS_END);
    if (session !== null) ssl.SSL_set_session(pointer, session.pointer);
  }

  /** For files of `ffi/`. Throws after disposal. */
  get pointer(): Deno.PointerObject {
    if (this.#pointer === null) throw new Error("Cannot use a TLS connection after its disposal");
    return this.#pointer;
  }

  /** Goes on with the handshake: done, waiting for octets of the peer, or failed. */
  connect(): "done" | "more" | TlsFailure {
    const { ssl } = this.context.openssl;
    const result = ssl.SSL_connect(this.pointer);
    if (result === 1) return "done";
    const failed = this.#failed(result);
    return failed === "end" ? { kind: "failed", error: null } : failed;
  }

  /** Takes octets of the peer, all of them. */
  feed(octets: Uint8Array<ArrayBuffer>): void {
    this.context.openssl.crypto.BIO_write(this.#in, octets, octets.length);
  }

  /** The peer has closed its side of the connection. */
  feedEnd(): void {
    this.context.openssl.crypto.BIO_ctrl(this.#in, N.BIO_C_SET_BUF_MEM_EOF_RETURN, 0n, null);
  }

  /** Octets that were fed and are not used up. */
  get fed(): number {
    return this.context.openssl.crypto.BIO_ctrl_pending(this.#in);
  }

  /** Octets for the peer that were not taken yet. */
  get outgoing(): number {
    return this.context.openssl.crypto.BIO_ctrl_pending(this.#out);
  }

  /** Takes octets for the peer; returns their number. */
  take(into: Uint8Array<ArrayBuffer>): number {
    return Math.max(0, this.context.openssl.crypto.BIO_read(this.#out, into, into.length));
  }

  /**
   * Reads at most `size` octets of data into `into`, which has room for them. "more": the peer must send more first,
   * or what it sent carries no data; "end": it closed in order.
   */
  read(into: Uint8Array<ArrayBuffer>, size: number): number | "end" | "more" | TlsFailure {
    const result = this.context.openssl.ssl.SSL_read(this.pointer, into, size);
    return result > 0 ? result : this.#failed(result);
  }

  /** Encrypts data, at least one octet, for the peer. */
  write(octets: Uint8Array<ArrayBuffer>): number | TlsFailure {
    const result = this.context.openssl.ssl.SSL_write(this.pointer, octets, octets.length);
    if (result > 0) return result;
    const failed = this.#failed(result);
    // There is always room for what is written, and the peer need not be heard before.
    return typeof failed === "string" ? { kind: "failed", error: null } : failed;
  }

  /** Says to the peer that nothing follows (close_notify). */
  close(): void {
    this.context.openssl.ssl.SSL_shutdown(this.pointer);
    // It fails if the peer has failed before, which is known already.
    this.context.openssl.error();
  }

  /** Whether the peer went on from the session that was offered, and so showed no certificate. */
  get resumed(): boolean {
    return this.context.openssl.ssl.SSL_session_reused(this.pointer) === 1;
  }

  /**
   * The newest session of this connection; null if nobody can go on from it. In TLS 1.3 the peer sends it after the
   * handshake, so it comes with the first data, or with the peer's end.
   */
  session(): TlsSession | null {
    const { openssl } = this.context;
    const session = openssl.ssl.SSL_get1_session(this.pointer);
    if (session === null) return null;
    const kept = new TlsSession(openssl, session);
    if (openssl.ssl.SSL_SESSION_is_resumable(session) === 1) return kept;
    kept[Symbol.dispose]();
    return null;
  }

  /** Gives it up; says nothing to the peer. */
  [Symbol.dispose](): void {
    if (this.#pointer === null) return;
    const { ssl } = this.context.openssl;
    // OpenSSL takes a connection that is freed before both sides have closed for a broken one, and spoils its session.
    ssl.SSL_set_shutdown(this.#pointer, N.SSL_SENT_SHUTDOWN | N.SSL_RECEIVED_SHUTDOWN);
    ssl.SSL_free(this.#pointer);
    this.#pointer = null;
  }

  #failed(result: number): "end" | "more" | TlsFailure {
    const { openssl } = this.context;
    switch (openssl.ssl.SSL_get_error(this.pointer, result)) {
      case N.SSL_ERROR_WANT_READ:
      case N.SSL_ERROR_WANT_WRITE:
        return "more";
      case N.SSL_ERROR_ZERO_RETURN:
        return "end";
      default:
        return { kind: "failed", error: openssl.error() };
    }
  }
}
