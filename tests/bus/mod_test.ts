import assert from "node:assert/strict";
import fc from "fast-check";
import { FakeClock } from "../fake_clock.ts";
import { type Announcement, Bus, type SubscribeOptions, type Subscription } from "../../src/bus/mod.ts";
import {
  type EventFilter,
  type EventSubject,
  matches,
  parseEventId,
  PastEvents,
  type RingLimits,
  wholeFilter,
} from "../../src/bus/core.ts";

const log = (n: number, level: "debug" | "info" = "info"): Announcement => ({
  kind: "log",
  level,
  msg: `event-${n}`,
  attrs: { n },
});

function frontend(name: string): Announcement {
  return { kind: "frontend", frontend: name, from: "up", to: "down", active_pool: "main", reason: "test" };
}

interface Frame {
  readonly kind: string;
  readonly id: string;
  readonly data: Record<string, unknown>;
}

function frames(text: string | null): Frame[] {
  return (text ?? "").split("\n\n").filter((frame) => frame.startsWith("event:")).map((frame) => {
    const match = /^event: (.*)\nid: (.*)\ndata: (.*)$/.exec(frame);
    assert.ok(match !== null, frame);
    return { kind: match[1] ?? "", id: match[2] ?? "", data: JSON.parse(match[3] ?? "") };
  });
}

function readAll(subscription: Subscription): Frame[] {
  const all: Frame[] = [];
  for (let text = subscription.read(); text !== null && text !== ""; text = subscription.read()) {
    all.push(...frames(text));
  }
  return all;
}

function makeBus(options: { queueLimit?: number; ring?: RingLimits } = {}) {
  const clock = new FakeClock();
  return { clock, bus: new Bus({ clock, epoch: "e1", ...options }) };
}

Deno.test("events are numbered, stamped, and reach who asked for them", () => {
  const { bus } = makeBus();
  using all = bus.subscribe();
  using fronts = bus.subscribe({ filter: { ...wholeFilter, kinds: new Set(["frontend"]) } });
  bus.announce(log(1));
  bus.announce(frontend("web"), 1_769_860_800_123.25);
  assert.deepEqual(readAll(all).map(({ kind, id }) => [kind, id]), [["log", "e1-1"], ["frontend", "e1-2"]]);
  const [event] = readAll(fronts);
  assert.equal(event?.id, "e1-2");
  assert.equal(event?.data.at, "2026-01-31T12:00:00.123Z");
  assert.equal(event?.data.at_unix_ns, "1769860800123250000");
  assert.equal(event?.data.synthetic, false);
});

Deno.test("a subscription starts with the present state, all of it with the newest real id", () => {
  const { bus } = makeBus();
  bus.announce(log(1));
  using subscription = bus.subscribe({ present: () => [frontend("web"), frontend("dns")] });
  bus.announce(frontend("web"));
  assert.deepEqual(readAll(subscription).map(({ id, data }) => [id, data.frontend, data.synthetic]), [
    ["e1-1", "web", true],
    ["e1-1", "dns", true],
    ["e1-2", "web", false],
  ]);
});

Deno.test("a reader that is too slow is told so after what waited, and is cut off alone", () => {
  const { bus } = makeBus({ queueLimit: 3 });
  let told = 0;
  using slow = bus.subscribe({ onReadable: () => told++ });
  using quick = bus.subscribe();
  const seen: Frame[] = [];
  for (let n = 1; n <= 10; n++) {
    bus.announce(log(n));
    seen.push(...readAll(quick));
  }
  assert.equal(seen.length, 10);
  assert.equal(slow.dropped, true);
  assert.equal(told, 2, "once for the first event, once for the end");
  assert.equal(bus.subscribers, 1);
  const last = readAll(slow);
  assert.deepEqual(last.map(({ kind, id }) => [kind, id]), [
    ["log", "e1-1"],
    ["log", "e1-2"],
    ["log", "e1-3"],
    ["dropped", "e1-3"],
  ]);
  assert.equal(slow.read(), null);
  using again = bus.subscribe({ lastEventId: last.at(-1)?.id ?? "" });
  assert.deepEqual(readAll(again).map(({ id }) => id), [4, 5, 6, 7, 8, 9, 10].map((n) => `e1-${n}`));
});

