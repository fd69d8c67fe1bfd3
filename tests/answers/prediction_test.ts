import assert from "node:assert/strict";
import { planAnswer } from "../../src/lb/report.ts";
import { predict } from "../../src/answers/prediction.ts";
import { TableSlices } from "../../src/answers/vip_table.ts";
import { bucketCounts, FlowTableBuilder } from "../../src/lb/table/table.ts";
import type { Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import { backend, config, frontend, type Pools, TestWorld } from "../lb/setup.ts";

const slices = new TableSlices({ now: () => 0 });

async function running(frontends: readonly Frontend[]) {
  const world = new TestWorld(config(frontends));
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  return { world, vpp };
}

async function predictions(world: TestWorld) {
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  return await predict(planned.value, slices, Infinity);
}

const seven = Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((n) => [`b${n}`, 100]));

Deno.test("a plan tells shares before and after, what moves and the least that could", async () => {
  const { world, vpp } = await running([
    frontend("web", { primary: seven }, { newFlowsTableLength: 65_536 }),
  ]);
  await using _ = world;
  world.reconciler.disconnected();
  world.become("b7", "down");
  vpp.fail = () => -1;
  world.reconciler.connected(vpp);
  await settle();
  const [prediction, ...others] = await predictions(world);
  assert.deepEqual(others, []);
  assert.ok(prediction);
  const { servers, lints, moved_share, least_share, ...rest } = prediction;
  assert.deepEqual([rest.frontend, rest.prefix, rest.protocol, rest.port], [
    "web",
    "192.0.2.1/32",
    "tcp",
    80,
  ]);
  // Measured on VPP: 17 % of the buckets move where one seventh must.
  assert.equal(Math.round(moved_share * 100), 17);
  assert.equal(Math.round(least_share * 1000), 143);
  assert.equal(rest.moved_buckets, moved_share * 65_536);
  assert.equal(rest.least_buckets, least_share * 65_536);
  const last = servers.find((server) => server.backend === "b7");
  assert.deepEqual([last?.weight_before, last?.weight_after, last?.share_after], [100, 0, 0]);
  const sum = (key: "share_before" | "share_after") =>
    Math.round(1e6 * servers.reduce((total, server) => total + server[key], 0)) / 1e6;
  assert.deepEqual([sum("share_before"), sum("share_after")], [1, 1]);
  assert.deepEqual(lints, []);
});

Deno.test("an empty plan predicts nothing, a new VIP moves nothing, a VIP that goes moves all", async () => {
  const web = frontend("web", { primary: { b1: 100, b2: 100 } });
  const { world, vpp } = await running([web]);
  await using _ = world;
  assert.deepEqual(await predictions(world), []);
  vpp.drop(world.key("web"));
  vpp.place({
    prefix: "203.0.113.1/32",
    protocol: 17,
    port: 53,
    encap: "gre4",
    srcIpSticky: false,
    tableLength: 256,
    index: 1,
    servers: [{ address: ip("10.0.0.9"), weight: 1 }],
  });
  const list = await predictions(world);
  const brief = list.map((p) => [p.frontend, p.prefix, p.protocol, p.moved_share, p.least_share]);
  assert.deepEqual(brief, [
    ["web", "192.0.2.1/32", "tcp", 0, 0],
    [null, "203.0.113.1/32", "udp", 1, 1],
  ]);
});

Deno.test("weights that lose their effect are named, with what to do", async () => {
  const pools: Pools = { primary: Object.fromEntries([...Array(12).keys()].map((n) => [`b${n + 1}`, 100])) };
  const { world, vpp } = await running([frontend("web", pools)]);
  await using _ = world;
  vpp.poke(world.key("web"), backend("b1").address, 50);
  const [prediction] = await predictions(world);
  assert.ok(prediction);
  const idle = prediction.servers.filter((server) => !server.has_effect).map((server) => server.backend);
  assert.ok(idle.length > 0);
  const [lint] = prediction.lints;
  assert.equal(lint?.path, "frontends.web");
  assert.match(lint?.message ?? "", /sum of weights 1200 .* table length 1024/);
  for (const name of idle) assert.ok(lint?.message.includes(`${name}`));
  assert.equal(lint?.hint, "use new-flows-table-length 16384, or smaller weights");
});

Deno.test("a held table length tells what it would gain", async () => {
  const { world, vpp } = await running([frontend("web", { primary: seven }, { newFlowsTableLength: 8192 })]);
  await using _ = world;
  vpp.drop(world.key("web"));
  vpp.place({
    ...world.key("web"),
    encap: "gre4",
    srcIpSticky: false,
    tableLength: 1024,
    index: 1,
    servers: Object.keys(seven).map((name) => ({ address: backend(name).address, weight: 100 })),
  });
  const [prediction] = await predictions(world);
  const gain = prediction?.lints.find((lint) => lint.message.includes("keeps table length 1024"));
  assert.match(
    gain?.message ?? "",
    /with 8192 .* from 0.5 % to 0.1 %, .* moves \d+(\.\d)? % of new flows instead of (29|3[0-2])(\.\d)? % \(.*14.3 %\)/,
  );
  assert.match(gain?.hint ?? "", /digest/);
});

