/**
 * Changes of many VIPs that overlap: of other backends, of the same one, of the configuration, and of the session.
 */
import assert from "node:assert/strict";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { running, weights } from "./reconciler_world.ts";
import { config, frontend } from "./setup.ts";

const many = (n: number, pools: Record<string, Record<string, number>> = { primary: { b1: 100, b2: 100 } }) =>
  Array.from(
    { length: n },
    (_, i) => frontend(`f${i}`, pools, { address: ip(`192.0.${2 + (i >> 8)}.${i & 255}`) }),
  );
/** A VPP that answers each message and each read after so many ms. */
async function slow(fs: ReturnType<typeof many>, ms = 100) {
  const { vpp, world } = await running(fs);
  vpp.gate = vpp.readGate = () => world.clock.sleep(ms);
  return { vpp, world };
}

Deno.test("the reason of a message that follows another one in flight is the state, not drift", async () => {
  const { world } = await slow(many(1));
  await using _ = world;
  world.become("b1", "down");
  await settle();
  await world.clock.advance(50);
  world.become("b1", "up");
  await world.clock.advance(3_000);
  assert.deepEqual(world.log.named("vpp-lbsync-as-weight").map(({ reason }) => reason), [
    "backend b1 down",
    "backend b1 up",
  ]);
});

Deno.test("what VPP took before its session died is no drift", async () => {
  const { vpp, world } = await slow(many(2));
  await using _ = world;
  world.become("b1", "down");
  await settle();
  vpp.end();
  world.reconciler.disconnected();
  await world.clock.advance(200);
  world.become("b1", "up");
  const next = new FakeBalancer();
  next.conf = vpp.conf;
  for (const vip of vpp.vips) next.place(vip);
  world.reconciler.connected(next);
  await world.clock.advance(3_000);
  assert.deepEqual(world.log.named("drift"), []);
});

Deno.test("a raise that VPP took, beside a lower that it refused, is no drift", async () => {
  const { vpp, world } = await slow(many(1, { primary: { b1: 100 }, fallback: { b3: 100 } }), 10);
  await using _ = world;
  vpp.fail = (op) => op.kind === "as-weight" && op.weight === 0 && op.address === "10.0.0.1" ? -1 : 0;
  world.become("b1", "down");
  await settle();
  await world.clock.advance(50);
  vpp.fail = () => 0;
  world.become("b1", "up");
  await world.clock.advance(3_000);
  assert.deepEqual(world.log.named("drift"), []);
});

Deno.test("a second reload while VIPs of the first are still deleted is no drift", async () => {
  const { world } = await slow(many(200));
  await using _ = world;
  const fewer = many(200).filter((_, i) => i % 3 !== 0);
  world.config = config(fewer);
  void world.reconciler.reloaded();
  await settle();
  await world.clock.advance(2_700);
  world.config = config(fewer.slice(0, -1));
  void world.reconciler.reloaded();
  await world.clock.advance(20_000);
  assert.deepEqual(world.log.named("drift"), []);
});

Deno.test("a server that has weight 0 and was flushed is not flushed again", async () => {
  const { vpp, world } = await slow(many(40));
  await using _ = world;
  for (const to of ["down", "up", "down"] as const) {
    world.become("b1", to);
    await settle();
  }
  await world.clock.advance(3_000);
  assert.equal(vpp.ops.length, 40);
});
