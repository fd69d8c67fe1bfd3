import assert from "node:assert/strict";
import { type Op, VppError } from "../../src/lb/balancer.ts";
import { changesOf } from "../../src/lb/report.ts";
import { vipId } from "../../src/lb/vips.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { config, frontend, TestWorld } from "./setup.ts";
import { pair, running, weights } from "./reconciler_world.ts";

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
  assert.deepEqual(vpp.reads, [], "what VPP is known to have is changed without a read");
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
  assert.deepEqual(changesOf(planned.value.plan), []);
  const synced = await world.reconciler.sync({ plan_digest: planned.value.plan.digest });
  assert.ok(synced.ok);
  assert.deepEqual([synced.value.done, synced.value.failed, synced.value.skipped], [0, 0, 0]);
});

Deno.test("transitions of one turn are one batch, and each VIP is read back once within a second", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  world.become("b1", "down");
  world.become("b2", "down");
  world.become("b3", "down");
  world.become("b2", "up");
  await settle();
  assert.deepEqual(vpp.reads, []);
  assert.equal(vpp.ops.length, 3);
  assert.equal(world.log.named("vpp-lbsync-done").length, 1);
  await world.clock.advance(1_000);
  assert.deepEqual(vpp.reads.sort(), ["servers 192.0.2.1/32 6 80", "servers 192.0.2.2/32 6 25"]);
  assert.equal(vpp.ops.length, 3);
});

Deno.test("a slow VPP: transitions pile up as one change per VIP, which waits for the answer before", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  for (let i = 0; i < 50; i++) {
    world.become("b2", i % 2 === 0 ? "down" : "up");
    await settle();
  }
  assert.equal(vpp.ops.length, 1);
  assert.equal(world.reconciler.waiting, 1, "the interval");
  assert.equal(world.reconciler.standing("web"), "pending");
  vpp.gate = () => Promise.resolve();
  for (const answer of open) answer();
  await settle();
  assert.equal(vpp.ops.length, 2);
  assert.equal(vpp.vip(world.key("web"))?.servers.find((s) => s.address === "10.0.0.2")?.weight, 50);
  assert.equal(world.reconciler.standing("web"), "in-sync");
});

Deno.test("a failed sync is retried with growing waits and without waiting for the interval", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  vpp.fail = (op) => op.kind === "as-weight" ? -1 : 0;
  world.become("b2", "down");
  const times: number[] = [];
  const start = world.clock.now();
  const seen = vpp.ops.length;
  for (let ms = 0; ms < 8_000; ms += 50) {
    const before = vpp.ops.length;
    await world.clock.advance(50);
    if (vpp.ops.length > before) times.push(world.clock.now() - start);
  }
  assert.equal(seen, 0);
  assert.deepEqual(times, [50, 250, 750, 1_750, 3_750, 7_750]);
  assert.equal(world.reconciler.standing("web"), "error");
  vpp.fail = () => 0;
  await world.clock.advance(16_000);
  assert.equal(world.reconciler.standing("web"), "in-sync");
});

Deno.test("a read that fails is retried too, and reported", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  let failing = true;
  vpp.readGate = () => failing ? Promise.reject(new VppError("a row made no sense")) : Promise.resolve();
  await world.clock.advance(30_000);
  assert.equal(world.reconciler.overall, "out-of-sync");
  const [line] = world.log.named("vpp-lbsync-done");
  assert.equal(line?.error, "a row made no sense");
  failing = false;
  await world.clock.advance(300);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("VIPs and servers that were made are read once more, a burst of them once", async () => {
  const { world, vpp } = await running([]);
  await using _ = world;
  world.config = config(pair);
  void world.reconciler.reloaded();
  await settle();
  assert.deepEqual(vpp.reads, ["all"]);
  await world.clock.advance(250);
  world.become("b1", "down");
  await world.clock.advance(249);
  assert.deepEqual(vpp.reads.filter((read) => read === "all").length, 1);
  await world.clock.advance(1);
  assert.deepEqual(vpp.reads.filter((read) => read === "all").length, 2);
  await world.clock.advance(10_000);
  assert.deepEqual(vpp.reads.filter((read) => read === "all").length, 2, "weights alone need no read");
});

Deno.test("the interval is the configuration's, and a reload changes it", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  await world.clock.advance(90_000);
  assert.equal(vpp.reads.length, 3);
  world.config = config(pair, { syncIntervalMs: 1_000 });
  await world.reconciler.reloaded();
  vpp.reads.length = 0;
  await world.clock.advance(10_000);
  assert.equal(vpp.reads.length, 10);
});

Deno.test("a reload runs a full sync at once and answers with it", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  world.config = config([frontend("web", { primary: { b1: 100, b2: 51 } }), ...pair.slice(1)]);
  const result = await world.reconciler.reloaded();
  assert.equal(result?.scope, "all");
  assert.deepEqual(result?.changes.map((change) => change.weight_after), [51]);
  assert.deepEqual(vpp.reads, ["all"]);
});

