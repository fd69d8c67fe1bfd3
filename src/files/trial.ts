/**
 * The system's OpenSSL as the judge of certificate files. Only it knows what it takes: keys that its security level
 * finds too short, curves that it does not have.
 *
 * @module
 */
import { type LibraryNames, Openssl, OpensslMissing, SYSTEM_LIBRARIES } from "../../ffi/openssl.ts";
import { TlsContext, type TlsCredentials, TlsSetupError } from "../../ffi/tls.ts";
import type { FileUnit, Wrong } from "./unit.ts";

/** Says what OpenSSL makes of the files of a unit. */
export interface Trial {
  /** Why there is no OpenSSL, as the loader says it; null: it is there. */
  readonly missing: string | null;
  /** What is wrong with a unit whose texts look good; null: nothing, or there is no OpenSSL to say so. */
  refusal(unit: FileUnit, texts: readonly string[]): Wrong | null;
}

/** Nobody tries anything. */
export const noTrial: Trial = { missing: null, refusal: () => null };

/** OpenSSL, loaded when it is first asked. */
export class OpensslTrial implements Trial, Disposable {
  readonly #names: LibraryNames;
  #openssl: Openssl | { readonly missing: string } | null = null;

  /** Loads nothing yet. */
  constructor(names: LibraryNames = SYSTEM_LIBRARIES) {
    this.#names = names;
  }

  /** Why there is no OpenSSL. */
  get missing(): string | null {
    const openssl = this.#load();
    return openssl instanceof Openssl ? null : openssl.missing;
  }

  /** Makes a context of the files, as a probe would. */
  refusal(unit: FileUnit, texts: readonly string[]): Wrong | null {
    const credentials = credentialsOf(unit, texts);
    const openssl = credentials === null ? null : this.#load();
    if (credentials === null || !(openssl instanceof Openssl)) return null;
    try {
      new TlsContext(openssl, credentials, true)[Symbol.dispose]();
      return null;
    } catch (error) {
      if (!(error instanceof TlsSetupError)) throw error;
      const [, name, why = error.message] = /^([a-z]+)-file: (.*)$/.exec(error.message) ?? [];
      return { at: name === "key" ? 1 : 0, why: `OpenSSL says: ${why}` };
    }
  }

  /** Gives the library up. */
  [Symbol.dispose](): void {
    if (this.#openssl instanceof Openssl) this.#openssl[Symbol.dispose]();
    this.#openssl = null;
  }

  #load(): Openssl | { readonly missing: string } {
    if (this.#openssl !== null) return this.#openssl;
    try {
      this.#openssl = new Openssl(this.#names);
    } catch (error) {
      if (!(error instanceof OpensslMissing)) throw error;
      this.#openssl = { missing: error.message };
    }
    return this.#openssl;
  }
}

function credentialsOf({ kind }: FileUnit, texts: readonly string[]): TlsCredentials | null {
  const [first = null, second = null] = texts.map((text) => new TextEncoder().encode(text));
  switch (kind) {
    case "authorities":
      return { ca: first, cert: null, key: null };
    case "pair":
      return { ca: null, cert: first, key: second };
    case "key":
    case "secret":
      return null;
  }
}
