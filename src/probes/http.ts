import { shortDuration } from "../duration.ts";
import type { HttpParams } from "../configuration.ts";
import type { Attempt } from "./attempt.ts";
import { ResponseReader } from "./response.ts";
import { BodyLook } from "./look.ts";
import type { Matcher } from "./matcher.ts";
import { lateable, lateOpening, type Verdict, verdict, voidCause, voided } from "./result.ts";
import { quoted } from "./peer.ts";
import type { Machine, Step } from "./step.ts";
import type { ByteStream, Failure, Read } from "./stream.ts";

/** Octets of a body that are quoted, and of its Content-Encoding. */
const QUOTED = 60;
const CODING = 20;
const encoder = new TextEncoder();

/** How a connection ended. */
type Over = Exclude<Read, { kind: "data" }>;

/** Probes by one HTTP request: opens, sends, and reads the response until the verdict is known. */
export class HttpProbe implements Machine {
  readonly #attempt: Attempt;
  readonly #stream: ByteStream;
  readonly #params: HttpParams;
  readonly #reader: ResponseReader;
  readonly #look: BodyLook | null;
  #open = false;
  /** What is left of the request. */
  #request: Uint8Array<ArrayBuffer>;
  /** How sending failed; it tells more than the end of the connection that follows it. */
  #broken: Failure | null = null;
  #over: Over | null = null;
  /** Why no more is read, if the budget is spent. */
  #spent: string | null = null;
  #heard = false;
  #found: Verdict | null = null;

  /** Probes over `stream`, which it owns. */
  constructor(attempt: Attempt, stream: ByteStream, matcher: Matcher) {
    const { request, pattern, target: { check } } = attempt.plan;
    if (check.type !== "http" && check.type !== "https" || request === null) {
      throw new Error(`Cannot probe with HTTP: check ${check.name} is of type ${check.type}`);
    }
    this.#attempt = attempt;
    this.#stream = stream;
    this.#params = check.params;
    this.#request = request;
    this.#reader = new ResponseReader(check.params.method, attempt.budget);
    this.#look = pattern === null ? null : new BodyLook(pattern, matcher, attempt);
  }

  /** Opens, writes, reads or closes, whichever comes next. */
  step(): Step {
    if (this.#found !== null) return this.#stream.close() ?? this.#found;
    if (!this.#open) {
      const opening = this.#stream.open();
      if (opening !== null) return opening;
      this.#open = true;
    }
    if (this.#request.length > 0) {
      const written = this.#write();
      if (written !== null) return written;
    }
    const step = this.#exchange();
    if (typeof step === "string") return step;
    this.#found = step;
    return this.#over === null ? this.#stream.close() ?? step : step;
  }

  /** What is known by now counts; else what was missing is told. */
  late(): Verdict {
    if (this.#found !== null) return this.#found;
    const { plan } = this.#attempt;
    const known = this.#judged();
    if (known !== null && known.code !== "L7OK") return known;
    const opening = this.#stream.failure ?? lateOpening(plan.target.check, this.#attempt);
    if (opening !== null) return opening;
    const missing = this.#settled || this.#look?.pending === true
      ? `body not matched against /${plan.pattern?.expression}/`
      : this.#heard
      ? "no whole response"
      : "no response";
    return lateable("L7TOUT", `${missing} within ${shortDuration(plan.target.check.timeoutMs)}`);
  }

  /** Closes, and takes back a match that is under way. */
  [Symbol.dispose](): void {
    this.#look?.[Symbol.dispose]();
    this.#stream[Symbol.dispose]();
  }

  /** Whether nothing more will be read. */
  get #settled(): boolean {
    return this.#over !== null || this.#spent !== null || this.#reader.settled;
  }

  /** Null when there is nothing left to send. */
  #write(): Step | null {
    const written = this.#stream.write(this.#request);
    if (typeof written === "string") return written;
    if (typeof written === "number") {
      this.#request = this.#request.subarray(written);
      return this.#request.length > 0 ? "again" : null;
    }
    this.#broken = written;
    this.#request = this.#request.subarray(this.#request.length);
    return null;
  }

  /** Reads once and looks at all there is. Nothing is read while the matcher has what came before. */
  #exchange(): Step {
    const look = this.#look;
    if (look?.pending === true) return "wait";
    const read = this.#settled || look?.found === true ? null : this.#read();
    if (read === "again") return read;
    const reader = this.#reader;
    const known = this.#judged();
    if (known !== null && known.code !== "L7OK") {
      // The body says why. It is not waited for, but what has arrived of it is quoted.
      return read === "data" && !this.#settled && reader.body.length < QUOTED ? "again" : known;
    }
    if (known !== null && look === null) return known;
    // What has arrived is taken in whole before the body is searched.
    if (read === "data" && !this.#settled) return "again";
    const matches = known === null || look === null ? false : look.look(reader.body, reader.complete);
    if (matches === null) return "wait";
    if (matches && known !== null) return known;
    if (reader.complete) {
      return verdict(
        "L7RSP",
        `body does not match /${look?.expression}/${bodyHead(reader) || ": it is empty"}`,
      );
    }
    if (reader.malformed !== null) return verdict("L7RSP", reader.malformed);
    if (this.#spent !== null) return verdict("L7RSP", this.#spent);
    if (this.#over !== null) return cut(this.#over, this.#heard, reader.status);
    return read === "wait" ? "wait" : "again";
  }

  /** The verdict that the head alone gives; null until it is whole. */
  #judged(): Verdict | null {
    const { status } = this.#reader;
    if (status === null) return null;
    const accepted = this.#params.responseCodes.some(({ from, to }) => status >= from && status <= to);
    return accepted
      ? verdict("L7OK", `HTTP ${status}`)
      : verdict("L7STS", `HTTP ${status}${bodyHead(this.#reader)}`);
  }

  #read(): "data" | "wait" | "again" {
    const read = this.#attempt.budget.read(this.#stream);
    if (typeof read === "string") return read;
    switch (read.kind) {
      case "data":
        if (!this.#heard) this.#attempt.phase("firstByteMs");
        this.#heard = true;
        this.#reader.feed(read.bytes);
        break;
      case "spent":
        this.#spent = read.detail;
        break;
      default:
        this.#over = this.#broken !== null && !this.#heard ? this.#broken : read;
        if (read.kind === "end") this.#reader.end();
    }
    return "data";
  }
}

/** The head of a body, with its encoding, as the end of a sentence; "" if nothing of it is there. */
function bodyHead({ body, encoding }: ResponseReader): string {
  if (body.length === 0) return "";
  const coded = encoding === null ? "" : `, Content-Encoding ${quoted(encoder.encode(encoding), CODING)}`;
  return `${coded}: ${quoted(body, QUOTED)}`;
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
