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
  assert.equal(world.counter("b1"), 3);
});

Deno.test("effects name every frontend of the backend, with flush where the frontend wants it", () => {
  using world = World.started(two);
  world.probe(["b1", "L4OK"]);
  world.fail("b1");
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
  world.tracker.orders.act("b1", "pause", alice);
  world.tracker.orders.act("b1", "resume", alice);
  const report = { backend: "b1", generation: old.generation, result: result("L4OK"), nextDueAt: 0 };
  world.tracker.report([report]);
  assert.equal(world.state("b1"), "unknown");
  world.probe(["b1", "L4OK"]);
  assert.equal(world.state("b1"), "up");
});

Deno.test("two transitions of one backend in one batch each show the weights of their own moment", () => {
  using world = World.started(two);
  world.told.length = 0;
  world.probe(["b1", "L4OK"], ["b2", "L4OK"], ["b1", "L4CON"], ["b1", "L4CON"], ["b1", "L4CON"]);
  assert.equal(world.told.length, 1);
  const seen = world.told[0]?.transitions.map((t) => [
    `${t.backend} ${t.from}>${t.to}`,
    ...t.effects.filter((e) => e.frontend === "www").map((e) => `${e.weightBefore}>${e.weightAfter}`),
  ]);
  assert.deepEqual(seen, [["b1 unknown>up", "0>100"], ["b2 unknown>up", "0>50"], ["b1 up>down", "100>0"]]);
});

Deno.test("backends of one batch are judged together: the pool that took over shows its weight", () => {
  const failover = config({
    checks: [tcpCheck("web")],
    backends: [backend("b1", "10.0.0.1", "web"), backend("b2", "10.0.0.2", "web")],
    frontends: [frontend("www", "192.0.2.1", { primary: { b1: 100 }, fallback: { b2: 10 } })],
  });
  using world = World.started(failover);
  world.probe(["b1", "L4OK"]);
  world.probe(["b2", "L4OK"], ["b1", "L4CON"], ["b1", "L4CON"], ["b1", "L4CON"]);
  const seen = world.told.at(-1)?.transitions.map((t) =>
    t.effects.map((e) => [t.backend, e.weightBefore, e.weightAfter])
  );
  assert.deepEqual(seen, [[["b2", 0, 10]], [["b1", 100, 0]]]);
  assert.deepEqual(world.told.at(-1)?.frontendChanges, [{
    frontend: "www",
    from: "up",
    to: "up",
    activePool: "fallback",
    reason: "backend b2 up (L4OK detail of L4OK), backend b1 down (L4CON detail of L4CON)",
  }]);
});

Deno.test("the first state after the start owes no flush for a server that VPP has at weight 0", () => {
  for (const [inVpp, flush] of [[0, false], [100, true]] as const) {
    using world = new World(two);
    world.place("www", "b1", inVpp);
    world.tracker.start();
    world.read();
    world.fail("b1");
    const first = world.told.at(-1)?.transitions[0]?.effects.find((effect) => effect.frontend === "www");
    assert.deepEqual([first?.weightBefore, first?.weightAfter, first?.flush], [inVpp, 0, flush]);
    // From then on a failure owes its flush.
    world.tracker.orders.act("b1", "pause", alice);
    world.tracker.orders.act("b1", "resume", alice);
    world.fail("b1");
    const second = world.told.at(-1)?.transitions[0]?.effects.find((effect) => effect.frontend === "www");
    assert.equal(second?.flush, true);
  }
});

Deno.test("the first full read of VPP makes a frontend up while its backends are not yet known; no later one does", () => {
  using world = new World(two);
  world.tracker.start();
  world.told.length = 0;
  world.place("api", "b1", 7);
  world.read();
  assert.deepEqual(world.told.map((told) => [told.transitions, told.frontendChanges]), [[[], [
    { frontend: "api", from: "unknown", to: "up", activePool: "only", reason: "as read from VPP" },
  ]]]);
  assert.equal(world.state("b1"), "unknown");
  // The daemon's own 0 is not VPP's word.
  world.place("api", "b1", 0);
  world.read();
  assert.deepEqual(world.weights("api"), { b1: 7 });
  assert.equal(world.told.length, 1);
});

Deno.test("a changed state is logged, announced with its frontends, and counted", () => {
  using world = World.started(two);
  world.log.lines.length = 0;
  world.events.length = 0;
  world.probe(["b1", "L4CON"]);
  assert.deepEqual(world.log.named("backend-transition").map((line) => [line.level, line.attrs]), [["info", {
    backend: "b1",
    from: "unknown",
    to: "down",
    code: "L4CON",
    detail: "detail of L4CON",
  }]]);
  assert.deepEqual(world.log.named("frontend-transition").map((line) => [line.level, line.attrs]), [["info", {
    frontend: "api",
    from: "unknown",
    to: "down",
    active_pool: "only",
    reason: "backend b1 down (L4CON detail of L4CON)",
  }]]);
  assert.deepEqual(world.events.map((event) => event.kind === "backend" ? event.frontends : event.kind), [
    ["www", "api"],
    "frontend",
  ]);
  assert.deepEqual(world.counted.slice(-2), ["probe b1 tcp L4CON", "transition b1 unknown down"]);
});

Deno.test("a batch of many names the first three causes and how many more there were", () => {
  const many = Array.from({ length: 5 }, (_, i) => backend(`b${i}`, `10.0.0.${i + 1}`, "web"));
  using world = World.started(config({
    checks: [tcpCheck("web")],
    backends: many,
    frontends: [frontend("www", "192.0.2.1", { only: Object.fromEntries(many.map((b) => [b.name, 1])) })],
  }));
  world.probe(...many.map((b) => [b.name, "L4CON"] as const));
  const reason = world.told.at(-1)?.frontendChanges[0]?.reason ?? "";
  assert.match(reason, /^backend b0 down .*, backend b1 down .*, backend b2 down .* and 2 more$/);
});

Deno.test("a changed interval is handed to the prober once, for the running generation", () => {
  using world = World.started(two);
  world.prober.calls.length = 0;
  for (let i = 0; i < 5; i++) world.probe(["b1", "L4OK"]);
  for (let i = 0; i < 6; i++) world.probe(["b1", "L4CON"]);
  assert.deepEqual(world.prober.calls, ["pace b1 2000", "pace b1 500", "pace b1 5000"]);
});

Deno.test("reports after disposal are rejected", () => {
  const world = World.started(two);
  world.tracker[Symbol.dispose]();
  world.probe(["b1", "L4OK"]);
  assert.equal(world.state("b1"), "unknown");
});

Deno.test("a frontend that only changes its pool keeps the time of its state", async () => {
  using world = World.started(two);
  const since = world.tracker.standing("www")?.since;
  await world.clock.advance(1_000);
  world.probe(["b1", "L4OK"]);
  const { history: _, poolSince, ...standing } = world.tracker.standing("www") ?? assert.fail();
  assert.deepEqual(standing, { state: "up", activePool: "primary", since });
  assert.equal(poolSince, world.clock.wall(), "the pool has its own");
  await world.clock.advance(1_000);
  assert.equal(world.tracker.standing("api")?.since, world.clock.wall() - 1_000);
});
