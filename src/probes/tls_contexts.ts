import { type LibraryNames, Openssl, OpensslMissing, SYSTEM_LIBRARIES } from "../../ffi/openssl.ts";
import { TlsContext, TlsSetupError } from "../../ffi/tls.ts";
import type { Millis } from "../model.ts";
import type { TlsParams } from "../configuration.ts";
import { type Verdict, voided } from "./result.ts";
import type { TlsContents, TlsUnits } from "./tls_contents.ts";

/** A library that is missing is looked for again after this time, in ms. */
const MISSING_MS: Millis = 60_000;

interface Entry {
  /** Of the files that it was made of, or could not be made of. */
  revision: string;
  readonly context: TlsContext;
}

/**
 * OpenSSL as the probes of a thread use it, and its contexts: one for all checks with the same files. A context is
 * made anew when one of its files has changed, and whoever compares contexts learns of it.
 */
export class TlsContexts implements Disposable {
  readonly #contents: TlsContents;
  readonly #names: LibraryNames;
  readonly #entries = new Map<string, Entry>();
  /** What was found for the settings of a check while its files held this: it is asked for each probe. */
  readonly #found = new WeakMap<TlsParams, { readonly units: TlsUnits; readonly context: TlsContext }>();
  #openssl: Openssl | null = null;
  #missing: { readonly why: string; readonly at: Millis } | null = null;

  /** Loads nothing before the first check with TLS is probed; `contents` has what its files hold. */
  constructor(contents: TlsContents, names: LibraryNames = SYSTEM_LIBRARIES) {
    this.#contents = contents;
    this.#names = names;
  }

  /** The context of a check, or the void verdict that says what is missing on this host. */
  context(params: TlsParams, now: Millis): TlsContext | Verdict {
    const units = this.#contents.of(params);
    const found = this.#found.get(params);
    if (found?.units === units) return found.context;
    const context = this.#context(params, units, now);
    if (context instanceof TlsContext) this.#found.set(params, { units, context });
    return context;
  }

  /** Gives all contexts up, then the library; no connection may be left. */
  [Symbol.dispose](): void {
    for (const { context } of this.#entries.values()) context[Symbol.dispose]();
    this.#entries.clear();
    this.#openssl?.[Symbol.dispose]();
    this.#openssl = null;
  }

  #context(params: TlsParams, { credentials, revision }: TlsUnits, now: Millis): TlsContext | Verdict {
    const openssl = this.#openssl ?? this.#load(now);
    if (!(openssl instanceof Openssl)) return openssl;
    const key = JSON.stringify([params.caFile, params.certFile, params.keyFile, params.insecureSkipVerify]);
    const known = this.#entries.get(key);
    if (known?.revision === revision) return known.context;
    if (credentials === null) return voided("permission", "L6RSP", "the check's files have not been read");
    try {
      const context = new TlsContext(openssl, credentials, !params.insecureSkipVerify);
      this.#entries.set(key, { revision, context });
      known?.context[Symbol.dispose]();
      return context;
    } catch (error) {
      if (!(error instanceof TlsSetupError)) throw error;
      if (known === undefined) return voided("permission", "L6RSP", error.message);
      // What OpenSSL refuses leaves what it took before in use.
      known.revision = revision;
      return known.context;
    }
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
