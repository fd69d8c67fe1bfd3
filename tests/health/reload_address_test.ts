import assert from "node:assert/strict";
import { alice, backend, config, frontend, tcpCheck } from "./kit.ts";
import { parts, running, withBackends, withFrontends } from "./reload_kit.ts";

const moved = withBackends(backend("b1", "10.0.9.1", "web"), ...parts.backends.slice(1));

Deno.test("a new address is a new server: unknown, probed at once, its frontends wait for its answer", () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  assert.deepEqual(world.prober.calls, ["start b1"]);
  const [told] = world.told.flatMap((t) => t.transitions);
  assert.deepEqual([told?.from, told?.to, told?.code, told?.by], ["up", "unknown", "reload", "alice"]);
  assert.equal(told?.detail, "address changed from 10.0.0.1 to 10.0.9.1");
  assert.equal(world.tracker.entry("b1")?.lastProbe, null);
  assert.deepEqual([...world.tracker.awaitingFrontends()], ["www"]);
  world.told.length = 0;
  world.probe(["b1", "L4OK"]);
  assert.deepEqual([...world.tracker.awaitingFrontends()], []);
  assert.deepEqual(world.transitions(), ["b1 unknown>up L4OK"]);
  assert.deepEqual(world.awaited, [], "the transition itself asks for the sync");
});

Deno.test("a new address that does not answer is awaited for its timeout; a void result is no answer", async () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  world.probe(["b1", "late"]);
  await world.clock.advance(999);
  assert.deepEqual([...world.tracker.awaitingFrontends()], ["www"]);
  await world.clock.advance(1);
  assert.deepEqual(world.awaited, [["www"]]);
  assert.deepEqual([...world.tracker.awaitingFrontends()], []);
});

Deno.test("two new addresses in one frontend: it waits for the last of them", async () => {
  using world = running();
  const checks = [tcpCheck("web"), tcpCheck("db", { rise: 3, fall: 2, timeoutMs: 3_000 })];
  const backends = [
    backend("b1", "10.0.9.1", "web"),
    ...parts.backends.slice(1, 2),
    backend("b3", "10.0.9.3", "db"),
  ];
  world.tracker.reload(config({ ...parts, checks, backends }), alice);
  assert.deepEqual([...world.tracker.awaitingFrontends()], ["www", "other"]);
  await world.clock.advance(1_500);
  assert.deepEqual(world.awaited, []);
  await world.clock.advance(1_500);
  assert.deepEqual(world.awaited, [["www", "other"]]);
});

Deno.test("an operator's pause ends the wait; a removed backend is not awaited", async () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  world.tracker.act("b1", "pause", alice);
  assert.deepEqual([...world.tracker.awaitingFrontends()], []);
  world.tracker.act("b1", "resume", alice);
  world.tracker.reload(
    config(withBackends(backend("b1", "10.0.8.1", "web"), ...parts.backends.slice(1))),
    alice,
  );
  const gone = withFrontends(frontend("www", "192.0.2.1", { primary: { b2: 50 } }));
  world.tracker.reload(config({ ...gone, backends: parts.backends.slice(1) }), alice);
  await world.clock.advance(5_000);
  assert.deepEqual(world.awaited, []);
});

Deno.test("swapped addresses: until the new servers answer, VPP's weights are left as they are", () => {
  using world = running();
  world.place("www", "b1", 50);
  world.place("www", "b2", 100);
  const swapped = [
    backend("b1", "10.0.0.2", "web"),
    backend("b2", "10.0.0.1", "web"),
    ...parts.backends.slice(2),
  ];
  world.tracker.reload(config(withBackends(...swapped)), alice);
  assert.deepEqual([world.state("b1"), world.state("b2")], ["unknown", "unknown"]);
  assert.deepEqual(world.weights("www"), { b1: 50, b2: 100, b3: 0 });
  world.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  assert.deepEqual(world.weights("www"), { b1: 100, b2: 50, b3: 0 });
});

Deno.test("a backend without a check that moves stays up", () => {
  const statics = { ...parts, backends: [backend("b1", "10.0.0.1", null), ...parts.backends.slice(1)] };
  using world = running(statics);
  world.tracker.reload(
    config({ ...statics, backends: [backend("b1", "10.0.9.1", null), ...parts.backends.slice(1)] }),
    null,
  );
  assert.deepEqual(world.transitions(), []);
  assert.deepEqual([...world.tracker.awaitingFrontends()], []);
});

Deno.test("a second new address, or a new check meanwhile, begins the wait anew", async () => {
  using world = running();
  world.tracker.reload(config(moved), alice);
  await world.clock.advance(900);
  const again = withBackends(backend("b1", "10.0.9.2", "web"), ...parts.backends.slice(1));
  world.tracker.reload(config(again), alice);
  await world.clock.advance(900);
  assert.deepEqual([...world.tracker.awaitingFrontends()], ["www"]);
  const checks = [tcpCheck("web", { timeoutMs: 3_000 }), ...parts.checks.slice(1)];
  world.tracker.reload(config({ ...again, checks }), alice);
  await world.clock.advance(2_999);
  assert.deepEqual(world.awaited, []);
  await world.clock.advance(1);
  assert.deepEqual(world.awaited, [["www"]]);
});
