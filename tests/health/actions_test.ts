import assert from "node:assert/strict";
import type { BackendAction } from "../../src/control.ts";
import type { State } from "../../src/model.ts";
import { alice, backend, config, frontend, tcpCheck, World } from "./kit.ts";

const setup = config({
  checks: [tcpCheck("web")],
  backends: [backend("b1", "10.0.0.1", "web"), backend("s1", "10.0.0.2", null)],
  frontends: [frontend("www", "192.0.2.1", { only: { b1: 100, s1: 100 } })],
});

const reach: Readonly<Record<"unknown" | "up" | "down" | "paused" | "disabled", (world: World) => void>> = {
  unknown: () => {},
  up: (world) => world.probe(["b1", "L4OK"]),
  down: (world) => world.probe(["b1", "L4CON"]),
  paused: (world) => void world.tracker.orders.act("b1", "pause", alice),
  disabled: (world) => void world.tracker.orders.act("b1", "disable", alice),
};

const ok = <T>(value: T) => ({ ok: true, value: { ...value, replaced: null, assumed: null } });

// state, action, outcome, what the prober is told, flush
const matrix:
  readonly (readonly [keyof typeof reach, BackendAction, State | "no change" | "409", string, boolean])[] = [
    ["unknown", "pause", "paused", "stop b1", false],
    ["up", "pause", "paused", "stop b1", false],
    ["down", "pause", "paused", "stop b1", false],
    ["paused", "pause", "no change", "", false],
    ["disabled", "pause", "409", "", false],
    ["unknown", "resume", "no change", "", false],
    ["up", "resume", "no change", "", false],
    ["down", "resume", "no change", "", false],
    ["paused", "resume", "unknown", "start b1", false],
    ["disabled", "resume", "409", "", false],
    ["unknown", "disable", "disabled", "stop b1", true],
    ["up", "disable", "disabled", "stop b1", true],
    ["down", "disable", "disabled", "stop b1", true],
    ["paused", "disable", "disabled", "", true],
    ["disabled", "disable", "no change", "", false],
    ["unknown", "enable", "no change", "", false],
    ["up", "enable", "no change", "", false],
    ["down", "enable", "no change", "", false],
    ["paused", "enable", "no change", "", false],
    ["disabled", "enable", "unknown", "start b1", false],
  ];

const codes = { pause: "paused", resume: "resumed", disable: "disabled", enable: "enabled" } as const;

for (const [state, action, outcome, prober, flush] of matrix) {
  Deno.test(`${action} while ${state}: ${outcome}`, () => {
    using world = World.started(setup);
    reach[state](world);
    world.prober.calls.length = 0;
    world.told.length = 0;
    world.events.length = 0;
    const answer = world.tracker.orders.act("b1", action, alice);
    assert.deepEqual(world.prober.calls, prober === "" ? [] : [prober]);
    const transitions = world.told.flatMap((told) => told.transitions);
    if (outcome === "409" || outcome === "no change") {
      assert.equal(world.state("b1"), state);
      assert.deepEqual(transitions, []);
      if (outcome === "409") assert.equal(answer.ok ? null : answer.error.type, "conflict");
      else assert.deepEqual(answer, ok({ changed: false, before: state, after: state }));
      return;
    }
    assert.deepEqual(answer, ok({ changed: true, before: state, after: outcome }));
    const [told, ...more] = transitions;
    assert.deepEqual(more, []);
    const code = codes[action];
    assert.deepEqual([told?.from, told?.to, told?.code, told?.by], [state, outcome, code, "alice"]);
    assert.deepEqual(told?.effects.map((e) => [e.weightAfter, e.flush]), [[0, flush]]);
    const line = world.log.named("backend-transition").at(-1);
    assert.deepEqual([line?.attrs.from, line?.attrs.to, line?.attrs.code], [state, outcome, code]);
    assert.deepEqual(
      world.events.map((e) => e.kind === "backend" ? [e.backend, e.transition.to] : e.kind).slice(0, 1),
      [
        ["b1", outcome],
      ],
    );
  });
}

Deno.test("a backend without a check goes from paused and disabled straight to up, with code static", () => {
  using world = World.started(setup);
  world.told.length = 0;
  for (const action of ["pause", "resume", "disable", "enable"] as const) {
    world.tracker.orders.act("s1", action, alice);
  }
  assert.deepEqual(world.transitions(), [
    "s1 up>paused paused",
    "s1 paused>up static",
    "s1 up>disabled disabled",
    "s1 disabled>up static",
  ]);
  assert.deepEqual(world.prober.calls, ["start b1"], "nothing of it is ever probed");
});

