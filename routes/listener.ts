/**
 * One listener on a TCP or unix socket, with bounds on what strangers may hold.
 *
 * `node:http` and not `Deno.serve`, because only the former can bound open connections and the time and size of
 * a request's head.
 *
 * @module
 */
import http from "node:http";
import https from "node:https";
import { connect, type Server, type Socket } from "node:net";
import type { Clock } from "../src/clock.ts";
import type { ListenAddress } from "../src/flags.ts";
import type { Log } from "../src/log/mod.ts";
import type { Millis } from "../src/model.ts";
import { err, ok, type Result } from "../src/result.ts";
import { type ListenerKind, listenerKind } from "./access.ts";
import type { Api } from "./env.ts";
import type { Limits } from "./limits.ts";
import { methodNotAllowed, refuseExpectation, requestListener } from "./node_adapter.ts";
import { finding, ProblemError, problemResponse } from "./problem.ts";
import type { TlsPair } from "./tls_pair.ts";

/** Why a listener could not be opened. */
export interface ListenError {
  /** What a caller may want to tell apart. */
  readonly reason: "in-use" | "permission" | "not-available" | "other";
  /** As in `--listen`. */
  readonly address: string;
  /** One sentence with the address and what to do. */
  readonly message: string;
}

/** How long answers that are under way may take at the end. */
const closeGraceMs: Millis = 1_000;

/** An open listener; disposing closes it and cuts what is still open after a second. */
export interface Listener extends AsyncDisposable {
  /** As in `--listen`, port 0 replaced by the port it became. */
  readonly address: string;
  /** What it is bound to. */
  readonly kind: ListenerKind;
  /** Whether it serves HTTPS. */
  readonly secure: boolean;
  /** Serves another certificate from the next handshake on; without effect where there is no HTTPS. */
  renew(pair: TlsPair): void;
}

/** Older versions of TLS are refused. */
const oldestTls = "TLSv1.2";

/** Text of an address, as in `--listen`. */
export function addressText(address: ListenAddress): string {
  if (address.transport === "unix") return `unix:${address.path}`;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function listenError(address: string, error: unknown): ListenError {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  switch (code) {
    case "EADDRINUSE":
      return {
        reason: "in-use",
        address,
        message: `Cannot listen on ${address}: another process does already`,
      };
    case "EACCES":
    case "EPERM":
      return {
        reason: "permission",
        address,
        message: `Cannot listen on ${address}: not permitted (${text})`,
      };
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return {
        reason: "not-available",
        address,
        message: `Cannot listen on ${address}: this host has no such address`,
      };
    default:
      return { reason: "other", address, message: `Cannot listen on ${address}: ${text}` };
  }
}

/** Sends an answer where there is no response object, and closes. */
async function answerRaw(socket: Socket, answer: Response): Promise<void> {
  // A client that resets the connection now would otherwise end the daemon: node has given the socket away.
  socket.on("error", () => socket.destroy());
  const body = await answer.text();
  const head = [
    `HTTP/1.1 ${answer.status} ${http.STATUS_CODES[answer.status] ?? ""}`,
    ...[...answer.headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${new TextEncoder().encode(body).length}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

/** Answers what is no HTTP request. */
async function refuseGarbage(error: Error, socket: Socket): Promise<void> {
  if (codeOf(error) === "ECONNRESET" || !socket.writable || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  const late = codeOf(error) === "ERR_HTTP_REQUEST_TIMEOUT" || error.message === "ERR_HTTP_REQUEST_TIMEOUT";
  const detail = late
    ? "The request took too long to arrive"
    : "This is no HTTP request, or its head is too large";
  const errors = [finding("", detail)];
  await answerRaw(socket, problemResponse(new ProblemError("bad-request", detail, { errors }), "/"));
}

function makeServer(
  app: Api,
  address: ListenAddress,
  tls: TlsPair | null,
  limits: Limits,
  log: Log,
): http.Server | https.Server {
  const secure = tls !== null && address.transport === "tcp";
  const listener = requestListener({ app, log, scheme: secure ? "https" : "http", address });
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
    // The adapter looks at it: node's own answer has no body.
    requireHostHeader: false,
  };
  const server = secure
    ? https.createServer(
      { ...options, handshakeTimeout: limits.handshakeMs, minVersion: oldestTls, ...tls },
      listener,
    )
    : http.createServer(options, listener);
  server.on("checkExpectation", refuseExpectation);
  server.on("connect", (request: http.IncomingMessage, socket: Socket) => {
    void answerRaw(socket, problemResponse(methodNotAllowed("CONNECT"), request.url ?? "/"));
  });
  server.maxConnections = limits.connections;
  server.timeout = limits.stallMs;
  server.on("timeout", (socket: Socket) => socket.destroy());
  server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
  server.on("clientError", (error: Error, socket: Socket) => {
    if (secure && /handshake/i.test(error.message)) socket.destroy();
    else void refuseGarbage(error, socket);
  });
  return server;
}

/** Binds; the mask gives a unix socket its mode before anybody can open it. */
function bind(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    if (address.transport === "tcp") {
      server.listen({ host: address.hostname, port: address.port });
      return;
    }
    const before = Deno.umask(0o117);
    try {
      server.listen(address.path);
    } finally {
      Deno.umask(before);
    }
  });
}

function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error) => resolve(codeOf(error) === "ECONNREFUSED"));
  });
}

