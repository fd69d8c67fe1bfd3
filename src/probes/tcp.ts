import type { Attempt } from "./attempt.ts";
import { type Verdict, verdict } from "./result.ts";
import { Connection, type Reactor } from "./socket.ts";
import { TlsConnection, tlsParams } from "./tls.ts";
import type { TlsFiles } from "./tls_files.ts";

/** Probes by a TCP connect, and a TLS handshake if the check has TLS. Throws Cancelled. */
export async function probeTcp(attempt: Attempt, reactor: Reactor, files: TlsFiles): Promise<Verdict> {
  if (tlsParams(attempt.plan.target.check) !== null) {
    const secured = await TlsConnection.open(attempt, reactor, files);
    if (!secured.ok) return secured.error;
    using _connection = secured.value;
    return verdict("L6OK", "TLS handshake done");
  }
  const opened = await Connection.open(attempt, reactor);
  if (!opened.ok) return opened.error;
  using _connection = opened.value;
  return verdict("L4OK", "connected");
}
