/** The memory comes late: VPP keeps what the operators of an earlier process made of it. */
import assert from "node:assert/strict";
import type { LeftOverrides } from "../../src/memory/overrides/override.ts";
import type { Config } from "../../src/configuration.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { alice, backend, frontend } from "../health/kit.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import { Core, coreConfig, placeVip, setUp, words } from "./core.ts";

const web = frontend("web", "192.0.2.1", { p: { b1: 100, b2: 100 } });
const config = coreConfig({
  backends: [backend("b1", "10.0.0.1", "web"), backend("b2", "10.0.0.2", "web")],
  frontends: [web],
});
/** The same, where the file says `enabled: false` of b1. */
const off = coreConfig({
  backends: [backend("b1", "10.0.0.1", "web", false), backend("b2", "10.0.0.2", "web")],
  frontends: [web],
});

/** What an operator's order leaves for the next process. */
async function left(of: Config, order: (core: Core) => void): Promise<LeftOverrides> {
  await using core = new Core(of);
  order(core);
  return core.tracker.overrides.left;
}

/** A daemon that waits for its memory, on a VPP with these weights. */
async function waiting(of: Config, b1: number) {
  const core = new Core(of, null, new FakeClock(), { left: "lost", isLate: true, changed() {} });
  const vpp = new FakeBalancer();
  setUp(vpp, of);
  placeVip(vpp, web, { "10.0.0.1": b1, "10.0.0.2": 100 });
  core.reconciler.connected(vpp);
  await settle();
  const come = async (overrides: LeftOverrides) => {
    core.tracker.recallOverrides(overrides);
    core.reconciler.recall({ named: [], held: [] }, false);
    await core.clock.advance(1_000);
  };
  return { core, vpp, come };
}

const sent = (vpp: FakeBalancer) => vpp.ops.splice(0).map(words);
const fail = (core: Core, name: string) => {
  for (let i = 0; i < 3; i++) core.probe([name, "L4CON"]);
};
const weight30 = (core: Core) => void core.tracker.orders.setWeight("web", "p", "b1", 30, alice);
const enabled = (core: Core) => void core.tracker.orders.act("b1", "enable", alice);

Deno.test("a weight that VPP has stays while the overrides are not read, and when they come", async () => {
  const { come, core, vpp } = await waiting(config, 30);
  await using _ = core;
  core.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  await core.clock.advance(3_000);
  assert.deepEqual(sent(vpp), []);
  await come(await left(config, weight30));
  assert.deepEqual(sent(vpp), []);
});

Deno.test("a server that comes back meanwhile gets the weight that VPP had; a dead one is lowered at once", async () => {
  const { come, core, vpp } = await waiting(config, 30);
  await using _ = core;
  core.probe(["b2", "L4OK"]);
  fail(core, "b1");
  await settle();
  assert.deepEqual(sent(vpp), ["weight 10.0.0.1 0 flush"]);
  core.probe(["b1", "L4OK"], ["b1", "L4OK"]);
  await settle();
  assert.deepEqual(sent(vpp), ["weight 10.0.0.1 30"]);
  await come(await left(config, weight30));
  assert.deepEqual(sent(vpp), []);
});

Deno.test("a memory that does not come is given up: the file's weights are in force", async () => {
  const { core, vpp } = await waiting(config, 30);
  await using _ = core;
  core.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  await core.clock.advance(29_000);
  assert.deepEqual(sent(vpp), []);
  await core.clock.advance(2_000);
  assert.deepEqual(sent(vpp), ["weight 10.0.0.1 100"]);
});

Deno.test("an operator's weight of this process is in force at once, and newer than what comes late", async () => {
  const { come, core, vpp } = await waiting(config, 30);
  await using _ = core;
  core.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  await core.weigh("web", "p", "b1", 60);
  assert.deepEqual(sent(vpp), ["weight 10.0.0.1 60"]);
  await come(await left(config, weight30));
  assert.deepEqual(sent(vpp), []);
});

Deno.test("a backend that the file disables keeps its weight until it is known that nobody enabled it", async () => {
  for (const how of ["enabled", "came without", "given up", "disabled by operator"] as const) {
    const { come, core, vpp } = await waiting(off, 100);
    await using _ = core;
    core.probe(["b2", "L4OK"]);
    await core.clock.advance(3_000);
    assert.deepEqual(sent(vpp), [], how);
    assert.equal(core.state("b1"), "disabled");
    if (how === "enabled") {
      await come(await left(off, enabled));
      assert.equal(core.state("b1"), "unknown");
      core.probe(["b1", "L4OK"]);
    } else if (how === "came without") await come(await left(off, () => {}));
    else if (how === "given up") await core.clock.advance(30_000);
    else core.tracker.orders.act("b1", "disable", alice);
    await settle();
    assert.deepEqual(sent(vpp), how === "enabled" ? [] : ["weight 10.0.0.1 0 flush"], how);
    await core.clock.advance(60_000);
    assert.deepEqual(sent(vpp), [], how);
  }
});

Deno.test("a backend that was enabled and is dead: VPP has it at 0, and is sent nothing when the order comes late", async () => {
  const { come, core, vpp } = await waiting(off, 0);
  await using _ = core;
  core.probe(["b2", "L4OK"]);
  await come(await left(off, enabled));
  fail(core, "b1");
  await settle();
  assert.equal(core.state("b1"), "down");
  assert.deepEqual(sent(vpp), []);
});
