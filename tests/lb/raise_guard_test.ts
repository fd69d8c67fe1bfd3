import assert from "node:assert/strict";
import type { GuardedServer } from "../../src/lb/desired.ts";
import { RaiseGuard } from "../../src/lb/write_gate.ts";
import type { MemoryLeft, State } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { changes, kinds, placed, web } from "./plan_world.ts";
import { backend, config, settings, TestWorld } from "./setup.ts";

const server: GuardedServer = { vip: "v", address: ip("10.0.0.1"), frontend: "web", backend: "b1" };

function guard(more: Partial<ConstructorParameters<typeof RaiseGuard>[0]> = {}): RaiseGuard {
  return new RaiseGuard({
    memoryLost: true,
    fleetUnknown: false,
    startedAt: 1_000,
    maxDelayMs: 0,
    witness: () => 0,
    weighed: () => false,
    ...more,
  });
}

Deno.test("servers are guarded for 30 s or startup-max-delay, whichever is longer", () => {
  for (const [maxDelayMs, opensAt] of [[0, 31_000], [30_000, 31_000], [600_000, 601_000]] as const) {
    const one = guard({ maxDelayMs });
    assert.equal(one.dueAt, opensAt);
    assert.equal(one.step(opensAt - 1), false);
    assert.equal(one.holds(server).length, 1);
    assert.equal(one.step(opensAt), true);
    assert.deepEqual([one.holds(server), one.dueAt, one.step(opensAt)], [[], null, false]);
  }
});

Deno.test("only what VPP had at weight 0 is guarded, and not what an operator of now wants", () => {
  assert.equal(guard({ witness: () => null }).holds(server).length, 0);
  assert.equal(guard({ witness: () => 1 }).holds(server).length, 0);
  assert.equal(guard({ weighed: () => true }).holds(server).length, 0);
  assert.equal(guard({ weighed: () => true }).holds({ ...server, backend: null }).length, 1);
});

Deno.test("with a memory, and once it has come, nothing is guarded or told", () => {
  for (const one of [guard({ memoryLost: false }), guard()]) {
    one.end();
    assert.deepEqual([one.holds(server), one.dueAt, one.step(99_000), one.mustTell(server)], [
      [],
      null,
      false,
      false,
    ]);
  }
});

Deno.test("a fleet of which nothing is known guards new servers, too, until it is known or for 30 s", () => {
  const fleet = { memoryLost: false, fleetUnknown: true, maxDelayMs: 600_000 };
  for (const weight of [0, null]) {
    const one = guard({ ...fleet, witness: () => weight });
    assert.deepEqual(one.holds(server).map(({ kind }) => kind), ["fleet unknown"]);
    assert.deepEqual([one.dueAt, one.step(30_999), one.step(31_000), one.holds(server)], [
      31_000,
      false,
      true,
      [],
    ]);
    assert.equal(one.mustTell(server), false);
  }
  assert.deepEqual(guard({ ...fleet, witness: () => 1 }).holds(server), []);
  const known = guard({ ...fleet, memoryLost: true });
  assert.equal(known.holds(server).length, 2);
  assert.deepEqual([known.fleetKnown(), known.fleetKnown()], [true, false]);
  assert.deepEqual(known.holds(server).map(({ kind }) => kind), ["memory lost"]);
});

Deno.test("each server that is raised is told once, when it may be raised", () => {
  const one = guard();
  assert.equal(one.mustTell(server), false);
  one.step(31_000);
  assert.deepEqual([one.mustTell(server), one.mustTell(server)], [true, false]);
  assert.equal(one.mustTell({ ...server, vip: "w" }), true);
});

/** A daemon whose memory is lost, on a VPP that has b1 at 0 and b2 at 100. */
async function lost(states: Readonly<Record<string, State>> = {}, memory: MemoryLeft = "lost") {
  const pools = { primary: { b1: 100 }, spare: { b2: 100 } };
  const world = new TestWorld(config([web(pools)]), states, 32, null, memory);
  const vpp = new FakeBalancer();
  const { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds } = settings;
  vpp.conf = { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds };
  const of = (name: string, weight: number) => ({ address: backend(name).address, weight });
  vpp.place(placed({ servers: [of("b1", 0), of("b2", 100)] }));
  world.reconciler.connected(vpp);
  await settle();
  return { world, vpp };
}

