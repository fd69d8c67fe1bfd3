import { type LibraryNames, Openssl, OpensslMissing, SYSTEM_LIBRARIES } from "../../ffi/openssl.ts";
import { TlsContext, type TlsCredentials, TlsSetupError } from "../../ffi/tls.ts";
import type { Millis, TlsParams } from "../model.ts";
import { type Verdict, voided } from "./result.ts";

/** Certificates are renewed under the same name; files are read again after this time, in ms. */
const FRESH_MS: Millis = 60_000;
/** A library that is missing is looked for again after this time, in ms. */
const MISSING_MS: Millis = 60_000;

interface Entry {
  /** What the context was made of. */
  readonly credentials: TlsCredentials;
  readonly context: TlsContext;
  readAt: Millis;
}

/**
 * OpenSSL as the probes of a thread use it, and its contexts: one for all checks with the same files. A context is
 * made anew when one of its files has changed, and whoever compares contexts learns of it.
 */
export class TlsContexts implements Disposable {
  readonly #names: LibraryNames;
  readonly #entries = new Map<string, Entry>();
  #openssl: Openssl | null = null;
  #missing: { readonly why: string; readonly at: Millis } | null = null;

  /** Loads nothing before the first check with TLS is probed. */
  constructor(names: LibraryNames = SYSTEM_LIBRARIES) {
    this.#names = names;
  }

  /** The context of a check, or the void verdict that says what is missing on this host. */
  context(params: TlsParams, now: Millis): TlsContext | Verdict {
    const openssl = this.#openssl ?? this.#load(now);
    if (!(openssl instanceof Openssl)) return openssl;
    const key = JSON.stringify([params.caFile, params.certFile, params.keyFile, params.insecureSkipVerify]);
    const known = this.#entries.get(key);
    if (known !== undefined && now - known.readAt < FRESH_MS) return known.context;
    try {
      const credentials = read(params);
      if (known !== undefined && same(known.credentials, credentials)) {
        known.readAt = now;
        return known.context;
      }
      const context = new TlsContext(openssl, credentials, !params.insecureSkipVerify);
      this.#entries.set(key, { credentials, context, readAt: now });
      known?.context[Symbol.dispose]();
      return context;
    } catch (error) {
      if (!(error instanceof TlsSetupError)) throw error;
      // Files that are wrong now leave what was read before in use.
      if (known === undefined) return voided("permission", "L6RSP", error.message);
      known.readAt = now;
      return known.context;
    }
  }

  /** Gives all contexts up, then the library; no connection may be left. */
  [Symbol.dispose](): void {
    for (const { context } of this.#entries.values()) context[Symbol.dispose]();
    this.#entries.clear();
    this.#openssl?.[Symbol.dispose]();
    this.#openssl = null;
  }

  #load(now: Millis): Openssl | Verdict {
    if (this.#missing === null || now - this.#missing.at >= MISSING_MS) {
      try {
        this.#openssl = new Openssl(this.#names);
        this.#missing = null;
        return this.#openssl;
      } catch (error) {
        if (!(error instanceof OpensslMissing)) throw error;
        this.#missing = { why: error.message, at: now };
      }
    }
    return voided("tls-library", "L6RSP", missingSentence(this.#missing.why));
  }
}

/** Says that OpenSSL is missing, and what helps; `why` is the loader's text. */
export function missingSentence(why: string): string {
  return `OpenSSL 3 cannot be loaded: ${why} (install the package libssl3, or libssl3t64)`;
}

/** Throws TlsSetupError. */
function read({ caFile, certFile, keyFile }: TlsParams): TlsCredentials {
  return {
    ca: octets("ca-file", caFile),
    cert: octets("cert-file", certFile),
    key: octets("key-file", keyFile),
  };
}

function octets(name: string, path: string | null): Uint8Array<ArrayBuffer> | null {
  if (path === null) return null;
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new TlsSetupError(`cannot read ${name} ${path}: ${error instanceof Error ? error.name : error}`);
  }
}

function same(a: TlsCredentials, b: TlsCredentials): boolean {
  return equal(a.ca, b.ca) && equal(a.cert, b.cert) && equal(a.key, b.key);
}

function equal(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
