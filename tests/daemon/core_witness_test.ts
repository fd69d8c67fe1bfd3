/** Members that are not yet known are judged by what the first full read of the process showed, and by nothing later. */
import assert from "node:assert/strict";
import { settle } from "../fake_clock.ts";
import { alice, backend, frontend } from "../health/kit.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import { Core, coreConfig, placeVip, restartedCore, setUp, weightsIn, words } from "./core.ts";

const pools = frontend("web", "192.0.2.1", { primary: { b1: 100 }, fallback: { b2: 100 } });
const backends = [backend("b1", "10.0.0.1", "web"), backend("b2", "10.0.0.2", "web")];
const config = coreConfig({ backends, frontends: [pools] });

const started = (weights: Record<string, number>, with_ = config, web = pools) =>
  restartedCore(with_, web, weights);

Deno.test("the daemon's own 0 is no witness: a fallback that nobody has seen comes back", async () => {
  const { core, vpp } = await started({ "10.0.0.1": 0, "10.0.0.2": 100 });
  await using _ = core;
  assert.deepEqual(vpp.ops, []);
  core.probe(["b1", "L4OK"], ["b2", "late"]);
  await settle();
  assert.deepEqual(weightsIn(vpp, pools), { "10.0.0.1": 100, "10.0.0.2": 0 });
  for (let i = 0; i < 3; i++) core.probe(["b1", "L4CON"], ["b2", "late"]);
  await settle();
  assert.deepEqual(weightsIn(vpp, pools), { "10.0.0.1": 0, "10.0.0.2": 100 });
  assert.deepEqual([core.state("b2"), core.frontendState("web")], ["unknown", "up"]);
});

const both = frontend("web", "192.0.2.1", { primary: { b1: 100, b2: 100 } });
const pair = coreConfig({ backends, frontends: [both] });

Deno.test("an operator's weight on a member that nobody has seen is obeyed down and up again", async () => {
  const { core, vpp } = await started({ "10.0.0.1": 100, "10.0.0.2": 0 }, pair, both);
  await using _ = core;
  await core.weigh("web", "primary", "b1", 0);
  assert.deepEqual(weightsIn(vpp, both), { "10.0.0.1": 0, "10.0.0.2": 0 });
  await core.weigh("web", "primary", "b1", 100);
  assert.deepEqual(weightsIn(vpp, both), { "10.0.0.1": 100, "10.0.0.2": 0 });
  // Also where VPP had none.
  await core.weigh("web", "primary", "b2", 30);
  assert.deepEqual(weightsIn(vpp, both), { "10.0.0.1": 100, "10.0.0.2": 30 });
  await core.clock.advance(65_000);
  assert.deepEqual(weightsIn(vpp, both), { "10.0.0.1": 100, "10.0.0.2": 30 });
  // Until the first verdict.
  core.probe(["b2", "L4CON"]);
  await settle();
  assert.deepEqual(weightsIn(vpp, both), { "10.0.0.1": 100, "10.0.0.2": 0 });
});

Deno.test("a recreate that fails half way comes back at the witness", async () => {
  const sticky = { ...both, srcIpSticky: true };
  const { core, vpp } = await started(
    { "10.0.0.1": 100, "10.0.0.2": 40 },
    coreConfig({ backends, frontends: [sticky] }),
    both,
  );
  await using _ = core;
  // The recreate went through; now the same by hand, and VPP refuses the VIP once.
  let refusals = 1;
  vpp.fail = (op) => op.kind === "vip-add" && refusals-- > 0 ? -1 : 0;
  vpp.place({ ...(vpp.vip(vpp.vips[0] ?? assert.fail()) ?? assert.fail()), srcIpSticky: false });
  await core.clock.advance(30_000);
  assert.equal(refusals, -1);
  await core.clock.advance(5_000);
  assert.deepEqual(weightsIn(vpp, sticky), { "10.0.0.1": 100, "10.0.0.2": 40 });
});