const weightsOf = (vpp: FakeBalancer) => vpp.vips.flatMap((vip) => vip.servers.map(({ weight }) => weight));

Deno.test("a server that VPP has at 0 waits, and the one that carries for it stays; then a WARN names it", async () => {
  const { world, vpp } = await lost();
  await using _ = world;
  assert.deepEqual(vpp.ops, []);
  const waiting = (await changes(world)).map(({ address, holds }) => `${address} ${holds}`);
  assert.deepEqual(waiting, ["10.0.0.1 memory lost", "10.0.0.2 memory lost"]);
  assert.equal(world.reconciler.standing("web"), "held");
  await world.clock.advance(29_999);
  assert.deepEqual(vpp.ops, []);
  await world.clock.advance(1);
  assert.deepEqual(weightsOf(vpp), [100, 0]);
  const [line, ...more] = world.log.records.filter(({ msg }) => msg === "memory-error");
  assert.deepEqual([line?.level, line?.attrs.raised, more], ["warn", ["web/b1 10.0.0.1: 0 to 100"], []]);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("without a loss it is raised at once and without a word", async () => {
  const { world, vpp } = await lost({}, "all");
  await using _ = world;
  assert.deepEqual(weightsOf(vpp), [100, 0]);
  assert.deepEqual(world.log.named("memory-error"), []);
});

Deno.test("a server that dies is lowered and flushed all the same", async () => {
  const { world, vpp } = await lost();
  await using _ = world;
  world.become("b2", "down");
  await settle();
  assert.deepEqual(vpp.ops, [
    { kind: "as-weight", vip: world.key("web"), address: ip("10.0.0.2"), weight: 0, flush: true },
  ]);
});

Deno.test("an operator's weight, enable or digest raises it; memory that comes does, too", async () => {
  const acts: readonly ((world: TestWorld) => Promise<unknown>)[] = [
    (world) => world.weigh("web", "b1", 50),
    (world) => {
      world.states.set("b1", { state: "unknown", known: true });
      world.reconciler.touch([world.turn("b1", "unknown", "alice")]);
      world.reconciler.acted("b1", "enable");
      world.become("b1", "up");
      return settle();
    },
    (world) => {
      // It was paused and up before: no verdict follows that would raise it.
      world.reconciler.touch([world.turn("b1", "up", "alice")]);
      world.reconciler.acted("b1", "resume");
      return settle();
    },
    async (world) => {
      const planned = await world.reconciler.plan(null);
      assert.ok(planned.ok);
      return await world.reconciler.sync({ plan_digest: planned.value.plan.digest });
    },
    (world) => {
      world.reconciler.recall({ named: [], held: [] }, false);
      return settle();
    },
  ];
  for (const [n, act] of acts.entries()) {
    const { world, vpp } = await lost();
    await using _ = world;
    await act(world);
    assert.ok((weightsOf(vpp)[0] ?? 0) > 0, `act ${n}`);
    assert.deepEqual(world.log.named("memory-error"), [], `act ${n}`);
  }
});

Deno.test("a VIP that must be made anew waits where it would raise a server, and so does a server that is missing", async () => {
  const { world, vpp } = await lost();
  await using _ = world;
  world.config = config([web({ primary: { b1: 100 }, spare: { b2: 100 } }, { srcIpSticky: true })]);
  await world.reconciler.reloaded();
  assert.deepEqual(vpp.ops, []);
  vpp.poke(world.key("web"), backend("b1").address, null);
  world.config = config([web({ primary: { b1: 100 }, spare: { b2: 100 } })]);
  await world.reconciler.reloaded();
  assert.deepEqual(kinds(vpp.ops), []);
  await world.clock.advance(30_000);
  assert.deepEqual(kinds(vpp.ops), ["as-add", "as-weight"]);
});
