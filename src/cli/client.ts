/**
 * HTTP to maglevd over `node:http`, which alone of the ways to ask works with unix sockets and a private CA under
 * plain Deno, in a compiled file and in the packed file alike.
 *
 * @module
 */
import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import type { Problem } from "../api.ts";
import { err, ok, type Result } from "../result.ts";

/** Where maglevd answers. */
export interface Server {
  /** As the user wrote it, for messages. */
  readonly text: string;
  /** Base of all paths, without a slash at its end. */
  readonly url: URL;
  /** Path of a unix socket, or null. */
  readonly socketPath: string | null;
}

/** What a client is made of. */
export interface ClientOptions {
  /** Whom to ask. */
  readonly server: Server;
  /** Bearer token, or null. */
  readonly token: string | null;
  /** PEM certificates to trust instead of the system's, or null. */
  readonly ca: string | null;
  /** Names this client in the log of the server. */
  readonly userAgent: string;
  /** Limit for a whole answer in milliseconds, default 30 s: a sync of a large VPP takes its time. */
  readonly timeoutMs?: number;
}

/** A good answer. */
export interface Answer<T> {
  /** The body, read as JSON. */
  readonly value: T;
  /** The body, octet for octet. */
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
  }
  | { readonly kind: "interrupted" };

/** One request. */
export interface Request {
  /** Default GET. */
  readonly method?: "GET" | "POST" | "PUT";
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

/** Reads `--server`; null if it is no address. */
export function parseServer(text: string): Server | null {
  if (text.startsWith("unix:")) {
    const socketPath = text.slice(5);
    return socketPath.startsWith("/") ? { text, url: new URL("http://localhost"), socketPath } : null;
  }
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  if (url.search !== "" || url.hash !== "" || url.username !== "") return null;
  url.pathname = url.pathname.replace(/\/+$/, "");
  return { text, url, socketPath: null };
}

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network unreachable",
  ENOENT: "no such socket",
  EACCES: "permission denied",
  ENOTFOUND: "unknown host name",
  EAI_AGAIN: "the host name cannot be looked up now",
  EPIPE: "the connection was closed",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed (--ca-file names the CA to trust)",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an unknown CA (--ca-file names the CA to trust)",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate comes from an unknown CA (--ca-file names the CA to trust)",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate comes from an unknown CA (--ca-file names the CA to trust)",
  CERT_HAS_EXPIRED: "its certificate has expired",
};

/** A network error as the end of a sentence. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // An attempt on several addresses fails with all their errors; the last one is as good as any.
  const cause = error instanceof AggregateError ? error.errors.at(-1) : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (sentences[code] !== undefined) return sentences[code];
  const message = cause instanceof Error ? cause.message : String(cause);
  // Deno's TLS errors carry rustls' words and no code.
  if (/UnknownIssuer/.test(message)) return sentences.SELF_SIGNED_CERT_IN_CHAIN ?? message;
  return message || code || error.name;
}

class Timeout extends Error {}

/** Asks maglevd. Each request has a connection of its own, so nothing is held between commands. */
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

  /** A request whose answer is JSON of the shape `T` (src/api.ts). */
  async json<T>(request: Request): Promise<Result<Answer<T>, Failure>> {
    const timeoutMs = request.timeoutMs ?? this.#options.timeoutMs ?? 30_000;
    const late = new Timeout(`no answer within ${timeoutMs / 1000} s`);
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(late), timeoutMs);
    try {
      const response = await this.#send(request, limit.signal, "application/json");
      const text = await body(response);
      return this.#judge<T>(response, text);
    } catch (error) {
      if (request.signal?.aborted) return err({ kind: "interrupted" });
      return err(this.#unreachable(limit.signal.aborted ? late : error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** A request whose answer is an event stream; the limit holds until the stream begins. */
  async stream(request: Request): Promise<Result<ReadableStream<Uint8Array<ArrayBuffer>>, Failure>> {
    const timeoutMs = request.timeoutMs ?? this.#options.timeoutMs ?? 30_000;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new Timeout("no answer in time")), timeoutMs);
    try {
      const response = await this.#send(request, limit.signal, "text/event-stream");
      if (response.statusCode === 200 && mediaType(response) === "text/event-stream") {
        return ok(Readable.toWeb(response) as ReadableStream<Uint8Array<ArrayBuffer>>);
      }
      const judged = this.#judge<never>(response, await body(response));
      return judged.ok ? err(this.#stranger(response, judged.value.text)) : judged;
    } catch (error) {
      if (request.signal?.aborted) return err({ kind: "interrupted" });
      return err(this.#unreachable(error));
    } finally {
      clearTimeout(timer);
    }
  }

  #send(request: Request, limit: AbortSignal, accept: string): Promise<IncomingMessage> {
    const { server, token, ca, userAgent } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const make = server.url.protocol === "https:" ? httpsRequest : httpRequest;
    const sent: ClientRequest = make({
      ...(server.socketPath === null
        ? { hostname: server.url.hostname.replace(/^\[|\]$/g, ""), port: server.url.port }
        : { socketPath: server.socketPath }),
      ...(ca === null ? {} : { ca }),
      method: request.method ?? "GET",
      path: server.url.pathname.replace(/\/$/, "") + request.path,
      agent: false,
      headers: {
        host: server.socketPath === null ? server.url.host : "localhost",
        accept: `${accept}, application/problem+json`,
        "user-agent": userAgent,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(request.body === undefined ? {} : {
          "content-type": request.body.type,
          "content-length": String(new TextEncoder().encode(request.body.text).length),
        }),
        ...request.headers,
      },
    });
    const stop = () => sent.destroy(new Error("interrupted"));
    for (const signal of [limit, request.signal]) {
      if (signal?.aborted) stop();
      signal?.addEventListener("abort", stop, { once: true });
    }
    sent.on("close", () => {
      for (const signal of [limit, request.signal]) signal?.removeEventListener("abort", stop);
    });
    sent.on("error", reject);
    sent.on("response", resolve);
    sent.end(request.body?.text);
    return promise;
  }

  #judge<T>(response: IncomingMessage, text: string): Result<Answer<T>, Failure> {
    const status = response.statusCode ?? 0;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return err(this.#stranger(response, text));
    }
    if (typeof value !== "object" || value === null) return err(this.#stranger(response, text));
    if (status >= 200 && status < 300) return ok({ value: value as T, text });
    if (!("type" in value && "status" in value)) return err(this.#stranger(response, text));
    const problem = value as Problem;
    return err({ kind: "refused", message: problem.detail || problem.title, problem, text });
  }

  #stranger(response: IncomingMessage, text: string): Failure {
    const type = mediaType(response) || "no media type";
    return {
      kind: "refused",
      message: `${this.server.text} did not answer as maglevd does: HTTP ${response.statusCode}, ${type}`,
      problem: null,
      text,
    };
  }

  #unreachable(error: unknown): Failure {
    return { kind: "unreachable", message: `cannot reach ${this.server.text}: ${errorText(error)}` };
  }
}

function mediaType(response: IncomingMessage): string {
  return (response.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
}

async function body(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}
