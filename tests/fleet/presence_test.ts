import assert from "node:assert/strict";
import type { NodeRow } from "../../src/fleet/node_row.ts";
import { Presence, type RefusedWrite } from "../../src/fleet/presence.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { FakeStore } from "./fake_store.ts";
import { row } from "./rows.ts";

/** A store whose rows go with their leases. */
class LeasedStore extends FakeStore {
  readonly #keys = new Map<string, string>();
  readonly gone = new Set<string>();

  override async put(key: string, value: string, lease?: string) {
    if (lease !== undefined) this.#keys.set(lease, key);
    return await super.put(key, value, lease);
  }

  override async keepLease(id: string) {
    await super.keepLease(id);
    return !this.gone.has(id);
  }

  override async revokeLease(id: string) {
    await super.revokeLease(id);
    this.end(id);
  }

  end(id: string): void {
    this.gone.add(id);
    this.rows.delete(this.#keys.get(id) ?? "");
  }
}

/** Instance of another daemon of the same name. */
function twin({ doubled }: Presence): string | null {
  return doubled?.instance ?? null;
}

/** Why no write is taken, and since when. */
function refusal({ refused }: Presence): RefusedWrite | undefined {
  return refused ?? undefined;
}

function presence(store: FakeStore, clock: FakeClock, own: () => NodeRow, rubbish: string[] = []): Presence {
  const made = new Presence({
    fleet: "x",
    store,
    clock,
    row: own,
    onRubbish: (node, why) => rubbish.push(`${node}: ${why}`),
  });
  made.start();
  return made;
}

Deno.test("a row is written when it changed, at most every 5 s, and a quiet node makes no revision", async () => {
  const store = new LeasedStore();
  const clock = new FakeClock();
  let state = "down";
  {
    await using one = presence(store, clock, () => row("lb1", { notUp: { b1: state } }));
    await settle();
    const revision = store.revision;
    await clock.advance(120_000);
    assert.equal(store.revision, revision);
    for (let i = 0; i < 50; i++) {
      state = `down${i}`;
      await clock.advance(100);
    }
    assert.ok(store.revision - revision <= 1n);
    await clock.advance(5_000);
    assert.match(store.rows.get("/maglev/x/node/lb1")?.value ?? "", /down49/);
    assert.deepEqual([...one.rows().keys()], ["lb1"]);
  }
  assert.equal(store.rows.size, 0, "the end takes the row back");
});

Deno.test("a lease that is gone is made anew; the rows of others are listed every 30 s and when asked", async () => {
  const store = new LeasedStore();
  const clock = new FakeClock();
  await using one = presence(store, clock, () => row("lb1"));
  await settle();
  store.end("1");
  await clock.advance(5_000);
  await clock.advance(5_000);
  assert.ok(store.rows.has("/maglev/x/node/lb1"));
  await using _two = presence(store, clock, () => row("lb2"));
  await settle();
  assert.deepEqual([...one.rows().keys()], ["lb1"]);
  await one.refresh();
  assert.deepEqual([...one.rows().keys()].sort(), ["lb1", "lb2"]);
  await using _three = presence(store, clock, () => row("lb3"));
  await clock.advance(30_000);
  assert.deepEqual([...one.rows().keys()].sort(), ["lb1", "lb2", "lb3"]);
});

Deno.test("two daemons with one name: the second has no row and says so after 20 s, and takes over when the first ends", async () => {
  const store = new LeasedStore();
  const clock = new FakeClock();
  const first = presence(store, clock, () => row("lb1", { instance: "first" }));
  await settle();
  await using second = presence(store, clock, () => row("lb1", { instance: "second" }));
  await clock.advance(15_000);
  assert.equal(twin(second), null);
  await clock.advance(10_000);
  assert.equal(twin(second), "first");
  assert.match(store.rows.get("/maglev/x/node/lb1")?.value ?? "", /first/);
  assert.equal(twin(first), null);
  await first[Symbol.asyncDispose]();
  await clock.advance(10_000);
  assert.equal(twin(second), null);
  assert.match(store.rows.get("/maglev/x/node/lb1")?.value ?? "", /second/);
});

Deno.test("a row that an earlier process left is replaced once its lease has ended", async () => {
  const store = new LeasedStore();
  const clock = new FakeClock();
  const lease = await store.grantLease(15);
  await store.put(
    "/maglev/x/node/lb1",
    JSON.stringify({
      instance: "old",
      version: "1",
      config_digest: "c",
      intents: [],
      tables: {},
      not_up: {},
      vpp: "off",
    }),
    lease,
  );
  await using one = presence(store, clock, () => row("lb1"));
  await clock.advance(10_000);
  store.end(lease);
  await clock.advance(10_000);
  assert.match(store.rows.get("/maglev/x/node/lb1")?.value ?? "", /i-lb1/);
  assert.equal(twin(one), null);
});

Deno.test("a store that is away ends nothing, and rubbish is told once", async () => {
  const store = new LeasedStore();
  const clock = new FakeClock();
  const rubbish: string[] = [];
  await store.put("/maglev/x/node/odd", "{");
  await using one = presence(store, clock, () => row("lb1"), rubbish);
  await clock.advance(60_000);
  assert.deepEqual(rubbish, ["odd: it is no JSON"]);
  store.failing = "unreachable";
  await clock.advance(60_000);
  store.failing = null;
  await clock.advance(5_000);
  assert.deepEqual([...one.rows().keys()], ["lb1"]);
});

Deno.test("a store that takes no write of this node says why and since when, until a write goes through", async () => {
  const store = new LeasedStore();
  const clock = new FakeClock();
  await using one = presence(store, clock, () => row("lb1"));
  await settle();
  for (const failure of ["full", "denied"] as const) {
    assert.equal(refusal(one), undefined);
    store.failing = failure;
    await clock.advance(5_000);
    const since = refusal(one)?.since;
    assert.equal(refusal(one)?.detail, `the store is ${failure}`);
    // The list of intents tells what else is wrong with a store; the writes are refused all the same.
    store.failing = "late";
    await clock.advance(5_000);
    assert.equal(refusal(one)?.since, since);
    const { revision } = store;
    store.failing = null;
    await clock.advance(5_000);
    assert.ok(store.revision > revision, "the row is written again, so that the end is seen");
  }
  assert.equal(refusal(one), undefined);
});
