import { type Attempt, Cancelled } from "./attempt.ts";
import { type Verdict, verdict } from "./result.ts";
import { Connection, type Reactor } from "./socket.ts";
import { TlsConnection, tlsParams } from "./tls.ts";
import type { TlsFiles } from "./tls_files.ts";

const CONNECTED = verdict("L4OK", "connected");
const SECURED = verdict("L6OK", "TLS handshake done");

/** Probes by a TCP connect, and a TLS handshake if the check has TLS. */
export function probeTcp(attempt: Attempt, reactor: Reactor, files: TlsFiles): void {
  if (tlsParams(attempt.plan.target.check) !== null) {
    return attempt.until(probeTls(attempt, reactor, files));
  }
  Connection.connect(attempt, reactor, (opened) => {
    if (!opened.ok) return attempt.finish(opened.error);
    opened.value[Symbol.dispose]();
    attempt.finish(CONNECTED);
  }, () => attempt.fail(new Cancelled()));
}

async function probeTls(attempt: Attempt, reactor: Reactor, files: TlsFiles): Promise<Verdict> {
  const secured = await TlsConnection.open(attempt, reactor, files);
  if (!secured.ok) return secured.error;
  using _connection = secured.value;
  return SECURED;
}
