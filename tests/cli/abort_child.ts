/**
 * Aborts a stream and an answer after a garbage collection, and prints how each ended. Needs --v8-flags=--expose-gc.
 *
 * @module
 */
import { Client } from "../../src/cli/client.ts";
import { parseServer } from "../../src/cli/server.ts";
import { any } from "../../src/cli/shape.ts";
import { ok } from "../../src/result.ts";

const collect = Reflect.get(globalThis, "gc") as () => void;
let cancelled = 0;
const wake = Promise.withResolvers<void>();
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
  const type = request.url.endsWith("/events") ? "text/event-stream" : "application/json";
  const body = new ReadableStream({
    start: (out) => out.enqueue(new TextEncoder().encode(": begin\n")),
    cancel() {
      if (++cancelled === 3) wake.resolve();
    },
  });
  return new Response(body, { headers: { "content-type": type } });
});
const parsed = parseServer(`127.0.0.1:${server.addr.port}`);
if (parsed === null) throw new TypeError("no address");
const client = new Client({
  server: parsed,
  credentials: () => ok([{ token: null, connectTo: null, note: "" }]),
  caCerts: [],
  userAgent: "maglevc/test",
  actor: null,
});

/** What young and old objects there are is looked through several times, with turns of the loop between. */
async function collectAll(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function stream(): Promise<string> {
  const stop = new AbortController();
  const answer = await client.stream({ path: "/events", signal: stop.signal });
  if (!answer.ok) return answer.error.kind;
  const reader = answer.value.getReader();
  await reader.read();
  await collectAll();
  const next = reader.read().then(() => "read", () => "ended");
  stop.abort();
  return await next;
}

async function json(late: boolean): Promise<string> {
  const stop = new AbortController();
  const asking = client.json({ path: "/v1/info", signal: stop.signal, timeoutMs: late ? 200 : 60_000 }, any);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await collectAll();
  if (!late) stop.abort();
  const answer = await asking;
  return answer.ok ? "ok" : answer.error.kind;
}

const results = [await stream(), await json(false), await json(true)];
// The server learns of each end, so no connection is left open.
await wake.promise;
Deno.stdout.writeSync(new TextEncoder().encode(`${results.join(" ")}\n`));
Deno.exit(0);
