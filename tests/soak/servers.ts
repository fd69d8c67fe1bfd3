/**
 * Application servers by the hundred, each on a loopback address of its own, that die, stall, reset and lie on
 * demand.
 *
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Random } from "./random.ts";

/** What probes it: an HTTP request whose answer is looked at, or a mere connection. */
export type ServerKind = "http" | "tcp";

/**
 * How a server behaves:
 *
 *   well    answers at once            dead   refuses connections
 *   slow    answers after a while      stall  accepts and says nothing
 *                                      reset  accepts, reads and resets
 *                                      lie    answers, but wrongly in one of several ways
 */
export type ServerMode = "well" | "slow" | "dead" | "stall" | "reset" | "lie";

/** Modes in which a probe must pass. */
const healthy: ReadonlySet<ServerMode> = new Set(["well", "slow"]);

/** Modes of which a server of either kind can be made to fail; a connection alone tells only the dead. */
export const failures: Readonly<Record<ServerKind, readonly ServerMode[]>> = {
  http: ["dead", "stall", "reset", "lie"],
  tcp: ["dead"],
};

/** Time that a slow server takes, in ms. */
const slowMs = 30;

const head = (status: string, length: number) =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`;

/** Wrong answers to a request. */
const lies: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.end(`${head("503 Service Unavailable", 3)}no\n`),
  (socket) => socket.end(`${head("200 OK", 4)}ill\n`),
  (socket) => socket.end("hello?\r\n\r\n"),
  (socket) => socket.end(`${head("200 OK", 4000)}ok, but cut off`),
  (socket) => socket.end(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\nok\n`),
  (socket) => socket.write(`HTTP/1.1 200 OK\r\nX-Never-Ending: `),
  (socket) => socket.end(),
];

/** One server; disposal closes it. */
export class TinyServer implements AsyncDisposable {
  readonly #random: Random;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #server: Server | null = null;
  #mode: ServerMode = "dead";
  #since = 0;
  /** Address that it listens on. */
  readonly address: string;
  /** Port that it listens on. */
  readonly port: number;
  /** What probes it. */
  readonly kind: ServerKind;

  /** Makes a dead one. */
  constructor(address: string, port: number, kind: ServerKind, random: Random) {
    this.address = address;
    this.port = port;
    this.kind = kind;
    this.#random = random;
  }

  /** How it behaves. */
  get mode(): ServerMode {
    return this.#mode;
  }

  /** Whether a probe of it must pass. */
  get healthy(): boolean {
    return healthy.has(this.#mode);
  }

  /** Since when `healthy` is what it is; monotonic, in ms. */
  get since(): number {
    return this.#since;
  }

  /** Changes how it behaves. Rejects when it cannot listen. */
  async become(mode: ServerMode): Promise<void> {
    const was = this.healthy;
    this.#mode = mode;
    if (this.healthy !== was) this.#since = performance.now();
    if (mode === "dead") await this.#close();
    else if (this.#server === null) await this.#listen();
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.become("dead");
  }

  async #listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(this.port, this.address, resolve);
    await promise;
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const socket of this.#sockets) socket.destroy();
    if (server === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    await promise;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A prober resets what it has seen enough of.
    socket.on("error", () => socket.destroy());
    let request = "";
    socket.on("data", (octets) => {
      request += octets.toString();
      if (this.kind === "http" && request.endsWith("\r\n\r\n")) this.#answer(socket);
    });
  }

  #answer(socket: Socket): void {
    const ok = () => socket.end(`${head("200 OK", 3)}ok\n`);
    switch (this.#mode) {
      case "well":
        ok();
        return;
      case "slow": {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          ok();
        }, slowMs);
        this.#timers.add(timer);
        return;
      }
      case "reset":
        socket.resetAndDestroy();
        return;
      case "lie":
        this.#random.pick(lies)(socket);
    }
  }
}

/** Makes `count` servers that are well, every fourth for mere connections, on 127.66.0.0/16 and one port. */
export async function startServers(count: number, random: Random): Promise<TinyServer[]> {
  for (let attempt = 0;; attempt++) {
    const port = random.int(20_000, 29_999);
    const servers = Array.from({ length: count }, (_, i) => {
      const address = `127.66.${Math.floor(i / 250)}.${1 + i % 250}`;
      return new TinyServer(address, port, i % 4 === 3 ? "tcp" : "http", random.for(address));
    });
    try {
      for (const server of servers) await server.become("well");
      return servers;
    } catch (error) {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]().catch(() => {})));
      const inUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!inUse || attempt === 20) throw error;
    }
  }
}
