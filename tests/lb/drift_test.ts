import assert from "node:assert/strict";
import type { Op } from "../../src/lb/balancer.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { pair, running, weights } from "./reconciler_world.ts";
import { config, frontend } from "./setup.ts";

const b1 = ip("10.0.0.1");

Deno.test("a read that finds a weight changed by hand says drift at once, and the next full sync mends it", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  const { reconciler } = world;
  vpp.poke(world.key("web"), b1, 5);
  assert.equal(reconciler.standing("web"), "in-sync", "nobody has looked");
  const reading = await reconciler.read(null);
  assert.ok(reading.ok);
  assert.deepEqual([reconciler.standing("web"), reconciler.standing("mail")], ["drift", "in-sync"]);
  assert.equal(reconciler.detail("web"), "server 10.0.0.1 (b1) has weight 5 instead of 100");
  const [found] = reconciler.drift;
  assert.deepEqual([found?.object, found?.since], ["web", world.clock.wall()]);
  assert.equal(reconciler.overall, "in-sync", "no sync has failed to mend it");
  assert.deepEqual(world.log.named("drift"), [{ frontend: "web", detail: reconciler.detail("web") }]);
  assert.deepEqual(vpp.ops, [], "a question changes nothing");
  await world.clock.advance(1_000);
  assert.deepEqual(weights(vpp.vip(world.key("web"))), { "10.0.0.1": 100, "10.0.0.2": 50 });
  assert.deepEqual([reconciler.standing("web"), reconciler.drift], ["in-sync", []]);
  assert.equal(world.log.named("drift").length, 1);
});

Deno.test("every way of reading finds it: the plan, the read of one VIP, the read back, the periodic sync", async () => {
  const reads: Record<string, (run: Awaited<ReturnType<typeof running>>) => Promise<unknown>> = {
    "plan": ({ world }) => world.reconciler.plan(null),
    "plan of one": ({ world }) => world.reconciler.plan("web"),
    "read of one": ({ world }) => world.reconciler.read("web"),
    "read back": async ({ world }) => {
      world.become("b2", "down");
      await world.clock.advance(500);
    },
    "periodic": ({ world }) => world.clock.advance(30_000),
  };
  for (const [name, read] of Object.entries(reads)) {
    const run = await running();
    await using world = run.world;
    run.vpp.poke(world.key("web"), b1, 5);
    await read(run);
    await settle();
    assert.deepEqual(world.log.named("drift").map(({ frontend }) => frontend), ["web"], name);
  }
});

Deno.test("what the daemon itself wants is no drift: a weight, a state, a reload, a first connect", async () => {
  const { world } = await running();
  await using _ = world;
  await world.weigh("web", "b1", 40);
  world.become("b2", "down");
  await settle();
  await world.reconciler.read(null);
  world.config = config([
    frontend("web", { primary: { b1: 7, b4: 1 } }, { srcIpSticky: true }),
    ...pair.slice(1),
  ]);
  const reloaded = world.reconciler.reloaded();
  await settle();
  await reloaded;
  await world.clock.advance(60_000);
  assert.deepEqual(world.log.named("drift"), []);
});

Deno.test("servers, VIPs and settings that come and go by hand are drift of what they belong to", async () => {
  const cases: readonly [string, (run: Awaited<ReturnType<typeof running>>) => void, string, RegExp][] = [
    ["server gone", ({ vpp, world }) => vpp.poke(world.key("web"), b1, null), "web", /\(b1\) is missing$/],
    [
      "server more",
      ({ vpp, world }) => vpp.poke(world.key("web"), ip("10.9.9.9"), 1),
      "web",
      /10\.9\.9\.9 is not in/,
    ],
    ["VIP gone", ({ vpp, world }) => vpp.drop(world.key("mail")), "mail", /^the VIP is missing$/],
    [
      "settings",
      ({ vpp }) => vpp.conf = { ...vpp.conf, flowTimeoutSeconds: 9 },
      "",
      /configuration is another$/,
    ],
    [
      "VIP more",
      ({ vpp, world }) => {
        const vip = vpp.vip(world.key("web"));
        if (vip !== null) vpp.place({ ...vip, port: 81 });
      },
      "192.0.2.1/32 tcp 81",
      /not in the configuration$/,
    ],
  ];
  for (const [name, change, object, detail] of cases) {
    const run = await running();
    await using world = run.world;
    change(run);
    await world.reconciler.read(null);
    assert.deepEqual(world.reconciler.drift.map((one) => one.object), [object], name);
    assert.match(world.reconciler.drift[0]?.detail ?? "", detail, name);
    await world.clock.advance(1_000);
    assert.deepEqual(world.reconciler.drift, [], name);
    assert.equal(world.reconciler.overall, "in-sync", name);
  }
});

