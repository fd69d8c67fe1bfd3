import assert from "node:assert/strict";
import fc from "fast-check";
import {
  beginWarmup,
  isHeld,
  type Release,
  stepWarmup,
  type Warmup,
  warmupDue,
} from "../../src/lb/write_gate.ts";
import type { State } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { backend, config, frontend, TestWorld } from "./setup.ts";

const never = () => false;
const always = () => true;

/** A warm-up with its frontends, as the gate keeps them. */
class Warming {
  warmup: Warmup;
  readonly frontends: { readonly name: string; release: Release }[];

  constructor(now: number, minDelayMs: number, maxDelayMs: number, names: readonly string[]) {
    this.warmup = beginWarmup(now, minDelayMs, maxDelayMs);
    this.frontends = names.map((name) => ({ name, release: "waiting" }));
  }

  ask(names: readonly string[]): void {
    for (const one of this.frontends) {
      if (names.includes(one.name) && one.release !== "released") one.release = "asked";
    }
  }

  step(now: number, complete: (name: string) => boolean) {
    const { finished, opened, released, warmup } = stepWarmup(this.warmup, this.frontends, now, complete);
    this.warmup = warmup;
    for (const one of this.frontends) {
      if (released.some(({ frontend }) => frontend === one.name)) one.release = "released";
    }
    return { finished, opened, released, phase: warmup.phase };
  }

  held(name: string): boolean {
    return isHeld(this.warmup, this.frontends.find((one) => one.name === name)?.release ?? "brought");
  }
}

Deno.test("the boundaries: nothing before min-delay, everything at max-delay, each at its very millisecond", () => {
  const start = new Warming(1_000, 5_000, 30_000, ["a", "b"]);
  assert.equal(warmupDue(start.warmup), 6_000);
  assert.deepEqual(start.step(5_999, always).released, []);
  const opened = start.step(6_000, (name) => name === "a");
  assert.deepEqual(opened.released, [{ frontend: "a", reason: "all backends have a state" }]);
  assert.deepEqual([opened.opened, opened.finished, opened.phase], [true, false, "release"]);
  assert.equal(warmupDue(start.warmup), 31_000);
  assert.deepEqual(start.step(30_999, never).released, []);
  const ended = start.step(31_000, never);
  assert.deepEqual(ended.released, [{ frontend: "b", reason: "max-delay" }]);
  assert.deepEqual([ended.opened, ended.finished, ended.phase], [false, true, "done"]);
  assert.equal(warmupDue(start.warmup), null);
});

Deno.test("no delays, no warm-up; min-delay 0 releases from the start", () => {
  assert.equal(beginWarmup(0, 0, 0).phase, "done");
  const step = new Warming(0, 0, 30_000, ["a"]).step(0, always);
  assert.deepEqual([step.opened, step.finished], [true, true]);
});

Deno.test("before min-delay an operator releases what he asks for, and the global settings with it", () => {
  const start = new Warming(0, 5_000, 30_000, ["a", "b"]);
  assert.deepEqual([start.warmup.open, start.held("a"), start.held("brought")], [false, true, true]);
  start.ask(["a"]);
  assert.equal(start.held("a"), true, "until the next step");
  const asked = start.step(1, always);
  assert.deepEqual(asked.released, [{ frontend: "a", reason: "operator" }]);
  assert.deepEqual([asked.opened, asked.finished, asked.phase], [true, false, "hold"]);
  assert.deepEqual([start.warmup.open, start.held("a"), start.held("b")], [true, false, true]);
  assert.equal(start.held("brought"), true, "a frontend that a reload brought waits for min-delay");
  assert.equal(warmupDue(start.warmup), 5_000);
  const opened = start.step(5_000, never);
  assert.deepEqual([opened.opened, opened.phase], [true, "release"], "for what the reload brought");
  assert.equal(start.held("brought"), false);
  start.ask(["b"]);
  const rest = start.step(5_001, never);
  assert.deepEqual([rest.finished, rest.phase], [true, "done"], "the last one ends the warm-up");
});

Deno.test("an operator who releases the last frontend before min-delay ends the warm-up", () => {
  const start = new Warming(0, 5_000, 30_000, ["a", "b"]);
  start.ask(["a", "b"]);
  assert.deepEqual(start.step(1, never).finished, true);
});

Deno.test("when a reload takes the last held frontend away the warm-up is over", () => {
  const open = new Warming(0, 0, 30_000, ["a", "b"]);
  open.step(0, (name) => name === "b");
  open.frontends.shift();
  assert.equal(open.step(1, never).finished, true);
});

