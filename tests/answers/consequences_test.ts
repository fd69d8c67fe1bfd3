import assert from "node:assert/strict";
import { consequences } from "../../src/answers/consequences.ts";
import { Core, coreConfig, setUp } from "../daemon/core.ts";
import { settle } from "../fake_clock.ts";
import { backend, frontend } from "../health/kit.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import { carryOut, type Deed, foresee, foreseenAction } from "./foreseen.ts";
import { running } from "./running.ts";

const site = coreConfig({
  backends: [
    backend("b1", "10.0.0.1", "web"),
    backend("b2", "10.0.0.2", "web"),
    backend("s1", "10.0.0.9", "web"),
  ],
  frontends: [
    frontend("www", "192.0.2.1", { main: { b1: 100, b2: 100 }, spare: { s1: 50 } }),
    frontend("api", "192.0.2.2", { only: { b1: 10 } }),
  ],
});

const weigh = (weight: number, flush = false): Deed => ({
  kind: "weight",
  frontend: "www",
  pool: "main",
  backend: "b2",
  weight,
  flush,
});

Deno.test("a disable: who loses a server, whose flows end, and what VPP is told", async () => {
  const { core } = await running(site);
  await using _ = core;
  const { changes, frontends } = await foresee(core, { kind: "act", backend: "b1", action: "disable" });
  assert.deepEqual(frontends, [
    {
      frontend: "www",
      from: "up",
      to: "up",
      pool_before: "main",
      pool_after: "main",
      servers_left: 1,
      moved_share: 0.5,
      flushed: ["b1"],
    },
    {
      frontend: "api",
      from: "up",
      to: "down",
      pool_before: "only",
      pool_after: "only",
      servers_left: 0,
      moved_share: 1,
      flushed: ["b1"],
    },
  ]);
  assert.deepEqual(
    changes?.map((c) => [c.seq, c.frontend, c.weight_before, c.weight_after, c.flush, c.reason]),
    [
      [1, "www", 100, 0, true, "backend b1 disabled"],
      [2, "api", 10, 0, true, "backend b1 disabled"],
    ],
  );
});

Deno.test("a pause flushes nobody; the last server of a pool makes the next pool take over", async () => {
  const { core } = await running(site);
  await using _ = core;
  await carryOut(core, { kind: "act", backend: "b1", action: "pause" });
  await settle();
  const { changes, frontends } = await foresee(core, { kind: "act", backend: "b2", action: "pause" });
  assert.deepEqual(frontends, [{
    frontend: "www",
    from: "up",
    to: "up",
    pool_before: "main",
    pool_after: "spare",
    servers_left: 1,
    moved_share: 1,
    flushed: [],
  }]);
  assert.deepEqual(changes?.map((c) => [c.backend, c.weight_before, c.weight_after, c.reason]), [
    ["s1", 0, 50, "pool spare took over"],
    ["b2", 100, 0, "backend b2 paused"],
  ]);
});

Deno.test("an enable sends nothing before the first verdict", async () => {
  const { core } = await running(site);
  await using _ = core;
  await carryOut(core, { kind: "act", backend: "b1", action: "disable" });
  await settle();
  const deed: Deed = { kind: "act", backend: "b1", action: "enable" };
  assert.deepEqual(await foresee(core, deed), {
    // A frontend of which no member has a state is not down, it is unknown.
    frontends: [{
      frontend: "api",
      from: "down",
      to: "unknown",
      pool_before: "only",
      pool_after: "only",
      servers_left: 0,
      moved_share: 0,
      flushed: [],
    }],
    changes: [],
  });
});

Deno.test("what changes nothing has no consequences, and what is refused has none", async () => {
  const { core } = await running(site);
  await using _ = core;
  assert.deepEqual(await foresee(core, weigh(100)), { frontends: [], changes: [] });
  await carryOut(core, { kind: "act", backend: "s1", action: "disable" });
  await settle();
  const none = { frontends: [], changes: [] };
  assert.deepEqual(await foresee(core, { kind: "act", backend: "s1", action: "pause" }), none);
});

Deno.test("a weight: the share that moves, and with flush the flows that end", async () => {
  const { core } = await running(site);
  await using _ = core;
  const half = await foresee(core, weigh(50));
  const [row] = half.frontends ?? [];
  assert.deepEqual([row?.servers_left, row?.flushed], [2, []]);
  assert.ok((row?.moved_share ?? 0) > 0.16 && (row?.moved_share ?? 1) < 0.5, String(row?.moved_share));
  assert.deepEqual(half.changes?.map((c) => [c.weight_after, c.flush]), [[50, false]]);
  const drained = await foresee(core, weigh(100, true));
  assert.deepEqual(drained.frontends?.map((r) => [r.moved_share, r.flushed]), [[0, ["b2"]]]);
  assert.deepEqual(drained.changes?.map((c) => [c.weight_before, c.weight_after, c.flush]), [[
    100,
    100,
    true,
  ]]);
});