Deno.test("a reconnect within the ring loses and repeats nothing, whatever the limits and the times", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ events: fc.nat(40), ms: fc.nat(20_000), read: fc.boolean(), leave: fc.boolean() }),
        {
          minLength: 1,
          maxLength: 30,
        },
      ),
      fc.record({ events: fc.integer({ min: 1, max: 60 }), ms: fc.integer({ min: 0, max: 30_000 }) }),
      (steps, limits) => {
        const { bus, clock } = makeBus({ ring: { ...limits, characters: 1e9 }, queueLimit: 20 });
        let subscription = bus.subscribe({ lastEventId: "e1-0" });
        let lastId = "e1-0";
        let newest = 0;
        const got: number[] = [];
        const read = () => {
          for (const { kind, id, data } of readAll(subscription)) {
            lastId = id;
            if (kind === "log") got.push(Number((data.attrs as { n: number }).n));
            // After a resync the present state counts as everything up to the id.
            if (kind === "resync") {
              for (let n = (got.at(-1) ?? 0) + 1; n <= Number(id.slice(3)); n++) got.push(n);
            }
          }
        };
        for (const step of steps) {
          for (let i = 0; i < step.events; i++) bus.announce(log(++newest));
          clock.stall(step.ms);
          if (step.read) read();
          if (!step.leave && !subscription.dropped) continue;
          if (subscription.dropped) read();
          subscription[Symbol.dispose]();
          subscription = bus.subscribe({ lastEventId: lastId });
        }
        for (let again = true; again; again = subscription.dropped) {
          read();
          if (!subscription.dropped) break;
          subscription = bus.subscribe({ lastEventId: lastId });
        }
        assert.deepEqual(got, Array.from({ length: newest }, (_, i) => i + 1));
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("a replay comes instead of the present state; what is forgotten or foreign is a resync and then the state", () => {
  const { bus, clock } = makeBus({ ring: { events: 5, ms: 1000, characters: 1e6 } });
  for (let n = 1; n <= 20; n++) {
    clock.stall(1000);
    bus.announce(log(n));
  }
  const present = () => [frontend("web")];
  const cases: [string, string[]][] = [
    ["e1-20", []],
    ["e1-15", ["log", "log", "log", "log", "log"]],
    ["e1-14", ["resync ring", "frontend"]],
    ["e1-21", ["resync epoch", "frontend"]],
    ["e2-15", ["resync epoch", "frontend"]],
    ["nonsense", ["resync epoch", "frontend"]],
    ["", ["resync epoch", "frontend"]],
  ];
  for (const [lastEventId, wanted] of cases) {
    using subscription = bus.subscribe({ lastEventId, present });
    const got = readAll(subscription).map(({ kind, data }) =>
      kind === "resync" ? `resync ${data.reason}` : kind
    );
    assert.deepEqual(got, wanted, lastEventId);
  }
});

Deno.test("the ring keeps its count, its time and its bound", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ gap: fc.nat(500), size: fc.integer({ min: 1, max: 300 }) }), { maxLength: 300 }),
      (pushes) => {
        const limits = { events: 20, ms: 2000, characters: 5000 };
        const ring = new PastEvents(limits);
        const all: { seq: number; at: number; size: number }[] = [];
        let at = 0;
        for (const { gap, size } of pushes) {
          at += gap;
          const seq = ring.newest + 1;
          const subject: EventSubject = { kind: "log", level: "info", backend: null, frontends: [] };
          ring.push({ seq, at, subject, frame: "x".repeat(size) });
          all.push({ seq, at, size });
          assert.ok(ring.characters <= limits.characters);
          // What is kept is a tail; what was dropped was old and spare, or did not fit.
          const kept = all.slice(all.length - ring.size);
          assert.deepEqual(
            ring.after(seq - ring.size)?.map((entry) => entry.seq),
            kept.map((entry) => entry.seq),
          );
          const next = all[all.length - ring.size - 1];
          if (next === undefined) continue;
          const wouldBe = kept.reduce((sum, entry) => sum + entry.size, 0) + next.size;
          const spare = ring.size >= limits.events && at - next.at > limits.ms;
          assert.ok(spare || wouldBe > limits.characters, "an event was forgotten too early");
          assert.equal(ring.after(next.seq - 1), null);
        }
      },
    ),
  );
});

