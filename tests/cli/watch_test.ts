import assert from "node:assert/strict";
import type { Announcement } from "../../src/bus/mod.ts";
import { eventLine } from "../../src/cli/render/events.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { err, ok } from "../../src/result.ts";
import { startDaemon } from "./daemon.ts";
import { run } from "./session.ts";
import { utc } from "../../src/cli/when.ts";
import { siteNow } from "./site.ts";
import { answerOf } from "./site_answers.ts";

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
  const watching = run(daemon, "watch events num 4", { width: 120, onOutput });
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
    "12:00:00.000Z  backend   web1 up → down  L7STS HTTP 503; www 100→0 flushed",
    "12:00:00.000Z  frontend  www up → down, pool primary  no server",
    "12:00:00.000Z  vpp       connected → disconnected  closed by VPP",
    '12:00:00.000Z  log       warn  config-reload file=/etc/maglev.yaml why="a b" n=2 list=["x"] evil=\\x1b[2J',
  ]);
});

Deno.test("the words of a watch are the filters of the request", async () => {
  await using daemon = startDaemon();
  const paths: [string, string][] = [
    ["watch events num 0", "/v1/events"],
    ["watch events backend", "/v1/events?kinds=backend"],
    ["watch events vpp backend", "/v1/events?kinds=backend%2Cvpp"],
    ["watch events frontend log level debug", "/v1/events?kinds=log%2Cfrontend&level=debug"],
    ["watch events for web1", "/v1/events?backend=web1"],
    ["watch events for www", "/v1/events?frontend=www"],
  ];
  for (const [line, path] of paths) {
    if (line.endsWith("num 0")) {
      assert.equal((await run(daemon, line)).code, 0);
      continue;
    }
    const stop = new AbortController();
    const { onOutput, reached } = counter("\n", 1);
    const watching = run(daemon, line, { signal: stop.signal, onOutput });
    await reached;
    stop.abort();
    assert.equal((await watching).code, 0);
    assert.equal(daemon.requests.at(-1), `GET ${path}`);
  }
});

Deno.test("a name that nothing has is refused before anything is shown", async () => {
  await using daemon = startDaemon();
  assert.deepEqual(await run(daemon, "watch events for web7"), {
    code: 1,
    out: "",
    err: 'maglevc: there is no backend and no frontend "web7"\n  did you mean web1?\n',
    drawings: [],
  });
});

Deno.test("new leaves the present state out, and num counts what happens", async () => {
  await using daemon = startDaemon();
  const announced = (async () => {
    while (!daemon.requests.includes("GET /v1/events")) await new Promise((done) => setTimeout(done, 5));
    daemon.bus.announce(down);
    daemon.bus.announce(down);
    daemon.bus.announce(down);
  })();
  const { out } = await run(daemon, "watch events new num 2", { width: 120 });
  await announced;
  assert.deepEqual(
    out.split("\n").map((row) => row.slice(0, 40)),
    [
      "12:00:00.000Z  backend   web1 up → down  ",
      "12:00:00.000Z  backend   web1 up → down  ",
      "",
    ].map((row) => row.slice(0, 40)),
  );
});

/** A server whose streams are these frames, one connection after the other, and then is gone. */
async function streamed(connections: readonly (readonly object[])[], text: string, options = {}) {
  const left = connections.map((events, i) =>
    events.map((event, j) => `id: ${i}-${j}\ndata: ${JSON.stringify(event)}\n\n`).join("")
  );
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/v1/events") return Response.json(answerOf("GET", pathname, searchParams));
    const frames = left.shift();
    if (frames === undefined) return new Response("gone", { status: 410 });
    return new Response(frames, { headers: { "content-type": "text/event-stream" } });
  });
  const outcome = await run({ url: `http://127.0.0.1:${server.addr.port}` }, text, {
    width: 120,
    ...options,
  });
  await server.shutdown();
  return outcome;
}

const head = { at: new Date(siteNow).toISOString(), at_unix_ns: "0" };
const isState = (backend: string, state: string, synthetic: boolean, at = head.at) => ({
  ...head,
  at,
  synthetic,
  kind: "backend",
  backend,
  frontends: [],
  transition: {
    from: synthetic ? state : "up",
    to: state,
    at,
    code: "L7OK",
    detail: "",
    by: null,
    effects: [],
  },
});

