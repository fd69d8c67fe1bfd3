import assert from "node:assert/strict";
import http from "node:http";
import { createMetricsApp } from "../../routes/app.ts";
import { requestListener } from "../../routes/node_adapter.ts";
import { serve } from "../../routes/server.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import { dial, exchange, readToEnd, readUntil, request, writeAll } from "./raw.ts";
import { anyPort, first, start, started, withLimits } from "./serving.ts";
import { bearer, makeWorld } from "./world.ts";

const fixture = (name: string) => Deno.readTextFileSync(new URL(`../fixtures/${name}`, import.meta.url));

Deno.test("serve() listens on IPv4, IPv6 and unix sockets at once, and leaves nothing behind", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/api.sock`;
  try {
    const world = makeWorld();
    {
      await using serving = await start(world, {
        listen: [anyPort, { transport: "tcp", hostname: "::1", port: 0 }, { transport: "unix", path }],
      });
      assert.equal(serving.addresses.length, 3);
      assert.match(serving.addresses[0] ?? "", /^127\.0\.0\.1:[1-9]/);
      assert.match(serving.addresses[1] ?? "", /^\[::1\]:[1-9]/);
      assert.equal(serving.addresses[2], `unix:${path}`);
      for (const address of serving.addresses) {
        assert.match(await exchange(address, request("GET /healthz")), /^HTTP\/1\.1 200 OK/);
      }
      const mode = (await Deno.stat(path)).mode ?? 0;
      assert.equal((mode & 0o777).toString(8), "660");
    }
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the peer of a change is the one the listener saw, and a unix socket counts as loopback", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/api.sock`;
  try {
    const world = makeWorld();
    await using serving = await start(world, { listen: [anyPort, { transport: "unix", path }] });
    for (const address of serving.addresses) {
      const answer = await exchange(address, request("POST /v1/backends/b1/pause", [bearer]));
      assert.match(answer, /^HTTP\/1\.1 200/);
      assert.match(
        await exchange(address, request("POST /v1/backends/b1/resume", [bearer])),
        /^HTTP\/1\.1 200/,
      );
    }
    const peers = world.lines.filter((line) => line.msg === "api-change").map((line) => line.peer);
    assert.equal(peers.length, 4);
    assert.match(String(peers[0]), /^127\.0\.0\.1:\d+$/);
    assert.equal(peers[2], `unix:${path}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file in the place of a unix socket is named, and stays", async () => {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  try {
    const path = `${folder}/maglev.yaml`;
    await Deno.writeTextFile(path, "mine");
    const result = await serve({
      app: makeWorld().app,
      listen: [{ transport: "unix", path }],
      tls: null,
      log: silentLog,
      clock: systemClock,
    });
    assert.ok(!result.ok);
    assert.equal(
      result.error.message,
      `Cannot listen on unix:${path}: there is a file that is no socket, and it is not deleted`,
    );
    assert.equal(await Deno.readTextFile(path), "mine");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a port in use is a clear error, and what was opened before is closed again", async () => {
  const world = makeWorld();
  const directory = await Deno.makeTempDir();
  const path = `${directory}/api.sock`;
  try {
    await using serving = await start(world);
    const port = Number(first(serving).split(":")[1]);
    const result = await serve({
      app: world.app,
      listen: [{ transport: "unix", path }, { transport: "tcp", hostname: "127.0.0.1", port }],
      tls: null,
      log: silentLog,
      clock: systemClock,
    });
    assert.ok(!result.ok);
    assert.equal(result.error.reason, "in-use");
    assert.equal(result.error.address, `127.0.0.1:${port}`);
    assert.match(result.error.message, /Cannot listen on 127\.0\.0\.1:\d+: another process does already/);
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("an abandoned unix socket is taken over, a live one and a plain file are not", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/api.sock`;
  const options = { listen: [{ transport: "unix", path } as const] };
  const world = makeWorld();
  const again = async () =>
    await serve({ app: world.app, tls: null, log: silentLog, clock: systemClock, ...options });
  try {
    // A process that is killed leaves the file; closing the descriptor without unlinking does the same.
    const left = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        "--no-config",
        "Deno.listen({ transport: 'unix', path: Deno.args[0] }); Deno.exit(0)",
        path,
      ],
      stdout: "null",
    }).output();
    assert.equal(left.code, 0);
    assert.ok((await Deno.lstat(path)).isSocket);
    await using _serving = started(await again());
    const second = await again();
    assert.ok(!second.ok);
    assert.equal(second.error.reason, "in-use");
    await Deno.writeTextFile(`${directory}/file`, "precious");
    const third = await serve({
      app: world.app,
      tls: null,
      log: silentLog,
      clock: systemClock,
      listen: [{ transport: "unix", path: `${directory}/file` }],
    });
    assert.ok(!third.ok);
    assert.equal(await Deno.readTextFile(`${directory}/file`), "precious");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the metrics listener knows three paths", async () => {
  const world = makeWorld();
  const { control, bus } = world;
  const metricsApp = createMetricsApp({ control, bus, log: silentLog, clock: systemClock });
  await using serving = await start(world, { metricsApp, metricsListen: anyPort });
  const address = serving.metricsAddress ?? "";
  for (const path of ["/metrics", "/healthz", "/readyz"]) {
    assert.match(await exchange(address, request(`GET ${path}`)), /^HTTP\/1\.1 200/, path);
  }
  for (const path of ["/v1/backends", "/openapi.json", "/docs"]) {
    assert.match(await exchange(address, request(`GET ${path}`)), /^HTTP\/1\.1 404/, path);
  }
});

