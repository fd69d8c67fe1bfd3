/** What protects a daemon of a test: nothing, or a table of tokens. */
import type { AuthTable } from "../routes/auth.ts";
import type { TakenToken } from "../src/daemon/local_token.ts";
import type { SecretsInUse } from "../src/daemon/secrets.ts";

/** No files; perhaps the table that an auth file would give. */
export function secretsOf(auth: AuthTable | null = null): SecretsInUse {
  return {
    auth,
    tls: null,
    peerTokens: new Map(),
    peerCa: null,
    use() {},
    look: () => Promise.resolve(),
    warnings: () => [],
    kept: () => [],
  };
}

/** The local token of daemons without a file for it. */
export const localToken = "the-local-token-of-a-test";

/** A daemon without a local token. */
export const noLocal: TakenToken = { token: null, why: "this is a test" };

/** A local token without a file. */
export const someLocal: TakenToken = {
  token: { file: "/run/test/token", token: localToken, publish: () => ({ ok: true, value: undefined }) },
  why: "",
};