Deno.test("an action on a backend that does not exist is refused as not found", () => {
  using world = World.started(setup);
  const answer = world.tracker.orders.act("b9", "pause", alice);
  assert.equal(answer.ok ? null : answer.error.type, "not-found");
});

Deno.test("resuming keeps the history, starts the counter over and probes at once under a new generation", () => {
  using world = World.started(setup);
  for (let i = 0; i < 3; i++) world.probe(["b1", "L4OK"]);
  const generation = world.prober.targets.get("b1")?.generation ?? 0;
  world.tracker.orders.act("b1", "pause", alice);
  assert.equal(world.tracker.entry("b1")?.nextDueAt, null);
  world.tracker.orders.act("b1", "resume", alice);
  const target = world.prober.targets.get("b1");
  assert.ok(target && target.generation > generation);
  assert.deepEqual([target.firstDelayMs, target.intervalMs], [0, 500]);
  assert.equal(world.counter("b1"), 4, "its flows are still there");
  assert.deepEqual(world.tracker.entry("b1")?.history.map((t) => t.to), ["unknown", "paused", "up"]);
});

Deno.test("history keeps the newest transitions, as many as the configuration says", () => {
  using world = World.started(config({
    checks: [tcpCheck("web")],
    backends: [backend("b1", "10.0.0.1", "web")],
    frontends: [],
    history: 3,
  }));
  for (let i = 0; i < 3; i++) {
    world.tracker.orders.act("b1", "pause", alice);
    world.tracker.orders.act("b1", "resume", alice);
  }
  assert.deepEqual(world.tracker.entry("b1")?.history.map((t) => t.to), ["unknown", "paused", "unknown"]);
});

Deno.test("run-time weights change the running configuration only, and are named while they differ", () => {
  using world = World.started(setup);
  world.told.length = 0;
  assert.deepEqual(
    world.tracker.orders.setWeight("www", "only", "s1", 0, alice),
    ok({ before: 100, after: 0 }),
  );
  assert.deepEqual(world.told.flatMap((t) => t.frontendChanges).map((c) => [c.from, c.to, c.reason]), [
    ["up", "down", "weight of backend s1 set from 100 to 0 by alice"],
  ]);
  assert.deepEqual(world.tracker.runtimeWeights(), [
    { frontend: "www", pool: "only", backend: "s1", file: 100, weight: 0, by: "alice" },
  ]);
  assert.equal(world.tracker.fileConfig, setup);
  world.tracker.orders.setWeight("www", "only", "s1", 100, alice);
  assert.deepEqual(world.tracker.runtimeWeights(), []);
  const refused = (f: string, p: string, b: string, w: number) => {
    const answer = world.tracker.orders.setWeight(f, p, b, w, alice);
    return answer.ok ? null : answer.error.type;
  };
  assert.equal(refused("no", "only", "s1", 1), "not-found");
  assert.equal(refused("www", "no", "s1", 1), "not-found");
  assert.equal(refused("www", "only", "no", 1), "not-found");
  for (const weight of [-1, 101, 1.5, NaN]) assert.equal(refused("www", "only", "s1", weight), "invalid");
});

Deno.test("what a restart would forget is named: paused, disabled and enabled by hand, weights", () => {
  using world = World.started(config({
    checks: [tcpCheck("web")],
    backends: [
      backend("b1", "10.0.0.1", "web"),
      backend("b2", "10.0.0.2", "web"),
      backend("b3", "10.0.0.3", "web", false),
      backend("b4", "10.0.0.4", "web", false),
    ],
    frontends: [frontend("www", "192.0.2.1", { only: { b1: 1, b2: 1, b3: 1, b4: 1 } })],
  }));
  assert.deepEqual(world.tracker.runtimeState(), { paused: [], disabled: [], enabled: [], weights: [] });
  world.tracker.orders.act("b1", "pause", alice);
  world.tracker.orders.act("b2", "disable", alice);
  world.tracker.orders.act("b3", "enable", alice);
  world.tracker.orders.setWeight("www", "only", "b4", 9, alice);
  assert.deepEqual(world.tracker.runtimeState(), {
    paused: ["b1"],
    disabled: ["b2"],
    enabled: ["b3"],
    weights: [{ frontend: "www", pool: "only", backend: "b4", file: 1, weight: 9, by: "alice" }],
  });
});
