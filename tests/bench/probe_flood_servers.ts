// Servers that send without end, in a thread of their own; for probe_flood_bench.ts.
import { createServer, type Socket } from "node:net";

interface Scope {
  postMessage(ports: Readonly<Record<string, number>>): void;
  onmessage: ((event: MessageEvent<{ cert: string; key: string }>) => void) | null;
}
const scope = globalThis as unknown as Scope;

/** Answers with `first`, then with `block` for ever. */
const floods = (first: string, block: string) => (socket: Socket) => {
  const octets = new TextEncoder().encode(block);
  socket.on("error", () => {});
  socket.once("data", () => {
    const pour = () => {
      while (!socket.destroyed && socket.write(octets));
    };
    socket.on("drain", pour);
    socket.write(first);
    pour();
  });
};
/**
 * The same over TLS. Not by node:tls: one connection that it pours into silences its others, and what is measured then
 * is a server that says nothing.
 */
function floodTls(pair: { cert: string; key: string }, first: string, block: string): number {
  const listener = Deno.listenTls({ hostname: "0.0.0.0", port: 0, ...pair });
  const octets = new TextEncoder().encode(block);
  const pour = async (connection: Deno.TlsConn) => {
    using open = connection;
    await open.read(new Uint8Array(4096));
    await open.write(new TextEncoder().encode(first));
    for (;;) await open.write(octets);
  };
  const accept = async () => {
    for await (const connection of listener) void pour(connection).catch(ended);
  };
  void accept();
  return listener.addr.port;
}

/** A client that has its verdict leaves; all else is a fault of this file. */
function ended(error: unknown): void {
  const left = error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.UnexpectedEof;
  if (!left) throw error;
}

const INTERIM = "HTTP/1.1 100 Continue\r\n\r\n".repeat(4000);
const BODY = "x".repeat(65_536);
const interim = floods("", INTERIM);
const OK = "HTTP/1.1 200 OK\r\n";
const chunks = floods(`${OK}Transfer-Encoding: chunked\r\n\r\n`, `1;${"x".repeat(1015)}\r\na\r\n`.repeat(64));
const body = floods(`${OK}\r\n`, BODY);

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "0.0.0.0", () => {
      const address = server.address();
      resolve(address === null || typeof address === "string" ? 0 : address.port);
    });
  });
}

scope.onmessage = async ({ data: { cert, key } }) => {
  scope.postMessage({
    interim: await listen(createServer(interim)),
    chunks: await listen(createServer(chunks)),
    body: await listen(createServer(body)),
    interimTls: floodTls({ cert, key }, "", INTERIM),
    bodyTls: floodTls({ cert, key }, `${OK}\r\n`, BODY),
  });
};
