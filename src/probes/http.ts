import type { HttpParams } from "../model.ts";
import type { Attempt } from "./attempt.ts";
import { ResponseReader } from "./http1.ts";
import { BodyLook } from "./look.ts";
import type { Matcher } from "./matcher.ts";
import { duration, lateable, type Verdict, verdict, voidCause, voided } from "./result.ts";
import { Connection, type Reactor } from "./socket.ts";
import { LATE, type Read, type Stream } from "./stream.ts";
import { TlsConnection, tlsParams } from "./tls.ts";
import type { TlsFiles } from "./tls_files.ts";

/** Probes by one HTTP request, over TLS if the check has it. Throws Cancelled. */
export async function probeHttp(
  attempt: Attempt,
  reactor: Reactor,
  files: TlsFiles,
  matcher: Matcher,
): Promise<Verdict> {
  const opened = tlsParams(attempt.plan.target.check) === null
    ? await Connection.open(attempt, reactor)
    : await TlsConnection.open(attempt, reactor, files);
  if (!opened.ok) return opened.error;
  using connection = opened.value;
  return await exchange(attempt, connection, matcher);
}

/** Sends the request and reads the response until the verdict is known. Throws Cancelled. */
async function exchange(attempt: Attempt, stream: Stream, matcher: Matcher): Promise<Verdict> {
  const { request, pattern, target: { check } } = attempt.plan;
  if (check.type !== "http" && check.type !== "https" || request === null) {
    throw new Error(`Cannot probe with HTTP: check ${check.name} is of type ${check.type}`);
  }
  const broken = await stream.write(request);
  if (broken === LATE) return late(attempt, "no response");
  const reader = new ResponseReader(check.params.method);
  using look = pattern === null ? null : new BodyLook(pattern, matcher, attempt);
  /** How the connection ended; a failed write tells more than the end that follows it. */
  let over: Exclude<Read, { kind: "data" }> | null = null;
  let heard = false;
  while (true) {
    const read: Read | null = over === null && !reader.settled ? stream.poll() : null;
    if (read?.kind === "data") {
      if (!heard) attempt.phase("firstByteMs");
      heard = true;
      reader.feed(read.bytes);
    } else if (read !== null) {
      over = broken !== null && !heard ? broken : read;
      if (read.kind === "end") reader.end();
    }
    const known = headVerdict(reader, check.params);
    if (known !== null && (known.code !== "L7OK" || look === null)) return known;
    // What has arrived is taken in whole before the body is searched.
    if (read?.kind === "data" && !reader.settled) continue;
    const matches = known === null || look === null ? false : look.look(reader.body, reader.complete);
    if (matches === true && known !== null) return known;
    if (matches === false) {
      if (reader.complete) return verdict("L7RSP", `body does not match /${pattern?.expression}/`);
      if (reader.malformed !== null) return verdict("L7RSP", `malformed response: ${reader.malformed}`);
      if (over !== null) return cut(over, heard, reader.status);
    }
    const settled = over !== null || reader.settled;
    const next = await attempt.wait<null>((answer) => {
      if (!settled) stream.arm(() => answer(null));
      look?.arm(() => answer(null));
    });
    if (next === LATE) {
      if (settled) return late(attempt, `body not matched against /${pattern?.expression}/`);
      return late(attempt, heard ? "no whole response" : "no response");
    }
  }
}

/** The verdict that the head alone gives; null until it is whole. */
function headVerdict({ status }: ResponseReader, { responseCodes }: HttpParams): Verdict | null {
  if (status === null) return null;
  const accepted = responseCodes.some(({ from, to }) => status >= from && status <= to);
  return verdict(accepted ? "L7OK" : "L7STS", `HTTP ${status}`);
}

function late(attempt: Attempt, what: string): Verdict {
  return lateable("L7TOUT", `${what} within ${duration(attempt.plan.target.check.timeoutMs)}`);
}

/** The verdict on a response that the peer did not bring to its end. */
function cut(over: Exclude<Read, { kind: "data" }>, heard: boolean, status: number | null): Verdict {
  if (over.kind === "failed" && over.tls) return verdict("L6RSP", over.detail);
  const cause = over.kind === "failed" ? voidCause("send", over.name) : null;
  const what = over.kind === "failed" ? over.detail : "connection closed";
  if (cause !== null) return voided(cause, "L7RSP", what);
  if (!heard) return lateable("L7RSP", `${what} without a response`);
  return lateable("L7RSP", `${what} before the end of the response ${status === null ? "head" : "body"}`);
}
