import assert from "node:assert/strict";
import { braked, type BrakeInput } from "../../src/lb/ownership.ts";
import { vipId } from "../../src/lb/vips.ts";
import type { ActualVip, MemoryLeft, VipRecord } from "../../src/model.ts";
import type { Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer, type PlacedVip } from "./fake_balancer.ts";
import { changes, placed, reload } from "./plan_world.ts";
import { config, frontend, TestWorld } from "./setup.ts";

const prefix = (n: number) => `192.0.2.${n}/32`;
const vip = (n: number, index: number | null = n): ActualVip => ({
  ...placed({ prefix: prefix(n), index }),
  servers: [],
});

/** VPP has the VIPs of `actual`; those of `doomed` would go, those of `named` were configured once. */
function judge(actual: readonly ActualVip[], doomed: readonly number[], more: {
  readonly named?: readonly number[];
  readonly before?: readonly number[];
  readonly held?: readonly number[];
  readonly blind?: BrakeInput["blind"];
} = {}): number[] {
  const ids = (numbers: readonly number[]) => new Set(numbers.map((n) => vipId(vip(n))));
  const all = actual.map((one) => Number(/\.(\d+)\//.exec(one.prefix)?.[1]));
  const input: BrakeInput = {
    actual,
    doomed: actual.filter((_, at) => doomed.includes(all[at] ?? 0)),
    explained: ids(more.named ?? []),
    before: ids(more.before ?? all),
    held: ids(more.held ?? []),
    blind: more.blind ?? null,
  };
  return [...braked(input).values()].map((one) => Number(/\.(\d+)\//.exec(one.prefix)?.[1]));
}

const vips = (...numbers: number[]) => numbers.map((n) => vip(n));

Deno.test("the brake holds more than half and at least two, or all", () => {
  assert.deepEqual(judge(vips(1, 2, 3, 4), [1, 2]), []);
  assert.deepEqual(judge(vips(1, 2, 3, 4), [1, 2, 3]), [1, 2, 3]);
  assert.deepEqual(judge(vips(1, 2), [1]), []);
  assert.deepEqual(judge(vips(1), [1]), [1]);
  assert.deepEqual(judge(vips(1, 2), []), []);
  assert.deepEqual(judge([], []), []);
});

Deno.test("the brake compares with what VPP had before the daemon added any", () => {
  const eleven = vips(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
  assert.deepEqual(judge(eleven, [1, 2, 3], { before: [1, 2, 3, 4] }), [1, 2, 3]);
  assert.deepEqual(judge(eleven, [1], { before: [1] }), [1], "all that was there");
  assert.deepEqual(judge(eleven, [1, 2], { before: [1, 2, 3, 4] }), []);
  assert.deepEqual(judge(eleven, [11], { before: [] }), [], "one that came later");
  assert.deepEqual(judge(eleven, [10, 11], { before: [] }), [10, 11]);
});

Deno.test("what was held stays held as long as it would go", () => {
  assert.deepEqual(judge(vips(1, 2, 3, 4, 5), [1, 2], { held: [1] }), [1]);
  assert.deepEqual(judge(vips(1, 2, 3, 4, 5), [2], { held: [1] }), []);
});

Deno.test("without memory the first full sync holds two foreign VIPs, whatever the daemon has added", () => {
  const blind = { blind: "first" as const, before: [1, 2, 3, 4, 5, 6, 7, 8] };
  const all = vips(1, 2, 3, 4, 5, 6, 7, 8);
  assert.deepEqual(judge(all, [1, 2], { ...blind, named: [3, 4, 5, 6, 7, 8] }), [1, 2]);
  assert.deepEqual(judge(all, [7, 8], { ...blind, named: [1, 2, 3, 4, 5, 6] }), [7, 8]);
  assert.deepEqual(judge(all, [1, 2], { ...blind, blind: null }), [], "with memory they are counted");
});

Deno.test("without memory one foreign VIP is held if it is older than a VIP of ours, and goes else", () => {
  const named = [2, 3, 4];
  const one = (actual: readonly ActualVip[], n: number) => judge(actual, [n], { blind: "first", named });
  assert.deepEqual(one(vips(1, 2, 3, 4), 1), [1]);
  assert.deepEqual(one([vip(2, 1), vip(9, 2), vip(4, 3)], 9), [9]);
  assert.deepEqual(one(vips(2, 3, 4, 5), 5), []);
  assert.deepEqual(one([vip(1, null), ...vips(2, 3, 4)], 1), [], "its number is not known");
  assert.deepEqual(one([vip(1), vip(2, null), ...vips(7)], 1), []);
});

const many = (count: number, from = 1): Frontend[] =>
  Array.from(
    { length: count },
    (_, n) => frontend(`f${from + n}`, { p: { b1: 1 } }, { address: ip(`192.0.2.${from + n}`) }),
  );

const foreign = (n: number): PlacedVip => placed({ prefix: prefix(n), index: n });

/** A process that starts on a VPP; what it sent is what this test looks at. */
async function started(
  vpp: FakeBalancer,
  frontends: readonly Frontend[],
  record: VipRecord | null = null,
  more: Parameters<typeof config>[1] = {},
  memory: MemoryLeft = "all",
) {
  const world = new TestWorld(config(frontends, more), {}, 32, record, memory);
  vpp.ops.length = 0;
  world.reconciler.connected(vpp);
  await settle();
  await world.clock.advance(61_000);
  return world;
}

const deleted = (vpp: FakeBalancer) =>
  vpp.ops.flatMap((op) => op.kind === "vip-delete" ? [op.vip.prefix] : []);

for (const memory of ["with", "without"] as const) {
  for (const others of [1, 2, 10]) {
    Deno.test(`${others} VIPs of others, 11 of ours: they are held, and a restart ${memory} memory sends nothing`, async () => {
      const vpp = new FakeBalancer();
      for (let n = 100; n < 100 + others; n++) vpp.place({ ...foreign(n), index: n - 99 });
      let record: VipRecord | null = null;
      {
        await using world = await started(vpp, many(11));
        assert.equal(vpp.vips.length, others + 11);
        assert.equal(world.reconciler.heldChanges, others);
        record = world.reconciler.record;
        assert.equal(record.held.length, others);
      }
      for (let restarts = 0; restarts < 2; restarts++) {
        await using world: TestWorld = await started(vpp, many(11), memory === "with" ? record : null);
        assert.deepEqual(vpp.ops, []);
        assert.equal(world.reconciler.heldChanges, others);
        const errors = world.log.records.filter(({ msg, level }) =>
          msg === "vpp-lbsync-held" && level === "error"
        );
        assert.equal(errors.length, 1);
        record = world.reconciler.record;
      }
      await using world = await started(vpp, many(11), memory === "with" ? record : null);
      const planned = await world.reconciler.plan(null);
      assert.ok(planned.ok);
      assert.ok((await world.reconciler.sync({ plan_digest: planned.value.plan.digest })).ok);
      assert.equal(vpp.vips.length, 11);
      assert.deepEqual(world.reconciler.record.held, []);
    });
  }
}

Deno.test("VIPs that an earlier process made are stale: they go even where foreign ones are kept", async () => {
  const keep = { foreignVips: "keep" } as const;
  const vpp = new FakeBalancer();
  vpp.place({ ...foreign(100), index: 1 });
  let record: VipRecord;
  {
    await using world = await started(vpp, many(5), null, keep);
    record = world.reconciler.record;
  }
  {
    await using _ = await started(vpp, many(4), null, keep);
    assert.deepEqual(vpp.ops, [], "without memory it is foreign");
  }
  await using world = await started(vpp, many(4), record, keep);
  assert.deepEqual(deleted(vpp), [prefix(5)]);
  assert.deepEqual(world.reconciler.record.named.map(({ prefix }) => prefix), [1, 2, 3, 4].map(prefix));
});

Deno.test("a file that lost more than half of its VIPs while the daemon was down deletes none of them", async () => {
  const vpp = new FakeBalancer();
  let record: VipRecord;
  {
    await using world = await started(vpp, many(10));
    record = world.reconciler.record;
  }
  await using world = await started(vpp, many(4), record);
  assert.deepEqual(vpp.ops, []);
  assert.equal(world.reconciler.record.held.length, 6);
  assert.deepEqual((await changes(world)).map(({ held }) => held), Array(6).fill("mass deletion"));
});

Deno.test("memory from before the last one: what was held since stays, whether it was ours or not", async () => {
  for (const left of [4, 9]) {
    const vpp = new FakeBalancer();
    let older: VipRecord;
    {
      await using world = await started(vpp, many(10));
      older = world.reconciler.record;
      await reload(world, many(left));
      if (left === 4) assert.equal(world.reconciler.record.held.length, 6);
    }
    if (left === 9) vpp.place({ ...foreign(100), index: 5 });
    // More frontends, so that what was held is not more than half now.
    const now = [...many(left), ...many(20, 50)];
    {
      await using _ = await started(vpp, now, older, {}, "older");
      assert.deepEqual(deleted(vpp), []);
    }
    await using _ = await started(vpp, now, older, {}, "all");
    assert.notDeepEqual(deleted(vpp), [], "the last memory would have told what is held");
  }
});

for (const memory of ["lost", "older"] as const) {
  Deno.test(`memory ${memory}: one VIP of others stays, though it is newer than all of ours`, async () => {
    const vpp = new FakeBalancer();
    let older: VipRecord;
    {
      await using world = await started(vpp, many(10));
      older = world.reconciler.record;
    }
    vpp.place({ ...foreign(100), index: 50 });
    {
      await using world = await started(vpp, many(10), memory === "lost" ? null : older, {}, memory);
      assert.deepEqual(vpp.ops, []);
      assert.equal(world.reconciler.heldChanges, 1);
      assert.equal(world.reconciler.record.held.length, 1);
    }
    await using _ = await started(vpp, many(10), older);
    assert.deepEqual(deleted(vpp), [prefix(100)], "it was made while no daemon ran");
  });
}

Deno.test("the record names what is configured, and what VPP still has of what was", async () => {
  const vpp = new FakeBalancer();
  await using world = await started(vpp, many(3));
  const names = () => world.reconciler.record.named.map(({ prefix, frontend }) => `${frontend} ${prefix}`);
  assert.deepEqual(names(), ["f1 192.0.2.1/32", "f2 192.0.2.2/32", "f3 192.0.2.3/32"]);
  await reload(world, many(1));
  assert.deepEqual(
    names(),
    ["f1 192.0.2.1/32", "f2 192.0.2.2/32", "f3 192.0.2.3/32"],
    "held, so still there",
  );
  vpp.drop({ prefix: prefix(2), protocol: 6, port: 80 });
  await world.clock.advance(31_000);
  assert.deepEqual(names(), ["f1 192.0.2.1/32", "f3 192.0.2.3/32"]);
  world.reconciler.disconnected();
  assert.deepEqual(names().length, 3, "what VPP has is not known now");
  await reload(world, [{ ...many(1)[0] ?? assert.fail(), name: "renamed" }]);
  assert.equal(world.reconciler.record.named[0]?.frontend, "renamed");
});

Deno.test("a VIP that was named, and that others make after a reload, is in the record again, and that is told", async () => {
  const vpp = new FakeBalancer();
  await using world = await started(vpp, many(3));
  await reload(world, many(2));
  assert.equal(vpp.vips.length, 2);
  const { recorded } = world;
  vpp.place(foreign(3));
  vpp.fail = ({ kind }) => kind === "vip-delete" ? -1 : 0;
  await world.clock.advance(31_000);
  assert.deepEqual(world.reconciler.record.named.map(({ frontend }) => frontend), ["f1", "f2", "f3"]);
  assert.ok(world.recorded > recorded);
});

Deno.test("a reload counts what VPP has then: VIPs that were added before are no newcomers", async () => {
  const vpp = new FakeBalancer();
  await using world = await started(vpp, many(10));
  await reload(world, many(6));
  assert.equal(vpp.vips.length, 6, "4 of 10 go");
  await reload(world, [...many(2), ...many(20, 50)]);
  assert.equal(vpp.vips.length, 26, "4 of 6 are held, however many come");
  await reload(world, [...many(2), ...many(20, 50)]);
  assert.equal(vpp.vips.length, 26, "a reload of the same file releases nothing");
});

Deno.test("a reload counts what VPP has by then, and not what was there at the last read", async () => {
  const delays = { startupMinDelayMs: 5_000, startupMaxDelayMs: 30_000 };
  const vpp = new FakeBalancer();
  const record: VipRecord = { named: [], held: [] };
  const late = frontend("late", { p: { b2: 1 } }, { address: ip("192.0.2.9") });
  await using world = new TestWorld(config([late], delays), { b2: "unknown" }, 32, record);
  world.reconciler.connected(vpp);
  await world.clock.advance(6_000);
  vpp.place(foreign(100));
  world.config = config([late, ...many(2, 50)], delays);
  // A transition that the reload brings is due before the reload's sync: these VIPs are made before it reads.
  world.become("b1", "up");
  await world.reconciler.reloaded();
  assert.deepEqual(vpp.vips.map((one) => one.prefix), [100, 50, 51].map(prefix));
  await world.clock.advance(61_000);
  assert.deepEqual(deleted(vpp), [], "it is all that VPP had");
  assert.equal(world.reconciler.record.held.length, 1);
});

Deno.test("another VPP is judged anew: what the one before had does not count", async () => {
  const vpp = new FakeBalancer();
  await using world = await started(vpp, many(10));
  world.reconciler.disconnected();
  const other = new FakeBalancer();
  other.bootTime = 2;
  for (const n of [100, 101, 102]) other.place(foreign(n));
  world.reconciler.connected(other);
  await settle();
  await world.clock.advance(61_000);
  assert.equal(other.vips.length, 13);
  assert.equal(world.reconciler.heldChanges, 3);
});

Deno.test("memory that comes late makes VIPs stale and holds what was held", async () => {
  const vpp = new FakeBalancer();
  for (const n of [100, 101, 102, 103]) vpp.place({ ...foreign(n), index: n });
  const record: VipRecord = {
    named: [{ prefix: prefix(100), protocol: 6, port: 80, frontend: "old" }],
    held: [{ prefix: prefix(101), protocol: 6, port: 80 }],
  };
  await using world = await started(vpp, many(10), null, { foreignVips: "keep" });
  assert.equal(vpp.vips.length, 14);
  world.reconciler.recall(record, false);
  await settle();
  assert.deepEqual(deleted(vpp), [prefix(100)]);
  await reload(world, many(10), { foreignVips: "delete" });
  assert.equal(world.reconciler.record.held.length, 1);
  assert.deepEqual(vpp.vips.map((one) => one.prefix).filter((p) => p.includes(".10")), [
    prefix(101),
    prefix(10),
  ]);
});
