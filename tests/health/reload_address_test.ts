import assert from "node:assert/strict";
import { alice, backend, config, frontend, tcpCheck } from "./kit.ts";
import { parts, running, withBackends, withFrontends } from "./reload_kit.ts";

const moved = withBackends(backend("b1", "10.0.9.1", "web"), ...parts.backends.slice(1));

Deno.test("a new address is a new server: unknown, probed at once; the previous one serves until its verdict", () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  assert.deepEqual(world.prober.calls, ["start b1"]);
  assert.equal(world.prober.targets.get("b1")?.address, "10.0.9.1");
  const [told] = world.told.flatMap((t) => t.transitions);
  assert.deepEqual([told?.from, told?.to, told?.code, told?.by], ["up", "unknown", "reload", "alice"]);
  assert.equal(told?.detail, "address 10.0.0.1 is 10.0.9.1 now");
  assert.deepEqual(told?.effects, [
    { frontend: "www", pool: "primary", weightBefore: 100, weightAfter: 100, flush: false },
  ]);
  assert.equal(world.tracker.entry("b1")?.lastProbe, null);
  assert.equal(world.counter("b1"), 4);
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  world.probe(["b1", "L4OK"]);
  assert.deepEqual(world.servers("www"), { "10.0.9.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  assert.deepEqual(world.transitions(), ["b1 up>unknown reload", "b1 unknown>up L4OK"]);
});

Deno.test("only `fall` failures in a row swap the servers; a void result does not, however long it takes", async () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  for (let i = 0; i < 20; i++) {
    world.probe(["b1", "late"]);
    await world.clock.advance(60_000);
  }
  world.probe(["b1", "L4TOUT"]);
  world.probe(["b1", "L4TOUT"]);
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  world.probe(["b1", "L4TOUT"]);
  assert.deepEqual(world.servers("www"), { "10.0.9.1": 0, "10.0.0.2": 50, "10.0.0.3": 0 });
  assert.deepEqual(world.transitions(), ["b1 up>unknown reload", "b1 unknown>down L4TOUT"]);
});

Deno.test("the rest of the frontend goes on meanwhile, and weights act on the previous server", () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  world.tracker.orders.setWeight("www", "primary", "b1", 7, alice);
  world.tracker.orders.act("b2", "disable", alice);
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 7, "10.0.0.2": 0, "10.0.0.3": 0 });
  // The previous server counts for its pool.
  assert.equal(world.tracker.weights("www")?.activePool, "primary");
});

Deno.test("a backend that was down keeps its previous server at weight 0 until the new one has a verdict", () => {
  using world = running();
  world.fail("b1");
  world.tracker.reload(config(moved), alice);
  assert.equal(world.state("b1"), "unknown");
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 0, "10.0.0.2": 50, "10.0.0.3": 0 });
  world.probe(["b1", "L4OK"]);
  assert.deepEqual(world.servers("www"), { "10.0.9.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
});

