/**
 * Answers requests of a `node:http` server by an application that takes a web Request and gives a web Response.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { Log } from "../src/log/mod.ts";
import type { ListenAddress } from "../src/flags.ts";
import { listenerKind, noHost, type Peer, tcpPeer, unixPeer } from "./access.ts";
import type { Api } from "./env.ts";
import { instanceOf } from "./instance.ts";
import { finding, internalErrorResponse, ProblemError, problemResponse } from "./problem.ts";

/** What an adapter is made of. */
export interface AdapterOptions {
  /** The application. */
  readonly app: Pick<Api, "fetch">;
  /** For failures that nobody expected. */
  readonly log: Log;
  /** Scheme of the listener. */
  readonly scheme: "http" | "https";
  /** Where it listens. */
  readonly address: ListenAddress;
}

/** Methods that a web Request cannot have. */
const forbiddenMethods = new Set(["CONNECT", "TRACE", "TRACK"]);

function badRequest(place: "host" | "target" | "headers" | "body", detail: string): ProblemError {
  return new ProblemError("bad-request", detail, { errors: [finding(place, detail)] });
}

/** Path of a request without its query, which may hold what must not be shown. */
function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?")[0] ?? "/";
}

/** The problem of a method that no path takes. */
export function methodNotAllowed(method: string): ProblemError {
  return new ProblemError("method-not-allowed", `No path takes ${method}`, {}, {
    allow: "GET, HEAD, POST, PUT",
  });
}

/** Answers a request that expects something else than `100-continue`. */
export function refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
  const body = new TextEncoder().encode(JSON.stringify({
    type: "about:blank",
    title: "Expectation Failed",
    status: 417,
    detail: "The Expect header may hold nothing but 100-continue",
    instance: instanceOf(pathOf(request)),
  }));
  response.writeHead(417, {
    "content-type": "application/problem+json",
    "content-length": body.length,
    "connection": "close",
  });
  response.end(body);
}

/** HTTP/1.1 demands one Host header. With two, a proxy in front may have looked at the other one. */
function checkHost({ rawHeaders, httpVersion }: IncomingMessage): void {
  const count = rawHeaders.filter((name, index) => index % 2 === 0 && /^host$/i.test(name)).length;
  if (count > 1) throw badRequest("host", `There are ${count} Host headers`);
  if (count === 0 && httpVersion === "1.1") throw badRequest("host", "There is no Host header");
}

function requestUrl(request: IncomingMessage, scheme: string): URL {
  const target = request.url ?? "/";
  const host = request.headers.host ?? noHost;
  // Anything else would move the border between host and path.
  if (!/^[A-Za-z0-9._~%:[\]-]+$/.test(host)) throw badRequest("host", "The Host header names no host");
  const text = target.startsWith("/") ? `${scheme}://${host}${target}` : target;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw badRequest("target", "The request's target is no URL");
  }
  return url;
}

function requestHeaders({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    try {
      headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw badRequest("headers", "A header holds octets that it must not hold");
    }
  }
  return headers;
}

/** The body; one that ends too early is the client's mistake, and no failure of whoever reads it. */
function requestBody(request: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = Readable.toWeb(request) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>;
  const reader = source.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch {
        controller.error(badRequest("body", "The body ended before its time"));
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function webRequest(request: IncomingMessage, scheme: string): Request {
  const method = request.method ?? "GET";
  checkHost(request);
  const url = requestUrl(request, scheme);
  if (forbiddenMethods.has(method.toUpperCase())) {
    throw methodNotAllowed(method);
  }
  const headers = requestHeaders(request);
  if (method === "GET" || method === "HEAD" || !hasBody(request)) {
    return new Request(url, { method, headers });
  }
  return new Request(url, { method, headers, body: requestBody(request) });
}

function peerOf(request: IncomingMessage, address: ListenAddress): Peer | null {
  if (address.transport === "unix") return unixPeer(address.path);
  const { remoteAddress, remotePort } = request.socket;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return tcpPeer(remoteAddress.replace(/^::ffff:(?=\d+\.)/, ""), remotePort, listenerKind(address.hostname));
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

/** Sends a stream no faster than the client reads, until either side ends it. */
async function sendStream(response: ServerResponse, body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  response.on("close", () => {
    reader.cancel().catch(() => {
      // The stream has failed already, which the loop below reports.
    });
  });
  // The source gives up on a client that has stopped reading while nothing is being read here.
  reader.closed.catch(() => response.destroy());
  while (!response.destroyed) {
    const { done, value } = await reader.read();
    if (done) {
      response.end();
      return;
    }
    if (!response.write(value) && !response.destroyed) await drained(response);
  }
  // A client that had left before the answer began has sent its "close" already.
  await reader.cancel();
}

async function send(request: IncomingMessage, response: ServerResponse, answer: Response): Promise<void> {
  const headers: [string, string][] = [...answer.headers];
  // A body that was not read to its end makes the connection useless for another request.
  if (!request.complete) headers.push(["connection", "close"]);
  // Events, and texts that come in pieces and have told their length.
  const events = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (answer.body !== null && (events || answer.headers.has("content-length"))) {
    response.writeHead(answer.status, headers.flat());
    response.flushHeaders();
    await sendStream(response, answer.body);
    return;
  }
  const body = new Uint8Array(await answer.arrayBuffer());
  if (request.method !== "HEAD") headers.push(["content-length", String(body.length)]);
  response.writeHead(answer.status, headers.flat());
  response.end(body);
}

/** Whether a request has a body, even if it is empty. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

async function answerOf(request: IncomingMessage, options: AdapterOptions): Promise<Response> {
  try {
    const peer = peerOf(request, options.address);
    return await options.app.fetch(webRequest(request, options.scheme), {
      ...(peer === null ? {} : { peer }),
    });
  } catch (error) {
    const path = pathOf(request);
    if (error instanceof ProblemError) return problemResponse(error, path);
    options.log.error("api-error", { path, error });
    return internalErrorResponse(path);
  }
}

/** Requests that may wait on one connection behind the one that is being answered. */
export const pipelineLimit = 16;

/** Resolves when an answer has left the process, or never will. */
function isOut(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed) resolve();
    else response.once("close", () => resolve());
  });
}

/** Makes the listener of a server's `request` event. */
export function requestListener(
  options: AdapterOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const lines = new WeakMap<Socket, { last: Promise<void>; waiting: number }>();
  return (request, response) => {
    const line = lines.get(request.socket) ?? { last: Promise.resolve(), waiting: 0 };
    lines.set(request.socket, line);
    // Answers to a client that sends requests and reads nothing would pile up in memory.
    if (line.waiting > pipelineLimit) {
      request.socket.destroy();
      return;
    }
    line.waiting++;
    const handle = async () => {
      try {
        if (response.destroyed || request.socket.destroyed) return;
        await send(request, response, await answerOf(request, options));
        await isOut(response);
      } catch (error) {
        // The client went away, or the answer's source gave up: there is nobody left to tell.
        options.log.debug("api-abort", { path: pathOf(request), error });
        response.destroy();
      } finally {
        line.waiting--;
      }
    };
    line.last = line.last.then(handle);
  };
}
