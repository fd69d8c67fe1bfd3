import assert from "node:assert/strict";
import fc from "fast-check";
import { isProbed } from "../../src/health/backend.ts";
import { intervalFor } from "../../src/health/probing.ts";
import { memberships } from "../../src/health/config.ts";
import type { BackendAction } from "../../src/control.ts";
import type { ProbeCode, VoidCause } from "../../src/model.ts";
import type { Config } from "../../src/configuration.ts";
import { alice, backend, config, frontend, tcpCheck, World } from "./kit.ts";

const names = ["b0", "b1", "b2", "b3", "b4"];

/** A configuration over a small set of names, so that reloads meet their like. */
const anyConfig: fc.Arbitrary<Config> = fc.record({
  backends: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom(...names),
      host: fc.integer({ min: 1, max: 3 }),
      check: fc.constantFrom("web", "web", "db", null),
      enabled: fc.constantFrom(true, true, true, false),
    }),
    { selector: (b) => b.name, minLength: 1, maxLength: 5 },
  ),
  rise: fc.integer({ min: 1, max: 3 }),
  fall: fc.integer({ min: 1, max: 3 }),
  history: fc.integer({ min: 1, max: 4 }),
  netns: fc.constantFrom("", "", "blue"),
  frontends: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("f0", "f1", "f2"),
      flush: fc.boolean(),
      weights: fc.array(fc.constantFrom(0, 1, 50, 100), { minLength: 5, maxLength: 5 }),
      pool: fc.array(fc.constantFrom("primary", "fallback", "none"), { minLength: 5, maxLength: 5 }),
    }),
    { selector: (f) => f.name, minLength: 1, maxLength: 3 },
  ),
}).map(({ backends, rise, fall, history, netns, frontends }) =>
  config({
    history,
    netns,
    checks: [tcpCheck("web", { rise, fall }), tcpCheck("db", { rise: 2, fall: 2, timeoutMs: 3_000 })],
    backends: backends.map((b) =>
      backend(b.name, `10.0.${names.indexOf(b.name)}.${b.host}`, b.check, b.enabled)
    ),
    frontends: frontends.map((f, i) => {
      const pools: Record<string, Record<string, number>> = { primary: {}, fallback: {} };
      for (const b of backends) {
        const index = names.indexOf(b.name);
        const members = pools[f.pool[index] ?? "none"];
        if (members !== undefined) members[b.name] = f.weights[index] ?? 0;
      }
      return frontend(f.name, `192.0.2.${i + 1}`, pools, { flushOnDown: f.flush });
    }),
  })
);

type Op =
  | { readonly kind: "probe"; readonly results: readonly (readonly [string, ProbeCode | VoidCause])[] }
  | { readonly kind: "act"; readonly backend: string; readonly action: BackendAction }
  | {
    readonly kind: "weight";
    readonly frontend: string;
    readonly pool: string;
    readonly backend: string;
    readonly weight: number;
  }
  | { readonly kind: "vpp"; readonly frontend: string; readonly backend: string; readonly weight: number }
  | { readonly kind: "read" }
  | { readonly kind: "reload"; readonly config: Config }
  | { readonly kind: "advance"; readonly ms: number };

const anyBackend = fc.constantFrom(...names);
const anyFrontend = fc.constantFrom("f0", "f1", "f2");
const anyOp: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.uniqueArray(
      fc.tuple(anyBackend, fc.constantFrom<ProbeCode | VoidCause>("L4OK", "L4OK", "L4CON", "L4CON", "late")),
      { selector: ([name]) => name },
    ).map((results): Op => ({ kind: "probe", results })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anyBackend, fc.constantFrom<BackendAction>("pause", "resume", "disable", "enable"))
      .map(([name, action]): Op => ({ kind: "act", backend: name, action })),
  },
  fc.tuple(anyFrontend, fc.constantFrom("primary", "fallback"), anyBackend, fc.constantFrom(0, 50, 100))
    .map(([f, pool, b, weight]): Op => ({ kind: "weight", frontend: f, pool, backend: b, weight })),
  fc.tuple(anyFrontend, anyBackend, fc.constantFrom(0, 40)).map(([f, b, weight]): Op => ({
    kind: "vpp",
    frontend: f,
    backend: b,
    weight,
  })),
  fc.constant<Op>({ kind: "read" }),
  anyConfig.map((next): Op => ({ kind: "reload", config: next })),
  fc.constantFrom(100, 1_000, 4_000).map((ms): Op => ({ kind: "advance", ms })),
);