Deno.test("a pause, a disable, or no check any more swaps at once", () => {
  for (const action of ["pause", "disable"] as const) {
    using world = running();
    world.tracker.reload(config(moved), alice);
    world.tracker.orders.act("b1", action, alice);
    assert.deepEqual(world.servers("www"), { "10.0.9.1": 0, "10.0.0.2": 50, "10.0.0.3": 0 });
  }
  using world = running();
  world.tracker.reload(config(moved), alice);
  const without = withBackends(backend("b1", "10.0.9.1", null), ...parts.backends.slice(1));
  world.tracker.reload(config(without), alice);
  assert.deepEqual(world.servers("www"), { "10.0.9.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
});

Deno.test("a backend that is static, paused or disabled swaps at once", () => {
  const statics = withBackends(backend("b1", "10.0.0.1", null), ...parts.backends.slice(1));
  using world = running(statics);
  const next = withBackends(backend("b1", "10.0.9.1", null), ...parts.backends.slice(1));
  world.tracker.reload(config(next), null);
  assert.deepEqual(world.transitions(), []);
  assert.deepEqual(world.servers("www"), { "10.0.9.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  for (const action of ["pause", "disable"] as const) {
    using other = running();
    other.tracker.orders.act("b1", action, alice);
    other.told.length = 0;
    other.tracker.reload(config(moved), null);
    assert.deepEqual(other.transitions(), []);
    assert.deepEqual(other.servers("www"), { "10.0.9.1": 0, "10.0.0.2": 50, "10.0.0.3": 0 });
  }
});

Deno.test("back to the previous address: the wait is over, and the state is what it was", () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  world.probe(["b1", "L4CON"]);
  world.prober.calls.length = 0;
  world.tracker.reload(config(parts), alice);
  assert.deepEqual(world.transitions(), ["b1 up>unknown reload", "b1 unknown>up reload"]);
  assert.deepEqual(world.prober.calls, ["start b1"]);
  assert.equal(world.counter("b1"), 4);
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  world.probe(["b1", "L4CON"], ["b1", "L4CON"]);
  assert.equal(world.state("b1"), "up", "the failures of another server do not count");
});

Deno.test("a third address replaces the second; the first one goes on serving", () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  world.probe(["b1", "L4CON"], ["b1", "L4CON"]);
  const again = withBackends(backend("b1", "10.0.9.2", "web"), ...parts.backends.slice(1));
  world.tracker.reload(config(again), alice);
  assert.equal(world.prober.targets.get("b1")?.address, "10.0.9.2");
  world.probe(["b1", "L4CON"], ["b1", "L4CON"]);
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  world.probe(["b1", "L4OK"]);
  assert.deepEqual(world.servers("www"), { "10.0.9.2": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
});

Deno.test("another check during the wait begins the count anew, and the wait goes on", () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  world.probe(["b1", "L4CON"], ["b1", "L4CON"]);
  const checks = [tcpCheck("web", { fall: 2 }), ...parts.checks.slice(1)];
  world.tracker.reload(config({ ...moved, checks }), alice);
  assert.equal(world.counter("b1"), 3);
  world.probe(["b1", "L4CON"]);
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  world.probe(["b1", "L4CON"]);
  assert.deepEqual(world.servers("www"), { "10.0.9.1": 0, "10.0.0.2": 50, "10.0.0.3": 0 });
});

Deno.test("a removed backend waits for nothing", () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  const gone = withFrontends(frontend("www", "192.0.2.1", { primary: { b2: 50 } }));
  world.tracker.reload(config({ ...gone, backends: parts.backends.slice(1) }), alice);
  assert.deepEqual(world.servers("www"), { "10.0.0.2": 50 });
  assert.equal(world.clock.pending, 1, "the watch for blind backends alone");
});

Deno.test("exchanged addresses: each server keeps its weight until a verdict moves it", () => {
  using world = running();
  world.place("www", "b1", 100);
  world.place("www", "b2", 50);
  const swapped = [
    backend("b1", "10.0.0.2", "web"),
    backend("b2", "10.0.0.1", "web"),
    ...parts.backends.slice(2),
  ];
  world.tracker.reload(config(withBackends(...swapped)), alice);
  assert.deepEqual([world.state("b1"), world.state("b2")], ["unknown", "unknown"]);
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
  world.probe(["b1", "L4OK"]);
  assert.deepEqual(world.servers("www"), { "10.0.0.2": 100, "10.0.0.1": 50, "10.0.0.3": 0 });
  world.probe(["b2", "L4OK"]);
  assert.deepEqual(world.servers("www"), { "10.0.0.2": 100, "10.0.0.1": 50, "10.0.0.3": 0 });
});

Deno.test("a wait whose probes are blind is told with the server that serves meanwhile", async () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  world.log.lines.length = 0;
  for (let i = 0; i < 20; i++) {
    world.probe(["b1", "netns"]);
    await world.clock.advance(1_000);
  }
  const [line] = world.log.named("backend-blind").filter(({ attrs }) => attrs.backend === "b1");
  assert.deepEqual([line?.level, line?.attrs.cause, line?.attrs.serves_meanwhile], [
    "error",
    "netns",
    "10.0.0.1",
  ]);
});
