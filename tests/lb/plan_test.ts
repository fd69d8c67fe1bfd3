import assert from "node:assert/strict";
import { hold, planDigest, type StepFacts, type VipSettings } from "../../src/lb/steps.ts";
import type { ActualConf } from "../../src/model.ts";
import type { Config } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { backend, config, frontend, type Pools, TestWorld } from "./setup.ts";
import { brief, changes, kinds, placed, reload, running, six, web } from "./plan_world.ts";

Deno.test("reasons name the state, the pool, the operator, the file, drift and what is not configured", async () => {
  const { world, vpp } = await running([web({ primary: { b1: 100 }, fallback: { b2: 100 } })]);
  await using _ = world;
  const reasons = () =>
    world.log.named("vpp-lbsync-as-weight").map((line) => `${line.backend}: ${line.reason}`);
  world.become("b1", "down");
  await settle();
  assert.deepEqual(reasons(), ["b2: pool fallback took over", "b1: backend b1 down"]);
  world.log.records.length = 0;
  world.become("b1", "up");
  await settle();
  assert.deepEqual(reasons(), ["b1: backend b1 up", "b2: pool primary took over"]);
  world.log.records.length = 0;
  await world.weigh("web", "b1", 10);
  assert.deepEqual(reasons(), ["b1: weight set by operator"]);
  assert.equal(world.log.named("vpp-lbsync-as-weight").at(-1)?.by, "alice");
  world.log.records.length = 0;
  await reload(world, [web({ primary: { b1: 30 }, fallback: { b2: 100 } })]);
  assert.deepEqual(reasons(), ["b1: weight in the configuration"]);
  world.log.records.length = 0;
  vpp.poke(world.key("web"), backend("b1").address, 99);
  vpp.poke(world.key("web"), backend("b9").address, 5);
  await world.clock.advance(30_000);
  assert.deepEqual(reasons(), ["b1: drift"]);
  assert.equal(world.log.named("vpp-lbsync-as-del")[0]?.reason, "not in the configuration");
});

Deno.test("drift is repaired without a flush", async () => {
  const { world, vpp } = await running([web({ primary: { b1: 100, b2: 100 } })]);
  await using _ = world;
  world.become("b1", "down");
  await settle();
  vpp.ops.length = 0;
  vpp.poke(world.key("web"), backend("b1").address, 100);
  await world.clock.advance(30_000);
  assert.deepEqual(vpp.ops, [
    { kind: "as-weight", vip: world.key("web"), address: "10.0.0.1", weight: 0, flush: false },
  ]);
});

Deno.test("an owed flush goes out at weight 0 too, and is repeated until VPP takes it", async () => {
  const { world, vpp } = await running([web({ primary: { b1: 100, b2: 100 } })]);
  await using _ = world;
  world.become("b1", "paused");
  await settle();
  vpp.ops.length = 0;
  vpp.fail = (op) => op.kind === "as-weight" ? -1 : 0;
  world.become("b1", "down");
  await settle();
  vpp.fail = () => 0;
  await world.clock.advance(1_000);
  const flush = { kind: "as-weight", vip: world.key("web"), address: "10.0.0.1", weight: 0, flush: true };
  assert.deepEqual(vpp.ops, [flush, flush]);
  await world.clock.advance(60_000);
  assert.equal(vpp.ops.length, 2);
});

Deno.test("another encapsulation recreates all frontends of the prefix together, in one write", async () => {
  const pair = (pools: Pools) => [web(pools), frontend("tls", pools, { port: 443 })];
  const { world, vpp } = await running(pair({ primary: { b1: 100 } }));
  await using _ = world;
  await reload(world, pair(six));
  assert.deepEqual(vpp.writes.map((write) => kinds(write)), [
    ["vip-flush", "vip-delete", "vip-flush", "vip-delete", "vip-add", "as-add", "vip-add", "as-add"],
  ]);
  assert.deepEqual(vpp.refused, []);
  const lines = world.log.named("vpp-lbsync-vip-recreate");
  assert.deepEqual(lines.map((line) => [line.frontend, line.reason, line.traffic_affecting]), [
    ["web", "encap is gre4, not gre6", true],
    ["tls", "encap is gre4, not gre6", true],
  ]);
  assert.deepEqual(await changes(world), []);
});

