import assert from "node:assert/strict";
import { reasonOf } from "../../src/health/frontend.ts";
import { alice, backend, config, frontend, tcpCheck, World } from "./kit.ts";

const site = (history: number) =>
  config({
    checks: [tcpCheck("web", { rise: 1, fall: 1 })],
    backends: [backend("b1", "10.0.0.1", "web"), backend("s1", "10.0.0.2", null)],
    frontends: [frontend("www", "192.0.2.1", { main: { b1: 100 }, spare: { s1: 10 } })],
    history,
  });

const history = (world: World) =>
  (world.tracker.standing("www") ?? assert.fail()).history
    .map(({ from, to, activePool, reason }) => `${from}>${to} ${activePool}: ${reason}`);

Deno.test("a frontend keeps its transitions, newest first, with pool and reason", async () => {
  using world = World.started(site(5));
  const began = world.clock.wall();
  await world.clock.advance(1_000);
  world.probe(["b1", "L4OK"]);
  await world.clock.advance(1_000);
  world.probe(["b1", "L4CON"]);
  assert.deepEqual(history(world), [
    "up>up spare: backend b1 down (L4CON detail of L4CON)",
    "up>up main: backend b1 up (L4OK detail of L4OK)",
    "unknown>up spare: start: backend s1 up (no health check)",
  ]);
  const { since, history: kept } = world.tracker.standing("www") ?? assert.fail();
  assert.deepEqual(kept.map(({ at }) => at - began), [2_000, 1_000, 0]);
  assert.equal(since, began, "a change of the pool does not begin the state anew");
});

Deno.test("no more transitions of a frontend are kept than the configuration says, also after a reload", () => {
  using world = World.started(site(3));
  for (let i = 0; i < 4; i++) world.probe(["b1", i % 2 === 0 ? "L4OK" : "L4CON"]);
  assert.equal(history(world).length, 3);
  world.tracker.reload(site(1), alice);
  assert.deepEqual(history(world), ["up>up spare: backend b1 down (L4CON detail of L4CON)"]);
  world.probe(["b1", "L4OK"]);
  assert.deepEqual(history(world), ["up>up main: backend b1 up (L4OK detail of L4OK)"]);
});

Deno.test("an operator's word is said once in a frontend's reason", () => {
  const at = { at: 0, by: "alice", effects: [] } as const;
  const paused = { ...at, backend: "b1", from: "up", to: "paused", code: "paused" } as const;
  assert.equal(
    reasonOf([{ ...paused, detail: "paused by operator" }]),
    "backend b1 paused (paused by operator)",
  );
});