for (const auto of [true, false]) {
  Deno.test(`a prediction is made with the length that the plan brings (${auto ? "held" : "given"})`, async () => {
    const more = { newFlowsTableLength: 8192, newFlowsTableLengthAuto: auto };
    const { world, vpp } = await running([frontend("web", { primary: seven }, more)]);
    await using _ = world;
    vpp.drop(world.key("web"));
    vpp.place({
      ...world.key("web"),
      encap: "gre4",
      srcIpSticky: false,
      tableLength: 1024,
      index: 1,
      servers: Object.keys(seven).map((name) => ({ address: backend(name).address, weight: 100 })),
    });
    const [held] = await predictions(world);
    assert.ok(held);
    const exact = held.servers.map((server) => server.share_after * 8192);
    assert.ok(exact.every((count) => Number.isInteger(count)));
    assert.ok(exact.some((count) => count % 8 !== 0), "counts of the longer table");
    assert.ok(held.moved_buckets > 1024, "counted at the greater length");
    vpp.poke(world.key("web"), backend("b1").address, 50);
    const [both] = await predictions(world);
    const shares = both?.servers.map((server) => server.share_after * 1024) ?? [];
    // Beside other changes a held length stays out of the prediction: an ordinary sync would not send it.
    assert.equal(shares.every((count) => Number.isInteger(count)), auto);
  });
}

Deno.test("the answer to a plan has every key of the contract", async () => {
  const { world } = await running([frontend("web", { primary: seven })]);
  await using _ = world;
  const planned = await world.reconciler.plan("web");
  assert.ok(planned.ok);
  const answer = planAnswer(planned.value, "web", []);
  assert.deepEqual(answer, {
    scope: "vip",
    frontend: "web",
    digest: planned.value.plan.digest,
    read_at: "2026-01-01T00:00:00.000Z",
    traffic_affecting: false,
    changes: [],
    predictions: [],
  });
});

Deno.test("when the time is over the predictions that are ready are the answer", async () => {
  const frontends = [1, 2, 3, 4].map((n) =>
    frontend(`f${n}`, { primary: seven }, { address: ip(`192.0.2.${n}`), newFlowsTableLength: 65_536 })
  );
  const { world, vpp } = await running(frontends);
  await using _ = world;
  for (const vip of vpp.vips) vpp.poke(vip, backend("b1").address, 1);
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  let now = 0;
  const slow = new TableSlices({ now: () => now += 1 });
  const complete = await predict(planned.value, slow, Infinity);
  assert.equal(complete.length, 4);
  const whole = now;
  now = 0;
  const partial = await predict(planned.value, slow, whole / 2);
  assert.ok(partial.length > 0 && partial.length < 4, String(partial.length));
  assert.deepEqual(partial, complete.slice(0, partial.length));
});

Deno.test("a long table gives the thread back at least every 5 ms", async () => {
  let now = 0;
  let sinceTurn = 0;
  let longest = 0;
  const spec = {
    length: 65_536,
    servers: [...Array(100).keys()].map((n) => ({ address: ip(`10.1.0.${n}`), weight: 100 })),
  };
  // Every look at the clock costs one slice of the builder, which is far below 5 ms.
  const clock = {
    now: () => {
      now += 1;
      sinceTurn += 1;
      longest = Math.max(longest, sinceTurn);
      return now;
    },
  };
  const counted = new TableSlices(clock, () => {
    sinceTurn = 0;
    return Promise.resolve();
  });
  const table = await counted.table(spec);
  assert.ok(table);
  assert.ok(now > 10, "the table took several slices");
  assert.ok(longest <= 6, `${longest} slices without a turn`);
  const builder = new FlowTableBuilder(spec);
  while (!builder.step(Infinity));
  assert.deepEqual(table.buckets, builder.table.buckets);
});

Deno.test("the counts of a prediction are VPP's own", () => {
  assert.deepEqual([...bucketCounts(1024, [
    { address: ip("10.0.0.1"), weight: 100 },
    { address: ip("10.0.0.2"), weight: 50 },
  ])], [674, 350]);
});

Deno.test("a table of more than 65,536 buckets is not computed, and the prediction says so", async () => {
  const { world, vpp } = await running([frontend("web", { primary: { b1: 100 } })]);
  await using _ = world;
  const foreign = { prefix: "198.51.100.9/32", protocol: 6, port: 80 } as const;
  const servers = [{ address: ip("10.9.9.9"), weight: 1 }, { address: ip("10.9.9.8"), weight: 1 }];
  vpp.place({
    ...foreign,
    encap: "gre4",
    srcIpSticky: false,
    tableLength: 2 ** 26,
    index: 9,
    servers,
  });
  // Half of what the daemon's own VIP has moves.
  vpp.place({
    ...world.key("web"),
    encap: "gre4",
    srcIpSticky: false,
    tableLength: 2 ** 26,
    index: 1,
    servers,
  });
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  const counted = new TableSlices({ now: () => assert.fail("a table is computed") });
  const told = await predict(planned.value, counted, Infinity);
  assert.equal(told.length, 2);
  for (const { lints, moved_buckets, least_buckets } of told) {
    assert.equal(moved_buckets, least_buckets);
    assert.match(lints.map(({ message }) => message).join(), /67108864 buckets is not computed/);
  }
  assert.equal(told.find((one) => one.frontend === null)?.moved_buckets, 2 ** 26);
});
