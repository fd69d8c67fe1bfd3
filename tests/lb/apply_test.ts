import assert from "node:assert/strict";
import type { Op } from "../../src/lb/balancer.ts";
import { vipId } from "../../src/lb/vips.ts";
import type { Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { backend, config, frontend, TestWorld } from "./setup.ts";

const weights = (world: TestWorld, vpp: FakeBalancer, name: string) =>
  Object.fromEntries(
    (vpp.vip(world.key(name))?.servers ?? []).map((server) => [server.address, server.weight]),
  );
const many = (count: number): Frontend[] =>
  Array.from(
    { length: count },
    (_, index) =>
      frontend(`f${index}`, { p: { b1: 1, b2: 1, b3: 1 } }, { address: ip(`192.0.2.${index + 1}`) }),
  );

async function running(frontends: readonly Frontend[], inFlight = 32) {
  const world = new TestWorld(config(frontends), {}, inFlight);
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  vpp.ops.length = vpp.reads.length = vpp.writes.length = 0;
  world.log.records.length = 0;
  return { world, vpp };
}

Deno.test("never more messages wait for VPP than `--vpp-inflight` allows", async () => {
  await using world = new TestWorld(config(many(40)), {}, 8);
  const vpp = new FakeBalancer();
  vpp.gate = settle;
  world.reconciler.connected(vpp);
  while (world.reconciler.overall !== "in-sync") await settle();
  assert.equal(vpp.vips.length, 40);
  assert.equal(vpp.mostInFlight, 8);
});

Deno.test("a failed raise keeps the other members where they are, but not the dead ones", async () => {
  const pools = { primary: { b1: 100, b2: 100, b3: 100 }, spare: { b4: 100 } };
  const { world, vpp } = await running([frontend("web", pools)]);
  await using _ = world;
  vpp.fail = (op) => op.kind === "as-weight" && op.address === backend("b4").address ? -1 : 0;
  const down = ["b1", "b2"].map((name) => world.turn(name, "down"));
  world.reconciler.touch([...down, world.turn("b3", "paused")]);
  await settle();
  assert.deepEqual(weights(world, vpp, "web"), {
    "10.0.0.1": 0,
    "10.0.0.2": 0,
    "10.0.0.3": 100,
    "10.0.0.4": 0,
  });
  assert.equal(world.reconciler.standing("web"), "error");
  assert.equal(world.reconciler.overall, "out-of-sync");
  const [failure] = world.log.records.filter((record) => record.level === "error");
  assert.equal(failure?.msg, "vpp-lbsync-as-weight");
  assert.equal(failure?.attrs.retval, -1);
  assert.equal(failure?.attrs.error, "VNET_API_ERROR_UNSPECIFIED");
  assert.equal(failure?.attrs.frontend, "web");
  assert.equal(failure?.attrs.vip, "192.0.2.1/32");
  assert.equal(failure?.attrs.address, "10.0.0.4");
  vpp.fail = () => 0;
  await world.clock.advance(1_000);
  assert.equal(weights(world, vpp, "web")["10.0.0.3"], 0);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("lowers wait until every raise was answered", async () => {
  const { world, vpp } = await running([frontend("web", { primary: { b1: 100 }, spare: { b2: 100 } })]);
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.ops.map((op) => op.kind === "as-weight" && op.weight), [100]);
  vpp.gate = () => Promise.resolve();
  for (const answer of open) answer();
  await settle();
  assert.deepEqual(vpp.ops.map((op) => op.kind === "as-weight" && op.weight), [100, 0]);
});

Deno.test("one VIP's failure does not stop the others, and the result names it", async () => {
  const { world, vpp } = await running(many(3));
  await using _ = world;
  for (const vip of vpp.vips) vpp.drop(vip);
  vpp.fail = (op) => op.kind === "vip-add" && op.vip.prefix === "192.0.2.2/32" ? -70 : 0;
  const synced = await world.reconciler.sync({});
  assert.ok(!synced.ok);
  assert.equal(synced.error.type, "vpp-refused");
  const result = synced.error.sync;
  assert.ok(result);
  assert.deepEqual([result.done, result.failed, result.skipped], [8, 1, 3]);
  const failed = result.changes.find((change) => change.status === "failed");
  assert.deepEqual([failed?.frontend, failed?.retval, failed?.error], [
    "f1",
    -70,
    "VNET_API_ERROR_INVALID_MEMORY_SIZE",
  ]);
  assert.equal(vpp.vips.length, 2);
});

Deno.test("-81 to an addition and -6 to a deletion are done, and the VIP is read again at once", async () => {
  const { world, vpp } = await running([frontend("web", { primary: { b1: 100, b2: 100 } })]);
  await using _ = world;
  const key = world.key("web");
  vpp.poke(key, backend("b1").address, null);
  vpp.poke(key, backend("b9").address, 1);
  let raced = false;
  vpp.fail = (op: Op) => {
    if (raced || op.kind === "conf-set") return 0;
    // Somebody else did the same between our read and our message.
    vpp.poke(key, backend("b1").address, 50);
    vpp.poke(key, backend("b9").address, null);
    raced = true;
    return 0;
  };
  const synced = await world.reconciler.sync({ frontend: "web" });
  assert.ok(synced.ok);
  assert.deepEqual(synced.value.changes.map((change) => [change.kind, change.status, change.retval]), [
    ["as_added", "done", -81],
    ["as_removed", "done", -6],
  ]);
  await settle();
  assert.deepEqual(vpp.reads, [vipId(key), vipId(key)]);
  assert.equal(weights(world, vpp, "web")["10.0.0.1"], 100);
});

Deno.test("a VPP that says -6 for ever is not asked in a tight circle", async () => {
  const { world, vpp } = await running([frontend("web", { primary: { b1: 100 } })]);
  await using _ = world;
  vpp.poke(world.key("web"), backend("b9").address, 1);
  vpp.fail = (op) => op.kind === "as-delete" ? -6 : 0;
  await world.reconciler.sync({ frontend: "web" });
  for (let i = 0; i < 20; i++) await settle();
  assert.equal(vpp.ops.length, 2);
  await world.clock.advance(10_000);
  assert.ok(vpp.ops.length < 12, String(vpp.ops.length));
});

Deno.test("refused global settings stop additions, not weights and deletions, and are retried", async () => {
  const { world, vpp } = await running([frontend("web", { primary: { b1: 100, b2: 100 } })]);
  await using _ = world;
  vpp.poke(world.key("web"), backend("b9").address, 1);
  vpp.fail = (op) => op.kind === "conf-set" ? -1 : 0;
  world.config = config(
    [
      frontend("web", { primary: { b1: 40, b2: 100, b3: 100 } }),
      frontend("new", { p: { b1: 1 } }, { port: 81 }),
    ],
    { flowTimeoutSeconds: 99 },
  );
  world.states.set("b3", { state: "up", known: true });
  const result = await world.reconciler.reloaded();
  assert.deepEqual(result?.changes.map((change) => `${change.kind} ${change.status}`), [
    "conf_set failed",
    "as_added skipped",
    "as_weight_updated done",
    "as_removed done",
    "vip_added skipped",
    "as_added skipped",
  ]);
  assert.equal(world.reconciler.overall, "out-of-sync");
  vpp.ops.length = 0;
  world.become("b2", "down");
  await settle();
  assert.deepEqual(vpp.ops.map((op) => op.kind), ["conf-set", "as-weight"]);
  vpp.fail = () => 0;
  await world.clock.advance(5_000);
  assert.equal(world.reconciler.overall, "in-sync");
  assert.equal(vpp.vips.length, 2);
});

Deno.test("refused global settings leave a VIP the capacity that a missing server should replace", async () => {
  const { world, vpp } = await running([frontend("web", { primary: { b1: 100 }, spare: { b2: 100 } })]);
  await using _ = world;
  world.become("b1", "down");
  await settle();
  vpp.fail = (op) => op.kind === "conf-set" ? -1 : 0;
  world.config = config([frontend("web", { primary: { b3: 100, b1: 100 }, spare: { b2: 100 } })], {
    flowTimeoutSeconds: 99,
  });
  world.states.set("b3", { state: "up", known: true });
  await world.reconciler.reloaded();
  assert.equal(weights(world, vpp, "web")["10.0.0.2"], 100);
});

Deno.test("a session that ends in the middle loses nothing: the next one plans from what is there", async () => {
  await using world = new TestWorld(config(many(20)), {}, 4);
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  vpp.after = () => {
    if (vpp.ops.length === 30) vpp.end();
  };
  await settle();
  world.reconciler.disconnected();
  assert.ok(vpp.ops.length < 40, "nothing more was sent");
  const again = new FakeBalancer();
  again.conf = vpp.conf;
  for (const vip of vpp.vips) again.place(vip);
  world.reconciler.connected(again);
  await settle();
  assert.equal(world.reconciler.overall, "in-sync");
  assert.equal(again.vips.length, 20);
  assert.deepEqual(again.refused, []);
  assert.ok(again.ops.length < 81 - 20, "what was there was not sent again");
});

Deno.test("an operator's sync is refused with the reason when the session ends meanwhile", async () => {
  const { world, vpp } = await running(many(1));
  await using _ = world;
  vpp.readGate = () => {
    vpp.end("VPP went away");
    return Promise.resolve();
  };
  const synced = await world.reconciler.sync({});
  assert.ok(!synced.ok);
  assert.equal(synced.error.type, "vpp-unavailable");
  assert.match(synced.error.detail, /VPP went away/);
});

Deno.test("the text of VPP is asked for again only after VIPs were added or deleted", async () => {
  const { world, vpp } = await running(many(2));
  await using _ = world;
  assert.equal(vpp.textAsked, 1);
  world.become("b1", "down");
  await world.clock.advance(60_000);
  assert.equal(vpp.textAsked, 1);
  vpp.drop(world.key("f0"));
  await world.clock.advance(30_000);
  assert.equal(vpp.textAsked, 2);
});

Deno.test("every change is counted by scope and kind", async () => {
  await using world = new TestWorld(config([frontend("web", { primary: { b1: 100, b2: 1 } })]));
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  assert.deepEqual(world.counted, ["all vip_added", "all as_added", "all as_added"]);
  world.become("b1", "down");
  await settle();
  assert.deepEqual(world.counted.slice(3), ["vip as_weight_updated"]);
});

Deno.test("refused global settings hold a recreate back, but not the weights of its VIP", async () => {
  const { world, vpp } = await running([frontend("web", { primary: { b1: 100, b2: 100 } })]);
  await using _ = world;
  vpp.fail = (op) => op.kind === "conf-set" ? -1 : 0;
  world.config = config(
    [frontend("web", { primary: { b1: 100, b2: 100 } }, { srcIpSticky: true })],
    { flowTimeoutSeconds: 99 },
  );
  world.states.set("b1", { state: "down", known: true });
  await world.reconciler.reloaded();
  assert.deepEqual(weights(world, vpp, "web"), { "10.0.0.1": 0, "10.0.0.2": 100 });
  assert.equal(vpp.vip(world.key("web"))?.srcIpSticky, false);
  vpp.fail = () => 0;
  await world.clock.advance(5_000);
  assert.equal(vpp.vip(world.key("web"))?.srcIpSticky, true);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("while a recreate is held back no server is added to a VIP of another encapsulation", async () => {
  // VPP does not survive a server that is added to a NAT VIP for all ports.
  const any = { protocol: "any", port: 0 } as const;
  await using world = new TestWorld(config([frontend("web", { primary: { b1: 100, b2: 50 } }, any)]));
  const key = world.key("web");
  const vpp = new FakeBalancer();
  const servers = [{ address: backend("b1").address, weight: 7 }];
  vpp.place({ ...key, encap: "nat4", srcIpSticky: false, tableLength: 1024, index: 1, servers });
  vpp.fail = (op) => op.kind === "conf-set" ? -1 : 0;
  world.reconciler.connected(vpp);
  await settle();
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  const inPlace = planned.value.plan.units.flatMap((unit) => unit.kind === "vip" ? unit.raises : []);
  assert.deepEqual(inPlace.map(({ kind }) => kind), []);
  assert.deepEqual(vpp.ops.map((op) => op.kind), ["conf-set", "as-weight"]);
  vpp.fail = () => 0;
  await world.clock.advance(5_000);
  assert.equal(vpp.vip(key)?.encap, "gre4");
  assert.deepEqual(weights(world, vpp, "web"), { "10.0.0.1": 100, "10.0.0.2": 50 });
});

Deno.test("what is held is logged once, with the digest that sends it", async () => {
  const { world, vpp } = await running([
    frontend("web", { primary: { b1: 100, b2: 100 } }, { newFlowsTableLength: 4096 }),
  ]);
  await using _ = world;
  const key = world.key("web");
  vpp.drop(key);
  const servers = [{ address: backend("b1").address, weight: 5 }, {
    address: backend("b2").address,
    weight: 100,
  }];
  vpp.place({ ...key, encap: "gre4", srcIpSticky: false, tableLength: 1024, index: 1, servers });
  await world.clock.advance(90_000);
  const lines = world.log.named("vpp-lbsync-held");
  assert.equal(lines.length, 1);
  assert.equal(lines[0]?.held, "table length");
  const synced = await world.reconciler.sync({ plan_digest: String(lines[0]?.digest) });
  assert.ok(synced.ok);
  assert.equal(vpp.vip(key)?.tableLength, 4096);
});

Deno.test("what needs a deletion that VPP refused is not sent, and the daemon is out of sync", async () => {
  const others = many(6).slice(2);
  const { world, vpp } = await running([
    frontend("web", { p: { b1: 1 } }, { protocol: "any", port: 0 }),
    ...others,
  ]);
  await using _ = world;
  vpp.fail = (op) => op.kind === "vip-delete" ? -1 : 0;
  world.config = config([frontend("web", { p: { b1: 1 } }), ...others]);
  const result = await world.reconciler.reloaded();
  assert.deepEqual(result?.changes.map((change) => `${change.kind} ${change.status}`), [
    "vip_removed failed",
    "vip_added skipped",
    "as_added skipped",
  ]);
  assert.deepEqual(vpp.refused, []);
  assert.equal(world.reconciler.overall, "out-of-sync");
  vpp.fail = () => 0;
  await world.clock.advance(2_000);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("a last deletion that VPP refuses leaves the daemon out of sync, and is retried", async () => {
  const { world, vpp } = await running(many(4));
  await using _ = world;
  vpp.fail = (op) => op.kind === "vip-delete" ? -1 : 0;
  world.config = config(many(3));
  await world.reconciler.reloaded();
  assert.equal(world.reconciler.overall, "out-of-sync");
  vpp.fail = () => 0;
  await world.clock.advance(2_000);
  assert.equal(world.reconciler.overall, "in-sync");
  assert.equal(vpp.vips.length, 3);
});

Deno.test("a weight does not wait for the settings of a reload: failover comes first", async () => {
  const { world, vpp } = await running([frontend("web", { primary: { b1: 100, b2: 100 } })]);
  await using _ = world;
  world.config = config([frontend("web", { primary: { b1: 100, b2: 100 } })], { flowTimeoutSeconds: 60 });
  const reloaded = world.reconciler.reloaded();
  world.become("b1", "down");
  await reloaded;
  assert.deepEqual(vpp.ops.map((op) => op.kind), ["as-weight", "conf-set"]);
});
