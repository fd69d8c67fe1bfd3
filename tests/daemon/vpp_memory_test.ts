/** Settings that a VPP answers with 0 and dies of later, on the daemon and a simulated VPP that dies as the real one. */
import assert from "node:assert/strict";
import type { Plan } from "../../src/api/mod.ts";
import type { IpAddress } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import type { SimulatorOptions } from "../../src/simulator/simulator.ts";
import { simulated } from "../vpp/targets.ts";
import { Inside } from "./inside.ts";

const MIB = 2 ** 20;

/** A configuration without probes, so that everything goes out at once. */
const config = (buckets: number, vips = 1) =>
  `maglev:
  vpp:
    lb:
      ipv4-src-address: 192.0.2.254
      ipv6-src-address: 2001:db8::254
      startup-min-delay: 0s
      startup-max-delay: 0s
      sticky-buckets-per-core: ${buckets}
  backends:
    b1: { address: 192.0.2.1 }
  frontends:
${
    Array.from({ length: vips }, (_, n) =>
      `    f${n}: { address: 198.51.100.${n + 1}, protocol: tcp, port: 80, new-flows-table-length: 65536,` +
      " pools: [{ name: p, backends: { b1: {} } }] }").join("\n")
  }
`;

async function started(
  buckets: number,
  options: Partial<SimulatorOptions> & { vips?: number; withoutStats?: boolean } = {},
) {
  await using stack = new AsyncDisposableStack();
  const { vips = 1, withoutStats = false, ...more } = options;
  const target = stack.use(await simulated(more));
  const paths = { api: target.api, stats: withoutStats ? "" : target.stats };
  const inside = stack.use(await Inside.start({ config: config(buckets, vips), vpp: paths }));
  const moved = stack.move();
  return { inside, simulator: target.simulator, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

const flow = { client: ip("203.0.113.9"), clientPort: 4000, vip: ip("198.51.100.1"), port: 80, protocol: 6 };

Deno.test("2^24 buckets on a heap of 1 GiB are held; VPP keeps its own, gets the rest, and lives", async () => {
  await using world = await started(2 ** 24);
  const { inside, simulator } = world;
  await inside.synced();
  const held = await inside.logged("vpp-lbsync-held");
  assert.deepEqual([held.level, held.held, held.needs_octets], ["ERROR", "VPP memory", 2 ** 30]);
  assert.ok(Number(held.heap_free_octets) > 900 * MIB && held.heap_octets === 2 ** 30);
  const [sent, ...more] = simulator.recorder.requests.filter(({ name }) => name === "lb_conf");
  assert.deepEqual([sent?.body, more], [{
    ip4_src_address: "192.0.2.254" as IpAddress,
    ip6_src_address: "2001:db8::254" as IpAddress,
    sticky_buckets_per_core: 0xffffffff,
    flow_timeout: 40,
  }, []]);
  assert.equal(simulator.vpp.lb.conf.sticky_buckets_per_core, 1024);
  assert.equal(simulator.forward(flow), "192.0.2.1");
  assert.equal(simulator.death, null);
  const plan = await inside.json<Plan>("/v1/vpp/lb/plan");
  assert.deepEqual(plan.changes.map(({ kind, held }) => [kind, held]), [["conf_set", "VPP memory"]]);
  // An operator who sends it all the same gets what was foretold.
  await inside.send("POST", "/v1/vpp/lb/sync", { plan_digest: plan.digest });
  simulator.forward({ ...flow, clientPort: 4001 });
  assert.match(await simulator.crashed, /Out-of-memory/);
});

Deno.test("2^22 buckets fit for one thread and are held for four workers", async () => {
  for (const [workers, held] of [[0, false], [4, true]] as const) {
    await using world = await started(2 ** 22, { workers });
    await world.inside.synced();
    assert.equal(world.simulator.vpp.lb.conf.sticky_buckets_per_core, held ? 1024 : 2 ** 22);
    for (let thread = workers === 0 ? 0 : 1; thread <= workers; thread++) {
      assert.equal(world.simulator.forward({ ...flow, thread }), "192.0.2.1");
    }
    assert.equal(world.simulator.death, null);
  }
});

Deno.test("without a stats segment 2^18 buckets are set and 2^19 are held", async () => {
  for (const [buckets, held] of [[2 ** 18, false], [2 ** 19, true]] as const) {
    await using world = await started(buckets, { withoutStats: true });
    await world.inside.synced();
    assert.equal(world.simulator.vpp.lb.conf.sticky_buckets_per_core, held ? 1024 : buckets);
  }
});

Deno.test("VIPs that a small heap has no room for are held, and the others serve", async () => {
  await using world = await started(1024, { vips: 6, heapSize: 40 * MIB });
  const { inside, simulator } = world;
  await inside.logged("vpp-lbsync-held");
  // 11 MiB are free, 8 must stay so, and a VIP takes half a MiB while it is rebuilt.
  const made = [...simulator.vpp.lb.vips()].length;
  assert.ok(made === 5, `${made} of 6 VIPs`);
  assert.equal(inside.daemon.control.ready().vpp, "out-of-sync");
  assert.equal(inside.daemon.control.frontend("f5")?.vpp, "held");
});
