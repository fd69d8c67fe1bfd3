/**
 * Bearer tokens: who they belong to, found in constant time.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Role } from "./access.ts";

/** One client that may use the API. */
export interface Client {
  /** Stands in logs and histories. */
  readonly name: string;
  /** SHA-256 of the token, 64 hexadecimal digits. */
  readonly sha256: string;
  /** What it may do. */
  readonly role: Role;
}

/** Who a request comes from. */
export interface Principal {
  /** Stands in logs and histories. */
  readonly name: string;
  /** What it may do. */
  readonly role: Role;
}

/** Knows every client. */
export interface AuthTable {
  /** Whose token this is; null: nobody's. Takes the same time whichever it is. */
  identify(token: string): Principal | null;
}

/** Makes the table; hashes must be 64 hexadecimal digits. */
export function authTable(clients: readonly Client[]): AuthTable {
  const rows = clients.map((client) => ({ client, digest: hexBytes(client.sha256) }));
  return {
    identify(token) {
      const digest = createHash("sha256").update(token, "utf8").digest();
      let found: Principal | null = null;
      // Every row is compared, so that the time does not tell how far down the list a token stands.
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

/** The token of an Authorization header; null if it holds none. */
export function bearerToken(header: string | null): string | null {
  const match = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(header ?? "");
  return match?.[1] ?? null;
}
