import assert from "node:assert/strict";
import { alice, backend, config, frontend, result, tcpCheck, World } from "./kit.ts";

const two = config({
  checks: [tcpCheck("web")],
  backends: [
    backend("b1", "10.0.0.1", "web"),
    backend("b2", "10.0.0.2", "web"),
    backend("b3", "10.0.0.3", null),
  ],
  frontends: [
    frontend("www", "192.0.2.1", { primary: { b1: 100, b2: 50 }, fallback: { b3: 10 } }),
    frontend("api", "192.0.2.2", { only: { b1: 7 } }, { flushOnDown: false }),
  ],
});

Deno.test("start: static backends come up, the others are unknown and their first probes are spread", () => {
  using world = World.started(two);
  assert.deepEqual(world.transitions(), ["b3 unknown>up static"]);
  assert.deepEqual(["b1", "b2", "b3"].map((b) => world.state(b)), ["unknown", "unknown", "up"]);
  assert.deepEqual(world.prober.calls, ["start b1 b2"]);
  assert.deepEqual([...world.prober.targets.values()].map((t) => [t.firstDelayMs, t.intervalMs]), [[0, 500], [
    250,
    500,
  ]]);
  assert.deepEqual(
    world.told[0]?.frontendChanges.map(({ frontend, from, to, activePool }) =>
      `${frontend} ${from}>${to} ${activePool}`
    ),
    ["www unknown>up fallback"],
  );
});

Deno.test("one batch is one call; a batch that changes no state is none", () => {
  using world = World.started(two);
  world.told.length = 0;
  world.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  assert.equal(world.told.length, 1);
  assert.deepEqual(world.transitions(), ["b1 unknown>up L4OK", "b2 unknown>up L4OK"]);
  world.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  world.probe(["b1", "L4CON"], ["b2", "L4CON"]);
  assert.equal(world.told.length, 1);
  assert.equal(world.counter("b1"), 2);
});

Deno.test("effects name every frontend of the backend, with flush where the frontend wants it", () => {
  using world = World.started(two);
  world.probe(["b1", "L4OK"]);
  world.probe(["b1", "L4CON"]);
  const [up, down] = world.told.slice(1).flatMap((t) => t.transitions);
  assert.deepEqual(up?.effects, [
    { frontend: "www", pool: "primary", weightBefore: 0, weightAfter: 100, flush: false },
    { frontend: "api", pool: "only", weightBefore: 0, weightAfter: 7, flush: false },
  ]);
  assert.deepEqual(down?.effects, [
    { frontend: "www", pool: "primary", weightBefore: 100, weightAfter: 0, flush: true },
    { frontend: "api", pool: "only", weightBefore: 7, weightAfter: 0, flush: false },
  ]);
  assert.deepEqual(
    world.told.at(-1)?.frontendChanges.map((c) => `${c.frontend} ${c.from}>${c.to} ${c.activePool}`),
    [
      "www up>up fallback",
      "api up>down only",
    ],
  );
});

Deno.test("a report of an older generation is rejected", () => {
  using world = World.started(two);
  const old = world.prober.targets.get("b1");
  assert.ok(old);
  world.tracker.act("b1", "pause", alice);
  world.tracker.act("b1", "resume", alice);
  const report = { backend: "b1", generation: old.generation, result: result("L4OK"), nextDueAt: 0 };
  world.tracker.report([report]);
  assert.equal(world.state("b1"), "unknown");
  world.probe(["b1", "L4OK"]);
  assert.equal(world.state("b1"), "up");
});