Deno.test("HTTPS is served, and neither plain HTTP nor an idle handshake holds a connection", async () => {
  const world = makeWorld();
  const cert = fixture("api_cert.pem");
  await using serving = await start(world, {
    tls: { cert, key: fixture("api_key.pem") },
    limits: withLimits({ handshakeMs: 100 }),
  });
  const port = Number(first(serving).split(":")[1]);
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const answer = await fetch(`https://localhost:${port}/healthz`, { client });
  assert.deepEqual(await answer.json(), { status: "ok" });
  await exchange(first(serving), request("GET /healthz"));
  using idle = await dial(first(serving));
  assert.equal(await readToEnd(idle), "");
});

Deno.test("one connection carries many requests, also after one with a body", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  using conn = await dial(first(serving));
  for (let i = 0; i < 3; i++) {
    await writeAll(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await readUntil(conn, `{"status":"ok"}`);
    await writeAll(
      conn,
      `POST /v1/vpp/lb/sync HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"frontend":"web"}`,
    );
    await readUntil(conn, `"skipped":0`);
    await writeAll(
      conn,
      `POST /v1/backends/b1/pause HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"reason":"x"}`,
    );
    await readUntil(conn, `"name":"b1"`);
  }
});

Deno.test("closing the server ends event streams and idle connections", async () => {
  const world = makeWorld();
  const serving = await start(world);
  using idle = await dial(first(serving));
  await writeAll(idle, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await readUntil(idle, `"ok"`);
  using stream = await dial(first(serving));
  await writeAll(stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await readUntil(stream, `"kind":"vpp"`);
  assert.equal(world.bus.subscribers, 1);
  world.bus[Symbol.dispose]();
  await serving[Symbol.asyncDispose]();
  assert.equal(await readToEnd(idle), "");
  assert.match(await readToEnd(stream), /^(0\r\n\r\n)?$/);
  assert.equal(world.bus.subscribers, 0);
});

Deno.test("a client that leaves before its stream begins leaves no subscription behind", async () => {
  const world = makeWorld();
  const gone = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const slow = {
    fetch: async (...args: Parameters<typeof world.app.fetch>) => {
      await gone.promise;
      const answer = await world.app.fetch(...args);
      assert.equal(world.bus.subscribers, 1);
      answered.resolve();
      return answer;
    },
  };
  const arrived = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const listener = requestListener({ app: slow, log: silentLog, scheme: "http", address: anyPort });
  const server = http.createServer((request, response) => {
    response.on("close", () => left.resolve());
    listener(request, response);
    arrived.resolve();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  assert.ok(typeof bound === "object" && bound !== null);
  const conn = await dial(`127.0.0.1:${bound.port}`);
  await writeAll(conn, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await arrived.promise;
  conn.close();
  await left.promise;
  gone.resolve();
  await answered.promise;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  while (world.bus.subscribers > 0) await new Promise((resolve) => setTimeout(resolve, 1));
});

Deno.test("a client that leaves ends its subscription", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  const stream = await dial(first(serving));
  await writeAll(stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await readUntil(stream, `"kind":"vpp"`);
  assert.equal(world.bus.subscribers, 1);
  stream.close();
  while (world.bus.subscribers > 0) await new Promise((resolve) => setTimeout(resolve, 1));
});
