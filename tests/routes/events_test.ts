import assert from "node:assert/strict";
import type { Announcement } from "../../src/bus/mod.ts";
import { type SseFrame, sseFrames } from "../../src/sse.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { dial, readUntil, writeAll } from "./raw.ts";
import { first, start } from "./serving.ts";
import { makeWorld, type World } from "./world.ts";
import { authTable } from "../../routes/auth.ts";
import { auth, sha256, tokens } from "./calls.ts";

function down(frontend: string): Announcement {
  return { kind: "frontend", frontend, from: "up", to: "down", active_pool: "main", reason: "test" };
}

const note = (n: number, level: "debug" | "info" = "info"): Announcement => ({
  kind: "log",
  level,
  msg: `note-${n}`,
  attrs: {},
});

async function open(
  world: World,
  query = "",
  headers: Record<string, string> = {},
): Promise<AsyncGenerator<SseFrame>> {
  const answer = await world.ask(`/v1/events${query}`, { headers });
  assert.equal(answer.status, 200);
  assert.ok(answer.body !== null);
  return sseFrames(answer.body);
}

async function take(frames: AsyncGenerator<SseFrame>, count: number): Promise<SseFrame[]> {
  const taken: SseFrame[] = [];
  while (taken.length < count) {
    const { value, done } = await frames.next();
    assert.ok(done !== true, `the stream ended after ${taken.length} of ${count} frames`);
    taken.push(value);
  }
  return taken;
}

const brief = (frame: SseFrame): string => {
  const data = JSON.parse(frame.data);
  return `${frame.event} ${data.backend ?? data.frontend ?? data.msg ?? data.to ?? data.reason}`;
};

Deno.test("a stream begins with every backend, every frontend and VPP, each with from = to", async () => {
  const world = makeWorld();
  const frames = await open(world);
  const first = await take(frames, 6);
  assert.deepEqual(first.map(brief), [
    "backend b1",
    "backend b2",
    "backend b3",
    "frontend web",
    "frontend dns",
    "vpp connected",
  ]);
  for (const { id, data } of first) {
    const event = JSON.parse(data);
    assert.equal(id, "e1-0");
    assert.equal(event.synthetic, true);
    const change = event.transition ?? event;
    assert.equal(change.from, change.to);
  }
  world.bus.announce(down("web"));
  assert.deepEqual((await take(frames, 1)).map(({ id }) => id), ["e1-1"]);
  await frames.return(undefined);
  assert.equal(world.bus.subscribers, 0);
});

Deno.test("filters: kinds, level, backend, frontend", async () => {
  const world = makeWorld();
  const cases: [string, string[]][] = [
    ["?kinds=vpp", ["vpp connected"]],
    ["?kinds=frontend,vpp&frontend=dns", ["frontend dns", "frontend dns"]],
    ["?backend=b2", ["backend b2"]],
    ["?kinds=log&level=debug", ["log note-1", "log note-2"]],
    ["?kinds=log", ["log note-2"]],
    ["?kinds=log&level=error", []],
  ];
  const streams = await Promise.all(cases.map(([query]) => open(world, query)));
  world.bus.announce(note(1, "debug"));
  world.bus.announce(note(2));
  world.bus.announce(down("dns"));
  world.bus[Symbol.dispose]();
  for (const [i, [query, wanted]] of cases.entries()) {
    const seen: string[] = [];
    for await (const frame of streams[i] ?? []) seen.push(brief(frame));
    assert.deepEqual(seen, wanted, query);
  }
});

Deno.test("a reconnect gets what it missed and nothing twice; too late a one gets a resync", async () => {
  const world = makeWorld();
  const first = await open(world, "?kinds=log");
  world.bus.announce(note(1));
  world.bus.announce(note(2));
  const [, last] = await take(first, 2);
  await first.return(undefined);
  world.bus.announce(note(3));
  world.bus.announce(note(4));
  const second = await open(world, "?kinds=log", { "last-event-id": last?.id ?? "" });
  world.bus.announce(note(5));
  assert.deepEqual((await take(second, 3)).map(brief), ["log note-3", "log note-4", "log note-5"]);
  await second.return(undefined);
  const other = await open(world, "?kinds=vpp", { "last-event-id": "e0-7" });
  assert.deepEqual((await take(other, 2)).map(brief), ["resync epoch", "vpp connected"]);
  await other.return(undefined);
});

Deno.test("an idle stream carries a comment every 15 s and leaves no timer behind", async () => {
  const clock = new FakeClock();
  const world = makeWorld({ clock });
  const answer = await world.ask("/v1/events?kinds=log");
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.ok(reader !== undefined);
  for (let i = 0; i < 3; i++) {
    const next: Promise<ReadableStreamReadResult<string>> = reader.read();
    await settle();
    await clock.advance(15_000);
    assert.equal((await next).value, ": \n\n");
  }
  await reader.cancel();
  await settle();
  assert.equal(clock.pending, 0);
  assert.equal(world.bus.subscribers, 0);
});

Deno.test("a reader that stops reading is told dropped if it reads on in time", async () => {
  const clock = new FakeClock();
  const world = makeWorld({ clock });
  const frames = await open(world, "?kinds=log");
  for (let n = 1; n <= 300; n++) world.bus.announce(note(n));
  assert.equal(world.bus.subscribers, 0);
  const seen: SseFrame[] = [];
  for await (const frame of frames) seen.push(frame);
  assert.equal(seen.length, 257);
  assert.equal(seen.at(-2)?.id, "e1-256");
  assert.equal(seen.at(-1)?.event, "dropped");
  assert.match(JSON.parse(seen.at(-1)?.data ?? "").reason, /256/);
  assert.equal(clock.pending, 0);
});