Deno.test("a VPP that restarted gets the witness, too", async () => {
  const { core } = await started({ "10.0.0.1": 100, "10.0.0.2": 40 }, pair, both);
  await using _ = core;
  core.reconciler.disconnected();
  assert.equal(core.frontendState("web"), "up");
  const anew = new FakeBalancer();
  anew.bootTime = 2;
  core.reconciler.connected(anew);
  await settle();
  assert.deepEqual(weightsIn(anew, both), { "10.0.0.1": 100, "10.0.0.2": 40 });
});

Deno.test("an operator's sync of one VIP that comes before the first full read reads everything first", async () => {
  const { core, vpp } = await started({ "10.0.0.1": 100, "10.0.0.2": 40 }, pair, both);
  await using _ = core;
  await using second = new Core(pair);
  vpp.ops.length = vpp.reads.length = 0;
  // The questions of operators and what is due take turns; the first of all is this one.
  const asked = second.reconciler.sync({ frontend: "web" });
  second.reconciler.connected(vpp);
  const late = second.reconciler.sync({ frontend: "web" });
  await asked;
  assert.ok((await late).ok);
  assert.equal(vpp.reads[0], "all");
  assert.deepEqual(vpp.ops, []);
});

Deno.test("a foreign VIP that a reload takes over has witnesses; a server that the daemon deleted has none any more", async () => {
  const other = frontend("other", "192.0.2.2", { p: { b3: 100 } });
  const keep = { foreignVips: "keep" } as const;
  const first = coreConfig({ backends, frontends: [both], lb: keep });
  const core = new Core(first);
  await using _ = core;
  const vpp = new FakeBalancer();
  setUp(vpp, first);
  placeVip(vpp, both, { "10.0.0.1": 100, "10.0.0.2": 100 });
  placeVip(vpp, other, { "10.0.0.3": 70 });
  core.reconciler.connected(vpp);
  await settle();
  const third = backend("b3", "10.0.0.3", "web");
  const more = coreConfig({ backends: [...backends, third], frontends: [both, other], lb: keep });
  await core.reload(more);
  assert.deepEqual(vpp.ops.map(words), []);
  assert.deepEqual([core.state("b3"), core.tracker.entry("b3")?.health.counter], ["unknown", 4]);
  // Removed, its VIP is deleted with its flows. When it comes back it may be another server.
  await core.reload(first);
  assert.deepEqual(vpp.ops.splice(0).map(words), ["vip-flush", "vip-delete"]);
  await core.reload(more);
  assert.deepEqual(vpp.ops.splice(0).map(words), ["vip-add", "add 10.0.0.3 0"]);
  assert.equal(core.tracker.entry("b3")?.health.counter, 1);
});

Deno.test("one lost probe after a restart lowers nothing; `fall` of them do, with a flush", async () => {
  const { core, vpp } = await started({ "10.0.0.1": 100, "10.0.0.2": 100 }, pair, both);
  await using _ = core;
  core.probe(["b1", "L4TOUT"], ["b2", "L4OK"]);
  core.probe(["b1", "L4TOUT"]);
  await core.clock.advance(65_000);
  assert.deepEqual(vpp.ops, []);
  core.probe(["b1", "L4TOUT"]);
  await settle();
  assert.deepEqual(vpp.ops.map(words), ["weight 10.0.0.1 0 flush"]);
});

Deno.test("no witness and a failure before the read: down at once, and nothing to flush", async () => {
  const core = new Core(pair);
  await using _ = core;
  const vpp = new FakeBalancer();
  setUp(vpp, pair);
  placeVip(vpp, both, { "10.0.0.1": 0, "10.0.0.2": 100 });
  core.probe(["b1", "L4TOUT"], ["b2", "L4TOUT"]);
  assert.deepEqual([core.state("b1"), core.state("b2")], ["unknown", "unknown"]);
  core.reconciler.connected(vpp);
  await settle();
  assert.deepEqual([core.state("b1"), core.state("b2")], ["down", "unknown"]);
  assert.deepEqual(core.told.map(({ backend: name, code, effects }) => [name, code, effects[0]?.flush]), [
    ["b1", "L4TOUT", false],
  ]);
  assert.deepEqual(vpp.ops, []);
  core.tracker.orders.act("b2", "pause", alice);
});
