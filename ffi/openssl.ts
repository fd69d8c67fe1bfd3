/**
 * The system's OpenSSL 3: its calls, and its errors. Only files in `ffi/` may import it; no pointer leaves the folder.
 *
 * Results that are `long` or `size_t` in C are declared 32 bits wide where only that many can be set: a 64-bit result
 * would arrive as a bigint off the fast path.
 *
 * @module
 */
import { cString } from "./libc.ts";
import { N } from "./openssl_constants.ts";

/** Calls of libssl with their C types. */
export const sslSymbols = {
  OPENSSL_init_ssl: { parameters: ["u64", "pointer"], result: "i32" },
  TLS_client_method: { parameters: [], result: "pointer" },
  SSL_CTX_new: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_free: { parameters: ["pointer"], result: "void" },
  SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i32" },
  /** The same call where it takes a text. */
  SSL_CTX_ctrl_text: {
    name: "SSL_CTX_ctrl",
    parameters: ["pointer", "i32", "i64", "buffer"],
    result: "i32",
  },
  SSL_CTX_set_options: { parameters: ["pointer", "u64"], result: "u32" },
  SSL_CTX_set_cipher_list: { parameters: ["pointer", "buffer"], result: "i32" },
  SSL_CTX_set_ciphersuites: { parameters: ["pointer", "buffer"], result: "i32" },
  SSL_CTX_set_verify: { parameters: ["pointer", "i32", "pointer"], result: "void" },
  SSL_CTX_get0_param: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_get_cert_store: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_set_default_verify_paths: { parameters: ["pointer"], result: "i32" },
  SSL_CTX_use_certificate: { parameters: ["pointer", "pointer"], result: "i32" },
  SSL_CTX_use_PrivateKey: { parameters: ["pointer", "pointer"], result: "i32" },
  SSL_new: { parameters: ["pointer"], result: "pointer" },
  SSL_free: { parameters: ["pointer"], result: "void" },
  SSL_set_bio: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  SSL_ctrl: { parameters: ["pointer", "i32", "i64", "buffer"], result: "i32" },
  SSL_get_SSL_CTX: { parameters: ["pointer"], result: "pointer" },
  SSL_get0_param: { parameters: ["pointer"], result: "pointer" },
  SSL_get_security_level: { parameters: ["pointer"], result: "i32" },
  SSL_connect: { parameters: ["pointer"], result: "i32" },
  SSL_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_get_error: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_shutdown: { parameters: ["pointer"], result: "i32" },
  SSL_set_shutdown: { parameters: ["pointer", "i32"], result: "void" },
  SSL_get0_peer_certificate: { parameters: ["pointer"], result: "pointer" },
  SSL_get_peer_cert_chain: { parameters: ["pointer"], result: "pointer" },
  SSL_set_session: { parameters: ["pointer", "pointer"], result: "i32" },
  SSL_get1_session: { parameters: ["pointer"], result: "pointer" },
  SSL_session_reused: { parameters: ["pointer"], result: "i32" },
  SSL_SESSION_is_resumable: { parameters: ["pointer"], result: "i32" },
  SSL_SESSION_free: { parameters: ["pointer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Calls of libcrypto with their C types. */
export const cryptoSymbols = {
  OpenSSL_version: { parameters: ["i32"], result: "pointer" },
  ERR_get_error: { parameters: [], result: "u32" },
  ERR_reason_error_string: { parameters: ["u64"], result: "pointer" },
  BIO_s_mem: { parameters: [], result: "pointer" },
  BIO_new: { parameters: ["pointer"], result: "pointer" },
  BIO_free: { parameters: ["pointer"], result: "i32" },
  BIO_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  BIO_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  BIO_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i32" },
  BIO_ctrl_pending: { parameters: ["pointer"], result: "u32" },
  PEM_read_bio_X509_AUX: { parameters: ["pointer", "pointer", "pointer", "buffer"], result: "pointer" },
  PEM_read_bio_PrivateKey: { parameters: ["pointer", "pointer", "pointer", "buffer"], result: "pointer" },
  EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
  EVP_PKEY_get_bits: { parameters: ["pointer"], result: "i32" },
  EVP_PKEY_get0_type_name: { parameters: ["pointer"], result: "pointer" },
  X509_VERIFY_PARAM_set_flags: { parameters: ["pointer", "usize"], result: "i32" },
  X509_VERIFY_PARAM_set_depth: { parameters: ["pointer", "i32"], result: "void" },
  X509_VERIFY_PARAM_set_auth_level: { parameters: ["pointer", "i32"], result: "void" },
  X509_VERIFY_PARAM_set1: { parameters: ["pointer", "pointer"], result: "i32" },
  X509_VERIFY_PARAM_set_hostflags: { parameters: ["pointer", "u32"], result: "void" },
  X509_VERIFY_PARAM_set1_host: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  X509_VERIFY_PARAM_set1_ip_asc: { parameters: ["pointer", "buffer"], result: "i32" },
  X509_STORE_add_cert: { parameters: ["pointer", "pointer"], result: "i32" },
  X509_STORE_CTX_new: { parameters: [], result: "pointer" },
  X509_STORE_CTX_free: { parameters: ["pointer"], result: "void" },
  X509_STORE_CTX_init: { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "i32" },
  X509_STORE_CTX_set_default: { parameters: ["pointer", "buffer"], result: "i32" },
  X509_STORE_CTX_get0_param: { parameters: ["pointer"], result: "pointer" },
  X509_STORE_CTX_get_error: { parameters: ["pointer"], result: "i32" },
  X509_STORE_CTX_get_error_depth: { parameters: ["pointer"], result: "i32" },
  X509_STORE_CTX_get_current_cert: { parameters: ["pointer"], result: "pointer" },
  X509_STORE_CTX_get0_chain: { parameters: ["pointer"], result: "pointer" },
  X509_STORE_CTX_get_obj_by_subject: { parameters: ["pointer", "i32", "pointer"], result: "pointer" },
  X509_OBJECT_free: { parameters: ["pointer"], result: "void" },
  X509_verify_cert: { parameters: ["pointer"], result: "i32" },
  X509_verify_cert_error_string: { parameters: ["i64"], result: "pointer" },
  X509_free: { parameters: ["pointer"], result: "void" },
  X509_up_ref: { parameters: ["pointer"], result: "i32" },
  X509_cmp: { parameters: ["pointer", "pointer"], result: "i32" },
  X509_get_version: { parameters: ["pointer"], result: "i32" },
  X509_get_subject_name: { parameters: ["pointer"], result: "pointer" },
  X509_get_issuer_name: { parameters: ["pointer"], result: "pointer" },
  X509_NAME_print_ex: { parameters: ["pointer", "pointer", "i32", "u64"], result: "i32" },
  X509_get0_notBefore: { parameters: ["pointer"], result: "pointer" },
  X509_get0_notAfter: { parameters: ["pointer"], result: "pointer" },
  ASN1_TIME_to_tm: { parameters: ["pointer", "buffer"], result: "i32" },
  X509_get0_pubkey: { parameters: ["pointer"], result: "pointer" },
  X509_get_signature_nid: { parameters: ["pointer"], result: "i32" },
  X509_get_extended_key_usage: { parameters: ["pointer"], result: "u32" },
  X509_get_ext_count: { parameters: ["pointer"], result: "i32" },
  X509_get_ext_by_NID: { parameters: ["pointer", "i32", "i32"], result: "i32" },
  X509_get_ext: { parameters: ["pointer", "i32"], result: "pointer" },
  X509_get_ext_d2i: { parameters: ["pointer", "i32", "pointer", "pointer"], result: "pointer" },
  X509_EXTENSION_get_critical: { parameters: ["pointer"], result: "i32" },
  X509_EXTENSION_get_object: { parameters: ["pointer"], result: "pointer" },
  X509_supported_extension: { parameters: ["pointer"], result: "i32" },
  GENERAL_NAMES_free: { parameters: ["pointer"], result: "void" },
  GENERAL_NAME_get0_value: { parameters: ["pointer", "buffer"], result: "pointer" },
  ASN1_STRING_get0_data: { parameters: ["pointer"], result: "pointer" },
  ASN1_STRING_length: { parameters: ["pointer"], result: "i32" },
  OBJ_nid2ln: { parameters: ["i32"], result: "pointer" },
  OBJ_obj2txt: { parameters: ["buffer", "i32", "pointer", "i32"], result: "i32" },
  OPENSSL_sk_num: { parameters: ["pointer"], result: "i32" },
  OPENSSL_sk_value: { parameters: ["pointer", "i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Files of the two libraries, as the dynamic loader finds them. */
export interface LibraryNames {
  /** Name or path of libssl. */
  readonly ssl: string;
  /** Name or path of libcrypto. */
  readonly crypto: string;
}

/** OpenSSL 3 of the system. */
export const SYSTEM_LIBRARIES: LibraryNames = { ssl: "libssl.so.3", crypto: "libcrypto.so.3" };

/** OpenSSL cannot be loaded. */
export class OpensslMissing extends Error {
  /** Makes the error; `why` is the loader's own text. */
  constructor(why: string) {
    super(why);
    this.name = "OpensslMissing";
  }
}

/** What OpenSSL says of a failed call. */
export interface OpensslError {
  /** The part of OpenSSL that failed (`ERR_LIB_*`). */
  readonly library: number;
  /** Its reason, unique in that part. */
  readonly reason: number;
  /** OpenSSL's words, e.g. `wrong version number`. */
  readonly text: string;
}

/** For `OpenSSL_version`: name, number and date. */
const OPENSSL_VERSION = 0;

/** OpenSSL as one thread has loaded it. Disposal unloads it; nothing made by it may be left then. */
export class Openssl implements Disposable {
  /** Calls of libssl. */
  readonly ssl: Deno.DynamicLibrary<typeof sslSymbols>["symbols"];
  /** Calls of libcrypto. */
  readonly crypto: Deno.DynamicLibrary<typeof cryptoSymbols>["symbols"];
  /** E.g. `OpenSSL 3.0.17 1 Jul 2025`. */
  readonly version: string;
  readonly #resources = new DisposableStack();

  /** Loads it. Throws OpensslMissing. */
  constructor(names: LibraryNames = SYSTEM_LIBRARIES) {
    using loading = new DisposableStack();
    this.crypto = open(names.crypto, cryptoSymbols, loading);
    this.ssl = open(names.ssl, sslSymbols, loading);
    // A probe thread may be inside of OpenSSL when the process ends, so nothing is cleaned up then.
    if (this.ssl.OPENSSL_init_ssl(BigInt(N.OPENSSL_INIT_NO_ATEXIT), null) !== 1) {
      throw new OpensslMissing(`OpenSSL cannot start: ${this.error()?.text ?? "it does not say why"}`);
    }
    this.version = text(this.crypto.OpenSSL_version(OPENSSL_VERSION));
    this.#resources = loading.move();
  }

  /**
   * What the last failed call left, and empties OpenSSL's queue of this thread: `SSL_get_error` is wrong while an old
   * error is in it. The first error of libssl tells most: those before it are details of other parts.
   */
  error(): OpensslError | null {
    let found: OpensslError | null = null;
    for (let code = this.crypto.ERR_get_error(); code !== 0; code = this.crypto.ERR_get_error()) {
      const library = (code >>> 23) & 0xff;
      if (found !== null && (found.library === N.ERR_LIB_SSL || library !== N.ERR_LIB_SSL)) continue;
      const words = this.crypto.ERR_reason_error_string(BigInt(code));
      found = { library, reason: code & 0x7fffff, text: words === null ? `error ${code}` : text(words) };
    }
    return found;
  }

  /** Unloads it. */
  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}

/** Why OpenSSL cannot be loaded, in the loader's words; null if it can. */
export function opensslMissing(names: LibraryNames = SYSTEM_LIBRARIES): string | null {
  try {
    using _openssl = new Openssl(names);
    return null;
  } catch (error) {
    if (error instanceof OpensslMissing) return error.message;
    throw error;
  }
}

function open<S extends Deno.ForeignLibraryInterface>(
  name: string,
  symbols: S,
  stack: DisposableStack,
): Deno.DynamicLibrary<S>["symbols"] {
  try {
    const library = Deno.dlopen(name, symbols);
    stack.defer(() => library.close());
    return library.symbols;
  } catch (error) {
    // The runtime throws one class for a library that is not there, and another for one that lacks a call.
    throw new OpensslMissing(error instanceof Error ? error.message : String(error));
  }
}

/** The text at a pointer of OpenSSL's; "" for none. */
export function text(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** What must be there; throws if OpenSSL had no memory for it. */
export function made(openssl: Openssl, pointer: Deno.PointerValue, what: string): Deno.PointerObject {
  if (pointer !== null) return pointer;
  throw new Error(`OpenSSL has no ${what}: ${openssl.error()?.text ?? "it does not say why"}`);
}

/** An empty password: without one OpenSSL would ask the terminal. */
export const NO_PASSWORD: Uint8Array<ArrayBuffer> = cString("");
