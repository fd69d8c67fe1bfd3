/** What a transition says of flushes is what VPP is sent. */
import assert from "node:assert/strict";
import { settle } from "../fake_clock.ts";
import { alice, backend, frontend } from "../health/kit.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import { Core, coreConfig, placeVip, restartedCore, setUp, words } from "./core.ts";

const web = frontend("web", "192.0.2.1", { p: { b1: 100, b2: 100 } });
const config = coreConfig({
  backends: [backend("b1", "10.0.0.1", "web"), backend("b2", "10.0.0.2", "web")],
  frontends: [web],
});

const restarted = (weights: Record<string, number>, with_ = config) => restartedCore(with_, web, weights);

/** What the history of a backend says of its newest transition in `web`: weight before, after, and the flush. */
const history = (core: Core, name: string) =>
  core.tracker.entry(name)?.history[0]?.effects.map((e) => [e.weightBefore, e.weightAfter, e.flush]);

const sent = (vpp: FakeBalancer) => vpp.ops.splice(0).map(words);

Deno.test("an operator's disable flushes a server that is not yet known and has weight 0", async () => {
  const { core, vpp } = await restarted({ "10.0.0.1": 0, "10.0.0.2": 100 });
  await using _ = core;
  core.tracker.orders.act("b1", "disable", alice);
  await settle();
  assert.deepEqual(history(core, "b1"), [[0, 0, true]]);
  assert.deepEqual(sent(vpp), ["weight 10.0.0.1 0 flush"]);
});

Deno.test("a first verdict down flushes what VPP has with a weight, and nothing that it has at 0", async () => {
  const { core, vpp } = await restarted({ "10.0.0.1": 0, "10.0.0.2": 100 });
  await using _ = core;
  core.probe(["b1", "L4CON"]);
  await settle();
  assert.deepEqual(history(core, "b1"), [[0, 0, false]]);
  assert.deepEqual(sent(vpp), []);
  for (let i = 0; i < 3; i++) core.probe(["b2", "L4CON"]);
  await settle();
  assert.deepEqual(history(core, "b2"), [[100, 0, true]]);
  assert.deepEqual(sent(vpp), ["weight 10.0.0.2 0 flush"]);
});

Deno.test("first states from before VPP was read: the first full read decides, and the history tells it", async () => {
  const off = coreConfig({
    backends: [backend("b1", "10.0.0.1", "web", false), backend("b2", "10.0.0.2", "web", false)],
    frontends: [web],
  });
  const { core, vpp } = await restarted({ "10.0.0.1": 0, "10.0.0.2": 100 }, off);
  await using _ = core;
  assert.deepEqual(history(core, "b1"), [[0, 0, false]]);
  assert.deepEqual(history(core, "b2"), [[100, 0, true]]);
  assert.deepEqual(sent(vpp), ["weight 10.0.0.2 0 flush"]);
  await core.clock.advance(60_000);
  assert.deepEqual(sent(vpp), []);
});

Deno.test("a verdict down on a new address: the previous server goes with its flows, the new one has none", async () => {
  const { core, vpp } = await restarted({ "10.0.0.1": 100, "10.0.0.2": 100 });
  await using _ = core;
  core.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  await core.reload({
    ...config,
    backends: new Map([...config.backends, ["b1", backend("b1", "10.0.0.9", "web")]]),
  });
  assert.deepEqual(sent(vpp), []);
  for (let i = 0; i < 3; i++) core.probe(["b1", "L4CON"]);
  await settle();
  assert.deepEqual(history(core, "b1"), [[100, 0, true]]);
  assert.deepEqual(sent(vpp), ["add 10.0.0.9 0", "delete 10.0.0.1"]);
  // The flush is settled: nothing goes out later.
  await core.clock.advance(120_000);
  assert.deepEqual(sent(vpp), []);
});