Deno.test("old events beyond the count are forgotten also where nothing happens any more", async () => {
  const { bus, clock } = makeBus({ ring: { events: 5, ms: 1000, characters: 1e6 } });
  const missed = (id: string): string[] => {
    using subscription = bus.subscribe({ lastEventId: id });
    return readAll(subscription).map((frame) => frame.kind === "log" ? frame.id : frame.kind);
  };
  for (let n = 1; n <= 8; n++) bus.announce(log(n));
  await clock.advance(500);
  bus.announce(log(9));
  bus.announce(log(10));
  assert.equal(missed("e1-1").length, 9);
  await clock.advance(501);
  assert.deepEqual(missed("e1-4"), ["resync"]);
  assert.deepEqual(missed("e1-5"), ["e1-6", "e1-7", "e1-8", "e1-9", "e1-10"]);
  bus[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("debug records are wanted only while somebody asks, and for 30 s after", () => {
  const { bus, clock } = makeBus();
  assert.equal(bus.wants("debug"), false);
  assert.equal(bus.wants("info"), true, "the ring owes them to who reconnects");
  const filter: EventFilter = { ...wholeFilter, level: "debug" };
  const first = bus.subscribe({ filter });
  assert.equal(bus.wants("debug"), true);
  using plain = bus.subscribe();
  bus.announce(log(1, "debug"));
  bus.announce(log(2));
  assert.deepEqual(readAll(plain).map(({ data }) => data.msg), ["event-2"]);
  assert.deepEqual(readAll(first).map(({ data }) => data.msg), ["event-1", "event-2"]);
  first[Symbol.dispose]();
  clock.stall(29_000);
  assert.equal(bus.wants("debug"), true);
  bus.announce(log(3, "debug"));
  using second = bus.subscribe({ filter, lastEventId: "e1-2" });
  assert.deepEqual(readAll(second).map(({ data }) => data.msg), ["event-3"]);
  second[Symbol.dispose]();
  clock.stall(30_001);
  assert.equal(bus.wants("debug"), false);
  bus.announce(log(4));
  using third = bus.subscribe({ filter, lastEventId: "e1-3" });
  assert.deepEqual(
    readAll(third).map(({ kind }) => kind),
    ["resync"],
    "debug records of the gap were never made",
  );
  using fourth = bus.subscribe({ lastEventId: "e1-3" });
  assert.deepEqual(
    readAll(fourth).map(({ data }) => data.msg),
    ["event-4"],
    "nothing is missing at level info",
  );
});

Deno.test("filters by name judge events that have such a name and leave out those that have none", () => {
  const subject = (
    kind: EventSubject["kind"],
    backend: string | null,
    frontends: string[],
  ): EventSubject => ({
    kind,
    level: kind === "log" ? "info" : null,
    backend,
    frontends,
  });
  const b1 = subject("backend", "b1", ["web"]);
  const web = subject("frontend", null, ["web"]);
  const vpp = subject("vpp", null, []);
  const sync = subject("log", null, ["web"]);
  const filter = (backends: string[] | null, frontends: string[] | null): EventFilter => ({
    ...wholeFilter,
    backends: backends === null ? null : new Set(backends),
    frontends: frontends === null ? null : new Set(frontends),
  });
  const table: [EventFilter, boolean[]][] = [
    [filter(null, null), [true, true, true, true]],
    [filter(["b1"], null), [true, false, false, false]],
    [filter(["b2"], null), [false, false, false, false]],
    [filter(null, ["web"]), [true, true, false, true]],
    [filter(null, ["dns"]), [false, false, false, false]],
    [filter(["b1"], ["web"]), [true, true, false, true]],
    [filter(["b2"], ["web"]), [false, true, false, true]],
    [filter(["b1"], ["dns"]), [false, false, false, false]],
  ];
  for (const [wanted, answers] of table) {
    assert.deepEqual([b1, web, vpp, sync].map((each) => matches(wanted, each)), answers);
  }
});

Deno.test("closing the bus ends every subscription after what waits", () => {
  const { bus } = makeBus();
  const subscription = bus.subscribe();
  bus.announce(log(1));
  bus[Symbol.dispose]();
  bus.announce(log(2));
  assert.equal(readAll(subscription).length, 1);
  assert.equal(subscription.read(), null);
  assert.equal(bus.subscribe().read(), null);
  assert.equal(bus.wants("error"), false);
});

Deno.test("a comment never counts against the queue, and a subscription that was left hears nothing", () => {
  const { bus } = makeBus({ queueLimit: 1 });
  let calls = 0;
  const options: SubscribeOptions = { onReadable: () => calls++ };
  const subscription = bus.subscribe(options);
  subscription.comment();
  bus.announce(log(1));
  subscription.comment();
  assert.equal(calls, 1);
  assert.match(subscription.read() ?? "", /^: \n\nevent: log\n/);
  assert.equal(subscription.read(), "");
  subscription[Symbol.dispose]();
  bus.announce(log(2));
  assert.equal(calls, 1);
  assert.equal(subscription.read(), null);
  assert.equal(bus.subscribers, 0);
});

Deno.test("a long present state is handed over in pieces, and one that nobody reads stays objects", () => {
  const { bus } = makeBus();
  const present = Array.from({ length: 2000 }, (_, i) => frontend(`frontend-${i}`));
  using subscription = bus.subscribe({ present: () => present });
  const pieces: string[] = [];
  for (let text = subscription.read(); text !== "" && text !== null; text = subscription.read()) {
    pieces.push(text);
  }
  assert.ok(pieces.length > 3);
  assert.ok(Math.max(...pieces.map((piece) => piece.length)) < 66_000);
  assert.equal(pieces.flatMap(frames).length, 2000);
});

Deno.test("parseEventId() takes only ids of this epoch", () => {
  assert.equal(parseEventId("e1-0", "e1"), 0);
  assert.equal(parseEventId("a-b-7", "a-b"), 7);
  for (const text of ["e1-01", "e1--1", "e1-1e3", "e1-", "e2-1", "-1", "e1-9999999999999999"]) {
    assert.equal(parseEventId(text, "e1"), null, text);
  }
});
