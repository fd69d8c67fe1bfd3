import type { HttpParams } from "../model.ts";
import type { Attempt } from "./attempt.ts";
import type { BodyPattern } from "./body.ts";
import { ResponseReader } from "./http1.ts";
import { duration, lateable, type Verdict, verdict, voidCause, voided } from "./result.ts";
import { Connection, type Reactor } from "./socket.ts";
import type { Stream, WriteFailure } from "./stream.ts";
import { TlsConnection, tlsParams } from "./tls.ts";
import type { TlsFiles } from "./tls_files.ts";

/** Probes by one HTTP request, over TLS if the check has it. Throws Cancelled. */
export async function probeHttp(attempt: Attempt, reactor: Reactor, files: TlsFiles): Promise<Verdict> {
  const opened = tlsParams(attempt.plan.target.check) === null
    ? await Connection.open(attempt, reactor)
    : await TlsConnection.open(attempt, reactor, files);
  if (!opened.ok) return opened.error;
  using connection = opened.value;
  return await exchange(attempt, connection);
}

/** Sends the request and reads the response until the verdict is known. Throws Cancelled. */
async function exchange(attempt: Attempt, stream: Stream): Promise<Verdict> {
  const { plan } = attempt;
  const { check } = plan.target;
  if (check.type !== "http" && check.type !== "https" || plan.request === null) {
    throw new Error(`Cannot probe with HTTP: check ${check.name} is of type ${check.type}`);
  }
  const broken = await stream.write(plan.request);
  // A server may answer and close before it has read the request; its answer stands in the socket then.
  if (broken !== null && broken.kind === "late") return ended(attempt, broken, false);
  const reader = new ResponseReader(check.params.method);
  let heard = false;
  while (true) {
    const read = await stream.read();
    if (read.kind === "data") {
      if (!heard) attempt.phase("firstByteMs");
      heard = true;
      reader.feed(read.bytes);
    } else if (read.kind !== "end") {
      return ended(attempt, read, heard);
    } else if (!reader.end() && reader.malformed === null) {
      return closed(reader, heard);
    }
    const found = await look(reader, check.params, plan.pattern);
    if (found !== null) return found;
  }
}

/** The verdict on what has been read so far, or null while it is open. */
function look(reader: ResponseReader, params: HttpParams, pattern: BodyPattern | null): Verdict | null {
  if (reader.malformed !== null) return verdict("L7RSP", `malformed response: ${reader.malformed}`);
  const { status } = reader;
  if (status === null) return null;
  if (!params.responseCodes.some(({ from, to }) => status >= from && status <= to)) {
    return verdict("L7STS", `HTTP ${status}`);
  }
  const good = verdict("L7OK", `HTTP ${status}`);
  if (pattern === null) return good;
  if (!reader.complete && pattern.needsEnd) return null;
  if (pattern.test(reader.body)) return good;
  return reader.complete ? verdict("L7RSP", `body does not match /${pattern.expression}/`) : null;
}

function closed(reader: ResponseReader, heard: boolean): Verdict {
  if (!heard) return lateable("L7RSP", "connection closed without a response");
  const part = reader.status === null ? "head" : "body";
  return lateable("L7RSP", `connection closed before the end of the response ${part}`);
}

function ended(attempt: Attempt, how: WriteFailure, heard: boolean): Verdict {
  if (how.kind === "late") {
    const within = duration(attempt.plan.target.check.timeoutMs);
    return lateable("L7TOUT", `${heard ? "no whole response" : "no response"} within ${within}`);
  }
  if (how.tls) return verdict("L6RSP", how.detail);
  const cause = voidCause("send", how.name);
  if (cause !== null) return voided(cause, "L7RSP", `send: ${how.name}`);
  return lateable("L7RSP", `${how.detail} before the end of the response`);
}
