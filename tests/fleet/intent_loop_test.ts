import assert from "node:assert/strict";
import { IntentLoop, type StoreState } from "../../src/fleet/intent_loop.ts";
import {
  type Intent,
  intentKey,
  intentText,
  noMemory,
  type StoreMemory,
  targetOf,
} from "../../src/fleet/intents.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { FakeStore } from "./fake_store.ts";

const since = Date.UTC(2026, 0, 1);

function pause(backend: string, more: Partial<Intent> = {}): Intent {
  return {
    kind: "pause",
    backend,
    by: "ops",
    claimed: null,
    reason: null,
    since,
    until: null,
    node: "lb1",
    ...more,
  } as Intent;
}

interface Site extends AsyncDisposable {
  readonly loop: IntentLoop;
  readonly states: StoreState["kind"][];
  readonly written: string[];
  readonly ended: string[];
  readonly rubbish: string[];
  intents(): string[];
}

function site(store: FakeStore, clock: FakeClock, node = "lb1", memory: StoreMemory = noMemory): Site {
  const states: StoreState["kind"][] = [];
  const [written, ended, rubbish]: [string[], string[], string[]] = [[], [], []];
  const loop = new IntentLoop({
    fleet: "x",
    node,
    store,
    clock,
    memory,
    onState: ({ kind }) => states.push(kind),
    onLearned: (learned) => {
      written.push(...learned.written.map(({ intent }) => intent.backend));
      ended.push(...learned.ended.map(({ intent }) => intent.backend));
      rubbish.push(...learned.rubbish.map(({ why }) => why));
    },
  });
  loop.start();
  const intents = () => [...loop.memory.intents.values()].map(({ intent }) => intent.backend).sort();
  return {
    loop,
    states,
    written,
    ended,
    rubbish,
    intents,
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}

/** Has the store know one intent, and puts an empty one in its place. */
async function replace(one: Site, store: FakeStore, clock: FakeClock): Promise<void> {
  await one.loop.listed;
  await one.loop.write(pause("b1"), false);
  await clock.advance(5_000);
  store.clusterId = "c2";
  store.rows = new Map();
  await clock.advance(5_000);
  assert.equal(one.loop.state.kind, "replaced");
}

Deno.test("an intent that one daemon writes reaches the others at once, and so does its end", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await using one = site(store, clock);
  await using two = site(store, clock, "lb2");
  await Promise.all([one.loop.listed, two.loop.listed]);
  await settle();
  assert.equal((await one.loop.write(pause("b7"), false)).kind, "done");
  assert.deepEqual(one.intents(), ["b7"], "the writer knows before any list");
  await settle();
  assert.deepEqual([two.intents(), two.written], [["b7"], ["b7"]]);
  assert.equal((await two.loop.remove({ kind: "state", backend: "b7" })).kind, "done");
  await settle();
  assert.deepEqual([one.intents(), one.ended], [[], ["b7"]]);
});

Deno.test("a list that the watch overtakes on its way is asked for again, and is no other store's", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await using one = site(store, clock);
  await using two = site(store, clock, "lb2");
  await Promise.all([one.loop.listed, two.loop.listed]);
  await settle();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.slowList = promise;
  await clock.advance(5_000);
  assert.equal((await one.loop.write(pause("b7"), false)).kind, "done");
  await settle();
  const before = store.calls;
  resolve();
  await settle();
  assert.equal(store.calls - before, 2, "each of the two lists again");
  assert.deepEqual([one.states, two.states], [["live"], ["live"]]);
  assert.deepEqual([one.intents(), two.intents(), two.ended], [["b7"], ["b7"], []]);
});

