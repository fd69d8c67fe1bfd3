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

Deno.test("a VIP that is planned and waits for room is pending, not in sync", async () => {
  const { vpp, world } = await slow(many(200));
  await using _ = world;
  world.become("b1", "down");
  await settle();
  const lies = many(200).filter(({ name }) =>
    world.reconciler.standing(name) === "in-sync" && weights(vpp.vip(world.key(name)))["10.0.0.1"] !== 0
  );
  assert.equal(lies.length, 0);
});

Deno.test("a refused message is told and retried while the rest of its change is still on the way", async () => {
  const { vpp, world } = await slow(many(1000));
  await using _ = world;
  const at: number[] = [];
  const t0 = world.clock.now();
  vpp.fail = (op) =>
    op.kind !== "as-weight" || op.vip.prefix !== "192.0.2.5/32"
      ? 0
      : at.push(world.clock.now() - t0) === 1
      ? -6
      : 0;
  world.become("b1", "down");
  await world.clock.advance(2_000);
  assert.deepEqual([
    at.length,
    world.reconciler.standing("f5"),
    world.log.named("vpp-lbsync-as-weight").length > 0,
  ], [2, "in-sync", true]);
});

Deno.test("a reload and a question have their turn while a backend flaps faster than a change takes", async () => {
  const { world } = await slow(many(1000), 10);
  await using _ = world;
  let up = true;
  let reloaded = false;
  let read = false;
  for (let t = 0; t < 10_000; t += 200) {
    up = !up;
    world.become("b1", up ? "up" : "down");
    await settle();
    if (t === 1_000) {
      void world.reconciler.reloaded().then(() => reloaded = true);
      void world.reconciler.read(null).then(() => read = true);
    }
    await world.clock.advance(200);
  }
  assert.deepEqual({ reloaded, read }, { reloaded: true, read: true });
});

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

Deno.test("a weight is answered when VPP was told, also where another change supersedes its step", async () => {
  const { vpp, world } = await slow([
    ...many(40),
    frontend("g", { primary: { b7: 100, b8: 100 } }, { address: ip("192.0.9.1") }),
  ]);
  await using _ = world;
  world.become("b1", "down");
  await settle();
  let has: unknown;
  void world.weigh("g", "b8", 7).then(() => has = weights(vpp.vip(world.key("g")))["10.0.0.8"]);
  await settle();
  world.become("b7", "down");
  await world.clock.advance(3_000);
  assert.equal(has, 7);
});

Deno.test("a weight is answered when VPP was told, not when the whole change is through", async () => {
  const { vpp, world } = await slow(many(1000));
  await using _ = world;
  const t0 = world.clock.now();
  let sent = 0;
  let answered = 0;
  vpp.after = (op) => {
    if (op.kind === "as-weight" && op.weight === 7) sent = world.clock.now() - t0;
  };
  world.become("b1", "down");
  await settle();
  void world.weigh("f60", "b2", 7).then(() => answered = world.clock.now() - t0);
  await world.clock.advance(10_000);
  assert.ok(answered - sent <= 200, `sent after ${sent}, answered after ${answered}`);
});

Deno.test("the time to VPP counts from the oldest decision, also where a step was superseded", async () => {
  const { world } = await slow(many(40));
  await using _ = world;
  world.become("b1", "down");
  await settle();
  await world.clock.advance(99);
  world.become("b2", "down");
  await world.clock.advance(3_000);
  // f32...f39 got b1's weight 200 ms after its decision.
  assert.equal(
    world.answered.filter((ms) => ms === 200).length,
    8,
    JSON.stringify(Object.groupBy(world.answered, String), (_, v) => Array.isArray(v) ? v.length : v),
  );
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

Deno.test("a plan leaves out VIPs whose weights are on their way", async () => {
  const { world } = await slow(many(1000), 10);
  await using _ = world;
  const planned = Promise.withResolvers<number>();
  for (let t = 0; t < 3_000; t += 200) {
    world.become("b1", t % 400 === 0 ? "down" : "up");
    await settle();
    if (t === 1_000) {
      void world.reconciler.plan(null).then((answer) =>
        answer.ok ? planned.resolve(answer.value.plan.steps.length) : planned.reject(answer.error)
      );
    }
    await world.clock.advance(200);
  }
  assert.equal(await planned.promise, 0);
});
