import { type AuthTable, authTable } from "../../routes/auth.ts";
import { loadAuthFile } from "../../routes/auth_file.ts";
import type { TlsPair } from "../../routes/listener.ts";
import { formatFinding } from "../config/findings.ts";
import type { Options } from "../flags.ts";
import { err, ok, type Result } from "../result.ts";

/** What protects the API. */
export interface Secrets {
  /** Null: no auth file. */
  readonly auth: AuthTable | null;
  /** Null: plain HTTP. */
  readonly tls: TlsPair | null;
}

function read(flag: string, path: string, errors: string[]): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    errors.push(`--${flag} ${path}: ${error instanceof Error ? error.message : String(error)}`);
    return "";
  }
}

/** Reads the files that the flags name; every error as one sentence. */
export function loadSecrets({ authFile, tls }: Options): Result<Secrets, string[]> {
  const errors: string[] = [];
  const clients = authFile === null ? null : loadAuthFile(authFile);
  if (clients?.ok === false) errors.push(...clients.error.map(formatFinding));
  const pair = tls === null
    ? null
    : { cert: read("tls-cert", tls.cert, errors), key: read("tls-key", tls.key, errors) };
  return errors.length > 0
    ? err(errors)
    : ok({ auth: clients?.ok === true ? authTable(clients.value) : null, tls: pair });
}
