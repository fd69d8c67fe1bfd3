/**
 * Every operation of the document, from every kind of caller, over every kind of listener, in every shape that proxies
 * and browsers give a request. What must come out is written down anew here, so that a mistake in the daemon shows.
 */
import assert from "node:assert/strict";
import { type Peer, tcpPeer, unixPeer } from "../routes/access.ts";
import { auth, exampleRequest, tokens } from "./routes/calls.ts";
import { loadDocument, type Operation, operationsOf } from "./routes/document.ts";
import { localToken, makeWorld, type World } from "./routes/world.ts";

const operations = operationsOf(await loadDocument());

interface Listener {
  readonly name: string;
  readonly peers: readonly Peer[];
}

const listeners: readonly Listener[] = [
  {
    name: "TCP on a loopback address",
    peers: [tcpPeer("127.0.0.1", 40000), tcpPeer("::1", 40000), tcpPeer("127.0.0.77", 40000)],
  },
  {
    name: "TCP on all addresses",
    peers: [tcpPeer("192.0.2.9", 40000, "open"), tcpPeer("127.0.0.1", 40000, "open")],
  },
  { name: "a unix socket", peers: [unixPeer("/run/vpp-maglev/api.sock")] },
];

interface Shape {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether Host or Origin are those of somebody else. */
  readonly foreign: boolean;
}

const forwarded = { "x-forwarded-for": "203.0.113.9", "x-forwarded-host": "lb.example.com" };
const shapes: readonly Shape[] = [
  { name: "as curl sends it", headers: { host: "127.0.0.1:9090" }, foreign: false },
  { name: "by the name localhost", headers: { host: "localhost:9090" }, foreign: false },
  { name: "by IPv6", headers: { host: "[::1]:9090" }, foreign: false },
  { name: "through ssh -L", headers: { host: "localhost:8080" }, foreign: false },
  { name: "nginx as it comes", headers: { host: "127.0.0.1:9090", connection: "close" }, foreign: false },
  { name: "HAProxy as it comes", headers: { host: "lb.example.com" }, foreign: true },
  { name: "HAProxy, a client that lies", headers: { host: "localhost" }, foreign: false },
  {
    name: "a proxy that tells",
    headers: { host: "127.0.0.1:9090", ...forwarded, via: "1.1 x" },
    foreign: false,
  },
  {
    name: "a proxy that passes the host on",
    headers: { host: "lb.example.com", ...forwarded },
    foreign: true,
  },
  {
    name: "DNS rebinding",
    headers: { host: "evil.example:9090", origin: "http://evil.example:9090" },
    foreign: true,
  },
  {
    name: "a page of another site",
    headers: { host: "127.0.0.1:9090", origin: "https://evil.example" },
    foreign: true,
  },
  { name: "a sandboxed page", headers: { host: "127.0.0.1:9090", origin: "null" }, foreign: true },
  {
    name: "the daemon's own page",
    headers: { host: "localhost:9090", origin: "http://localhost:9090" },
    foreign: false,
  },
];

type Caller = "nobody" | "a stranger's token" | "local" | "viewer" | "operator" | "admin";
const callers: readonly Caller[] = ["nobody", "a stranger's token", "local", "viewer", "operator", "admin"];

function authorization(caller: Caller): Record<string, string> {
  switch (caller) {
    case "nobody":
      return {};
    case "a stranger's token":
      return { authorization: "Bearer stranger" };
    case "local":
      return { authorization: `Bearer ${localToken}` };
    default:
      return { authorization: `Bearer ${tokens[caller]}` };
  }
}

const alwaysOpen = ["/healthz", "/readyz"];
const holdNoData = ["/", "/dashboard.js", "/dashboard.css", "/docs", "/docs/style.css", "/openapi.json"];
const adminOnly = ["/v1/config/check", "/v1/config/reload"];

/** The role that a caller proves; null: none. */
function roleOf(caller: Caller, peer: Peer, listener: Listener, authFile: boolean): string | null {
  const near = listener.name === "a unix socket" || /^(127\.|\[::1\])/.test(peer.address);
  if (caller === "local" && near) return "admin";
  if (authFile && (caller === "viewer" || caller === "operator" || caller === "admin")) return caller;
  if (listener.name === "a unix socket" && !authFile) return "admin";
  return null;
}

function wanted(
  { method, path }: Operation,
  role: string | null,
  listener: Listener,
  shape: Shape,
  authFile: boolean,
): number {
  if (alwaysOpen.includes(path)) return 200;
  if (role !== null) {
    if (role === "admin" || method === "GET") return 200;
    return role === "operator" && !adminOnly.includes(path) ? 200 : 403;
  }
  if (method !== "GET") return 401;
  if (authFile) return holdNoData.includes(path) ? 200 : 401;
  return listener.name === "TCP on a loopback address" && shape.foreign ? 403 : 200;
}

async function ask(world: World, operation: Operation, headers: Record<string, string>, peer: Peer) {
  const { url, method, headers: own, body } = exampleRequest(operation);
  const all = { ...Object.fromEntries(own), ...headers };
  const init = { method, headers: all, ...(body === null ? {} : { body: await new Response(body).text() }) };
  const answer = await world.app.fetch(new Request(url, init), { peer });
  await answer.body?.cancel();
  return answer.status;
}

Deno.test("the document has changes and reads of every kind", () => {
  const methods = new Set(operations.map(({ method }) => method));
  assert.ok(methods.has("GET") && methods.has("POST") && methods.has("PUT"));
  for (const path of [...alwaysOpen, ...holdNoData, ...adminOnly]) {
    assert.ok(operations.some((operation) => operation.path === path), path);
  }
});

for (const authFile of [false, true]) {
  for (const listener of listeners) {
    Deno.test(`${listener.name}, ${authFile ? "with" : "without"} an auth file: who may do what, however it looks`, async () => {
      const world = makeWorld({ auth: authFile ? auth : null });
      const wrong: string[] = [];
      let asked = 0;
      for (const operation of operations) {
        for (const caller of callers) {
          for (const shape of shapes) {
            for (const peer of listener.peers) {
              world.control.reset();
              world.lines.length = 0;
              asked++;
              const role = roleOf(caller, peer, listener, authFile);
              const want = wanted(operation, role, listener, shape, authFile);
              const got = await ask(world, operation, { ...shape.headers, ...authorization(caller) }, peer);
              const what = `${operation.method} ${operation.path}, ${caller}, ${shape.name}, ${peer.address}`;
              if (got !== want) wrong.push(`${what}: ${got} and not ${want}`);
              if (want !== 200 && world.control.commands.length > 0) wrong.push(`${what}: it was done`);
              if (/stranger"|-token/.test(JSON.stringify(world.lines))) {
                wrong.push(`${what}: a token is logged`);
              }
            }
          }
        }
      }
      assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} of ${asked}`);
      assert.ok(asked >= operations.length * callers.length * shapes.length);
    });
  }
}
