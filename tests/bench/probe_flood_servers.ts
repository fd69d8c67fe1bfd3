// Servers that send without end, in a thread of their own; for probe_flood_bench.ts.
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

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
const interim = floods("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(4000));
const OK = "HTTP/1.1 200 OK\r\n";
const chunks = floods(`${OK}Transfer-Encoding: chunked\r\n\r\n`, `1;${"x".repeat(1015)}\r\na\r\n`.repeat(64));
const body = floods(`${OK}\r\n`, "x".repeat(65_536));

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
    interimTls: await listen(createTlsServer({ cert, key }, interim)),
    bodyTls: await listen(createTlsServer({ cert, key }, body)),
  });
};
