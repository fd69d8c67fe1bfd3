import assert from "node:assert/strict";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { config, frontend, TestWorld } from "./setup.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { running, weights } from "./reconciler_world.ts";

/** Frontends that share one backend. */
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    return frontend(`f${i}`, { primary: { b1: 100, b2: 100 } }, { address: ip(`192.0.2.${i + 1}`) });
  });

Deno.test("all VIPs of a backend are told in one job, without a read, within the bound of messages in flight", async () => {
  const { world, vpp } = await running(many(100));
  await using _ = world;
  vpp.mostInFlight = 0;
  world.applied.length = 0;
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.reads, []);
  assert.equal(vpp.ops.length, 100);
  assert.ok(vpp.mostInFlight <= 32);
  assert.equal(world.log.named("vpp-lbsync-done").length, 1);
  const told = world.applied.map(({ done, frontend }) => ({ done, frontend }));
  assert.deepEqual(told, [{ done: 100, frontend: null }], "of several frontends none is named");
  for (const vip of vpp.vips) assert.deepEqual(weights(vip), { "10.0.0.1": 0, "10.0.0.2": 100 });
});

Deno.test("a full read, a question and a long list of changes under way do not hold up a failover", async () => {
  const { world, vpp } = await running(many(3));
  await using _ = world;
  const reads: (() => void)[] = [];
  vpp.readGate = () => new Promise((resolve) => reads.push(resolve));
  const question = world.reconciler.read(null);
  await settle();
  assert.equal(vpp.reads.length, 1, "the question is being read");
  world.become("b1", "down");
  await settle();
  assert.equal(vpp.ops.length, 3);
  vpp.readGate = () => Promise.resolve();
  reads.forEach((answer) => answer());
  const answer = await question;
  assert.ok(answer.ok);
  // The dump of the question is older than the change: it must not bring the old weight back.
  for (const vip of vpp.vips) {
    assert.equal(
      world.reconciler.view.weight(world.config.frontends.get("f0") ?? assert.fail(), ip("10.0.0.1")),
      0,
      vip.prefix,
    );
  }
  await world.clock.advance(1_000);
  assert.equal(vpp.ops.length, 3, "nothing is sent twice");
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("a backend that went down while its addition waits is not added with its weight", async () => {
  await using world = new TestWorld(config(many(1)));
  const vpp = new FakeBalancer();
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.reconciler.connected(vpp);
  await settle();
  // The settings are on their way; the VIP and its servers are planned.
  assert.deepEqual(vpp.ops.map(({ kind }) => kind), ["conf-set"]);
  world.become("b2", "down");
  vpp.gate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await settle();
  await world.clock.advance(2_000);
  const added = vpp.ops.filter((op) => op.kind === "as-add" && op.address === "10.0.0.2");
  assert.deepEqual(added.map((op) => op.kind === "as-add" && op.weight), [0]);
});

Deno.test("a VIP that a reload names is not deleted by a plan that was made before", async () => {
  const two = many(2);
  const { world, vpp } = await running(two);
  await using _ = world;
  const open: (() => void)[] = [];
  // The first frontend's server changes and the second frontend goes: its deletion waits for the change.
  world.config = config([frontend("f0", { primary: { b1: 50, b2: 100 } }, { address: ip("192.0.2.1") })]);
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  const gone = world.reconciler.reloaded();
  await settle();
  assert.deepEqual(vpp.ops.map(({ kind }) => kind), ["as-weight"]);
  world.config = config(two);
  const back = world.reconciler.reloaded();
  vpp.gate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await Promise.all([gone, back]);
  assert.equal(vpp.ops.filter(({ kind }) => kind === "vip-delete" || kind === "vip-flush").length, 0);
  assert.equal(vpp.vips.length, 2);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("what waits for room is asked again when there is room, and not sent if it is not wanted any more", async () => {
  const { world, vpp } = await running(many(40));
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.become("b1", "down");
  await settle();
  assert.equal(vpp.ops.length, 32, "VPP has not answered, so the rest waits");
  world.become("b1", "up");
  await settle();
  vpp.gate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await settle();
  const lowered = vpp.ops.filter((op) => op.kind === "as-weight" && op.weight === 0);
  assert.equal(lowered.length, 32);
  for (const vip of vpp.vips) assert.deepEqual(weights(vip), { "10.0.0.1": 100, "10.0.0.2": 100 });
  await world.clock.advance(1_000);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("a change of which nothing is wanted any more is told to its end", async () => {
  const { world, vpp } = await running([
    ...many(32),
    frontend("late", { primary: { b3: 100, b4: 100 } }, { address: ip("192.0.2.99") }),
  ]);
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.become("b1", "down");
  await settle();
  world.become("b3", "down");
  await settle();
  world.become("b3", "up");
  await settle();
  vpp.gate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await settle();
  assert.equal(vpp.ops.length, 32);
  const told = world.log.records.filter(({ level }) => level === "info").map(({ msg }) => msg);
  assert.equal(told.filter((msg) => msg === "vpp-lbsync-start").length, 2);
  assert.equal(told.filter((msg) => msg === "vpp-lbsync-done").length, 2);
});

Deno.test("the first messages of 240 VIPs leave before most of them are planned, and VPP always has some to work on", async () => {
  const frontends = Array.from({ length: 240 }, (_, i) => {
    const address = ip(`192.0.2.${i}`);
    return frontend(`f${i}`, { primary: { b1: 100, [`b${i + 2}`]: 100 } }, { address });
  });
  const { world, vpp } = await running(frontends);
  await using _ = world;
  let planned = 0;
  const status = world.states.get.bind(world.states);
  // Each VIP has a backend of its own, of which its plan asks.
  world.states.get = (name) => {
    if (name === `b${planned + 2}`) planned++;
    return status(name);
  };
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.become("b1", "down");
  await settle();
  assert.equal(vpp.ops.length, 32);
  assert.ok(planned >= 32 + 16 && planned < 100, `${planned} were planned`);
  assert.deepEqual(world.log.named("vpp-lbsync-start"), [], "it is told when all is planned");
  assert.equal(world.reconciler.standing("f239"), "pending");
  // Messages go in groups of eight, so that a group is one write; the other 24 keep VPP at work.
  vpp.after = () => assert.ok(vpp.inFlight <= 32);
  for (const answer of open.splice(0, 7)) answer();
  await settle();
  assert.equal(vpp.ops.length, 32);
  for (const answer of open.splice(0, 3)) answer();
  await settle();
  assert.equal(vpp.ops.length, 40);
  vpp.gate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await settle();
  assert.deepEqual(
    vpp.ops.map((op) => op.kind === "as-weight" && op.vip.prefix),
    frontends.map(({ address }) => `${address}/32`),
    "in numeric order",
  );
  assert.equal(planned, 240);
  const told = world.log.records.map(({ msg }) => msg);
  assert.equal(told[0], "vpp-lbsync-start");
  assert.equal(told.filter((msg) => msg === "vpp-lbsync-start").length, 1);
  assert.equal(told.filter((msg) => msg === "vpp-lbsync-as-weight").length, 240);
  assert.equal(told.indexOf("vpp-lbsync-done"), 241);
  assert.equal(world.log.named("vpp-lbsync-start")[0]?.changes, 240);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("a VIP that changes again before it is planned is planned once, from what is so then", async () => {
  const { world, vpp } = await running(many(200));
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.become("b1", "down");
  await settle();
  world.become("b2", "down");
  world.become("b1", "up");
  await settle();
  vpp.gate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await settle();
  // 32 were sent; nobody wants that of the others any more.
  assert.equal(vpp.ops.filter((op) => op.kind === "as-weight" && op.address === "10.0.0.1").length, 2 * 32);
  for (const vip of vpp.vips) assert.deepEqual(weights(vip), { "10.0.0.1": 100, "10.0.0.2": 0 });
  await world.clock.advance(1_000);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("a session that ends while VIPs wait for their plan leaves nothing behind", async () => {
  const { world, vpp } = await running(many(200));
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.become("b1", "down");
  await settle();
  vpp.end();
  world.reconciler.disconnected();
  open.forEach((answer) => answer());
  await settle();
  assert.equal(vpp.ops.length, 32);
  const next = new FakeBalancer();
  for (const vip of vpp.vips) next.place(vip);
  world.reconciler.connected(next);
  await settle();
  await world.clock.advance(1_000);
  for (const vip of next.vips) assert.deepEqual(weights(vip), { "10.0.0.1": 0, "10.0.0.2": 100 });
  assert.equal(world.reconciler.overall, "in-sync");
  next.ops.length = 0;
  world.become("b1", "up");
  await settle();
  assert.equal(next.ops.length, 200, "those that waited are looked at again");
});

Deno.test("a daemon that stops in the middle of a change of many VIPs tells what VPP took", async () => {
  const { world, vpp } = await running(many(200));
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.become("b1", "down");
  await settle();
  for (const answer of open.splice(0, 10)) answer();
  await settle();
  const stopping = world.reconciler[Symbol.asyncDispose]();
  vpp.end();
  open.forEach((answer) => answer());
  await stopping;
  await settle();
  const told = world.log.named("vpp-lbsync-as-weight");
  assert.equal(told.length, 10, "what VPP did not answer is not told");
  assert.equal(world.log.named("vpp-lbsync-start").length, 1);
});

Deno.test("a result that comes while a sync plans or begins to send is sent once", async () => {
  for (let ticks = 0; ticks < 40; ticks++) {
    const { world, vpp } = await running(many(3));
    await using _ = world;
    const open: (() => void)[] = [];
    vpp.readGate = () => new Promise((resolve) => open.push(resolve));
    const synced = world.reconciler.sync({});
    await settle();
    vpp.readGate = () => Promise.resolve();
    open.forEach((answer) => answer());
    // Nothing but the order of what waits for promises tells when the plan is made.
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    world.become("b1", "down");
    assert.ok((await synced).ok);
    await world.clock.advance(2_000);
    assert.equal(vpp.ops.length, 3, `after ${ticks} ticks`);
    assert.equal(world.reconciler.overall, "in-sync");
  }
});

Deno.test("-6 to a weight means that VPP was changed: it is read at once and made right", async () => {
  const { world, vpp } = await running(many(1));
  await using _ = world;
  vpp.poke(world.key("f0"), ip("10.0.0.1"), null);
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.refused.map(({ retval }) => retval), [-6]);
  assert.deepEqual(weights(vpp.vip(world.key("f0"))), { "10.0.0.1": 0, "10.0.0.2": 100 });
  assert.equal(world.reconciler.standing("f0"), "in-sync");
});

Deno.test("buckets are known again within a second after a change", async () => {
  const { world } = await running(many(1));
  await using _ = world;
  world.become("b1", "down");
  await settle();
  assert.equal(world.reconciler.view.buckets("f0", ip("10.0.0.2")), null);
  await world.clock.advance(999);
  assert.deepEqual(world.reconciler.view.buckets("f0", ip("10.0.0.2")), { count: 1024, length: 1024 });
});

Deno.test("not in sync from a reload until its sync is through", async () => {
  const { world, vpp } = await running(many(1));
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.readGate = () => new Promise((resolve) => open.push(resolve));
  const reloaded = world.reconciler.reloaded();
  assert.equal(world.reconciler.overall, "out-of-sync");
  await settle();
  vpp.readGate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await reloaded;
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("a frontend that a reload removes while its sync fails leaves nothing behind", async () => {
  const two = many(2);
  const { world, vpp } = await running(two);
  await using _ = world;
  vpp.fail = (op) => op.kind === "as-weight" ? -1 : 0;
  const open: (() => void)[] = [];
  vpp.gate = () => new Promise((resolve) => open.push(resolve));
  world.become("b1", "down");
  await settle();
  world.config = config(two.slice(0, 1));
  const reloaded = world.reconciler.reloaded();
  vpp.fail = () => 0;
  vpp.gate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await reloaded;
  await world.clock.advance(60_000);
  assert.equal(world.reconciler.overall, "in-sync");
  assert.equal(world.reconciler.waiting, 1, "the interval alone");
});

Deno.test("an addition does not wait for a full read: it goes between two groups of dumps", async () => {
  const { world, vpp } = await running(many(20));
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.readGate = () => new Promise((resolve) => open.push(resolve));
  const question = world.reconciler.read(null);
  await settle();
  // Somebody takes a server away; its weight needs an addition, which needs a read.
  const key = world.key("f0");
  vpp.poke(key, ip("10.0.0.1"), null);
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.refused.map(({ retval }) => retval), [-6]);
  vpp.ops.length = 0;
  vpp.readGate = () => Promise.resolve();
  let answered = false;
  void question.then(() => answered = true);
  vpp.after = () => assert.equal(answered, false, "the read is still under way");
  open.shift()?.();
  await settle();
  assert.deepEqual(vpp.ops.map(({ kind }) => kind), ["as-add"]);
  assert.ok((await question).ok);
  assert.deepEqual(weights(vpp.vip(key)), { "10.0.0.1": 0, "10.0.0.2": 100 });
  await world.clock.advance(1_000);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("20 readers at once cost two reads: the one under way and one for all who wait", async () => {
  const { world, vpp } = await running(many(3));
  await using _ = world;
  const open: (() => void)[] = [];
  vpp.readGate = () => new Promise((resolve) => open.push(resolve));
  const under = world.reconciler.read(null);
  await settle();
  const others = Array.from({ length: 20 }, () => world.reconciler.read(null));
  const plans = Array.from({ length: 20 }, () => world.reconciler.plan(null));
  const one = world.reconciler.read("f1");
  vpp.reads.length = 0;
  vpp.readGate = () => Promise.resolve();
  open.forEach((answer) => answer());
  const answers = await Promise.all(others);
  assert.ok(answers.every((answer) => answer === answers[0]));
  assert.ok((await under).ok && (await one).ok);
  await Promise.all(plans);
  assert.equal(
    vpp.reads.filter((read) => read === "all").length,
    2,
    "one for the state and one for the plan",
  );
});
