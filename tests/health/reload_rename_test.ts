import assert from "node:assert/strict";
import { renamedBackends } from "../../src/health/config.ts";
import type { Backend } from "../../src/configuration.ts";
import { alice, backend, config, type ConfigParts, frontend, tcpCheck } from "./kit.ts";
import { parts, running } from "./reload_kit.ts";

const named = (...backends: Backend[]) => new Map(backends.map((b) => [b.name, b]));
const at = (name: string, host: number) => backend(name, `10.0.0.${host}`, "web");

Deno.test("a rename is one name that is gone and one new name with its address", () => {
  const found = (
    before: Backend[],
    after: Backend[],
  ) => [...renamedBackends(named(...before), named(...after))];
  assert.deepEqual(found([at("b1", 1), at("b2", 2)], [at("c1", 1), at("b2", 2)]), [["c1", "b1"]]);
  assert.deepEqual(found([at("b1", 1)], [at("c1", 2)]), [], "another address is another server");
  assert.deepEqual(found([at("b1", 1)], [at("b1", 1), at("c1", 1)]), [], "nothing is gone");
  assert.deepEqual(found([at("b1", 1), at("b2", 1)], [at("c1", 1)]), [], "which of the two?");
  assert.deepEqual(found([at("b1", 1)], [at("c1", 1), at("c2", 1)]), [], "which of the two?");
  assert.deepEqual(found([at("b1", 1), at("b2", 1)], [at("b2", 1), at("c1", 1)]), [["c1", "b1"]]);
  assert.deepEqual(found([at("b1", 1), at("b2", 2)], [at("b1", 2), at("b2", 1)]), [], "an exchange");
});

/** The file with b1 under the name c1. */
const renamed: ConfigParts = {
  ...parts,
  backends: [backend("c1", "10.0.0.1", "web"), ...parts.backends.slice(1)],
  frontends: [
    frontend("www", "192.0.2.1", { primary: { c1: 100, b2: 50 }, fallback: { b3: 10 } }),
    ...parts.frontends.slice(1),
  ],
};

Deno.test("a renamed backend keeps state, counter and history, and is probed under its new name", () => {
  using world = running();
  world.probe(["b1", "L4CON"]);
  world.prober.calls.length = 0;
  const outcome = world.tracker.reload(config(renamed), alice);
  assert.deepEqual([...outcome.renamed], [["c1", "b1"]]);
  assert.deepEqual(world.transitions(), []);
  assert.deepEqual([world.state("b1"), world.state("c1"), world.counter("c1")], [null, "up", 3]);
  assert.deepEqual(world.tracker.entry("c1")?.history.map((t) => t.to), ["up"]);
  assert.deepEqual(world.prober.calls, ["stop b1", "start c1"]);
  assert.deepEqual(world.weights("www"), { c1: 100, b2: 50, b3: 0 });
  assert.ok(world.counted.includes("forget b1"));
  const [line] = world.log.named("config-reload");
  assert.equal(line?.attrs.detail, "backend b1 is c1 now; it keeps state and history");
});

Deno.test("a renamed backend stays paused or disabled", () => {
  for (const action of ["pause", "disable"] as const) {
    using world = running();
    world.tracker.orders.act("b1", action, alice);
    world.told.length = world.prober.calls.length = 0;
    const outcome = world.tracker.reload(config(renamed), alice);
    assert.deepEqual(world.transitions(), []);
    assert.equal(world.state("c1"), action === "pause" ? "paused" : "disabled");
    assert.deepEqual(world.prober.calls, []);
    assert.deepEqual([outcome.overrides.ended, outcome.overrides.slept], [[], []]);
    assert.deepEqual(world.tracker.overrides.list.map(({ backend }) => backend), ["c1"]);
  }
});

Deno.test("what else changes with the name has its effect", () => {
  using world = running();
  const off = [backend("c1", "10.0.0.1", "web", false), ...parts.backends.slice(1)];
  world.tracker.reload(config({ ...renamed, backends: off }), alice);
  assert.deepEqual(world.transitions(), ["c1 up>disabled disabled"]);
  const [told] = world.told.flatMap((t) => t.transitions);
  assert.deepEqual(told?.effects, [
    { frontend: "www", pool: "primary", weightBefore: 100, weightAfter: 0, flush: true },
  ]);
  using other = running();
  const checks = [tcpCheck("web", { fall: 5 }), ...parts.checks.slice(1)];
  other.tracker.reload(config({ ...renamed, checks }), alice);
  assert.deepEqual([other.state("c1"), other.counter("c1")], ["up", 6]);
});

Deno.test("a rename while a new address waits keeps the wait", () => {
  using world = running();
  const moved = [backend("b1", "10.0.9.1", "web"), ...parts.backends.slice(1)];
  world.tracker.reload(config({ ...parts, backends: moved }), alice);
  const both = [backend("c1", "10.0.9.1", "web"), ...parts.backends.slice(1)];
  world.tracker.reload(config({ ...renamed, backends: both }), alice);
  assert.equal(world.state("c1"), "unknown");
  assert.deepEqual(world.servers("www"), { "10.0.0.1": 100, "10.0.0.2": 50, "10.0.0.3": 0 });
});

Deno.test("a paused or disabled backend that leaves the file and comes back is as it was", () => {
  using world = running();
  world.tracker.orders.act("b1", "pause", alice);
  world.tracker.orders.act("b2", "disable", alice);
  world.told.length = 0;
  const gone = world.tracker.reload(config({ ...parts, backends: [], frontends: [] }), alice);
  assert.deepEqual(gone.overrides.slept.map(({ backend, kind }) => [backend, kind]), [
    ["b1", "pause"],
    ["b2", "disable"],
  ]);
  world.prober.calls.length = world.told.length = 0;
  const back = world.tracker.reload(config(parts), alice);
  assert.equal(back.overrides.woken.length, 2);
  assert.deepEqual(world.transitions(), ["b1 unknown>paused paused", "b2 unknown>disabled disabled"]);
  assert.deepEqual(world.told.flatMap((told) => told.transitions).map(({ by, detail }) => [by, detail]), [
    ["alice", "paused by alice"],
    ["alice", "disabled by alice"],
  ]);
  assert.deepEqual(world.prober.calls, ["start b3"]);
});