/** Removes the socket file that a killed daemon left behind; false when somebody listens there, or it is no socket. */
async function removeAbandoned(path: string, error: unknown): Promise<boolean> {
  if (codeOf(error) !== "EADDRINUSE" || !await isAbandoned(path)) return false;
  try {
    if (!(await Deno.lstat(path)).isSocket) return false;
    await Deno.remove(path);
    return true;
  } catch (failure) {
    if (failure instanceof Deno.errors.NotFound) return true;
    if (failure instanceof Deno.errors.PermissionDenied) return false;
    throw failure;
  }
}

/** Whether a path names something that is no socket, such as a file that the flag names by mistake. */
async function isOtherFile(path: string): Promise<boolean> {
  try {
    return !(await Deno.stat(path)).isSocket;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

async function close(server: http.Server | https.Server, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  using _grace = clock.after(closeGraceMs, () => server.closeAllConnections());
  await closed;
}

/** Opens one listener; a unix socket gets mode 0660 and is removed at the end. */
export async function open(
  app: Api,
  address: ListenAddress,
  tls: TlsPair | null,
  limits: Limits,
  options: { readonly log: Log; readonly clock: Clock },
): Promise<Result<Listener, ListenError>> {
  const text = addressText(address);
  const server = makeServer(app, address, tls, limits, options.log);
  try {
    await bind(server, address);
  } catch (error) {
    if (address.transport !== "unix" || !await removeAbandoned(address.path, error)) {
      if (
        address.transport === "unix" && codeOf(error) === "EADDRINUSE" && await isOtherFile(address.path)
      ) {
        const message = `Cannot listen on ${text}: there is a file that is no socket, and it is not deleted`;
        return err({ reason: "in-use", address: text, message });
      }
      return err(listenError(text, error));
    }
    return await open(app, address, tls, limits, options);
  }
  server.on("error", (error) => options.log.error("api-error", { address: text, error }));
  const bound = server.address();
  const finalText = address.transport === "tcp" && typeof bound === "object" && bound !== null
    ? addressText({ ...address, port: bound.port })
    : text;
  return ok({
    address: finalText,
    kind: address.transport === "unix" ? "unix" : listenerKind(address.hostname),
    secure: server instanceof https.Server,
    renew(pair) {
      if (server instanceof https.Server) server.setSecureContext({ ...pair, minVersion: oldestTls });
    },
    [Symbol.asyncDispose]: () => close(server, options.clock),
  });
}
