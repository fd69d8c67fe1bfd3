import assert from "node:assert/strict";
import { dial, exchange, readToEnd, readUntil, request, writeAll } from "./raw.ts";
import { first, start, withLimits } from "./serving.ts";
import { bearer, makeWorld } from "./world.ts";

Deno.test("connections above the bound are closed, the others go on", async () => {
  const world = makeWorld();
  await using serving = await start(world, { limits: withLimits({ connections: 2 }) });
  const address = first(serving);
  const kept: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 2; i++) {
      const conn = await dial(address);
      kept.push(conn);
      await writeAll(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await readUntil(conn, `"ok"`);
    }
    using third = await dial(address);
    assert.equal(await readToEnd(third), "");
    for (const conn of kept) {
      await writeAll(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await readUntil(conn, `"ok"`);
    }
  } finally {
    for (const conn of kept) conn.close();
  }
});

Deno.test("a head or a body that does not come in time ends the connection", async () => {
  const world = makeWorld();
  await using serving = await start(world, { limits: withLimits({ headersMs: 100, requestMs: 200 }) });
  const address = first(serving);
  const [silent, half, body] = await Promise.all([
    exchange(address, ""),
    exchange(address, "GET /healthz HTTP/1.1\r\nHost: local"),
    exchange(
      address,
      `POST /v1/vpp/lb/sync HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
    ),
  ]);
  assert.equal(silent, "");
  assert.match(half, /^HTTP\/1\.1 400 Bad Request\r\n[^]*urn:maglev:problem:bad-request[^]*too long/);
  assert.doesNotMatch(body, /^HTTP\/1\.1 200/);
  assert.deepEqual(world.control.commands, []);
});

Deno.test("an answer that the client does not read does not hold its connection for ever", async () => {
  const world = makeWorld();
  world.control.metricsText = "x".repeat(32 * 1024 * 1024);
  await using serving = await start(world, { limits: withLimits({ connections: 1, stallMs: 100 }) });
  using stalled = await dial(first(serving));
  await writeAll(stalled, request("GET /metrics"));
  // The one connection is taken until the stalled one is cut.
  while (!(await exchange(first(serving), request("GET /healthz"))).startsWith("HTTP/1.1 200"));
});

Deno.test("a head over its bound, garbage and strange targets get 400 or nothing worse", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  const address = first(serving);
  const cases: [string, RegExp][] = [
    [request("GET /healthz", [`X-Long: ${"a".repeat(20_000)}`]), /^HTTP\/1\.1 400 /],
    ["\x16\x03\x01\x02\x00 hello\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["GET /healthz HTTP/1.1\r\nHost: evil/x\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["GET http://[::1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["TRACE /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 405 /],
    ["OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400 /],
    [
      "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 200 /,
    ],
    [
      "HEAD /v1/backends HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 200 [^]*\r\n\r\n$/,
    ],
    [
      "HEAD /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 200 [^]*\r\n\r\n$/,
    ],
  ];
  for (const [text, wanted] of cases) {
    const answer = await exchange(address, text);
    assert.match(answer, wanted, text.slice(0, 60));
    if (!answer.startsWith("HTTP/1.1 400")) continue;
    const problem = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")));
    assert.ok(problem.errors.length > 0, `it says where: ${JSON.stringify(problem)}`);
  }
  assert.equal(world.bus.subscribers, 0);
});

Deno.test("a client that leaves in the middle of its body is no failure of the daemon", async () => {
  const counted = Promise.withResolvers<[string, number]>();
  const world = makeWorld({
    recorder: {
      httpRequest: (_method, route, code) => counted.resolve([route, code]),
      unauthorized() {},
    },
  });
  await using serving = await start(world);
  const conn = await dial(first(serving));
  await writeAll(
    conn,
    `POST /v1/config/check HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: text/yaml\r\nContent-Length: 9\r\n\r\nma`,
  );
  conn.close();
  assert.deepEqual(await counted.promise, ["/v1/config/check", 400]);
  assert.deepEqual(world.lines, []);
  assert.deepEqual(world.control.commands, []);
});

Deno.test("an absolute target does not hide a foreign host", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  for (
    const [target, host] of [
      ["http://evil.example/v1/backends/b1", "localhost"],
      ["http://localhost/v1/backends/b1", "evil.example"],
    ]
  ) {
    assert.match(
      await exchange(first(serving), request(`GET ${target}`, [`Host: ${host}`])),
      /^HTTP\/1\.1 403 /,
    );
  }
  assert.deepEqual(world.control.commands, []);
});

Deno.test("a body over 1 MiB is refused before it has arrived, and ends the connection", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  const said = await exchange(
    first(serving),
    `POST /v1/config/check HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: text/yaml\r\nContent-Length: 1048577\r\n\r\nx`,
  );
  assert.match(said, /^HTTP\/1\.1 413 /);
  const chunk = `10000\r\n${"a".repeat(0x10000)}\r\n`;
  using conn = await dial(first(serving));
  await writeAll(
    conn,
    `POST /v1/config/check HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: text/yaml\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const answer = readToEnd(conn);
  try {
    for (let i = 0; i < 40; i++) await writeAll(conn, chunk);
  } catch (error) {
    // The server may close while the rest is still being written.
    assert.ok(
      error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset,
      String(error),
    );
  }
  const text = await answer;
  // A reset may overtake the answer on its way.
  if (text !== "") assert.match(text, /^HTTP\/1\.1 413 /);
  assert.deepEqual(world.control.commands, []);
});

Deno.test("requests in advance are answered in order, one at a time, and not more than a few of them wait", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
  const paths = Array.from({ length: 10 }, (_, i) => `/v1/backends/x${i}`);
  const text = paths.map((path) => get(path)).join("") + get("/healthz", "Connection: close\r\n");
  const answers = await exchange(first(serving), text);
  assert.deepEqual([...answers.matchAll(/"instance":"([^"]+)"/g)].map(([, path]) => path), paths);
  assert.match(answers, /\{"status":"ok"\}$/);
  // A client that asks for much and reads nothing would have its answers pile up here.
  world.control.metricsText = "x".repeat(8 * 1024 * 1024);
  let asked = 0;
  const { metrics } = world.control;
  world.control.metrics = () => {
    asked++;
    return metrics.call(world.control);
  };
  using greedy = await dial(first(serving));
  await writeAll(greedy, get("/metrics").repeat(10));
  assert.match(await exchange(first(serving), request("GET /healthz")), /^HTTP\/1\.1 200 /);
  assert.ok(asked <= 1, String(asked));
  await writeAll(greedy, get("/metrics").repeat(100)).catch(() => {});
  await readToEnd(greedy);
  assert.ok(asked <= 3, String(asked));
});
