/**
 * TLS to a VIP that checks no certificate, for `probe ... tls insecure`. `fetch` and `Deno.connectTls` always
 * check, so this one file uses node:tls. Deno's node:tls believes forged certificates; here that changes nothing,
 * because any certificate will do and nothing secret is sent. A test forbids node:tls everywhere else.
 *
 * @module
 */
import type { TLSSocket } from "node:tls";

/** A connection as Deno's own are, with TLS done if there is to be any. */
export interface Wire {
  /** Octets into `buffer`; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** How many octets were written. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends it at once; a read that is under way fails. */
  close(): void;
}

/** Where to connect. */
export interface AnyTarget {
  /** IP address. */
  readonly hostname: string;
  /** 1…65535. */
  readonly port: number;
  /** Name to send (SNI), or null for none. */
  readonly servername: string | null;
}

function wireOf(socket: TLSSocket): Wire {
  const chunks: Uint8Array[] = [];
  let wake: () => void = () => {};
  let ended = false;
  let failure: Error | null = null;
  socket.on("data", (chunk: Uint8Array) => {
    chunks.push(chunk);
    wake();
  });
  socket.on("error", (error) => {
    failure = error;
    wake();
  });
  socket.on("close", () => {
    ended = true;
    wake();
  });
  return {
    async read(buffer) {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) {
          if (chunk.length > buffer.length) chunks.unshift(chunk.subarray(buffer.length));
          const taken = chunk.subarray(0, buffer.length);
          buffer.set(taken);
          return taken.length;
        }
        if (failure !== null) throw failure;
        if (ended) return null;
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    write(bytes) {
      socket.write(bytes);
      return Promise.resolve(bytes.length);
    },
    close: () => socket.destroy(),
  };
}

/**
 * Connects and shakes hands, whatever the certificate.
 *
 * @param opened called with the connection before the handshake
 */
export async function connectToAny(
  { hostname: host, port, servername }: AnyTarget,
  opened: (wire: Pick<Wire, "close">) => void,
): Promise<Wire> {
  // Imported here, since a bundle would load it at its start, for every command.
  const { connect } = await import("node:tls");
  const { promise, resolve, reject } = Promise.withResolvers<Wire>();
  const socket = connect({
    host,
    port,
    ...(servername === null ? {} : { servername }),
    rejectUnauthorized: false,
  });
  const wire = wireOf(socket);
  opened(wire);
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the connection was closed")));
  socket.on("secureConnect", () => resolve(wire));
  return await promise;
}