Deno.test("a one-VIP sync recreates its neighbours of another encapsulation too", async () => {
  const pair = [web(six), frontend("tls", six, { port: 443 })];
  const { world, vpp } = await running(pair);
  await using _ = world;
  for (const vip of vpp.vips) vpp.drop(vip);
  vpp.place(placed());
  vpp.place(placed({ port: 443 }));
  const synced = await world.reconciler.sync({ frontend: "tls" });
  assert.ok(synced.ok);
  assert.deepEqual(brief(synced.value.changes), [
    "vip_recreated 192.0.2.1/32 80",
    "as_added 192.0.2.1/32 80 2001:db8::1",
    "vip_recreated 192.0.2.1/32 443",
    "as_added 192.0.2.1/32 443 2001:db8::1",
  ]);
  assert.deepEqual(vpp.refused, []);
});

Deno.test("a neighbour that a recreate found other than it was read is read at once, too", async () => {
  const pair = [web(six), frontend("tls", six, { port: 443 })];
  const { world, vpp } = await running(pair);
  await using _ = world;
  for (const vip of vpp.vips) vpp.drop(vip);
  vpp.place(placed());
  vpp.place(placed({ port: 443 }));
  // Somebody deletes the neighbour after it was read.
  let gone = false;
  vpp.fail = (op) => {
    if (gone || op.kind !== "vip-delete" || op.vip.port !== 80) return 0;
    gone = true;
    vpp.drop(op.vip);
    return -6;
  };
  vpp.reads.length = 0;
  assert.ok((await world.reconciler.sync({ frontend: "tls" })).ok);
  await settle();
  assert.ok(vpp.reads.some((read) => read.includes("192.0.2.1/32 6 80")), vpp.reads.join("; "));
});

Deno.test("src-ip-sticky recreates, unless it is not known", async () => {
  const { world, vpp } = await running([web()]);
  await using _ = world;
  vpp.drop(world.key("web"));
  vpp.place(placed({ srcIpSticky: null }));
  assert.deepEqual(await changes(world), []);
  vpp.drop(world.key("web"));
  vpp.place(placed({ srcIpSticky: true }));
  const [recreate] = await changes(world);
  assert.equal(recreate?.kind, "vip_recreated");
  assert.equal(recreate?.traffic_affecting, true);
  assert.equal(recreate?.held, null);
});

Deno.test("a table length given as a number recreates, one left to auto is held", async () => {
  const { world, vpp } = await running([web({ primary: { b1: 100 } }, { newFlowsTableLength: 4096 })]);
  await using _ = world;
  vpp.drop(world.key("web"));
  vpp.place(placed());
  const held = await changes(world);
  assert.deepEqual(brief(held), [
    "vip_recreated 192.0.2.1/32 80 table length",
    "as_added 192.0.2.1/32 80 10.0.0.1 table length",
  ]);
  await world.clock.advance(60_000);
  assert.deepEqual(vpp.ops, []);
  assert.equal(world.reconciler.standing("web"), "in-sync");
  assert.equal(world.reconciler.overall, "in-sync");
  assert.equal(world.reconciler.heldChanges, 2);
  const plain = await world.reconciler.sync({ frontend: "web" });
  assert.ok(plain.ok);
  assert.equal(plain.value.skipped, 2);
  assert.deepEqual(vpp.ops, []);
  const planned = await world.reconciler.plan("web");
  assert.ok(planned.ok);
  const sent = await world.reconciler.sync({ frontend: "web", plan_digest: planned.value.plan.digest });
  assert.ok(sent.ok);
  assert.equal(vpp.vip(world.key("web"))?.tableLength, 4096);
  const exact = [web({ primary: { b1: 100 } }, { newFlowsTableLength: 512, newFlowsTableLengthAuto: false })];
  await reload(world, exact);
  assert.equal(vpp.vip(world.key("web"))?.tableLength, 512);
});

