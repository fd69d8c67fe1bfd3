/**
 * Rules about the PEM files of TLS probes.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { err, ok, type Result } from "../result.ts";

/** Reads a file as text, or says why it cannot be read. */
export type ReadFile = (path: string) => Result<string, string>;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** PEM files of one configuration; each is read and parsed once, however many health checks name it. */
export class PemFiles {
  readonly #read: ReadFile;
  readonly #certificates = new Map<string, Result<X509Certificate, string>>();
  readonly #keys = new Map<string, Result<KeyObject, string>>();

  /** Starts with no file read; `read` is called once for each path and kind. */
  constructor(read: ReadFile) {
    this.#read = read;
  }

  /** The first certificate of a file in which every certificate can be parsed. */
  certificate(path: string): Result<X509Certificate, string> {
    return cached(this.#certificates, path, () => {
      const text = this.#read(path);
      if (!text.ok) return text;
      let first: X509Certificate | null = null;
      let count = 0;
      for (const [block] of text.value.matchAll(CERTIFICATE)) {
        count++;
        try {
          const certificate = new X509Certificate(block);
          first ??= certificate;
        } catch {
          // The library's words name its own parser's states, which help nobody.
          return err(`certificate ${count} of the file cannot be parsed`);
        }
      }
      return first === null ? err("the file holds no PEM certificate") : ok(first);
    });
  }

  /** The private key of a file. */
  key(path: string): Result<KeyObject, string> {
    return cached(this.#keys, path, () => {
      const text = this.#read(path);
      if (!text.ok) return text;
      if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text.value)) {
        return err("the file holds no PEM private key");
      }
      // Asked first: the library would want a passphrase from the terminal.
      if (/ENCRYPTED/.test(text.value)) return err("the private key is encrypted");
      try {
        return ok(createPrivateKey(text.value));
      } catch {
        return err("the private key cannot be parsed");
      }
    });
  }

  /** The secret of a file: one line of visible characters, without the line's end. */
  secret(path: string): Result<string, string> {
    const text = this.#read(path);
    if (!text.ok) return text;
    const secret = text.value.replace(/\r?\n$/, "");
    if (secret === "") return err("the file is empty");
    return /\p{Cc}/u.test(secret) ? err("the file holds more than one line") : ok(secret);
  }
}

function cached<T>(
  map: Map<string, Result<T, string>>,
  path: string,
  make: () => Result<T, string>,
): Result<T, string> {
  const known = map.get(path);
  if (known !== undefined) return known;
  const made = make();
  map.set(path, made);
  return made;
}
