/**
 * The other side of TLS for tests, in this process and without a socket: OpenSSL as a server that can be made to do what
 * no honest server does.
 */
import { cString } from "../../ffi/libc.ts";
import { made, NO_PASSWORD, type Openssl } from "../../ffi/openssl.ts";
import type { TlsClient } from "../../ffi/tls.ts";

const symbols = {
  TLS_server_method: { parameters: [], result: "pointer" },
  SSL_CTX_new: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_free: { parameters: ["pointer"], result: "void" },
  SSL_CTX_use_certificate: { parameters: ["pointer", "pointer"], result: "i32" },
  SSL_CTX_use_PrivateKey: { parameters: ["pointer", "pointer"], result: "i32" },
  SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },
  SSL_CTX_set_cipher_list: { parameters: ["pointer", "buffer"], result: "i32" },
  SSL_new: { parameters: ["pointer"], result: "pointer" },
  SSL_free: { parameters: ["pointer"], result: "void" },
  SSL_set_bio: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  SSL_accept: { parameters: ["pointer"], result: "i32" },
  SSL_do_handshake: { parameters: ["pointer"], result: "i32" },
  SSL_key_update: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_renegotiate: { parameters: ["pointer"], result: "i32" },
  SSL_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_shutdown: { parameters: ["pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
const TLS1_2_VERSION = 0x303n;

/** A server of one connection. */
export class TlsServerSide implements Disposable {
  readonly #openssl: Openssl;
  readonly #library = Deno.dlopen("libssl.so.3", symbols);
  readonly #context: Deno.PointerObject;
  readonly #owned: boolean;
  readonly #ssl: Deno.PointerObject;
  readonly #in: Deno.PointerObject;
  readonly #out: Deno.PointerObject;

  /** Makes it of PEM files; `old` keeps it at TLS 1.2. */
  constructor(openssl: Openssl, files: { cert: string; key: string } | Deno.PointerObject, old = false) {
    this.#openssl = openssl;
    const { crypto } = openssl;
    const ssl = this.#library.symbols;
    this.#owned = "cert" in files;
    this.#context = "cert" in files ? this.#make(files, old) : files;
    this.#ssl = made(openssl, ssl.SSL_new(this.#context), "connection");
    this.#in = made(openssl, crypto.BIO_new(crypto.BIO_s_mem()), "memory");
    this.#out = made(openssl, crypto.BIO_new(crypto.BIO_s_mem()), "memory");
    ssl.SSL_set_bio(this.#ssl, this.#in, this.#out);
  }

  /** Another connection to the same server, which knows the sessions of this one. */
  another(): TlsServerSide {
    return new TlsServerSide(this.#openssl, this.#context);
  }

  #make(files: { cert: string; key: string }, old: boolean): Deno.PointerObject {
    const openssl = this.#openssl;
    const { crypto } = openssl;
    const ssl = this.#library.symbols;
    const context = made(openssl, ssl.SSL_CTX_new(ssl.TLS_server_method()), "context");
    const read = <T>(path: string, by: (bio: Deno.PointerObject) => T): T => {
      const octets = Deno.readFileSync(path);
      const source = made(openssl, crypto.BIO_new(crypto.BIO_s_mem()), "memory");
      crypto.BIO_write(source, octets, octets.length);
      const found = by(source);
      crypto.BIO_free(source);
      return found;
    };
    ssl.SSL_CTX_set_cipher_list(context, cString("ALL:@SECLEVEL=0"));
    const certificate = read(files.cert, (bio) => crypto.PEM_read_bio_X509_AUX(bio, null, null, NO_PASSWORD));
    ssl.SSL_CTX_use_certificate(context, certificate);
    crypto.X509_free(certificate);
    const key = read(files.key, (bio) => crypto.PEM_read_bio_PrivateKey(bio, null, null, NO_PASSWORD));
    ssl.SSL_CTX_use_PrivateKey(context, key);
    crypto.EVP_PKEY_free(key);
    if (old) ssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_2_VERSION, null);
    return context;
  }

  /** Gives it what the client has sent. */
  feed(octets: Uint8Array<ArrayBuffer>): void {
    this.#openssl.crypto.BIO_write(this.#in, octets, octets.length);
  }

  /** Takes what it has for the client. */
  take(): Uint8Array<ArrayBuffer> {
    const octets = new Uint8Array(this.#openssl.crypto.BIO_ctrl_pending(this.#out));
    if (octets.length > 0) this.#openssl.crypto.BIO_read(this.#out, octets, octets.length);
    return octets;
  }

  /** Goes on with the handshake. */
  accept(): boolean {
    const done = this.#library.symbols.SSL_accept(this.#ssl) === 1;
    this.#openssl.error();
    return done;
  }

  /** Sends a KeyUpdate that asks for another (TLS 1.3). */
  updateKeys(): void {
    this.#library.symbols.SSL_key_update(this.#ssl, 1);
    this.#library.symbols.SSL_do_handshake(this.#ssl);
    this.#openssl.error();
  }

  /** Sends a HelloRequest (TLS 1.2). */
  askAnew(): void {
    this.#library.symbols.SSL_renegotiate(this.#ssl);
    this.#library.symbols.SSL_do_handshake(this.#ssl);
    this.#openssl.error();
  }

  /** Sends data. */
  write(text: string): void {
    const octets = new TextEncoder().encode(text);
    this.#library.symbols.SSL_write(this.#ssl, octets, octets.length);
    this.#openssl.error();
  }

  /** What the client has sent; "" for nothing. */
  read(): string {
    const octets = new Uint8Array(16 * 1024);
    const got = this.#library.symbols.SSL_read(this.#ssl, octets, octets.length);
    this.#openssl.error();
    return new TextDecoder().decode(octets.subarray(0, Math.max(0, got)));
  }

  /** Closes in order. */
  close(): void {
    this.#library.symbols.SSL_shutdown(this.#ssl);
    this.#openssl.error();
  }

  /** Gives all up. */
  [Symbol.dispose](): void {
    this.#library.symbols.SSL_free(this.#ssl);
    if (this.#owned) this.#library.symbols.SSL_CTX_free(this.#context);
    this.#library.close();
  }
}

/** Carries octets between the two sides until the handshake is done. */
export function shakeHands(client: TlsClient, server: TlsServerSide): void {
  for (let round = 0; round < 10; round++) {
    const turn = client.connect();
    if (typeof turn === "object") throw new Error(`The handshake failed: ${turn.error?.text}`);
    server.feed(taken(client));
    const accepted = server.accept();
    const octets = server.take();
    if (octets.length > 0) client.feed(octets);
    if (turn === "done" && accepted) return;
  }
  throw new Error("The handshake does not end");
}

/** What a client has for its peer. */
export function taken(client: TlsClient): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(client.outgoing);
  if (octets.length > 0) client.take(octets);
  return octets;
}
