/** A new address: the previous server serves until the verdict, and nothing else waits. */
import assert from "node:assert/strict";
import { changesOf } from "../../src/lb/report.ts";
import { settle } from "../fake_clock.ts";
import { alice, backend, frontend, tcpCheck } from "../health/kit.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import { Core, coreConfig, placeVip, setUp, weightsIn, words } from "./core.ts";

const web = frontend("web", "192.0.2.1", { p: { b1: 100, b2: 100, b3: 100 } });
const mail = frontend("mail", "192.0.2.1", { p: { b1: 10, b2: 10 } }, { port: 25 });
const checks = [tcpCheck("web", { timeoutMs: 3_600_000 })];

/** The file with these addresses for b1, b2 and b3. */
const at = (...addresses: readonly string[]) =>
  coreConfig({
    checks,
    backends: addresses.map((address, i) => backend(`b${i + 1}`, address, "web")),
    frontends: [web, mail],
  });
const before = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] as const;

async function running() {
  const core = new Core(at(...before));
  const vpp = new FakeBalancer();
  setUp(vpp, at(...before));
  core.reconciler.connected(vpp);
  core.probe(["b1", "L4OK"], ["b2", "L4OK"], ["b3", "L4OK"]);
  await core.clock.advance(2_000);
  vpp.ops.length = 0;
  return { core, vpp };
}

const sent = (vpp: FakeBalancer) => vpp.ops.splice(0).map(words);
const fail = (core: Core, name: string) => {
  for (let i = 0; i < 3; i++) core.probe([name, "L4CON"]);
};

Deno.test("a disable and a verdict of the other members reach VPP at once", async () => {
  const { core, vpp } = await running();
  await using _ = core;
  await core.reload(at("10.0.0.9", "10.0.0.2", "10.0.0.3"));
  assert.deepEqual(sent(vpp), []);
  core.tracker.orders.act("b3", "disable", alice);
  await settle();
  assert.deepEqual(sent(vpp), ["weight 10.0.0.3 0 flush"]);
  fail(core, "b2");
  await settle();
  assert.deepEqual(sent(vpp), ["weight 10.0.0.2 0 flush", "weight 10.0.0.2 0 flush"]);
  assert.equal(core.reconciler.standing("web"), "in-sync");
  // An hour of silence: the previous server goes on.
  await core.clock.advance(3_600_000);
  assert.deepEqual(sent(vpp), []);
  core.probe(["b1", "L4OK"]);
  await settle();
  const swap = ["add 10.0.0.9 10", "delete 10.0.0.1", "add 10.0.0.9 100", "delete 10.0.0.1"];
  assert.deepEqual(sent(vpp).sort(), swap.sort());
});

Deno.test("exchanged addresses: no server is deleted, added or without its weight on the way", async () => {
  const { core, vpp } = await running();
  await using _ = core;
  await core.reload(at("10.0.0.2", "10.0.0.3", "10.0.0.1"));
  for (const name of ["b2", "b1", "b3"]) {
    core.probe([name, "L4OK"]);
    await core.clock.advance(1_000);
    assert.deepEqual(weightsIn(vpp, web), { "10.0.0.1": 100, "10.0.0.2": 100, "10.0.0.3": 100 }, name);
  }
  // In `mail` b1 and b2 have servers 1 and 2 before, 2 and 3 afterwards.
  assert.deepEqual(weightsIn(vpp, mail), { "10.0.0.2": 10, "10.0.0.3": 10 });
  assert.ok(sent(vpp).every((op) => !op.includes("flush")));
});

Deno.test("a backend that is down at its new address takes its server down, whoever had it before", async () => {
  const { core, vpp } = await running();
  await using _ = core;
  await core.reload(at("10.0.0.2", "10.0.0.1", "10.0.0.3"));
  fail(core, "b1");
  await settle();
  assert.deepEqual(weightsIn(vpp, web), { "10.0.0.1": 100, "10.0.0.2": 0, "10.0.0.3": 100 });
  assert.deepEqual(sent(vpp), ["weight 10.0.0.2 0 flush", "weight 10.0.0.2 0 flush"]);
});

