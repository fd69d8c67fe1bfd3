/** The event stream of the daemon itself, over a socket. */
import assert from "node:assert/strict";
import type { BackendEvent, FrontendEvent, LogEvent, ResyncEvent, VppEvent } from "../../src/api/mod.ts";
import { type SseFrame, sseFrames } from "../../src/sse.ts";
import { Backends, Vpp, wwwConfig } from "../e2e/world.ts";
import { fasterClock, Inside } from "./inside.ts";

type Event = BackendEvent | FrontendEvent | LogEvent | ResyncEvent | VppEvent;

/** One subscriber, who keeps everything it got. */
class Subscriber implements AsyncDisposable {
  readonly #leave = new AbortController();
  /** Kept because the runtime cannot abort the body of an answer that was collected as garbage. */
  #answer: Response | null = null;
  #read: Promise<void> = Promise.resolve();
  #more = Promise.withResolvers<void>();
  readonly frames: SseFrame[] = [];

  static async join(inside: Inside, query = "", lastEventId?: string): Promise<Subscriber> {
    const subscriber = new Subscriber();
    const address = inside.log.find((line) => line.msg === "listening")?.address;
    const answer = await fetch(`http://${address}/v1/events${query}`, {
      signal: subscriber.#leave.signal,
      headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId },
    });
    assert.equal(answer.status, 200);
    assert.ok(answer.body !== null);
    subscriber.#answer = answer;
    subscriber.#read = subscriber.#pump(answer.body);
    return subscriber;
  }

  get events(): Event[] {
    return this.frames.map((frame) => JSON.parse(frame.data));
  }

  /** Id of the newest frame. */
  get lastId(): string {
    return this.frames.at(-1)?.id ?? "";
  }

  /** Resolves with the first event, old or new, that matches. */
  async got(matches: (event: Event) => boolean): Promise<Event> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`waited too long; the last: ${this.frames.at(-1)?.data}`)),
      30_000,
    );
    try {
      for (;;) {
        const found = this.events.find(matches);
        if (found !== undefined) return found;
        await Promise.race([this.#more.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assert.equal(this.#answer?.status, 200);
    this.#leave.abort();
    await this.#read;
  }

  async #pump(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    try {
      for await (const frame of sseFrames(body)) {
        this.frames.push(frame);
        const { resolve } = this.#more;
        this.#more = Promise.withResolvers();
        resolve();
      }
    } catch (error) {
      if (!this.#leave.signal.aborted) throw error;
    }
  }
}

const listening = ["--listen", "127.0.0.1:0"];

async function settled(inside: Inside): Promise<void> {
  for (const name of ["b1", "b2", "b3"]) {
    await inside.logged((l) => l.msg === "backend-transition" && l.backend === name && l.to === "up");
  }
  await inside.synced();
}

const to = (kind: Event["kind"], name: string, state: string) => (event: Event): boolean => {
  if (event.kind !== kind || event.synthetic) return false;
  if (event.kind === "backend") return event.backend === name && event.transition.to === state;
  return event.kind === "frontend" && event.frontend === name && event.to === state;
};

Deno.test("a stream begins with the present state and goes on with what happens, each kind as asked for", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.95");
  const other = "    api: { address: 198.51.100.11, pools: [{ name: all, backends: { b3: {} } }] }\n";
  const config = wwwConfig("77.95", servers.port, other);
  await using inside = await Inside.start({ config, vpp: vpp.paths, args: listening });
  await settled(inside);
  await using all = await Subscriber.join(inside);
  await using backends = await Subscriber.join(inside, "?kinds=backend");
  await using b2 = await Subscriber.join(inside, "?backend=b2&kinds=backend,log");
  await using api = await Subscriber.join(inside, "?frontend=api");
  await all.got((event) => event.kind === "vpp");
  // What the last syncs still do may follow.
  const present = all.events.filter((event) => event.synthetic);
  assert.deepEqual(present.map(({ kind }) => kind), [
    "backend",
    "backend",
    "backend",
    "frontend",
    "frontend",
    "vpp",
  ]);
  for (const [i, event] of present.entries()) {
    assert.equal(event.synthetic, true);
    if (event.kind === "backend") {
      const { from, to, code } = event.transition;
      assert.deepEqual([event.backend, from, to, code], [`b${i + 1}`, "up", "up", "L7OK"]);
    }
    if (event.kind === "frontend") assert.deepEqual([event.from, event.to], ["up", "up"]);
    if (event.kind === "vpp") {
      assert.deepEqual([event.from, event.to, event.info?.version], [
        "connected",
        "connected",
        "26.10-rc0~simulated",
      ]);
    }
  }
  const ids = new Set(all.frames.slice(0, present.length).map(({ id }) => id));
  assert.equal(ids.size, 1, "all have the id of the newest real event");
  const paused = inside.send("POST", "/v1/backends/b2/pause");
  await servers.at(1).stop();
  await paused;
  await all.got(to("frontend", "www", "up"));
  for (const one of [all, backends]) await one.got(to("backend", "b1", "down"));
  const change = await b2.got(to("backend", "b2", "paused")) as BackendEvent;
  assert.deepEqual([change.frontends, change.transition.by, change.transition.effects], [["www"], "local", [{
    frontend: "www",
    pool: "primary",
    weight_before: 50,
    weight_after: 0,
    flush: false,
  }]]);
  // b3 takes over in www and serves in api anyway: it is told of to both.
  await servers.at(3).stop();
  await api.got(to("frontend", "api", "down"));
  await all.got(to("frontend", "www", "down"));
  assert.ok(backends.events.every(({ kind }) => kind === "backend"));
  assert.ok(
    b2.events.every((event) =>
      event.kind === "backend" ? event.backend === "b2" : event.kind === "log" && event.attrs.backend === "b2"
    ),
  );
  await b2.got((event) => event.kind === "log" && event.msg === "backend-transition");
  await b2.got((event) => event.kind === "log" && event.msg === "vpp-lbsync-as-weight");
  await api.got((event) => event.kind === "log" && event.msg === "vpp-lbsync-start");
  for (const event of api.events) {
    const names = event.kind === "frontend"
      ? [event.frontend]
      : event.kind === "backend"
      ? event.frontends
      : event.kind === "log"
      ? [event.attrs.frontend, event.attrs.frontends].flat().filter((name) => typeof name === "string")
      : [];
    assert.ok(names.includes("api"), JSON.stringify(event));
  }
});