Deno.test("a held table length does not keep weights back, and its rebuild makes them needless", async () => {
  const { world, vpp } = await running([
    web({ primary: { b1: 100, b2: 100 } }, { newFlowsTableLength: 4096 }),
  ]);
  await using _ = world;
  vpp.drop(world.key("web"));
  const servers = ["b1", "b2"].map((name) => ({ address: backend(name).address, weight: 100 }));
  vpp.place(placed({ servers }));
  world.become("b1", "down");
  await settle();
  assert.deepEqual(kinds(vpp.ops), ["as-weight"]);
  vpp.ops.length = 0;
  vpp.poke(world.key("web"), backend("b1").address, 55);
  const planned = await world.reconciler.plan("web");
  assert.ok(planned.ok);
  const sent = await world.reconciler.sync({ frontend: "web", plan_digest: planned.value.plan.digest });
  assert.ok(sent.ok);
  assert.equal(sent.value.done, 4);
  assert.deepEqual(kinds(vpp.ops), ["vip-flush", "vip-delete", "vip-add", "as-add", "as-add"]);
});

Deno.test("a digest that no longer matches is refused with the one of now, and nothing is sent", async () => {
  const { world, vpp } = await running([web({ primary: { b1: 100 } }, { newFlowsTableLength: 4096 })]);
  await using _ = world;
  vpp.drop(world.key("web"));
  vpp.place(placed());
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  vpp.poke(world.key("web"), backend("b1").address, 7);
  const synced = await world.reconciler.sync({ plan_digest: planned.value.plan.digest });
  assert.ok(!synced.ok);
  assert.equal(synced.error.type, "plan-changed");
  const now = await world.reconciler.plan(null);
  assert.ok(now.ok);
  assert.equal(synced.error.planDigest, now.value.plan.digest);
  assert.deepEqual(vpp.ops, []);
});

Deno.test("the digest covers all that a step changes, and neither its reason nor its holds", () => {
  const conf: ActualConf = {
    ipv4SrcAddress: ip("198.51.100.1"),
    ipv6SrcAddress: ip("2001:db8::1"),
    stickyBucketsPerCore: 65_536,
    flowTimeoutSeconds: 40,
  };
  const key = { prefix: "192.0.2.1/32", protocol: 6, port: 80 };
  const server = { address: ip("10.0.0.1"), backend: "b1", before: 100, after: 0 };
  const settings: VipSettings = { encap: "gre4", tableLength: 1024, srcIpSticky: false };
  const step: StepFacts = {
    kind: "as_weight_updated",
    frontend: "web",
    key,
    server,
    flush: true,
    trafficAffecting: false,
    conf,
    settings,
  };
  const others: { readonly [Key in keyof StepFacts]: readonly StepFacts[Key][] } = {
    kind: ["as_added"],
    frontend: ["mail", null],
    key: [{ ...key, prefix: "192.0.2.2/32" }, { ...key, protocol: 17 }, { ...key, port: 81 }, null],
    server: [
      { ...server, address: ip("10.0.0.2") },
      { ...server, backend: null },
      { ...server, before: 99 },
      { ...server, after: null },
      null,
    ],
    flush: [false],
    trafficAffecting: [true],
    conf: [
      { ...conf, ipv4SrcAddress: ip("198.51.100.2") },
      { ...conf, ipv6SrcAddress: ip("2001:db8::2") },
      { ...conf, stickyBucketsPerCore: 1024 },
      { ...conf, flowTimeoutSeconds: 41 },
      null,
    ],
    settings: [
      { ...settings, encap: "gre6" },
      { ...settings, tableLength: 2048 },
      { ...settings, srcIpSticky: true },
      null,
    ],
  };
  const digest = planDigest([step]);
  const apart = { reason: "drift", holds: [hold("warm-up")], dead: true };
  assert.equal(planDigest([{ ...step, ...apart }]), digest);
  for (const [name, values] of Object.entries(others)) {
    for (const value of values) assert.notEqual(planDigest([{ ...step, [name]: value }]), digest, name);
  }
  const second = { ...step, frontend: "mail" };
  assert.notEqual(planDigest([step, second]), planDigest([second, step]), "the order counts");
});