Deno.test("a move to the other family: VPP has the family that carries more, and both frontends of the prefix agree", async () => {
  const { core, vpp } = await running();
  await using _ = core;
  await core.reload(at("2001:db8::1", "2001:db8::2", "2001:db8::3"));
  assert.deepEqual(sent(vpp), []);
  core.probe(["b1", "L4OK"]);
  await core.clock.advance(1_000);
  assert.deepEqual(weightsIn(vpp, web), { "10.0.0.2": 100, "10.0.0.3": 100 });
  assert.ok(vpp.vips.every((vip) => vip.encap === "gre4"));
  core.probe(["b2", "L4OK"]);
  await core.clock.advance(1_000);
  assert.ok(vpp.vips.every((vip) => vip.encap === "gre6"));
  assert.deepEqual(weightsIn(vpp, web), { "2001:db8::1": 100, "2001:db8::2": 100 });
  assert.deepEqual(weightsIn(vpp, mail), { "2001:db8::1": 10, "2001:db8::2": 10 });
  core.probe(["b3", "L4OK"]);
  await core.clock.advance(1_000);
  assert.deepEqual(weightsIn(vpp, web), { "2001:db8::1": 100, "2001:db8::2": 100, "2001:db8::3": 100 });
  assert.deepEqual(vpp.refused, []);
  const planned = await core.reconciler.plan(null);
  assert.ok(planned.ok);
  assert.deepEqual(changesOf(planned.value.plan), []);
});

Deno.test("a new VIP is made with the servers that serve", async () => {
  const { core, vpp } = await running();
  await using _ = core;
  const moved = at("10.0.0.9", "10.0.0.2", "10.0.0.3");
  const extra = frontend("extra", "192.0.2.7", { p: { b1: 5 } });
  await core.reload({ ...moved, frontends: new Map([...moved.frontends, ["extra", extra]]) });
  assert.deepEqual(weightsIn(vpp, extra), { "10.0.0.1": 5 });
});

Deno.test("a server that was idle is not raised for the backend that it serves meanwhile", async () => {
  const { core, vpp } = await running();
  await using _ = core;
  core.tracker.orders.act("b1", "disable", alice);
  await settle();
  sent(vpp);
  // b1 is disabled and swaps at once, so that b2 has no server of its own but the idle one of b1.
  await core.reload(at("10.0.0.2", "10.0.0.1", "10.0.0.3"));
  assert.deepEqual(weightsIn(vpp, web), { "10.0.0.1": 0, "10.0.0.2": 0, "10.0.0.3": 100 });
  core.probe(["b2", "L4OK"]);
  await settle();
  assert.deepEqual(weightsIn(vpp, web), { "10.0.0.1": 100, "10.0.0.2": 0, "10.0.0.3": 100 });
});

Deno.test("a disabled backend that gets the server of another ends its flows", async () => {
  const { core, vpp } = await running();
  await using _ = core;
  core.tracker.orders.act("b1", "disable", alice);
  await settle();
  sent(vpp);
  await core.reload(at("10.0.0.2", "10.0.0.1", "10.0.0.3"));
  assert.deepEqual(sent(vpp), ["weight 10.0.0.2 0 flush", "weight 10.0.0.2 0 flush"]);
});

Deno.test("a first verdict down on the server of another ends its flows", async () => {
  // b1 was never judged, and VPP has it at 0; the server of b2 carries.
  const core = new Core(at(...before));
  await using _ = core;
  const vpp = new FakeBalancer();
  setUp(vpp, at(...before));
  for (const one of [web, mail]) {
    placeVip(vpp, one, { "10.0.0.1": 0, "10.0.0.2": 50, "10.0.0.3": 0 });
  }
  core.reconciler.connected(vpp);
  core.probe(["b2", "L4OK"], ["b3", "L4CON"]);
  await core.clock.advance(2_000);
  sent(vpp);
  await core.reload(at("10.0.0.2", "10.0.0.1", "10.0.0.3"));
  fail(core, "b1");
  await settle();
  assert.deepEqual(core.told.at(-1)?.effects.map(({ flush }) => flush), [true, true]);
  assert.ok(sent(vpp).includes("weight 10.0.0.2 0 flush"));
});
