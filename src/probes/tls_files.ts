import { createSecureContext, type SecureContext } from "node:tls";
import type { Millis, TlsParams } from "../model.ts";
import { err, ok, type Result } from "../result.ts";

/** Certificates are renewed under the same name; files are read again after this time, in ms. */
const FRESH_MS: Millis = 60_000;

interface Entry {
  readonly context: SecureContext;
  readAt: Millis;
}

/** The certificate files of all checks, read once and shared by every backend that uses them. */
export class TlsFiles {
  readonly #entries = new Map<string, Entry>();

  /**
   * Credentials of a check. Files that can no longer be read leave the ones read before in use.
   *
   * @returns one sentence if they could never be read
   */
  context(params: TlsParams, now: Millis): Result<SecureContext, string> {
    const key = JSON.stringify([params.caFile, params.certFile, params.keyFile]);
    const known = this.#entries.get(key);
    if (known !== undefined && now - known.readAt < FRESH_MS) return ok(known.context);
    const read = load(params);
    if (read.ok) {
      this.#entries.set(key, { context: read.value, readAt: now });
      return read;
    }
    if (known === undefined) return read;
    known.readAt = now;
    return ok(known.context);
  }
}

function load(params: TlsParams): Result<SecureContext, string> {
  const options: { ca?: string; cert?: string; key?: string } = {};
  const files = [["ca", params.caFile], ["cert", params.certFile], ["key", params.keyFile]] as const;
  for (const [name, path] of files) {
    if (path === null) continue;
    try {
      options[name] = Deno.readTextFileSync(path);
    } catch (error) {
      return err(`cannot read ${name}-file ${path}: ${error instanceof Error ? error.name : error}`);
    }
  }
  try {
    return ok(createSecureContext(options));
  } catch (error) {
    return err(`cannot use the certificate files: ${error instanceof Error ? error.message : error}`);
  }
}
