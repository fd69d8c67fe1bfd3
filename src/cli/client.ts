/**
 * HTTP to maglevd by `fetch`: its TLS (rustls) believes no certificate that OpenSSL would refuse, and it works with
 * unix sockets and a CA of the user's own under plain Deno, in a compiled file and in the packed file alike.
 *
 * @module
 */
import { abortableBody } from "../async/abortable_body.ts";
import { err, ok, type Result } from "../result.ts";
import { failureText } from "./failure_text.ts";
import type { Server } from "./server.ts";
import { any, check, type Shape } from "./shape.ts";
import { type Problem, problem as problemShape } from "./shapes/daemon.ts";
import type { Credential } from "./token.ts";

/** What a client is made of. */
export interface ClientOptions {
  /** Whom to ask. */
  readonly server: Server;
  /** Reads the tokens that may be sent, best first, at least one entry; an error is a sentence. */
  readonly credentials: () => Result<Credential[], string>;
  /** More PEM certificates to trust than those that Deno trusts (see `isolate`). */
  readonly caCerts: readonly string[];
  /** Names this client in the log of the server. */
  readonly userAgent: string;
  /** Who is at the keyboard, for the server's log; null: not known. */
  readonly actor: string | null;
  /** Limit for a whole answer in milliseconds, default 30 s: a sync of a large VPP takes its time. */
  readonly timeoutMs?: number;
  /** Octets of a body that are read at most, after decompression; default 256 MiB. */
  readonly bodyLimit?: number;
}

/** A good answer. */
export interface Answer<T> {
  /** The body, read as JSON. */
  readonly value: T;
  /** The body as text. */
  readonly text: string;
}

/** Why there is no good answer. */
export type Failure =
  | { readonly kind: "unreachable"; readonly message: string }
  /** `problem` is null where something else than maglevd answered. */
  | {
    readonly kind: "refused";
    readonly message: string;
    readonly problem: Problem | null;
    readonly text: string;
    /** Which token was sent, where the server refused it. */
    readonly note: string | null;
    /** Set where nothing was sent: there was no token to send, as while a daemon that wrote it starts again. */
    readonly unsent?: true;
  }
  | { readonly kind: "interrupted" };

/** One request. */
export interface Request {
  /** Default GET. */
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Path and query below the server's base. */
  readonly path: string;
  /** What is sent. */
  readonly body?: { readonly type: "application/json" | "application/yaml"; readonly text: string };
  /** More headers, by their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the request: it is `interrupted` then. */
  readonly signal?: AbortSignal;
  /** Limit in milliseconds for the whole answer, instead of the client's own. */
  readonly timeoutMs?: number;
}

/** The largest answer of 10,000 backends is a tenth of it. */
const defaultBodyLimit = 256 * 1024 * 1024;

class Timeout extends Error {}
/** Nothing was sent. */
class NotSent extends Error {}
/** The body is over its limit. */
class TooLong extends Error {}

/** Asks maglevd. Each request has a connection and a token of its own, so nothing is held between commands. */
export class Client {
  readonly #options: ClientOptions;

  /** Connects to nothing yet. */
  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Where it asks. */
  get server(): Server {
    return this.#options.server;
  }

  /** Certificates that are trusted in addition to those that Deno trusts. */
  get caCerts(): readonly string[] {
    return this.#options.caCerts;
  }