Deno.test("a flush stays owed until VPP answered 0, the backend left the state, or VPP restarted", async () => {
  for (const how of ["answer", "left", "restart"] as const) {
    const { core, vpp } = await restarted({ "10.0.0.1": 100, "10.0.0.2": 100 });
    await using _ = core;
    core.probe(["b1", "L4OK"], ["b2", "L4OK"]);
    await settle();
    vpp.fail = () => -1;
    for (let i = 0; i < 3; i++) core.probe(["b1", "L4CON"]);
    await core.clock.advance(5_000);
    const refused = sent(vpp);
    assert.ok(refused.length > 1 && refused.every((op) => op === "weight 10.0.0.1 0 flush"));
    if (how === "answer") {
      // Somebody sets the weight to 0; the flows are still there.
      vpp.poke(vpp.vips[0] ?? assert.fail(), backend("b1", "10.0.0.1", "web").address, 0);
      vpp.fail = () => 0;
      await core.clock.advance(60_000);
      assert.deepEqual(sent(vpp), ["weight 10.0.0.1 0 flush"]);
    } else if (how === "left") {
      core.probe(["b1", "L4OK"], ["b1", "L4OK"]);
      vpp.fail = () => 0;
      await core.clock.advance(60_000);
      assert.deepEqual(sent(vpp), []);
    } else {
      core.reconciler.disconnected();
      const anew = new FakeBalancer();
      anew.bootTime = vpp.bootTime + 1;
      setUp(anew, config);
      placeVip(anew, web, { "10.0.0.1": 100, "10.0.0.2": 100 });
      core.reconciler.connected(anew);
      await settle();
      assert.deepEqual(sent(anew), ["weight 10.0.0.1 0"]);
    }
  }
});

Deno.test("another name for a backend keeps the flush that it owes", async () => {
  const { core, vpp } = await restarted({ "10.0.0.1": 100, "10.0.0.2": 100 });
  await using _ = core;
  core.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  await settle();
  vpp.fail = () => -1;
  core.tracker.orders.act("b1", "disable", alice);
  await settle();
  vpp.fail = () => 0;
  sent(vpp);
  await core.reload(coreConfig({
    backends: [backend("c1", "10.0.0.1", "web"), backend("b2", "10.0.0.2", "web")],
    frontends: [frontend("web", "192.0.2.1", { p: { c1: 100, b2: 100 } })],
  }));
  assert.deepEqual(sent(vpp), ["weight 10.0.0.1 0 flush"]);
  assert.equal(core.state("c1"), "disabled");
});

Deno.test("a server that a disabled backend takes over is flushed, though VPP has not answered its raise yet", async () => {
  const at = (b1: string, b2: string) =>
    coreConfig({
      backends: [backend("b1", b1, "web"), backend("b2", b2, "web", false)],
      frontends: [web],
    });
  const { core, vpp } = await restarted({ "10.0.0.1": 0, "10.0.0.2": 0 }, at("10.0.0.1", "10.0.0.2"));
  await using _ = core;
  const gate = Promise.withResolvers<void>();
  vpp.gate = () => gate.promise;
  core.probe(["b1", "L4OK"]);
  await settle();
  const reloaded = core.reload(at("10.0.0.2", "10.0.0.1"));
  await settle();
  gate.resolve();
  vpp.gate = () => Promise.resolve();
  await reloaded;
  await settle();
  assert.deepEqual(sent(vpp), ["weight 10.0.0.1 100", "weight 10.0.0.1 0 flush"]);
});

Deno.test("a reload that brings a dead backend to a VIP which has it with a weight ends its flows", async () => {
  const keep = { ...config, lb: { ...config.lb, foreignVips: "keep" as const } };
  const core = new Core(keep);
  await using _ = core;
  const vpp = new FakeBalancer();
  setUp(vpp, keep);
  placeVip(vpp, web, { "10.0.0.1": 0, "10.0.0.2": 100 });
  const other = frontend("other", "192.0.2.9", { p: { b1: 100 } });
  placeVip(vpp, other, { "10.0.0.1": 70 });
  core.reconciler.connected(vpp);
  await settle();
  for (let i = 0; i < 3; i++) core.probe(["b1", "L4CON"]);
  const more = { ...keep, frontends: new Map([...keep.frontends, ["other", other]]) };
  await core.reload(more);
  assert.deepEqual(sent(vpp), ["weight 10.0.0.1 0 flush"]);
  // The same file again says nothing new.
  await core.reload(more);
  assert.deepEqual(sent(vpp), []);
});
