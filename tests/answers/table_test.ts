import assert from "node:assert/strict";
import fc from "fast-check";
import { TableSlices } from "../../src/answers/vip_table.ts";
import { tableView } from "../../src/answers/table.ts";
import { frontendVip } from "../../src/lb/vips.ts";
import type { State } from "../../src/model.ts";
import type { Config } from "../../src/configuration.ts";
import { config, frontend } from "../lb/setup.ts";

const slices = new TableSlices({ now: () => 0 });

const view = (world: { config: Config }, states: Record<string, State> = {}) => {
  const web = world.config.frontends.get("web");
  assert.ok(web);
  return {
    config: world.config,
    frontend: web,
    status: (name: string) => ({ state: states[name] ?? "up" as State, known: true }),
    servers: { witness: () => null, weight: () => null },
    actual: null,
  };
};
const noQuery = { states: new Map(), weights: new Map(), buckets: false };

Deno.test("the table view counts as VPP does, lists buckets on demand, and keeps the file's order", async () => {
  const world = { config: config([frontend("web", { primary: { b9: 30, b1: 20 }, spare: { b3: 5 } })]) };
  const answer = await tableView(view(world), { ...noQuery, buckets: true }, slices);
  assert.ok(answer.ok);
  const { servers, buckets, assumed, compared_to_now } = answer.value;
  assert.deepEqual([assumed, compared_to_now], [false, null]);
  assert.deepEqual(servers.map((s) => [s.backend, s.weight, s.wanted_share]), [
    ["b9", 30, 0.6],
    ["b1", 20, 0.4],
    ["b3", 0, 0],
  ]);
  const counted = servers.map((_, index) => buckets?.filter((bucket) => bucket === index).length);
  assert.deepEqual(counted, servers.map((server) => server.num_buckets));
  assert.equal(servers.reduce((sum, server) => sum + server.share, 0), 1);
});

Deno.test("assumed states and weights are compared with now, and strangers are refused", async () => {
  const world = { config: config([frontend("web", { primary: { b1: 100, b2: 100 }, spare: { b3: 100 } })]) };
  const states = new Map<string, State>([["b1", "down"], ["b2", "disabled"]]);
  const answer = await tableView(view(world), { ...noQuery, states }, slices);
  assert.ok(answer.ok);
  assert.deepEqual(answer.value.servers.map((server) => server.weight), [0, 0, 100]);
  assert.equal(answer.value.assumed, true);
  assert.equal(answer.value.compared_to_now?.moved_share, 1);
  const half = await tableView(view(world), { ...noQuery, weights: new Map([["b2", 50]]) }, slices);
  assert.ok(half.ok);
  assert.deepEqual(half.value.servers.map((server) => server.weight), [100, 50, 0]);
  assert.ok(
    (half.value.compared_to_now?.moved_buckets ?? 0) >= (half.value.compared_to_now?.least_buckets ?? 1),
  );
  for (const query of [{ weights: new Map([["b9", 1]]) }, { weights: new Map([["b1", 101]]) }]) {
    const refused = await tableView(view(world), { ...noQuery, ...query }, slices);
    assert.ok(!refused.ok);
    assert.equal(refused.error.type, "invalid");
  }
});

Deno.test("shares of every table add up, and moved is never less than the least", async () => {
  const weight = fc.integer({ min: 0, max: 100 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(weight, weight), { minLength: 1, maxLength: 8 }), async (pairs) => {
      const before = { primary: Object.fromEntries(pairs.map(([w], i) => [`b${i + 1}`, w])) };
      const world = { config: config([frontend("web", before)]) };
      const weights = new Map(pairs.map(([, w], i) => [`b${i + 1}`, w]));
      const answer = await tableView(view(world), { ...noQuery, weights }, slices);
      assert.ok(answer.ok);
      const { servers, compared_to_now } = answer.value;
      const total = servers.reduce((sum, server) => sum + server.num_buckets, 0);
      assert.equal(total, pairs.some(([, w]) => w > 0) ? 1024 : 0);
      const moved = compared_to_now?.moved_buckets ?? 0;
      assert.ok(moved >= (compared_to_now?.least_buckets ?? Infinity));
      assert.ok(moved <= 1024);
    }),
    { numRuns: 50 },
  );
});

/** One TCP connection through a real VPP and the server that answered it. */

Deno.test("the buckets of a table of more than 65,536 are not computed, and the view says so", async () => {
  const world = { config: config([frontend("web", { primary: { b1: 30, b2: 20 } })]) };
  const input = view(world);
  const actual = {
    ...frontendVip(input.frontend),
    encap: "gre4" as const,
    srcIpSticky: false,
    tableLength: 2 ** 26,
    index: 1,
    servers: [],
  };
  const counted = new TableSlices({ now: () => assert.fail("a table is computed") });
  const answer = await tableView({ ...input, actual }, { ...noQuery, buckets: true }, counted);
  assert.ok(answer.ok);
  assert.equal(answer.value.buckets, undefined);
  assert.equal(answer.value.table_length, 2 ** 26);
  assert.ok(answer.value.lints.some(({ message }) => message.includes("is not computed")));
});
