import assert from "node:assert/strict";
import type { Op } from "../../src/lb/balancer.ts";
import type { ActualVip } from "../../src/model.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { config, frontend, TestWorld } from "./setup.ts";

const weights = (vip: ActualVip | null) =>
  Object.fromEntries((vip?.servers ?? []).map((server) => [server.address, server.weight]));
const kinds = (ops: readonly Op[]) => ops.map((op) => op.kind);

Deno.test("a first connect programs everything, the global settings first", async () => {
  await using world = new TestWorld(
    config([frontend("web", { primary: { b1: 100, b2: 50 }, spare: { b3: 7 } })]),
  );
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  assert.deepEqual(kinds(vpp.ops), ["conf-set", "vip-add", "as-add", "as-add", "as-add"]);
  assert.deepEqual(weights(vpp.vip(world.key("web"))), { "10.0.0.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  assert.equal(world.reconciler.standing("web"), "in-sync");
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("a periodic sync of an unchanged VPP reads and writes nothing", async () => {
  await using world = new TestWorld(config([frontend("web", { primary: { b1: 100 } })]));
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  const before = vpp.ops.length;
  await world.clock.advance(30_000);
  assert.deepEqual(vpp.reads, ["all", "all"]);
  assert.equal(vpp.ops.length, before);
});

Deno.test("a transition syncs its VIP alone, and flushes", async () => {
  const second = frontend("mail", { primary: { b3: 1 } }, { port: 25 });
  await using world = new TestWorld(config([frontend("web", { primary: { b1: 100, b2: 50 } }), second]));
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  vpp.ops.length = vpp.reads.length = 0;
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.reads, ["192.0.2.1/32 6 80"]);
  assert.deepEqual(vpp.ops, [{
    kind: "as-weight",
    vip: world.key("web"),
    address: "10.0.0.1",
    weight: 0,
    flush: true,
  }]);
  assert.deepEqual(world.log.named("vpp-lbsync-as-weight"), [{
    frontend: "web",
    vip: "192.0.2.1/32",
    protocol: "tcp",
    port: 80,
    address: "10.0.0.1",
    backend: "b1",
    from: 100,
    to: 0,
    flush: true,
    reason: "backend b1 down",
    retval: 0,
  }]);
});

Deno.test("the plan after a sync is empty, and a sync by its digest does nothing", async () => {
  await using world = new TestWorld(config([frontend("web", { primary: { b1: 100 } })]));
  world.reconciler.connected(new FakeBalancer());
  await settle();
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  assert.deepEqual(planned.value.plan.changes, []);
  const synced = await world.reconciler.sync({ plan_digest: planned.value.plan.digest });
  assert.ok(synced.ok);
  assert.deepEqual([synced.value.done, synced.value.failed, synced.value.skipped], [0, 0, 0]);
});
