import assert from "node:assert/strict";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { backend, config, frontend, TestWorld } from "./setup.ts";
import { pair, running, weights } from "./reconciler_world.ts";

Deno.test("a run-time weight is answered when VPP has it, with the flush that was asked for", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  await world.weigh("web", "b2", 0, true);
  assert.deepEqual(vpp.ops, [
    { kind: "as-weight", vip: world.key("web"), address: "10.0.0.2", weight: 0, flush: true },
  ]);
  vpp.ops.length = 0;
  await world.weigh("web", "b2", 0, true);
  assert.deepEqual(vpp.ops.map((op) => op.kind === "as-weight" && op.flush), [true]);
});

Deno.test("while VPP is away a weight is answered at once and its flush stays owed", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  world.reconciler.disconnected();
  assert.equal(world.reconciler.standing("web"), "disconnected");
  await world.weigh("web", "b2", 7, true);
  assert.equal(await world.reconciler.reloaded(), null);
  world.config = config([frontend("web", { primary: { b1: 100, b2: 7 } }), ...pair.slice(1)]);
  world.reconciler.connected(vpp);
  await settle();
  assert.deepEqual(vpp.ops, [
    { kind: "as-weight", vip: world.key("web"), address: "10.0.0.2", weight: 7, flush: true },
  ]);
});

Deno.test("while a new address waits for its verdict the previous server serves; then they are swapped in one unit", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  const moved = { ...backend("b2"), address: ip("10.0.9.9") };
  world.config = { ...world.config, backends: new Map([...world.config.backends, ["b2", moved]]) };
  const previous = { address: backend("b2").address, state: "up", known: true } as const;
  world.states.set("b2", { state: "unknown", known: false, previous });
  await world.reconciler.reloaded();
  await world.clock.advance(60_000);
  assert.equal(vpp.ops.length, 0);
  assert.equal(world.reconciler.standing("web"), "in-sync");
  // Weights act on the previous server, and so does a flush.
  await world.weigh("web", "b2", 20, true);
  assert.deepEqual(vpp.ops.splice(0), [
    { kind: "as-weight", vip: world.key("web"), address: "10.0.0.2", weight: 20, flush: true },
  ]);
  // VPP does not take the new server yet, so the previous one stays.
  vpp.fail = (op) => op.kind === "as-add" ? -1 : 0;
  world.become("b2", "up");
  await settle();
  assert.deepEqual(vpp.ops.splice(0).map((op) => op.kind), ["as-add"]);
  vpp.fail = () => 0;
  await world.clock.advance(1_000);
  assert.deepEqual(vpp.ops.map((op) => op.kind), ["as-add", "as-delete"]);
  const reasons = ["vpp-lbsync-as-add", "vpp-lbsync-as-del"].map((msg) =>
    world.log.named(msg).at(-1)?.reason
  );
  assert.deepEqual(reasons, Array(2).fill("address of backend b2 is 10.0.9.9 now"));
});

Deno.test("one-VIP requests read that VIP only and refuse an unknown frontend", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  assert.ok((await world.reconciler.plan("mail")).ok);
  assert.ok((await world.reconciler.sync({ frontend: "mail" })).ok);
  assert.deepEqual(vpp.reads, ["192.0.2.2/32 6 25", "192.0.2.2/32 6 25"]);
  for (
    const answer of [
      await world.reconciler.plan("nobody"),
      await world.reconciler.sync({ frontend: "nobody" }),
    ]
  ) {
    assert.ok(!answer.ok);
    assert.equal(answer.error.type, "not-found");
  }
});

Deno.test("requests are refused while VPP is away, and the ones under way when the daemon stops", async () => {
  const { world, vpp } = await running();
  vpp.readGate = () => new Promise(() => {});
  const under = world.reconciler.plan(null);
  const behind = world.reconciler.sync({});
  await settle();
  await world[Symbol.asyncDispose]();
  for (const answer of [await under, await behind, await world.reconciler.plan(null)]) {
    assert.ok(!answer.ok);
    assert.equal(answer.error.type, "vpp-unavailable");
  }
  assert.equal(await world.reconciler.reloaded(), null, "a reload that comes too late is answered, too");
  const late = await world.reconciler.sync({});
  assert.ok(!late.ok);
  assert.equal(world.clock.pending, 0, "no timer is left");
});

Deno.test("a daemon that stops sends nothing more", async () => {
  const { world, vpp } = await running();
  vpp.gate = () => new Promise(() => {});
  world.become("b1", "down");
  await settle();
  const sent = vpp.ops.length;
  await world[Symbol.asyncDispose]();
  await settle();
  assert.equal(vpp.ops.length, sent);
});

Deno.test("what VPP has is known by names, its buckets only as VPP reported them", async () => {
  await using world = new TestWorld(config(pair));
  world.reconciler.connected(new FakeBalancer());
  await settle();
  const { view } = world.reconciler;
  const weight = (host: number) => view.weight(pair[0] ?? assert.fail(), ip(`10.0.0.${host}`));
  assert.equal(weight(2), 50);
  assert.equal(weight(3), null);
  assert.equal(view.buckets("web", ip("10.0.0.2")), null, "only we know of the server so far");
  await world.clock.advance(1_000);
  assert.deepEqual(view.buckets("web", ip("10.0.0.2")), { count: 350, length: 1024 });
  world.become("b1", "down");
  await settle();
  assert.equal(weight(1), 0);
  assert.equal(view.buckets("web", ip("10.0.0.2")), null, "a change of ours makes the last report wrong");
  world.reconciler.disconnected();
  assert.equal(weight(2), null);
});

Deno.test("a read on demand comes after what is due, and makes the bucket counts known again", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  world.become("b1", "down");
  const one = await world.reconciler.read("web");
  assert.ok(one.ok);
  assert.deepEqual(one.value.vips.map((vip) => weights(vip)), [{ "10.0.0.1": 0, "10.0.0.2": 50 }]);
  assert.deepEqual(world.reconciler.view.buckets("web", ip("10.0.0.2")), { count: 1024, length: 1024 });
  vpp.drop(world.key("web"));
  const none = await world.reconciler.read("web");
  assert.ok(none.ok);
  assert.deepEqual(none.value.vips, []);
  const all = await world.reconciler.read(null);
  assert.ok(all.ok);
  assert.deepEqual(all.value.vips.map((vip) => vip.prefix), ["192.0.2.2/32"]);
  assert.ok(!(await world.reconciler.read("nobody")).ok);
});