Deno.test("after a restart of the daemon only what is other than before is shown", async () => {
  const { out } = await streamed([
    [isState("web1", "up", true), isState("web2", "up", true), isState("web3", "up", true)],
    [
      { ...head, synthetic: false, kind: "resync", reason: "epoch" },
      isState("web1", "up", true),
      isState("web2", "down", true),
      isState("web4", "up", true),
    ],
  ], "watch events");
  assert.deepEqual(out.split("\n").slice(3, -1), [
    "12:00:00.000Z  resync    maglevd was restarted; what differs from before follows",
    "12:00:00.000Z  backend   web2 is down, was up",
    "12:00:00.000Z  backend   web4 is up",
  ]);
});

Deno.test("since shows the journal first, and what the stream repeats of it once", async () => {
  const again = siteNow - 42_000;
  const { out } = await streamed(
    [[
      isState("web1", "up", true),
      isState("web3", "down", false, new Date(again).toISOString()),
      isState("web1", "down", false),
    ]],
    "watch events since 2h backend num 3",
    { zone: () => 60 },
  );
  assert.deepEqual(out.split("\n").map((row) => row.trimEnd()).slice(0, -1), [
    "11:57:55.000+01:00  backend   backend web2: up to paused  by ops",
    "12:59:18.000+01:00  backend   backend web3: up to down, L4CON connection refused",
    "13:00:00.000+01:00  backend   web1 up → down  L7OK",
  ]);
});

Deno.test("events of another shape are named, and no error of the language", async () => {
  for (
    const [event, message] of [
      ["[1", "an event is no JSON"],
      ["7", "an event: the answer is a number, not an object"],
      ['{"kind":"backend","at":"x","synthetic":true}', "an event: at is no time"],
    ] as const
  ) {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
      queueMicrotask(() => void server.shutdown());
      return new Response(`data: ${event}\n\n`, { headers: { "content-type": "text/event-stream" } });
    });
    const url = `http://127.0.0.1:${server.addr.port}`;
    const { code, err } = await run({ url }, "watch events", { width: 80 });
    await server.finished;
    assert.deepEqual([code, err.replaceAll("\n  ", " ")], [
      1,
      `maglevc: ${url} did not answer as maglevd does: ${message}\n`,
    ]);
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

Deno.test("a watch waits for the token of a daemon that starts again: it removes the file when it stops", async () => {
  const ids = ["e-1", "e-2"];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    const id = ids.shift() ?? "none";
    const text = `event: log\nid: ${id}\ndata: {"id":"${id}"}\n\n`;
    return new Response(text, { headers: { "content-type": "text/event-stream" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  let asked = 0;
  const gone = "--token-file: cannot read /run/token: no such file";
  const credentials = () =>
    ++asked === 2 ? err(gone) : ok([{ token: "x", connectTo: null, note: "a note on the token" }]);
  const watch = await run({ url }, "watch events num 2", { credentials });
  assert.deepEqual(watch, {
    code: 0,
    out: '{"id":"e-1"}\n{"id":"e-2"}\n',
    err: `maglevc: lost ${url}; trying again\n`,
    drawings: [],
  });
  assert.equal(asked, 3);
  // At the beginning it is a fault of whoever typed it.
  const never = await run({ url }, "watch events", { credentials: () => err(gone) });
  assert.deepEqual([never.code, never.err], [1, `maglevc: ${gone}\n`]);
  await server.shutdown();
});

Deno.test("a watch of a server that is not there fails at once", async () => {
  const url = `http://127.0.0.1:${unusedPort()}`;
  const { code, err } = await run({ url }, "watch events");
  assert.deepEqual([code, err], [3, `maglevc: cannot reach ${url}: connection refused\n`]);
});

Deno.test("an event in one line of text, without colour", () => {
  const head = { at: "2026-01-31T12:00:00.123Z", at_unix_ns: "0", synthetic: false };
  const view = { now: siteNow, zone: utc };
  assert.equal(
    eventLine({ ...head, kind: "dropped", reason: "too slow" }, view),
    "12:00:00.123Z  dropped   cut off by the server: too slow",
  );
  assert.equal(
    eventLine({ ...head, kind: "resync", reason: "ring" }, view),
    "12:00:00.123Z  resync    events were lost; what differs from before follows",
  );
});
