// Servers that hold hostile conversations, one after the other, in clear and over TLS, and one that is good. They have
// a thread of their own: what they do must not take the prober's time.
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type Act, conversation } from "../hostile.ts";

interface Scope {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent<{ seed: number; cert: string; key: string }>) => void) | null;
}
const scope = globalThis as unknown as Scope;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Writes, and waits while the peer does not take it. */
async function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return;
  await new Promise<void>((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
  });
}

async function act(socket: Socket, todo: Act): Promise<void> {
  switch (todo.kind) {
    case "send":
      return await write(socket, octets(todo.text));
    case "drops":
      for (let at = 0; at < todo.text.length && !socket.destroyed; at += todo.size) {
        await write(socket, octets(todo.text.slice(at, at + todo.size)));
        await sleep(0);
      }
      return;
    case "pause":
      return void await sleep(todo.ms);
    case "flood": {
      const bytes = octets(todo.text);
      while (!socket.destroyed) {
        await write(socket, bytes);
        await sleep(0);
      }
      return;
    }
    case "close":
      return void socket.end();
    case "reset":
      return void socket.resetAndDestroy();
    case "silence":
  }
}

let next = 0;

function hostile(socket: Socket): void {
  const number = next++;
  socket.on("error", () => {});
  const talk = async () => {
    for (const todo of conversation(number)) await act(socket, todo);
  };
  // Some answer before they are asked.
  if (number % 8 === 0) void talk();
  else socket.once("data", () => void talk());
}

function good(socket: Socket): void {
  socket.on("error", () => {});
  socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"));
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(address === null || typeof address === "string" ? 0 : address.port);
    });
  });
}

scope.onmessage = async ({ data: { seed, cert, key } }) => {
  next = seed;
  const plain = await listen(createServer(hostile));
  const secure = createTlsServer({ cert, key }, hostile);
  secure.on("tlsClientError", () => {});
  scope.postMessage({ plain, secure: await listen(secure), good: await listen(createServer(good)) });
};
