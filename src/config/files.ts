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

/** The first certificate of a PEM text in which every certificate is whole and can be parsed. */
export function certificateIn(pem: string): Result<X509Certificate, string> {
  let first: X509Certificate | null = null;
  let count = 0;
  for (const [block] of pem.matchAll(CERTIFICATE)) {
    count++;
    try {
      const certificate = new X509Certificate(block);
      first ??= certificate;
    } catch {
      // The library's words name its own parser's states, which help nobody.
      return err(`certificate ${count} of the file cannot be parsed`);
    }
  }
  const begun = pem.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0;
  if (begun > count) return err(`the file ends within a certificate, or a certificate of it is damaged`);
  return first === null ? err("the file holds no PEM certificate") : ok(first);
}

/** The private key of a PEM text, which may hold certificates, too. */
export function privateKeyIn(pem: string): Result<KeyObject, string> {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return err("the file holds no PEM private key");
  // Asked first: the library would want a passphrase from the terminal.
  if (/ENCRYPTED/.test(pem)) return err("the private key is encrypted");
  const [block] = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^]*?-----END \1-----/.exec(pem) ?? [];
  if (block === undefined) return err("the file ends within the private key");
  try {
    return ok(createPrivateKey(block));
  } catch {
    return err("the private key cannot be parsed");
  }
}

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
      return text.ok ? certificateIn(text.value) : text;
    });
  }

  /** The private key of a file. */
  key(path: string): Result<KeyObject, string> {
    return cached(this.#keys, path, () => {
      const text = this.#read(path);
      return text.ok ? privateKeyIn(text.value) : text;
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