Deno.test("a reload: frontends that come and go, one that only gets another name goes on", async () => {
  const { core } = await running(site);
  await using _ = core;
  const [www] = site.frontends.values();
  assert.ok(www);
  const config = coreConfig({
    backends: [...site.backends.values()],
    frontends: [{ ...www, name: "web" }, frontend("new", "192.0.2.3", { only: { b2: 1 } })],
  });
  const { changes, frontends } = await foresee(core, { kind: "reload", config });
  assert.deepEqual(
    frontends?.map((r) => [r.frontend, r.from, r.to, r.pool_before, r.pool_after, r.servers_left, r.flushed]),
    [
      ["new", "unknown", "up", null, "only", 1, []],
      ["api", "up", "down", "only", null, 0, ["b1"]],
    ],
  );
  assert.deepEqual(changes?.map((c) => [c.kind, c.prefix]), [
    ["vip_added", "192.0.2.3/32"],
    ["as_added", "192.0.2.3/32"],
    ["vip_removed", "192.0.2.2/32"],
  ]);
});

Deno.test("without VPP the plan is not known, but frontends and shares are", async () => {
  await using core = new Core(site);
  core.probe(...[...core.prober.targets.keys()].map((name) => [name, "L4OK"] as const));
  const { changes, frontends } = await foresee(core, { kind: "act", backend: "b2", action: "disable" });
  assert.equal(changes, null);
  assert.deepEqual(frontends?.map((r) => [r.frontend, r.servers_left, r.moved_share, r.flushed]), [
    ["www", 1, 0.5, ["b2"]],
  ]);
});

Deno.test("before the warm-up ends an action shows what it releases, and an enable what stays held", async () => {
  const config = { ...site, lb: { ...site.lb, startupMinDelayMs: 5_000, startupMaxDelayMs: 30_000 } };
  await using core = new Core(config);
  const vpp = new FakeBalancer();
  setUp(vpp, config);
  core.reconciler.connected(vpp);
  await settle();
  const held = async (deed: Deed) => (await foresee(core, deed)).changes?.map((c) => `${c.kind} ${c.held}`);
  assert.deepEqual(await held(weigh(7)), [
    "vip_added null",
    "as_added null",
    "as_added null",
    "as_added null",
  ]);
  assert.equal(core.reconciler.warmup.heldFrontends.length, 2, "a dry run releases nothing");
  assert.deepEqual(await held({ kind: "act", backend: "s1", action: "enable" }), []);
});

Deno.test("the answer to an action is what was foretold, whatever happens until it is made", async () => {
  const { core } = await running(site);
  await using _ = core;
  const deed: Deed = { kind: "act", backend: "b1", action: "disable" };
  const foretold = await foresee(core, deed);
  const moment = { health: core.tracker.picture(), vpp: core.reconciler.picture(["www", "api"]) };
  const action = foreseenAction(core, deed);
  await carryOut(core, deed);
  core.probe(["b2", "L4CON"], ["b2", "L4CON"], ["b2", "L4CON"]);
  await settle();
  await core.clock.advance(31_000);
  assert.deepEqual(await consequences(moment, action, core.clock, () => Promise.resolve()), foretold);
});

Deno.test("a large site: the thread is given back, and what takes too long is not told", async () => {
  const many = coreConfig({
    backends: Array.from({ length: 20 }, (_, i) => backend(`b${i}`, `10.0.0.${i + 1}`, "web")),
    frontends: Array.from({ length: 200 }, (_, f) =>
      frontend(
        `f${f}`,
        `192.0.2.${f + 1}`,
        { all: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`b${i}`, 100])) },
        { newFlowsTableLength: 16_384 },
      )),
  });
  const { core } = await running(many);
  await using _ = core;
  const deed: Deed = { kind: "act", backend: "b3", action: "pause" };
  const moment = () => ({ health: core.tracker.picture(), vpp: core.reconciler.picture([]) });
  const action = foreseenAction(core, deed);
  // Each look at the clock takes 1 ms: 250 looks are all there is.
  let now = 0;
  const clock = { now: () => now++, wall: () => 0 };
  let turns = 0;
  const turn = () => (turns++, Promise.resolve());
  const late = await consequences(moment(), action, clock, turn);
  assert.equal(late.frontends?.length, 200);
  assert.ok((late.frontends?.[0]?.moved_share ?? null) !== null);
  assert.equal(late.frontends?.at(-1)?.moved_share, null);
  // The messages come before the shares.
  assert.equal(late.changes?.length, 200);
  assert.ok(turns > 20, String(turns));
  // Slower still: not even the frontends are known in time.
  now = 0;
  const slow = { ...clock, now: () => now += 100 };
  assert.deepEqual(await consequences(moment(), action, slow, turn), { frontends: null, changes: null });
});
