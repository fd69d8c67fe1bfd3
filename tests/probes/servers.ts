import { createServer, type Server } from "node:net";

/** What a scripted server does with one connection. It may throw when the probe resets the connection. */
export type Script = (peer: Peer) => Promise<void> | void;

/** One connection as a script sees it. */
export class Peer {
  /** The connection. */
  readonly connection: Deno.TcpConn;

  /** Wraps an accepted connection. */
  constructor(connection: Deno.TcpConn) {
    this.connection = connection;
  }

  /** Reads a request up to its empty line. */
  async request(): Promise<string> {
    const buffer = new Uint8Array(64 * 1024);
    let text = "";
    while (!text.includes("\r\n\r\n")) {
      const got = await this.connection.read(buffer);
      if (got === null) break;
      text += new TextDecoder().decode(buffer.subarray(0, got));
    }
    return text;
  }

  /** Sends text, one octet a character. */
  async send(text: string): Promise<void> {
    let rest = Uint8Array.from(text, (c) => c.charCodeAt(0));
    while (rest.length > 0) rest = rest.subarray(await this.connection.write(rest));
  }

  /** Reads until the probe closes; resolves to how it did. */
  async closing(): Promise<"reset" | "end"> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      while (await this.connection.read(buffer) !== null);
      return "end";
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return "reset";
      throw error;
    }
  }
}

/** A TCP server whose connections follow a script. */
export class ScriptedServer implements AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  /** How each connection's script ended: null or what it threw. */
  readonly ended: Promise<unknown>[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #loop: Promise<void>;
  readonly #open = new Set<Deno.TcpConn>();

  /** Listens on a free port of `hostname`. */
  constructor(script: Script, hostname = "127.0.0.1") {
    this.#listener = Deno.listen({ hostname, port: 0 });
    this.port = this.#listener.addr.port;
    this.#loop = this.#run(script);
  }

  /** Ends the server and all its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#loop;
    for (const connection of this.#open) connection.close();
    await Promise.all(this.ended);
  }

  async #run(script: Script): Promise<void> {
    while (true) {
      try {
        const connection = await this.#listener.accept();
        this.#open.add(connection);
        this.ended.push(this.#serve(script, connection));
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // The peer had reset before the connection was accepted.
        if (!(error instanceof Deno.errors.NotConnected)) throw error;
      }
    }
  }

  async #serve(script: Script, connection: Deno.TcpConn): Promise<unknown> {
    try {
      await script(new Peer(connection));
      return null;
    } catch (error) {
      return error;
    } finally {
      this.#open.delete(connection);
      try {
        connection.close();
      } catch { /* the script closed it */ }
    }
  }
}

/** Never resolves until the probe closes the connection. */
export async function mute(peer: Peer): Promise<void> {
  await peer.closing();
}

/** A server that resets each connection when something was received. */
export class ResettingServer implements AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Listens on a free port of 127.0.0.1; sends `first` before it resets. */
  static listen(first = ""): Promise<ResettingServer> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        if (first === "") socket.resetAndDestroy();
        else socket.write(first, () => socket.resetAndDestroy());
      });
    });
    return new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        if (address === null || typeof address === "string") throw new Error("No port");
        resolve(new ResettingServer(server, address.port));
      });
    });
  }

  /** Ends the server. */
  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