Deno.test("debug records go to the subscriber who asks, not to others and not to the daemon's output", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.96");
  await using inside = await Inside.start({
    config: wwwConfig("77.96", servers.port),
    vpp: vpp.paths,
    args: listening,
    clock: fasterClock(2),
  });
  await settled(inside);
  await using curious = await Subscriber.join(inside, "?kinds=log&level=debug");
  await using usual = await Subscriber.join(inside, "?kinds=log");
  await using calm = await Subscriber.join(inside, "?kinds=log&level=warn");
  await inside.send("POST", "/v1/vpp/lb/sync");
  const names = [
    "vpp-api-send",
    "vpp-api-recv",
    "vpp-api-send-multi",
    "vpp-api-recv-multi",
    "probe-start",
    "probe-done",
  ];
  for (const name of names) await curious.got((event) => event.kind === "log" && event.msg === name);
  for (const one of [usual, curious]) {
    await one.got((event) => event.kind === "log" && event.msg === "api-change");
  }
  const levels = (one: Subscriber) =>
    new Set(one.events.map((event) => event.kind === "log" ? event.level : ""));
  assert.deepEqual([...levels(usual)], ["info"]);
  assert.deepEqual([...levels(calm)], []);
  assert.ok(levels(curious).has("debug") && levels(curious).has("info"));
  assert.deepEqual(inside.log.filter((line) => line.level === "DEBUG"), []);
  const sent = curious.events.find((event) => event.kind === "log" && event.attrs.message === "lb_vip_dump");
  assert.ok(sent !== undefined, "the decoded message is there");
});

Deno.test("a subscriber that comes back loses nothing and gets nothing twice; after a restart it is told so", async () => {
  await using servers = new Backends("77.97");
  const config = wwwConfig("77.97", servers.port);
  let last = "";
  {
    await using inside = await Inside.start({ config, vpp: null, args: listening });
    await inside.logged((l) => l.msg === "backend-transition" && l.backend === "b3" && l.to === "up");
    await using steady = await Subscriber.join(inside, "?kinds=backend,frontend,log");
    const seen: SseFrame[] = [];
    {
      await using first = await Subscriber.join(inside, "?kinds=backend,frontend,log");
      await inside.send("POST", "/v1/backends/b1/pause");
      await first.got(to("backend", "b1", "paused"));
      seen.push(...first.frames);
    }
    for (const action of ["resume", "pause", "disable", "enable"]) {
      await inside.send("POST", `/v1/backends/b1/${action}`);
    }
    await using second = await Subscriber.join(inside, "?kinds=backend,frontend,log", seen.at(-1)?.id ?? "");
    await inside.send("POST", "/v1/backends/b2/disable");
    for (const one of [steady, second]) await one.got(to("backend", "b2", "disabled"));
    await inside.send("POST", "/v1/backends/b3/disable");
    for (const one of [steady, second]) {
      await one.got((event) => event.kind === "log" && String(event.attrs.path).endsWith("b3/disable"));
    }
    seen.push(...second.frames);
    const real = (frames: readonly SseFrame[]) =>
      frames.filter((frame) => !JSON.parse(frame.data).synthetic).map((frame) => frame.data);
    // Probes go on meanwhile, so the two may have left at different events.
    const [mine, theirs] = [real(seen), real(steady.frames)];
    const length = Math.min(mine.length, theirs.length);
    assert.ok(length > 10);
    assert.deepEqual(mine.slice(0, length), theirs.slice(0, length));
    last = second.lastId;
  }
  await using inside = await Inside.start({ config, vpp: null, args: listening });
  await using again = await Subscriber.join(inside, "", last);
  await again.got((event) => event.kind === "vpp");
  const [resync, ...present] = again.events;
  assert.ok(resync?.kind === "resync");
  assert.equal(resync.reason, "epoch");
  assert.ok(present.slice(0, 3).every((event) => event.kind === "backend" && event.synthetic));
});

Deno.test("VPP's comings and goings are events with the reason and with what came", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.98");
  await using inside = await Inside.start({
    config: wwwConfig("77.98", servers.port),
    vpp: vpp.paths,
    args: listening,
    clock: fasterClock(2),
  });
  await settled(inside);
  await using subscriber = await Subscriber.join(inside, "?kinds=vpp");
  await vpp.simulator.kill();
  const gone = await subscriber.got((event) =>
    event.kind === "vpp" && event.to === "disconnected"
  ) as VppEvent;
  assert.deepEqual([gone.from, gone.info], ["connected", null]);
  assert.match(gone.reason, /VPP closed the connection|cannot read/);
  await vpp.simulator.restart();
  const back = await subscriber.got((event) =>
    event.kind === "vpp" && event.to === "connected" && !event.synthetic
  ) as VppEvent;
  assert.equal(back.from, "disconnected");
  assert.equal(back.info?.boottime_ns, `${vpp.simulator.bootTime}000000000`);
});
