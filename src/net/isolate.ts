/**
 * Connections go where they should, and nobody else is trusted: Deno decides both by the environment as well. Pure but
 * for the environment that it is given.
 *
 * @module
 */

/** Deno's `fetch` obeys these even for 127.0.0.1, and would hand a token to the proxy in clear. */
const proxyVariables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((
  name,
) => [name, name.toLowerCase()]);

/** The part of the process's environment that is changed. */
export interface Environment {
  /** Removes a variable. */
  delete(name: string): void;
  /** Sets a variable. */
  set(name: string, value: string): void;
}

/**
 * Removes what would send requests elsewhere; with a CA of the user's own also what would make others trusted:
 * Deno adds `caCerts` to the roots that it has anyway.
 *
 * @param ownCa whether the user names authorities
 */
export function isolate(env: Environment, ownCa: boolean): void {
  for (const name of proxyVariables) env.delete(name);
  if (!ownCa) return;
  env.delete("DENO_CERT");
  env.delete("NODE_EXTRA_CA_CERTS");
  // Without the variable Deno trusts Mozilla's list; empty, it trusts none.
  env.set("DENO_TLS_CA_STORE", "");
}
