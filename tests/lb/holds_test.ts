import assert from "node:assert/strict";
import { hold, isBlocked, isSent, passes, together } from "../../src/lb/steps.ts";
import { changesOf } from "../../src/lb/report.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { changes, placed, running, web } from "./plan_world.ts";
import { config, frontend, settings, TestWorld } from "./setup.ts";
import { ip } from "../../src/net/ip.ts";

const warmup = hold("warm-up");
const brake = hold("mass deletion");

Deno.test("holds stand by gravity, each text once, and one that is blocked blocks", () => {
  const foreign = hold("obstacle", true, "foreign VIP 192.0.2.1/32 tcp 80 in the way");
  const all = together(warmup, [hold("table length"), foreign], null, brake, hold("VPP memory"), warmup);
  assert.deepEqual(all.map(({ text }) => text), [
    "VPP memory",
    "mass deletion",
    foreign.text,
    "table length",
    "warm-up",
  ]);
  assert.equal(isBlocked(all), true);
  assert.deepEqual(together(warmup, hold("warm-up", true)), [hold("warm-up", true)]);
  assert.deepEqual(together(null), []);
});

Deno.test("what is held goes with a digest unless it is blocked; what only waits passes by itself", () => {
  const sent = (holds: ReturnType<typeof together>) => [isSent({ holds }, false), isSent({ holds }, true)];
  assert.deepEqual(sent([]), [true, true]);
  assert.deepEqual(sent([warmup]), [false, true]);
  assert.deepEqual(sent([hold("warm-up", true)]), [false, false]);
  assert.deepEqual([passes([warmup]), passes([brake, warmup]), passes([])], [true, false, true]);
});

/** A VPP with ten VIPs of somebody else, and a daemon in its warm-up that wants one other. */
async function tenForeign() {
  const delays = { startupMinDelayMs: 0, startupMaxDelayMs: 30_000 };
  const world = new TestWorld(config([web()], delays), { b1: "unknown" });
  const vpp = new FakeBalancer();
  const { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds } = settings;
  vpp.conf = { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds };
  for (let n = 10; n < 20; n++) vpp.place(placed({ prefix: `192.0.2.${n}/32` }));
  world.reconciler.connected(vpp);
  await settle();
  return { world, vpp };
}

Deno.test("in the warm-up the deletion of all VIPs says mass deletion first, and its digest is an informed one", async () => {
  const { world, vpp } = await tenForeign();
  await using _ = world;
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  const { plan } = planned.value;
  const removals = changesOf(plan).filter(({ kind }) => kind === "vip_removed");
  assert.equal(removals.length, 10);
  for (const { held, holds } of removals) {
    assert.deepEqual([held, holds], ["mass deletion", ["mass deletion", "warm-up"]]);
  }
  const others = changesOf(plan).filter(({ kind }) => kind !== "vip_removed");
  for (const { held, holds } of others) assert.deepEqual([held, holds], ["warm-up", ["warm-up"]]);
  const [line] = world.log.records.filter(({ msg }) => msg === "vpp-lbsync-held");
  assert.deepEqual([line?.level, line?.attrs.held], ["error", "mass deletion"]);
  // An ordinary sync of the operator ends the warm-up and deletes nothing.
  assert.ok((await world.reconciler.sync({})).ok);
  assert.equal(vpp.vips.length, 11);
});

Deno.test("the digest of held changes is the same in the warm-up and after it", async () => {
  const { world, vpp } = await tenForeign();
  await using _ = world;
  world.become("b1", "up");
  await settle();
  await world.clock.advance(30_000);
  const after = await world.reconciler.plan(null);
  assert.ok(after.ok);
  const [line] = world.log.named("vpp-lbsync-held").slice(-1);
  assert.equal(line?.digest, after.value.plan.digest, "as the log says");
  assert.equal(changesOf(after.value.plan).length, 10);
  assert.ok((await world.reconciler.sync({ plan_digest: after.value.plan.digest })).ok);
  assert.deepEqual(vpp.vips.map(({ prefix }) => prefix), ["192.0.2.1/32"]);
});

Deno.test("changes carry the settings that they make", async () => {
  const { world, vpp } = await running([]);
  await using _ = world;
  world.config = config([
    web({ p: { b1: 1 } }, { srcIpSticky: true, newFlowsTableLength: 2048 }),
    frontend("six", { p: { c1: 1 } }, { address: ip("192.0.2.6") }),
  ], { flowTimeoutSeconds: 60 });
  for (const name of ["b1", "c1"]) world.states.set(name, { state: "up", known: true });
  vpp.place(placed({ encap: "gre6", servers: [], srcIpSticky: true }));
  const told = (await changes(world)).map((
    { kind, conf, encap, table_length, src_ip_sticky },
  ) => [kind, conf?.flow_timeout, encap, table_length, src_ip_sticky]);
  assert.deepEqual(told, [
    ["conf_set", 60, undefined, undefined, undefined],
    ["vip_recreated", undefined, "gre4", 2048, true],
    ["as_added", undefined, undefined, undefined, undefined],
    ["vip_added", undefined, "gre6", 1024, false],
    ["as_added", undefined, undefined, undefined, undefined],
  ]);
});