Deno.test("the global settings are sent only when they differ, and say when they drop all flows", async () => {
  const { world, vpp } = await running([web()]);
  await using _ = world;
  await world.clock.advance(60_000);
  assert.deepEqual(vpp.ops, []);
  await reload(world, [web()], { flowTimeoutSeconds: 60 });
  assert.deepEqual(kinds(vpp.ops), ["conf-set"]);
  const levels = () => world.log.records.filter((r) => r.msg === "vpp-lb-conf-set").map((r) => r.level);
  world.log.records.length = 0;
  await reload(world, [web()], { flowTimeoutSeconds: 60, stickyBucketsPerCore: 1024 });
  assert.deepEqual(levels(), ["warn"]);
});

Deno.test("a plan has no side effect", async () => {
  const { world, vpp } = await running([web({ p: { b1: 1, b2: 1 } })]);
  await using _ = world;
  vpp.poke(world.key("web"), backend("b1").address, null);
  const first = await changes(world);
  assert.deepEqual(await changes(world), first);
  assert.deepEqual(vpp.ops, []);
  const named: Config = world.config;
  assert.equal(named.frontends.size, 1);
});

Deno.test("VIPs come in numeric order of address, IPv4 first, whatever the file's order", async () => {
  const addresses = ["2001:db8:f::1", "192.0.2.100", "192.0.2.20", "198.51.100.1"];
  await using world = new TestWorld(
    config(addresses.map((address, n) => frontend(`f${n}`, { p: { b1: 1 } }, { address: ip(address) }))),
  );
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  const added = vpp.ops.flatMap((op) => op.kind === "vip-add" ? [op.vip.prefix] : []);
  const numeric = ["192.0.2.20/32", "192.0.2.100/32", "198.51.100.1/32", "2001:db8:f::1/128"];
  assert.deepEqual(added, numeric);
});

Deno.test("a one-VIP sync adds its own VIP and no neighbour that is missing too", async () => {
  const { world, vpp } = await running([web(), frontend("tls", { p: { b1: 1 } }, { port: 443 })]);
  await using _ = world;
  for (const vip of vpp.vips) vpp.drop(vip);
  const synced = await world.reconciler.sync({ frontend: "tls" });
  assert.ok(synced.ok);
  assert.deepEqual(brief(synced.value.changes), [
    "vip_added 192.0.2.1/32 443",
    "as_added 192.0.2.1/32 443 10.0.0.1",
  ]);
});

Deno.test("an addition is drift when it was there before, and the configuration's when it is new or new again", async () => {
  const pools = { p: { b1: 1, b2: 1 } };
  const tls = frontend("tls", { p: { b1: 1 } }, { port: 443 });
  const { world, vpp } = await running([web(pools), tls, frontend("dns", { p: { b1: 1 } }, { port: 53 })]);
  await using _ = world;
  const reasons = () => world.log.named("vpp-lbsync-as-add").map((line) => `${line.port} ${line.reason}`);
  world.log.records.length = 0;
  vpp.poke(world.key("web"), backend("b2").address, null);
  await world.clock.advance(30_000);
  assert.deepEqual(reasons(), ["80 drift"]);
  await reload(world, [web(pools), frontend("dns", { p: { b1: 1 } }, { port: 53 })]);
  world.log.records.length = 0;
  await reload(world, [
    web({ p: { b1: 1, b2: 1, b3: 1 } }),
    tls,
    frontend("dns", { p: { b1: 1 } }, { port: 53 }),
  ]);
  assert.deepEqual(reasons().sort(), ["443 in the configuration", "80 in the configuration"]);
});
