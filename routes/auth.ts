/**
 * Bearer tokens: who they belong to, found in constant time, and which are valid now.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { localAdmin, type Peer, type Principal, type Role } from "./access.ts";

/** One client that may use the API. */
export interface Client {
  /** Name for logs and histories. */
  readonly name: string;
  /** SHA-256 of the token, 64 hexadecimal digits. */
  readonly sha256: string;
  /** What it may do. */
  readonly role: Role;
}

/** Knows every client of an auth file. */
export interface AuthTable {
  /** Whose token has this SHA-256 (32 octets); null: nobody's. Takes the same time for each. */
  find(digest: Uint8Array): Principal | null;
}

/** Makes the table; hashes must be 64 hexadecimal digits. */
export function authTable(clients: readonly Client[]): AuthTable {
  const rows = clients.map((client) => ({ client, digest: hexBytes(client.sha256) }));
  return {
    find(digest) {
      let found: Principal | null = null;
      // Every row is compared, so that the time does not tell how far down the list a token is.
      for (const row of rows) {
        const same = timingSafeEqual(digest, row.digest);
        if (same) found = { name: row.client.name, role: row.client.role };
      }
      return found;
    },
  };
}

function hexBytes(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new RangeError("A SHA-256 hash has 64 hexadecimal digits");
  return Uint8Array.fromHex(text);
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text, "utf8").digest();
}

/** The token of an Authorization header; null if it holds none. */
export function bearerToken(header: string | null): string | null {
  const match = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(header ?? "");
  return match?.[1] ?? null;
}

/** A valid token, without the token itself. */
export interface Credential {
  /** Whose it is. */
  readonly who: Principal;
  /** SHA-256 of the token. */
  readonly digest: Uint8Array;
}

/** What the tokens are made of. */
export interface TokensOptions {
  /** Null: there is no auth file. */
  readonly table: AuthTable | null;
  /** The local token; null: none. */
  readonly local: string | null;
  /** How to get a token, as the end of the sentence of a 401. */
  readonly hint: string;
}

/** Every token that is valid now. An auth file that is read again replaces the table. */
export class Tokens {
  /** How to get a token, as the end of the sentence of a 401. */
  readonly hint: string;
  readonly #local: Uint8Array | null;
  readonly #watchers = new Set<() => void>();
  #table: AuthTable | null;

  /** Begins with a table. */
  constructor({ table, local, hint }: TokensOptions) {
    this.#table = table;
    this.#local = local === null ? null : sha256(local);
    this.hint = hint;
  }

  /** Whether there is an auth file. */
  get authFile(): boolean {
    return this.#table !== null;
  }

  /** The credential of a token; null: it is not valid for this peer. The local token is for loopback peers only. */
  identify(token: string, peer: Peer | null): Credential | null {
    const digest = sha256(token);
    const who = this.find(digest, peer);
    return who === null ? null : { who, digest };
  }

  /** Whose token has this SHA-256 now; null: nobody's. */
  find(digest: Uint8Array, peer: Peer | null): Principal | null {
    const listed = this.#table?.find(digest) ?? null;
    const local = this.#local !== null && timingSafeEqual(digest, this.#local);
    return local && peer?.loopback === true ? localAdmin : listed;
  }

  /** Takes the table of an auth file that was read again, and tells every watcher. */
  replace(table: AuthTable): void {
    this.#table = table;
    for (const changed of [...this.#watchers]) changed();
  }

  /** Calls `changed` after every replacement, until the result is disposed. */
  watch(changed: () => void): Disposable {
    this.#watchers.add(changed);
    return { [Symbol.dispose]: () => void this.#watchers.delete(changed) };
  }
}