Deno.test("a VPP that does not keep a repair is out of sync, and is written at most every 10 s", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  const { reconciler } = world;
  // Whatever is sent, the weight is 5 again.
  const undo = () => vpp.poke(world.key("web"), b1, 5);
  vpp.after = (op: Op) => {
    if (op.kind === "as-weight") undo();
  };
  undo();
  await reconciler.read(null);
  assert.deepEqual([reconciler.standing("web"), reconciler.overall], ["drift", "in-sync"]);
  await world.clock.advance(1_000);
  assert.deepEqual([vpp.ops.length, reconciler.overall], [1, "in-sync"], "sent, and not read since");
  await reconciler.read(null);
  assert.deepEqual([reconciler.standing("web"), reconciler.overall], ["drift", "out-of-sync"]);
  await world.clock.advance(60_000);
  assert.ok(vpp.ops.length <= 8, `${vpp.ops.length} messages in a minute`);
  assert.equal(reconciler.overall, "out-of-sync");
  vpp.after = () => {};
  await world.clock.advance(20_000);
  assert.deepEqual([reconciler.standing("web"), reconciler.overall, reconciler.drift], [
    "in-sync",
    "in-sync",
    [],
  ]);
});

Deno.test("drift that VPP does not let be repaired is told as what VPP said", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  vpp.poke(world.key("web"), b1, 5);
  vpp.fail = () => -1;
  await world.reconciler.read(null);
  await world.clock.advance(1_000);
  assert.deepEqual([world.reconciler.standing("web"), world.reconciler.drift], ["error", []]);
  assert.deepEqual(world.reconciler.unsynced.map(({ object, detail }) => [object, detail]), [
    ["web", "weight of server 10.0.0.1 (b1) from 5 to 100: VNET_API_ERROR_UNSPECIFIED"],
  ]);
});

Deno.test("buckets and shares are known again within a second, whatever path a change took", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  const known = () => world.reconciler.view.buckets("web", b1) !== null;
  assert.ok(known());
  const paths: Record<string, () => void> = {
    failover: () => world.become("b2", "down"),
    weight: () => void world.weigh("web", "b1", 40),
    "a sync that reads": () => {
      vpp.poke(world.key("web"), ip("10.0.0.2"), null);
      void world.reconciler.sync({ frontend: "web" });
    },
    "a reload": () => {
      world.config = config([frontend("web", { primary: { b1: 7, b2: 3, b4: 1 } }), ...pair.slice(1)]);
      void world.reconciler.reloaded();
    },
  };
  for (const [name, change] of Object.entries(paths)) {
    change();
    await settle();
    assert.ok(!known(), `${name}: VPP has just changed`);
    await world.clock.advance(600);
    assert.ok(known(), name);
    await world.clock.advance(20_000);
  }
});

Deno.test("a read that finds what was right plans nothing; what changed, and what is in nobody's name, is found as before", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  const { reconciler } = world;
  await reconciler.read(null);
  let asked = 0;
  const status = world.states.get.bind(world.states);
  world.states.get = (name) => {
    asked++;
    return status(name);
  };
  await reconciler.read(null);
  assert.equal(asked, 0);
  vpp.poke(world.key("web"), b1, 5);
  await reconciler.read(null);
  assert.ok(asked > 0);
  assert.deepEqual(reconciler.drift.map(({ object }) => object), ["web"]);
  vpp.poke(world.key("web"), b1, 100);
  await reconciler.read(null);
  assert.deepEqual(reconciler.drift, []);
  // Settings and VIPs that no frontend has, and their end.
  const { conf } = vpp;
  vpp.conf = { ...conf, flowTimeoutSeconds: 1 };
  const foreign = { prefix: "198.51.100.9/32", protocol: 6, port: 80 };
  vpp.place({ ...foreign, encap: "gre4", srcIpSticky: false, tableLength: 1024, index: 9, servers: [] });
  await reconciler.read(null);
  assert.deepEqual(reconciler.drift.map(({ object }) => object), ["", "198.51.100.9/32 tcp 80"]);
  vpp.conf = conf;
  vpp.drop(foreign);
  await reconciler.read(null);
  assert.deepEqual(reconciler.drift, []);
  // A state that changed while VPP did not take its weight.
  asked = 0;
  world.become("b1", "down");
  await settle();
  await reconciler.read(null);
  assert.deepEqual(reconciler.drift, []);
  assert.ok(asked > 0);
});
