import assert from "node:assert/strict";
import type { Announcement } from "../../src/bus/mod.ts";
import { eventLine } from "../../src/cli/render/events.ts";
import { startDaemon } from "./daemon.ts";
import { run } from "./session.ts";
import { siteNow } from "./site.ts";

const down: Announcement = {
  kind: "backend",
  backend: "web1",
  frontends: ["www"],
  transition: {
    from: "up",
    to: "down",
    at: new Date(siteNow).toISOString(),
    at_unix_ns: `${siteNow}000000`,
    code: "L7STS",
    detail: "HTTP 503",
    by: null,
    effects: [{ frontend: "www", pool: "primary", weight_before: 100, weight_after: 0, flush: true }],
  },
};

/** Present state of the site without log: 5 backends, 4 frontends, VPP. */
const present = 10;

/** Resolves when `text` has been written so often. */
function counter(text: string, count: number): { onOutput: (piece: string) => void; reached: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  return {
    onOutput: (piece) => {
      seen += piece.split(text).length - 1;
      if (seen >= count) resolve();
    },
    reached: promise,
  };
}

Deno.test("watch shows events as they happen and ends after n", async () => {
  await using daemon = startDaemon();
  const { onOutput, reached } = counter("\n", present);
  const watching = run(daemon, `watch events num ${present + 4}`, { width: 120, onOutput });
  await reached;
  daemon.bus.announce(down);
  daemon.bus.announce({
    kind: "frontend",
    frontend: "www",
    from: "up",
    to: "down",
    active_pool: "primary",
    reason: "no server",
  });
  daemon.bus.announce({
    kind: "vpp",
    from: "connected",
    to: "disconnected",
    reason: "closed by VPP",
    info: null,
  });
  daemon.bus.announce({
    kind: "log",
    level: "warn",
    msg: "config-reload",
    attrs: { file: "/etc/maglev.yaml", why: "a b", n: 2, list: ["x"], evil: "\x1b[2J" },
  });
  const { code, out } = await watching;
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n").slice(present, -1), [
    "12:00:00.000  backend   web1 up → down  L7STS HTTP 503; www 100→0 flushed",
    "12:00:00.000  frontend  www up → down, pool primary  no server",
    "12:00:00.000  vpp       connected → disconnected  closed by VPP",
    '12:00:00.000  log       warn  config-reload file=/etc/maglev.yaml why="a b" n=2 list=["x"] evil=\\x1b[2J',
  ]);
});

Deno.test("the words of a watch are the filters of the request", async () => {
  await using daemon = startDaemon();
  const paths: [string, string][] = [
    ["watch events num 1", "/v1/events"],
    ["watch events num 1 backend", "/v1/events?kinds=backend"],
    ["watch events vpp num 1 backend", "/v1/events?kinds=backend%2Cvpp"],
    ["watch events frontend log level debug num 1", "/v1/events?kinds=log%2Cfrontend&level=debug"],
  ];
  for (const [line, path] of paths) {
    assert.equal((await run(daemon, line)).code, 0);
    assert.equal(daemon.requests.at(-1), `GET ${path}`);
  }
});

Deno.test("on a terminal any key ends a watch", async () => {
  await using daemon = startDaemon();
  const key = new AbortController();
  const { onOutput, reached } = counter("\n", present);
  const watching = run(daemon, "watch events", { width: 80, anyKey: key.signal, onOutput });
  await reached;
  key.abort();
  assert.equal((await watching).code, 0);
});

Deno.test("a watch goes on where it was when the connection breaks, and ends with 3 when the server stays away", async () => {
  const asked: (string | null)[] = [];
  const frame = (id: string) => `event: log\nid: ${id}\ndata: {"id":"${id}"}\n\n`;
  const answers = [frame("e-1") + frame("e-2"), frame("e-3")];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    asked.push(request.headers.get("last-event-id"));
    const text = answers.shift();
    if (answers.length === 0) queueMicrotask(() => void server.shutdown());
    return new Response(text, { headers: { "content-type": "text/event-stream" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { code, out, err } = await run({ url }, "watch events");
  await server.finished;
  assert.deepEqual(asked, [null, "e-2"]);
  assert.equal(out, '{"id":"e-1"}\n{"id":"e-2"}\n{"id":"e-3"}\n');
  assert.equal(code, 3);
  assert.deepEqual(err.split("\n"), [
    `maglevc: lost ${url}; trying again`,
    `maglevc: lost ${url}; trying again`,
    `maglevc: cannot reach ${url}: connection refused`,
    "",
  ]);
});

Deno.test("a watch of a server that is not there fails at once", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  const { code, err } = await run({ url }, "watch events");
  assert.deepEqual([code, err], [3, `maglevc: cannot reach ${url}: connection refused\n`]);
});

Deno.test("an event in one line of text, without colour", () => {
  const head = { at: "2026-01-31T12:00:00.123Z", at_unix_ns: "0", synthetic: false };
  assert.equal(
    eventLine({ ...head, kind: "dropped", reason: "too slow" }),
    "12:00:00.123  dropped   cut off by the server: too slow",
  );
  assert.equal(
    eventLine({ ...head, kind: "resync", reason: "ring" }),
    "12:00:00.123  resync    events were lost (ring); the present state follows",
  );
});