Deno.test("a released frontend is never held again", () => {
  const moves = fc.array(
    fc.record({
      ms: fc.nat(10_000),
      complete: fc.subarray(["a", "b", "c"]),
      ask: fc.subarray(["a", "b", "c"]),
    }),
  );
  fc.assert(fc.property(moves, (list) => {
    const world = new Warming(0, 5_000, 30_000, ["a", "b", "c"]);
    let now = 0;
    const free = new Set<string>();
    for (const { ms, complete, ask } of list) {
      now += ms;
      world.ask(ask);
      const { phase } = world.step(now, (name) => complete.includes(name));
      if (now < 5_000) assert.notEqual(phase, "release");
      if (now >= 30_000) assert.equal(phase, "done");
      for (const name of ["a", "b", "c"]) {
        if (free.has(name)) assert.equal(world.held(name), false);
        else if (!world.held(name)) free.add(name);
        if (ask.includes(name)) assert.equal(world.held(name), false);
      }
      assert.equal(phase === "done", free.size === 3);
    }
  }));
});

const delays = { startupMinDelayMs: 5_000, startupMaxDelayMs: 30_000 };
const two = [
  frontend("web", { primary: { b1: 100, b2: 100 } }),
  frontend("mail", { primary: { b3: 100 } }, { address: ip("192.0.2.2"), port: 25 }),
];
const unknown: Readonly<Record<string, State>> = { b1: "unknown", b2: "unknown", b3: "unknown" };

/** A daemon just started on a VPP with a foreign VIP, two that are configured, and a difference in each. */
async function starting() {
  const world = new TestWorld(config(two, delays), unknown);
  const vpp = new FakeBalancer();
  const common = { encap: "gre4", srcIpSticky: false, tableLength: 1024, index: 1 } as const;
  const server = (name: string, weight: number) => ({ address: backend(name).address, weight });
  vpp.place({
    ...common,
    ...world.key("web"),
    servers: [server("b1", 100), server("b2", 30), server("b9", 1)],
  });
  vpp.place({ ...common, ...world.key("mail"), servers: [server("b3", 100), server("b9", 1)] });
  vpp.place({ ...common, prefix: "203.0.113.1/32", protocol: 6, port: 80, servers: [] });
  world.reconciler.connected(vpp);
  await settle();
  return { world, vpp };
}

const sent = (vpp: FakeBalancer) =>
  vpp.ops.map((op) => op.kind === "conf-set" ? op.kind : `${op.kind} ${op.vip.prefix}`);

Deno.test("before min-delay VPP is read but not written, whatever probes and reloads bring", async () => {
  const { world, vpp } = await starting();
  await using _ = world;
  assert.deepEqual(vpp.reads, ["all"]);
  for (const name of ["b1", "b2", "b3"]) world.become(name, "up");
  world.config = config([...two, frontend("new", { p: { b8: 1 } }, { address: ip("192.0.2.3") })], delays);
  world.states.set("b8", { state: "disabled", known: true });
  // A reload that says enabled: false is nobody's disable.
  world.reconciler.touch([world.turn("b8", "disabled", "alice")]);
  const result = await world.reconciler.reloaded();
  assert.ok(result?.changes.every(({ held, status }) => held === "warm-up" && status === "skipped"));
  await world.clock.advance(4_999);
  assert.deepEqual(vpp.ops, []);
  assert.equal(world.reconciler.standing("web"), "held");
  assert.equal(world.reconciler.overall, "warming-up");
});

Deno.test("after min-delay the global settings go, then each frontend when its backends have a state", async () => {
  const { world, vpp } = await starting();
  await using _ = world;
  await world.clock.advance(5_000);
  assert.deepEqual(sent(vpp), ["conf-set"]);
  world.become("b1", "up");
  await settle();
  assert.deepEqual(sent(vpp), ["conf-set"]);
  world.become("b2", "down");
  await settle();
  assert.deepEqual(sent(vpp).slice(1), ["as-weight 192.0.2.1/32", "as-delete 192.0.2.1/32"]);
  assert.deepEqual(world.log.named("warmup-released"), [
    { frontend: "web", reason: "all backends have a state" },
  ]);
  assert.deepEqual(world.reconciler.warmup.heldFrontends, ["mail"]);
  vpp.ops.length = 0;
  world.become("b3", "up");
  await settle();
  const rest = ["as-delete 192.0.2.2/32", "vip-flush 203.0.113.1/32", "vip-delete 203.0.113.1/32"];
  assert.deepEqual(sent(vpp), rest);
  assert.equal(world.reconciler.warmup.phase, "done");
});