async function run(world: World, op: Op): Promise<void> {
  switch (op.kind) {
    case "probe":
      return world.probe(...op.results.filter(([name]) => world.prober.targets.has(name)));
    case "act":
      return void world.tracker.orders.act(op.backend, op.action, alice);
    case "weight":
      return void world.tracker.orders.setWeight(op.frontend, op.pool, op.backend, op.weight, alice);
    case "vpp":
      if (world.tracker.config.backends.has(op.backend)) world.place(op.frontend, op.backend, op.weight);
      return;
    case "read":
      return world.read();
    case "reload":
      return void world.tracker.reload(op.config, alice);
    case "advance":
      return await world.clock.advance(op.ms);
  }
}

type Weights = ReadonlyMap<string, Readonly<Record<string, number>>>;
const allWeights = (world: World): Weights =>
  new Map(["f0", "f1", "f2"].map((name) => [name, world.weights(name)]));

function checkTargets(world: World): void {
  const wanted = [...world.tracker.entries()].filter((entry) => isProbed(entry.health));
  assert.deepEqual([...world.prober.targets.keys()].sort(), wanted.map((entry) => entry.backend.name).sort());
  for (const entry of wanted) {
    const target = world.prober.targets.get(entry.backend.name);
    assert.ok(target !== undefined && entry.check !== null);
    assert.equal(target.generation, entry.generation);
    assert.equal(target.address, entry.backend.address);
    assert.deepEqual({ ...target.check, name: "" }, { ...entry.check, name: "" });
    assert.equal(target.netns, world.tracker.netns);
    assert.equal(target.intervalMs, intervalFor(entry.health, entry.check));
  }
}

function checkEntries(world: World): void {
  const { config: running } = world.tracker;
  assert.deepEqual([...world.tracker.entries()].map((e) => e.backend.name), [...running.backends.keys()]);
  const places = memberships(running.frontends.values());
  for (const entry of world.tracker.entries()) {
    assert.equal(entry.backend, running.backends.get(entry.backend.name));
    assert.deepEqual(entry.places, places.get(entry.backend.name) ?? []);
    assert.ok(entry.history.length <= running.healthchecker.transitionHistory);
    assert.equal(entry.history[0]?.to ?? "unknown", entry.health.state);
  }
  for (const name of running.frontends.keys()) {
    const weights = world.tracker.weights(name);
    const standing = world.tracker.standing(name);
    assert.deepEqual([standing?.state, standing?.activePool], [weights?.state, weights?.activePool]);
  }
}

function checkTold(world: World, states: Map<string, string>, before: Weights, after: Weights): void {
  const transitions = world.told.flatMap((told) => told.transitions);
  assert.ok(
    world.told.every((told) =>
      told.transitions.length + told.frontendChanges.length + told.lateFlushes.length > 0
    ),
  );
  for (const { backend: name, from, to, effects } of transitions) {
    assert.equal(from, states.get(name) ?? "unknown");
    if (to === "removed") states.delete(name);
    else states.set(name, to);
    for (const effect of effects) {
      assert.equal(effect.weightBefore, before.get(effect.frontend)?.[name] ?? 0);
      assert.equal(effect.weightAfter, after.get(effect.frontend)?.[name] ?? 0);
      if (to === "up" || to === "unknown" || to === "paused") assert.equal(effect.flush, false);
    }
  }
  for (const { frontend: name, reason } of world.told.flatMap((told) => told.frontendChanges)) {
    // Its own transitions explain it, or what came with them.
    const own = transitions.filter(({ effects }) => effects.some((effect) => effect.frontend === name));
    const [first] = own;
    if (first !== undefined) assert.ok(reason.includes(`backend ${first.backend} ${first.to} (`), reason);
    else {assert.match(
        reason,
        /^(reload|as read from VPP|weight of backend \w+ set from \d+ to \d+ by alice)$/,
      );}
  }
  const events = world.events.filter((event) => event.kind === "backend");
  assert.equal(events.length, transitions.length);
  assert.equal(world.log.named("backend-transition").length, transitions.length);
}

Deno.test("after any sequence of results, actions and reloads, prober, states, weights and history agree", async () => {
  await fc.assert(
    fc.asyncProperty(anyConfig, fc.array(anyOp, { maxLength: 25 }), async (first, ops) => {
      using world = new World(first);
      world.log.debugging = false;
      const states = new Map<string, string>();
      let before = allWeights(world);
      const check = () => {
        const after = allWeights(world);
        checkTargets(world);
        checkEntries(world);
        checkTold(world, states, before, after);
        world.told.length = 0;
        world.events.length = 0;
        world.log.lines.length = 0;
        before = after;
      };
      world.tracker.start();
      check();
      for (const op of ops) {
        await run(world, op);
        check();
      }
      world.tracker[Symbol.dispose]();
      assert.equal(world.clock.pending, 0);
    }),
    { numRuns: 150 },
  );
});