Deno.test("a reader that was dropped and reads nothing more loses its stream after 5 s", async () => {
  const clock = new FakeClock();
  const world = makeWorld({ clock });
  const answer = await world.ask("/v1/events?kinds=log");
  const reader = answer.body?.getReader();
  assert.ok(reader !== undefined);
  for (let n = 1; n <= 300; n++) world.bus.announce(note(n));
  await clock.advance(5_000);
  await assert.rejects(reader.closed, /too slow/);
  assert.equal(clock.pending, 0);
});

Deno.test("one stream too many is told why and closed; one that ends makes room", async () => {
  const world = makeWorld({ maxStreams: 2 });
  const first = await open(world, "?kinds=vpp");
  const second = await open(world, "?kinds=vpp");
  await take(first, 1);
  await take(second, 1);
  const third: SseFrame[] = [];
  for await (const frame of await open(world)) third.push(frame);
  assert.deepEqual(third.map(brief), ["dropped 2 event streams are open already"]);
  await first.return(undefined);
  const fourth = await open(world, "?kinds=vpp");
  assert.deepEqual((await take(fourth, 1)).map(brief), ["vpp connected"]);
  await second.return(undefined);
  await fourth.return(undefined);
});

Deno.test("a present state that cannot be told takes no place for ever", async () => {
  const world = makeWorld({ maxStreams: 2 });
  const { control } = world;
  const backends = control.backends.bind(control);
  control.backends = () => {
    throw new Error("a defect");
  };
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.equal((await world.ask("/v1/events?kinds=backend")).status, 500);
  }
  control.backends = backends;
  const stream = await open(world, "?kinds=vpp");
  assert.deepEqual((await take(stream, 1)).map(brief), ["vpp connected"]);
  await stream.return(undefined);
});

Deno.test("500 subscribers, one of which never reads: nobody else waits, and the one is cut off", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  const address = first(serving);
  const subscribe = async (level: string): Promise<Deno.Conn> => {
    const conn = await dial(address);
    await writeAll(conn, `GET /v1/events?kinds=log&level=${level} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await readUntil(conn, "\r\n\r\n");
    return conn;
  };
  const readers: Deno.Conn[] = [];
  // Only the one that never reads asks for debug records, which are large: the sockets hold some megabytes.
  const stuck = await subscribe("debug");
  const attrs = { padding: "x".repeat(64 * 1024) };
  try {
    for (let i = 0; i < 499; i++) readers.push(await subscribe("info"));
    assert.equal(world.bus.subscribers, 500);
    for (let round = 0; world.bus.subscribers === 500; round++) {
      assert.ok(round < 500, "the reader that does not read was never cut off");
      for (let i = 0; i < 16; i++) world.bus.announce({ kind: "log", level: "debug", msg: "large", attrs });
      world.bus.announce(note(round));
      // The others have it before anything else is sent.
      const some = round % 20 === 0 ? readers : readers.slice(0, 3);
      await Promise.all(some.map((conn) => readUntil(conn, `"msg":"note-${round}"`)));
    }
    assert.equal(world.bus.subscribers, 499);
    world.bus.announce(note(9999));
    await Promise.all(readers.map((conn) => readUntil(conn, `"msg":"note-9999"`)));
  } finally {
    stuck.close();
    for (const conn of readers) conn.close();
  }
});

Deno.test("a stream whose token is revoked ends with the reason, and a reader that stands still is cut off", async () => {
  const clock = new FakeClock();
  const world = makeWorld({ clock, auth });
  const open = async (token: string) => {
    const answer = await world.bare("/v1/events?kinds=vpp", {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.ok(answer.body !== null);
    return answer.body;
  };
  const [viewer, still, admin] = [
    await open(tokens.viewer),
    await open(tokens.viewer),
    await open(tokens.admin),
  ];
  assert.equal(world.bus.subscribers, 3);
  const only = { name: "some-admin", sha256: sha256(tokens.admin), role: "admin" } as const;
  world.tokens.replace(authTable([only]));
  assert.equal(world.bus.subscribers, 1, "nothing more is kept for the two");
  const frames: string[] = [];
  for await (const { event, data } of sseFrames(viewer)) frames.push(`${event} ${JSON.parse(data).reason}`);
  assert.deepEqual(frames, ["dropped the token is not valid any more"]);
  await clock.advance(5_000);
  await assert.rejects(new Response(still).text(), /too slow/);
  await admin.cancel();
  assert.equal(world.bus.subscribers, 0);
  // Nobody is told any more.
  world.tokens.replace(authTable([]));
});

Deno.test("change events come only to those who ask for the kind, and pass filters by name", async () => {
  const { ask, bus } = makeWorld();
  const readers = await Promise.all(
    ["", "?kinds=change", "?kinds=change&frontend=web", "?kinds=change&backend=b2"].map(async (query) => {
      const answer = await ask(`/v1/events${query}`);
      assert.equal(answer.status, 200, query);
      return answer;
    }),
  );
  bus.announce({ kind: "change", what: "weight", backend: "b1", frontend: "web" });
  bus.announce({ kind: "change", what: "problems", backend: null, frontend: null });
  bus[Symbol.dispose]();
  const texts = await Promise.all(readers.map((answer) => answer.text()));
  const seen = texts.map((text) =>
    [...text.matchAll(/"kind":"change".*?"what":"(\w+)"/g)].map(([, what]) => what)
  );
  assert.deepEqual(seen, [[], ["weight", "problems"], ["weight"], []]);
});