Deno.test("another operator's intent is a conflict that shows it; force replaces it", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await using one = site(store, clock);
  await using two = site(store, clock, "lb2");
  await Promise.all([one.loop.listed, two.loop.listed]);
  store.silent = true;
  assert.equal((await one.loop.write(pause("b7", { by: "anna" }), false)).kind, "done");
  // The second daemon has not heard of it: the store compares.
  const refused = await two.loop.write(pause("b7", { by: "bert" }), false);
  assert.equal(refused.kind === "conflict" && refused.present?.intent.by, "anna");
  await clock.advance(5_000);
  assert.equal((await two.loop.write(pause("b7", { by: "bert" }), false)).kind, "conflict");
  assert.equal((await two.loop.write(pause("b7", { by: "bert" }), true)).kind, "done");
  assert.equal(
    JSON.parse(store.rows.get(intentKey("x", { kind: "state", backend: "b7" }))?.value ?? "").by,
    "bert",
  );
});

Deno.test("a write that timed out is read before anything else is said", async () => {
  const store = new FakeStore();
  await using one = site(store, new FakeClock());
  await one.loop.listed;
  store.lateWrite = "written";
  assert.equal((await one.loop.write(pause("b1"), false)).kind, "done");
  store.lateWrite = "lost";
  const lost = await one.loop.write(pause("b2"), false);
  assert.deepEqual(lost, { kind: "refused", detail: "no answer" });
  assert.deepEqual(one.intents(), ["b1"]);
  const calls = store.calls;
  store.failing = "unreachable";
  assert.equal((await one.loop.write(pause("b3"), false)).kind, "refused");
  assert.equal(store.calls, calls + 1, "not repeated");
});

Deno.test("a write to a replaced store that got no answer and did not happen is no conflict", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await using one = site(store, clock);
  await replace(one, store, clock);
  const lost = { kind: "refused", detail: "no answer" };
  store.lateWrite = "lost";
  assert.deepEqual(await one.loop.write(pause("b1", { reason: "again" }), false), lost);
  store.lateWrite = "lost";
  assert.deepEqual(await one.loop.remove({ kind: "state", backend: "b1" }), lost);
  assert.deepEqual(one.intents(), ["b1"], "what was known holds");
});

Deno.test("a silent watch costs five seconds; a store that is away changes nothing, and lists tell what was missed", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await using one = site(store, clock);
  await using two = site(store, clock, "lb2");
  await Promise.all([one.loop.listed, two.loop.listed]);
  await settle();
  store.silent = true;
  await one.loop.write(pause("b1"), false);
  await settle();
  assert.deepEqual(two.intents(), []);
  await clock.advance(5_000);
  assert.deepEqual(two.intents(), ["b1"]);
  store.failing = "unreachable";
  store.silent = false;
  store.breakWatches();
  await clock.advance(10_000);
  assert.equal(two.loop.state.kind, "away");
  assert.deepEqual(two.intents(), ["b1"]);
  store.failing = null;
  await store.put(
    intentKey("x", targetOf(pause("b2"))),
    JSON.stringify({ kind: "pause", by: "a", node: "n", since: "2026-01-01T00:00:00Z" }),
  );
  await clock.advance(5_000);
  assert.equal(two.loop.state.kind, "live");
  assert.deepEqual(two.intents(), ["b1", "b2"]);
  assert.deepEqual(two.written, ["b1", "b2"]);
  // The watch is on again.
  await clock.advance(1_000);
  await one.loop.remove({ kind: "state", backend: "b1" });
  await settle();
  assert.deepEqual(two.intents(), ["b2"]);
});

Deno.test("a daemon that starts without a store goes on with what it remembers", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  let memory = noMemory;
  {
    await using one = site(store, clock);
    await one.loop.listed;
    await one.loop.write(pause("b1"), false);
    await clock.advance(5_000);
    memory = one.loop.memory;
  }
  store.failing = "unreachable";
  await using again = site(store, clock, "lb1", memory);
  await clock.advance(20_000);
  assert.deepEqual([again.intents(), again.loop.state.kind], [["b1"], "away"]);
});