Deno.test("at max-delay all are released, and what is not known keeps the weight that VPP has", async () => {
  const { world, vpp } = await starting();
  await using _ = world;
  await world.clock.advance(29_999);
  assert.deepEqual(sent(vpp), ["conf-set"]);
  await world.clock.advance(1);
  assert.deepEqual(sent(vpp).slice(1), [
    "as-delete 192.0.2.1/32",
    "as-delete 192.0.2.2/32",
    "vip-flush 203.0.113.1/32",
    "vip-delete 203.0.113.1/32",
  ]);
  const weights = vpp.vip(world.key("web"))?.servers.map((server) => server.weight);
  assert.deepEqual(weights?.sort(), [100, 30]);
});

for (
  const { what, act } of [
    { what: "a sync", act: (world: TestWorld) => world.reconciler.sync({ frontend: "web" }) },
    { what: "a weight", act: (world: TestWorld) => world.weigh("web", "b1", 7) },
    { what: "a pause", act: (world: TestWorld) => world.become("b1", "paused", "alice") },
    { what: "a disable", act: (world: TestWorld) => world.become("b1", "disabled", "alice") },
  ]
) {
  Deno.test(`${what} by an operator releases the frontend concerned and no other`, async () => {
    const { world, vpp } = await starting();
    await using _ = world;
    await world.clock.advance(5_000);
    vpp.ops.length = 0;
    await act(world);
    await settle();
    assert.deepEqual(world.reconciler.warmup.heldFrontends, ["mail"]);
    assert.ok(sent(vpp).includes("as-delete 192.0.2.1/32"));
    assert.ok(sent(vpp).every((line) => line.endsWith("192.0.2.1/32")));
  });

  Deno.test(`${what} by an operator does so before min-delay, too, and the global settings go first`, async () => {
    const { world, vpp } = await starting();
    await using _ = world;
    await world.clock.advance(1_000);
    await act(world);
    await settle();
    const [first, ...rest] = sent(vpp);
    assert.equal(first, "conf-set");
    assert.ok(rest.includes("as-delete 192.0.2.1/32"));
    assert.ok(rest.every((line) => line.endsWith("192.0.2.1/32")), rest.join());
    assert.deepEqual([world.reconciler.warmup.phase, world.reconciler.warmup.heldFrontends], ["hold", [
      "mail",
    ]]);
  });
}

Deno.test("an operator's sync of everything ends the warm-up, before min-delay too, and may delete", async () => {
  const { world, vpp } = await starting();
  await using _ = world;
  await world.clock.advance(1_000);
  const synced = await world.reconciler.sync({});
  assert.ok(synced.ok);
  assert.equal(synced.value.skipped, 0);
  assert.equal(vpp.vips.length, 2);
  assert.equal(world.reconciler.warmup.phase, "done");
});

Deno.test("a frontend that a reload adds is released at once", async () => {
  const { world, vpp } = await starting();
  await using _ = world;
  await world.clock.advance(5_000);
  vpp.ops.length = 0;
  world.config = config([...two, frontend("new", { p: { b8: 1 } }, { address: ip("192.0.2.3") })], delays);
  world.states.set("b8", { state: "unknown", known: false });
  await world.reconciler.reloaded();
  assert.deepEqual(sent(vpp), ["vip-add 192.0.2.3/32", "as-add 192.0.2.3/32"]);
});

Deno.test("a digest sent during warm-up releases what its plan shows", async () => {
  const { world, vpp } = await starting();
  await using _ = world;
  await world.clock.advance(5_000);
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  const synced = await world.reconciler.sync({ plan_digest: planned.value.plan.digest });
  assert.ok(synced.ok);
  assert.equal(synced.value.skipped, 0);
  assert.equal(vpp.vips.length, 2);
  assert.equal(world.reconciler.warmup.phase, "done");
});

Deno.test("a restart of VPP during warm-up changes no rule, a reconnect after it syncs at once", async () => {
  const { world, vpp } = await starting();
  await using _ = world;
  await world.clock.advance(3_000);
  vpp.end();
  world.reconciler.disconnected();
  const second = new FakeBalancer();
  second.bootTime = 2;
  world.reconciler.connected(second);
  await world.clock.advance(1_999);
  assert.deepEqual(second.ops, []);
  await world.clock.advance(1);
  assert.deepEqual(sent(second), ["conf-set"]);
  await world.clock.advance(25_000);
  assert.equal(second.vips.length, 2);
  second.end();
  world.reconciler.disconnected();
  const third = new FakeBalancer();
  world.reconciler.connected(third);
  await settle();
  assert.equal(third.vips.length, 2);
});

Deno.test("the warm-up goes on while VPP is away", async () => {
  await using world = new TestWorld(config(two, delays), unknown);
  await world.clock.advance(30_000);
  assert.equal(world.reconciler.warmup.phase, "done");
  assert.equal(world.reconciler.overall, "disconnected");
});
