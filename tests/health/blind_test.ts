import assert from "node:assert/strict";
import type { VoidCause } from "../../src/model.ts";
import type { CheckType } from "../../src/configuration.ts";
import { blindAfter, blindReason, isBlind } from "../../src/health/blind.ts";
import { alice, backend, config, frontend, tcpCheck, World } from "./kit.ts";

Deno.test("patience is 10 s and three times interval and timeout", () => {
  assert.equal(blindAfter(2_000, 1_000), 19_000);
  assert.equal(isBlind(19_000, 0, 2_000, 1_000), false);
  assert.equal(isBlind(19_001, 0, 2_000, 1_000), true);
});

const rights: readonly (readonly [VoidCause | null, string, CheckType, string, string, string])[] = [
  ["permission", "", "icmp", "", "permission", "CAP_NET_RAW"],
  ["permission", "", "tcp", "blue", "permission", "CAP_SYS_ADMIN"],
  ["permission", "", "icmp", "blue", "permission", "CAP_SYS_ADMIN, CAP_NET_RAW"],
  ["permission", "setns needs CAP_SYS_ADMIN", "icmp", "blue", "permission", "CAP_SYS_ADMIN"],
  // No capability opens a tcp socket: a policy of the host forbids it.
  ["permission", "socket: EPERM", "tcp", "", "permission", ""],
  ["family", "", "icmp", "", "family", ""],
  ["descriptors", "", "tcp", "", "descriptors", ""],
  [null, "", "tcp", "", "no-result", ""],
];
for (const [cause, detail, type, netns, named, missing] of rights) {
  Deno.test(`cause ${cause} of a ${type} check in namespace "${netns}" (${detail}) names "${missing}"`, () => {
    const reason = blindReason(cause === null ? null : { cause, detail }, type, netns);
    assert.deepEqual({ cause: reason.cause, missing: reason.missing }, { cause: named, missing });
    assert.ok(reason.hint.length > 10);
  });
}

const one = config({
  checks: [tcpCheck("web")],
  backends: [backend("b1", "10.0.0.1", "web"), backend("b2", "10.0.0.2", null)],
  frontends: [frontend("www", "192.0.2.1", { only: { b1: 1, b2: 1 } })],
});
// Before the first result: unknown, so fast-interval 500 ms and timeout 1 s.
const PATIENCE = 10_000 + 3 * (500 + 1_000);

function names(world: World): string[] {
  return world.tracker.blind().backends.map(({ name }) => name);
}

Deno.test("a backend that only void results came from goes blind, is named once, and is seen again", async () => {
  using world = World.started(one);
  for (let t = 0; t < PATIENCE; t += 500) {
    world.probe(["b1", "permission"]);
    await world.clock.advance(500);
  }
  assert.deepEqual(names(world), []);
  await world.clock.advance(1);
  assert.deepEqual(names(world), ["b1"]);
  await world.clock.advance(5_000);
  const errors = world.log.named("backend-blind").filter((line) => line.level === "error");
  assert.deepEqual(errors.map(({ attrs }) => [attrs.backend, attrs.cause, attrs.missing]), [
    ["b1", "permission", undefined],
  ]);
  assert.equal(world.state("b1"), "unknown", "void results change no state");
  world.probe(["b1", "L4CON"]);
  assert.deepEqual(names(world), []);
  assert.equal(world.state("b1"), "down", "what the network says counts");
  assert.equal(world.log.named("backend-blind").at(-1)?.level, "info");
});

Deno.test("patience follows the interval that applies now", async () => {
  using world = World.started(one);
  world.probe(["b1", "L4CON"]);
  // Fully down: down-interval 5 s, so 10 s + 3 × 6 s.
  await world.clock.advance(28_000);
  assert.deepEqual(names(world), []);
  await world.clock.advance(1);
  assert.deepEqual(names(world), ["b1"]);
});

Deno.test("what is not probed is never blind, and a backend that comes back begins anew", async () => {
  using world = World.started(one);
  await world.clock.advance(10_000);
  world.tracker.orders.act("b1", "pause", alice);
  await world.clock.advance(60_000);
  assert.deepEqual(names(world), []);
  world.tracker.orders.act("b1", "resume", alice);
  await world.clock.advance(PATIENCE);
  assert.deepEqual(names(world), []);
  await world.clock.advance(1);
  assert.deepEqual(names(world), ["b1"]);
});

Deno.test("disposal releases every timer", async () => {
  const world = World.started(one);
  await world.clock.advance(3_500);
  assert.equal(world.clock.pending, 1);
  world.tracker[Symbol.dispose]();
  assert.equal(world.clock.pending, 0);
});

Deno.test("void results are counted by their cause and change nothing else", () => {
  using world = World.started(one);
  world.counted.length = 0;
  world.prober.calls.length = 0;
  world.told.length = 0;
  const before = world.tracker.entry("b1")?.health;
  for (const cause of ["late", "ports", "netns"] as const) world.probe(["b1", cause]);
  assert.deepEqual(world.counted, ["probe b1 tcp late", "probe b1 tcp ports", "probe b1 tcp netns"]);
  assert.equal(world.tracker.entry("b1")?.health, before);
  assert.deepEqual([world.told, world.prober.calls], [[], []]);
  assert.equal(world.tracker.entry("b1")?.lastProbe?.void, "netns");
});

Deno.test("blindness of a new start is told anew, with the causes of that start only", async () => {
  using world = World.started(one);
  world.probe(["b1", "permission"]);
  await world.clock.advance(PATIENCE + 1_000);
  world.tracker.orders.act("b1", "pause", alice);
  world.tracker.orders.act("b1", "resume", alice);
  await world.clock.advance(PATIENCE + 1_000);
  const errors = world.log.named("backend-blind").filter((line) => line.level === "error");
  assert.deepEqual(errors.map((line) => line.attrs.cause), ["permission", "no-result"]);
});

Deno.test("blindness has a beginning that stays, whenever and however often it is asked for, and its last reason", async () => {
  using world = World.started(one);
  const entry = world.tracker.entry("b1") ?? assert.fail();
  const blindness = () => entry.blindness(world.clock.now(), world.clock.wall());
  world.probe(["b1", "permission"]);
  await world.clock.advance(PATIENCE);
  assert.equal(blindness(), null);
  const begun = world.clock.wall();
  await world.clock.advance(7_000);
  assert.deepEqual([blindness()?.since, blindness()?.cause], [begun, "permission"]);
  world.probe(["b1", "netns"]);
  await world.clock.advance(7_000);
  assert.deepEqual([blindness()?.since, blindness()?.cause], [begun, "netns"]);
  world.probe(["b1", "L4OK"]);
  assert.equal(blindness(), null);
  await world.clock.advance(60_000);
  assert.deepEqual([blindness()?.cause, blindness()?.detail], [
    "no-result",
    "not one result arrived from the probing thread",
  ]);
  assert.ok((blindness()?.since ?? 0) > begun + 14_000, "a blindness of its own");
});

Deno.test("what is not probed does not count among those that could be blind", async () => {
  using world = World.started(one);
  await world.clock.advance(PATIENCE + 1);
  assert.deepEqual([names(world), world.tracker.blind().probed], [["b1"], 1]);
  world.tracker.orders.act("b1", "pause", alice);
  assert.deepEqual([names(world), world.tracker.blind().probed], [[], 0]);
});