Deno.test("a store that was replaced is not believed; a new write to it counts everywhere, and so does a clear", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await using one = site(store, clock);
  await using two = site(store, clock, "lb2");
  await Promise.all([one.loop.listed, two.loop.listed]);
  for (const backend of ["b1", "b2"]) await one.loop.write(pause(backend), false);
  await clock.advance(5_000);
  store.clusterId = "c2";
  const key = intentKey("x", { kind: "state", backend: "b9" });
  store.rows = new Map([[key, { key, value: intentText(pause("b9")), modRevision: 2n }]]);
  await clock.advance(10_000);
  assert.deepEqual([one.loop.state.kind, one.intents()], ["replaced", ["b1", "b2"]]);
  assert.equal((await one.loop.write(pause("b3"), false)).kind, "done");
  await clock.advance(5_000);
  for (const { intents, loop } of [one, two]) {
    assert.deepEqual([loop.state.kind, intents()], ["live", ["b1", "b2", "b3"]]);
  }
  assert.equal((await two.loop.remove({ kind: "state", backend: "b1" })).kind, "done");
  await clock.advance(40_000);
  for (const { intents } of [one, two]) assert.deepEqual(intents(), ["b2", "b3"]);
  // The watch is on again.
  await one.loop.remove({ kind: "state", backend: "b3" });
  await settle();
  assert.deepEqual(two.intents(), ["b2"]);
});

Deno.test("a store that was wiped stays unbelieved when its revision has grown beyond the known one", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await using one = site(store, clock);
  await one.loop.listed;
  await one.loop.write(pause("b1"), false);
  await clock.advance(5_000);
  const known = store.revision;
  store.rows = new Map();
  store.revision = 1n;
  await clock.advance(5_000);
  assert.equal(one.loop.state.kind, "replaced");
  while (store.revision <= known) await store.put("/maglev/x/node/lb9", "");
  await clock.advance(10_000);
  assert.deepEqual([one.loop.state.kind, one.intents()], ["replaced", ["b1"]]);
});

Deno.test("a clear is the new write that makes a store the known one", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await using one = site(store, clock);
  await replace(one, store, clock);
  assert.equal((await one.loop.remove({ kind: "state", backend: "b1" })).kind, "done");
  assert.equal(one.loop.state.kind, "live");
  await clock.advance(20_000);
  assert.equal(store.rows.size, 1, "until all have listed it");
  await clock.advance(20_000);
  assert.deepEqual([one.intents(), store.rows.size], [[], 0]);
});

Deno.test("the writer deletes a key after its hour, and not with a wrong clock", async () => {
  const store = new FakeStore();
  const clock = new FakeClock(0, since);
  await using one = site(store, clock);
  await one.loop.listed;
  await one.loop.write(pause("b1", { until: since + 7_000 }), false);
  await clock.advance(5_000);
  assert.equal(store.rows.size, 1);
  store.date = since - 60_000;
  await clock.advance(10_000);
  assert.equal(store.rows.size, 1, "this clock is a minute ahead of the store's");
  store.date = null;
  await clock.advance(5_000);
  assert.equal(store.rows.size, 0);
  assert.deepEqual(one.intents(), []);
});

Deno.test("rubbish is told once and left alone", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  await store.put("/maglev/x/intent/backend/b1", "{");
  await store.put("/maglev/x/intent/nonsense", "{}");
  await using one = site(store, clock);
  await one.loop.listed;
  await clock.advance(30_000);
  assert.deepEqual(one.rubbish, ["it is no JSON", "its key is none of an intent"]);
  assert.equal(store.rows.size, 2);
});

Deno.test("rubbish in the place of an intent is told as that, and force replaces it", async () => {
  const store = new FakeStore();
  await using one = site(store, new FakeClock());
  await one.loop.listed;
  await one.loop.write(pause("b1"), false);
  const [key, other] = ["b1", "b2"].map((backend) => intentKey("x", { kind: "state", backend }));
  assert.ok(key !== undefined && other !== undefined);
  await store.put(key, "{");
  await store.put(other, "{}");
  await settle();
  const told = { kind: "rubbish", key, why: "it is no JSON" };
  assert.deepEqual(await one.loop.remove({ kind: "state", backend: "b1" }), told);
  assert.deepEqual(await one.loop.write(pause("b1", { reason: "again" }), false), told);
  const second = { kind: "rubbish", key: other, why: "by is missing" };
  assert.deepEqual(await one.loop.write(pause("b2"), false), second);
  assert.equal((await one.loop.write(pause("b2"), true)).kind, "done");
});