Deno.test("a VPP with another boot time is owed nothing", async () => {
  const { world } = await running();
  await using _ = world;
  world.reconciler.disconnected();
  world.become("b2", "down");
  const restarted = new FakeBalancer();
  restarted.bootTime = 2;
  restarted.place({
    ...world.key("web"),
    encap: "gre4",
    srcIpSticky: false,
    tableLength: 1024,
    index: 1,
    servers: [{ address: ip("10.0.0.1"), weight: 100 }, { address: ip("10.0.0.2"), weight: 9 }],
  });
  world.reconciler.connected(restarted);
  await settle();
  assert.deepEqual(restarted.ops.filter((op) => op.kind === "as-weight"), [
    { kind: "as-weight", vip: world.key("web"), address: "10.0.0.2", weight: 0, flush: false },
  ]);
});

Deno.test("the time to VPP is told for what a transition changed, from the deciding result", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  vpp.gate = () => world.clock.sleep(3);
  world.reconciler.touch([world.turn("b2", "down")], world.clock.now() - 2);
  await world.clock.advance(10);
  assert.deepEqual(world.answered, [5]);
  world.reconciler.touch([world.turn("b2", "paused")]);
  await world.clock.advance(10);
  assert.deepEqual(world.answered, [5], "nothing was sent for it");
});

Deno.test("a first state of the configuration flushes what VPP still sends to it", async () => {
  const off = frontend("web", { primary: { b1: 100, b2: 50 } });
  await using world = new TestWorld(config([off]), { b1: "disabled" });
  const vpp = new FakeBalancer();
  vpp.place({
    ...world.key("web"),
    encap: "gre4",
    srcIpSticky: false,
    tableLength: 1024,
    index: 1,
    servers: [{ address: ip("10.0.0.1"), weight: 100 }, { address: ip("10.0.0.2"), weight: 50 }],
  });
  world.reconciler.connected(vpp);
  await settle();
  assert.deepEqual(vpp.ops.slice(1), [
    { kind: "as-weight", vip: world.key("web"), address: "10.0.0.1", weight: 0, flush: true },
  ]);
});

Deno.test("what is remembered of a VIP is not trusted when its servers say otherwise", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  const [web, mail] = [world.key("web"), world.key("mail")];
  vpp.drop(web);
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.reads, [vipId(web), `prefix ${web.prefix}`]);
  assert.deepEqual(weights(vpp.vip(web)), { "10.0.0.1": 0, "10.0.0.2": 50 });
  for (const vip of vpp.vips) vpp.drop(vip);
  vpp.reads.length = 0;
  world.become("b1", "up");
  await settle();
  assert.equal(vpp.reads[0], `vips ${vipId(web)}, ${vipId(mail)}`);
  assert.equal(vpp.vips.length, 2);
  vpp.drop(web);
  const other = { encap: "gre6", srcIpSticky: false, tableLength: 1024, index: 1 } as const;
  vpp.place({ ...web, ...other, servers: [{ address: ip("2001:db8::1"), weight: 1 }] });
  world.become("b2", "down");
  await settle();
  assert.equal(vpp.vip(web)?.encap, "gre4");
  await world.clock.advance(1_000);
  vpp.filterWorks = false;
  vpp.reads.length = 0;
  world.become("b3", "down");
  await world.clock.advance(1_000);
  assert.deepEqual(vpp.reads, [`servers ${vipId(mail)}`, vipId(mail)]);
});

Deno.test("several decisions that one sync carries count from the earliest", async () => {
  const { world } = await running();
  await using _ = world;
  const now = world.clock.now();
  world.reconciler.touch([world.turn("b2", "down")], now - 9);
  world.reconciler.touch([world.turn("b2", "disabled")], now - 1);
  await settle();
  assert.deepEqual(world.answered, [9]);
});

Deno.test("an operator's disable flushes even as the first thing that happens, a probe's finding does not", async () => {
  for (const { by, flushed } of [{ by: "alice", flushed: true }, { by: null, flushed: false }]) {
    await using world = new TestWorld(config(pair.slice(0, 1)), { b1: "unknown" });
    const vpp = new FakeBalancer();
    vpp.place({
      ...world.key("web"),
      encap: "gre4",
      srcIpSticky: false,
      tableLength: 1024,
      index: 1,
      servers: [{ address: ip("10.0.0.1"), weight: 0 }, { address: ip("10.0.0.2"), weight: 50 }],
    });
    world.reconciler.connected(vpp);
    await settle();
    vpp.ops.length = 0;
    world.become("b1", "disabled", by);
    await settle();
    assert.equal(vpp.ops.some((op) => op.kind === "as-weight" && op.flush), flushed);
  }
});