  /** A request whose answer is JSON of one shape. */
  async json<T>(request: Request, shape: Shape<T>): Promise<Result<Answer<T>, Failure>> {
    const timeoutMs = request.timeoutMs ?? this.#options.timeoutMs ?? 30_000;
    const late = new Timeout(`no answer within ${timeoutMs / 1000} s`);
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(late), timeoutMs);
    try {
      const { response, note } = await this.#send(request, limit.signal, "application/json");
      return this.#judge(response, await this.#text(response, limit.signal, request.signal), note, shape);
    } catch (error) {
      return err(this.#failure(request, limit.signal.aborted ? late : error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** A request whose answer is an event stream; the limit holds until the stream begins. */
  async stream(request: Request): Promise<Result<ReadableStream<Uint8Array<ArrayBuffer>>, Failure>> {
    const timeoutMs = request.timeoutMs ?? this.#options.timeoutMs ?? 30_000;
    const late = new Timeout("no answer in time");
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(late), timeoutMs);
    try {
      const { response, note } = await this.#send(request, limit.signal, "text/event-stream");
      if (response.status === 200 && mediaType(response) === "text/event-stream" && response.body !== null) {
        return ok(abortableBody(response, request.signal));
      }
      const text = await this.#text(response, limit.signal, request.signal);
      const judged = this.#judge(response, text, note, any);
      return judged.ok ? err(this.#stranger(response, judged.value.text)) : judged;
    } catch (error) {
      return err(this.#failure(request, limit.signal.aborted ? late : error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a request with each credential in turn, until one is not refused with 401, which changes nothing. */
  async #send(
    request: Request,
    limit: AbortSignal,
    accept: string,
  ): Promise<{ response: Response; note: string }> {
    const found = this.#options.credentials();
    if (!found.ok) throw new NotSent(found.error);
    const [first, ...others] = found.value;
    if (first === undefined) throw new NotSent("there is no credential");
    let credential = first;
    for (;;) {
      const response = await this.#sendOnce(request, limit, accept, credential);
      const next = others.shift();
      if (response.status !== 401 || next === undefined) return { response, note: credential.note };
      await response.body?.cancel();
      credential = next;
    }
  }

  async #sendOnce(
    request: Request,
    limit: AbortSignal,
    accept: string,
    { token, connectTo }: Credential,
  ): Promise<Response> {
    const { server, caCerts, userAgent, actor } = this.#options;
    const { url, socketPath } = server;
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
    using http = Deno.createHttpClient({
      caCerts: [...caCerts],
      // A connection that is kept would outlive the daemon's restart, and the token it was opened with.
      poolMaxIdlePerHost: 0,
      http2: false,
      ...(socketPath !== null
        ? { proxy: { transport: "unix", path: socketPath } }
        : connectTo !== null
        ? { proxy: { transport: "tcp", hostname: connectTo, port } }
        : {}),
    });
    return await fetch(url.href.replace(/\/$/, "") + request.path, {
      client: http,
      method: request.method ?? "GET",
      // A token goes to the server that was named and to no other.
      redirect: "manual",
      signal: request.signal === undefined ? limit : AbortSignal.any([limit, request.signal]),
      body: request.body?.text ?? null,
      headers: {
        accept: `${accept}, application/problem+json`,
        "user-agent": userAgent,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(actor === null ? {} : { "x-maglev-actor": actor }),
        ...(request.body === undefined ? {} : { "content-type": request.body.type }),
        ...request.headers,
      },
    });
  }

  #judge<T>(response: Response, text: string, note: string, shape: Shape<T>): Result<Answer<T>, Failure> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return err(this.#stranger(response, text));
    }
    if (typeof value !== "object" || value === null) return err(this.#stranger(response, text));
    if (response.ok) {
      const read = check(shape, value);
      return read.ok ? ok({ value: read.value, text }) : err(this.#stranger(response, text, read.error));
    }
    const problem = check(problemShape, value);
    if (!problem.ok) return err(this.#stranger(response, text));
    const message = problem.value.detail || problem.value.title;
    return err({
      kind: "refused",
      message,
      problem: problem.value,
      text,
      note: response.status === 401 ? note : null,
    });
  }

  /** What is no answer of maglevd; `reason`: what of it is wrong, if it is JSON. */
  #stranger(response: Response, text: string, reason?: string): Failure {
    const what = reason ?? `HTTP ${response.status}, ${mediaType(response) || "no media type"}`;
    return {
      kind: "refused",
      message: `${this.server.text} did not answer as maglevd does: ${what}`,
      problem: null,
      text,
      note: null,
    };
  }

  async #text(response: Response, ...signals: readonly (AbortSignal | undefined)[]): Promise<string> {
    const limit = this.#options.bodyLimit ?? defaultBodyLimit;
    const decoder = new TextDecoder();
    let text = "";
    let size = 0;
    for await (const chunk of abortableBody(response, ...signals)) {
      size += chunk.length;
      if (size > limit) throw new TooLong(`the answer of ${this.server.text} is over ${limit} octets`);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  }

  /** What an exception on the way means; one that no connection can cause is thrown again. */
  #failure(request: Request, error: unknown): Failure {
    if (request.signal?.aborted) return { kind: "interrupted" };
    if (error instanceof NotSent || error instanceof TooLong) {
      const refused = {
        kind: "refused",
        message: error.message,
        problem: null,
        text: "",
        note: null,
      } as const;
      return error instanceof NotSent ? { ...refused, unsent: true } : refused;
    }
    // fetch fails with TypeError, an aborted body with DOMException, and a missing right with Deno's own.
    const expected = error instanceof Timeout || error instanceof TypeError ||
      error instanceof DOMException ||
      error instanceof Deno.errors.NotCapable;
    if (!expected) throw error;
    const message = error instanceof Timeout ? error.message : failureText(error);
    return { kind: "unreachable", message: `cannot reach ${this.server.text}: ${message}` };
  }
}

function mediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]?.trim() ?? "";
}
