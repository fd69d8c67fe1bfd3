import assert from "node:assert/strict";
import { Client } from "../../src/cli/client.ts";
import { loadHistory, rememberLine } from "../../src/cli/history.ts";
import { parseOptions } from "../../src/cli/options.ts";
import { parseServer } from "../../src/cli/server.ts";
import { any } from "../../src/cli/shape.ts";
import { ok } from "../../src/result.ts";
import { start } from "./process.ts";

function clientOf(url: string, timeoutMs: number): Client {
  const server = parseServer(url);
  assert.ok(server !== null);
  return new Client({
    server,
    credentials: () => ok([{ token: null, connectTo: null, note: "" }]),
    caCerts: [],
    userAgent: "maglevc/test",
    actor: null,
    timeoutMs,
  });
}

Deno.test("parseServer() takes http, https and unix addresses and nothing else", () => {
  for (
    const good of [
      "http://127.0.0.1:9090",
      "https://lb.example",
      "http://[::1]:9090",
      "unix:/run/x.sock",
      "127.0.0.1:9090",
      "lb1:9090",
      "[::1]:9090",
    ]
  ) {
    assert.equal(parseServer(good)?.text, good);
  }
  assert.equal(parseServer("https://lb.example/maglev/")?.url.pathname, "/maglev");
  assert.equal(parseServer("lb1:9090")?.url.href, "http://lb1:9090/");
  assert.equal(parseServer("unix:/run/x.sock")?.socketPath, "/run/x.sock");
  for (
    const bad of [
      "",
      "127.0.0.1",
      "localhost:99999",
      "::1:9090",
      "ftp://x",
      "unix:x",
      "http://",
      "http://u:p@x",
      "http://x?y",
    ]
  ) {
    assert.equal(parseServer(bad), null, bad);
  }
});

Deno.test("a server that accepts and says nothing, or stops in the middle, counts as unreachable", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  const silent = await clientOf(url, 30).json({ path: "/v1/info" }, any);
  assert.deepEqual(silent, {
    ok: false,
    error: { kind: "unreachable", message: `cannot reach ${url}: no answer within 0.03 s` },
  });
  (await listener.accept()).close();
  const halfway = clientOf(url, 30).json({ path: "/v1/info" }, any);
  const connection = await listener.accept();
  await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"));
  const half = await halfway;
  assert.equal(half.ok ? "" : half.error.kind, "unreachable");
  connection.close();
  const cut = clientOf(url, 5_000).json({ path: "/v1/info" }, any);
  const short = await listener.accept();
  await short.read(new Uint8Array(4096));
  await short.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"));
  short.close();
  const ended = await cut;
  assert.deepEqual(ended, {
    ok: false,
    error: {
      kind: "unreachable",
      message: `cannot reach ${url}: the connection ended in the middle of the answer`,
    },
  });
  listener.close();
});

Deno.test("a request that is interrupted says so, before and while it waits", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = clientOf(`http://127.0.0.1:${listener.addr.port}`, 5_000);
  const stop = new AbortController();
  const asking = client.json({ path: "/v1/info", signal: stop.signal }, any);
  const connection = await listener.accept();
  stop.abort();
  assert.deepEqual(await asking, { ok: false, error: { kind: "interrupted" } });
  assert.deepEqual(await client.json({ path: "/v1/info", signal: stop.signal }, any), {
    ok: false,
    error: { kind: "interrupted" },
  });
  assert.deepEqual(await client.stream({ path: "/v1/events", signal: stop.signal }), {
    ok: false,
    error: { kind: "interrupted" },
  });
  connection.close();
  listener.close();
});

Deno.test("an answer without end is not read without end, compressed or not", async () => {
  const zeros = new Uint8Array(200_000);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      request.url.endsWith("/gzip")
        ? new Response(new Blob([zeros]).stream().pipeThrough(new CompressionStream("gzip")), {
          headers: { "content-encoding": "gzip" },
        })
        : new Response(new ReadableStream({ pull: (body) => body.enqueue(zeros) })),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const parsed = parseServer(url);
  assert.ok(parsed !== null);
  const client = new Client({
    server: parsed,
    credentials: () => ok([{ token: null, connectTo: null, note: "" }]),
    caCerts: [],
    userAgent: "maglevc/test",
    actor: null,
    bodyLimit: 100_000,
  });
  for (const path of ["/endless", "/gzip"]) {
    const answer = await client.json({ path }, any);
    assert.equal(answer.ok, false);
    assert.deepEqual(
      !answer.ok && answer.error.kind === "refused" && answer.error.message,
      `the answer of ${url} is over 100000 octets`,
    );
  }
  await server.shutdown();
});

Deno.test("an abort ends a stream and an answer also after a garbage collection, and the server learns of it", async () => {
  const child = new URL("abort_child.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { code, out, err } = await start(
    ["run", "-A", "--config", config, "--v8-flags=--expose-gc", child],
    { command: ["timeout", "20", Deno.execPath()] },
  );
  assert.deepEqual([code, out, err], [0, "ended interrupted unreachable\n", ""]);
});

Deno.test("a path below which the API lives is kept", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => Response.json({ path: new URL(request.url).pathname }),
  );
  const answer = await clientOf(`http://127.0.0.1:${server.addr.port}/lb/one/`, 5_000).json({
    path: "/v1/info",
  }, any);
  assert.deepEqual(answer.ok && answer.value.value, { path: "/lb/one/v1/info" });
  await server.shutdown();
});

Deno.test("flags: a token of the flag wins over a file of the environment, and -- ends the flags", () => {
  const env = (name: string) => ({ MAGLEV_TOKEN_FILE: "/t", MAGLEV_SERVER: "unix:/s" })[name];
  const options = parseOptions(["--token", "a", "show", "--", "backend", "--json"], env);
  assert.ok(options.ok);
  assert.deepEqual(options.value.token, { text: "a", from: "--token" });
  assert.deepEqual(options.value.words, ["show", "backend", "--json"]);
  assert.equal(options.value.json, false);
  assert.equal(options.value.server.socketPath, "/s");
  const fromEnv = parseOptions([], env);
  assert.deepEqual(fromEnv.ok && fromEnv.value.token, { file: "/t", from: "MAGLEV_TOKEN_FILE" });
});

Deno.test("the history is shortened when it has grown, and each line comes back once", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/deep/history`;
  assert.deepEqual(loadHistory(path), { ok: true, value: [] });
  for (let i = 0; i < 2_001; i++) rememberLine(path, `show ${i}`);
  for (let i = 0; i < 3; i++) rememberLine(path, "show version");
  const loaded = loadHistory(path);
  assert.ok(loaded.ok);
  assert.deepEqual(loaded.value.slice(0, 2), ["show version", "show 2000"]);
  assert.equal(loaded.value.length, 998);
  assert.equal((await Deno.readTextFile(path)).split("\n").length, 1_001);
  await Deno.writeTextFile(`${folder}/file`, "");
  assert.equal(loadHistory(`${folder}/file/history`).ok, false);
  await Deno.remove(folder, { recursive: true });
});
