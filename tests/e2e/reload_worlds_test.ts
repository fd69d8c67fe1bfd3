/** Reloads from one random world to another: VPP ends where a daemon that started there would have put it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { eventually } from "./harness.ts";
import { systemClock } from "../../src/clock.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { TcpServers } from "./tcp_servers.ts";
import { addresses, anyWorld, type Kind, type RandomWorld, worldConfig } from "./random_world.ts";
import { Vpp } from "./world.ts";

const states = { alive: "up", dead: "down", static: "up", off: "disabled", silent: "unknown" };

/** Waits until every backend is what its kind makes of it and VPP has been told. */
async function settled(daemon: LocalDaemon, kinds: readonly Kind[]): Promise<void> {
  const found = () => daemon.control.backends().map(({ state }) => state).join();
  const wanted = kinds.map((kind) => states[kind]).join();
  await eventually(
    () => `${wanted}; found ${found()}`,
    () => found() === wanted || undefined,
    () => systemClock.sleep(5),
  );
  assert.equal((await daemon.sync()).failed, 0);
  assert.deepEqual(await daemon.planned(), []);
}

/** Everything that VPP has, but for what depends on its past. */
async function shown(daemon: LocalDaemon): Promise<unknown> {
  const lb = await daemon.control.lbState(null);
  assert.ok(lb.ok);
  const vips = lb.value.vips.map(({ application_servers: servers, index: _, ...vip }) => ({
    ...vip,
    servers: Object.fromEntries(servers.map(({ address, weight }) => [address, weight]).sort()),
  }));
  const order = ({ frontend }: { frontend: string | null }) => frontend ?? "";
  return { conf: lb.value.conf, vips: vips.sort((a, b) => order(a) < order(b) ? -1 : 1) };
}

Deno.test("a reload leads to the same VPP as a start, and a second one tells it nothing", async () => {
  const world = anyWorld(["alive", "alive", "dead", "static", "off"]);
  await fc.assert(
    fc.asyncProperty(world, fc.array(world, { minLength: 1, maxLength: 3 }), async (first, others) => {
      using servers = new TcpServers(addresses);
      await using vpp = await Vpp.start();
      await using daemon = await LocalDaemon.start({
        config: worldConfig(first, servers.port),
        vpp: vpp.paths,
      });
      await daemon.logged(({ msg }) => msg === "vpp-connect");
      await settled(daemon, first.kinds);
      for (const next of others) {
        const config = worldConfig(next, servers.port);
        await daemon.reload(config);
        await settled(daemon, next.kinds);
        // What deletes all VIPs, or makes a live one anew for a better table length, waits for an operator.
        await daemon.release();
        await using other = await Vpp.start();
        await using fresh = await LocalDaemon.start({ config, vpp: other.paths });
        await fresh.logged(({ msg }) => msg === "vpp-connect");
        await settled(fresh, next.kinds);
        assert.deepEqual(await shown(daemon), await shown(fresh));

        const mark = vpp.simulator.recorder.requests.length;
        const log = daemon.log.length;
        assert.deepEqual((await daemon.reload(config)).changes, []);
        assert.deepEqual(vpp.told(mark), []);
        assert.deepEqual(daemon.transitions(log), []);
      }
    }),
    { numRuns: 4 },
  );
});

/** Sum of the weights of each VIP. */
function capacity({ simulator }: Vpp): Map<string, number> {
  return new Map([...simulator.vpp.lb.vips()].map(({ port, protocol, servers, shown }) => {
    const weights = [...servers].map(({ row }) => (row.flags & 1) !== 0 ? row.weight : 0);
    return [`${shown.pfx} ${protocol} ${port}`, weights.reduce((sum, weight) => sum + weight, 0)];
  }));
}

Deno.test("whatever a reload moves among healthy servers, a VIP that carries never stops carrying on the way", async () => {
  const kinds: readonly Kind[] = ["alive", "alive", "alive", "static", "alive", "static"];
  // A VIP that is made anew starts empty; that is said, and no matter of order.
  const plain = (world: RandomWorld): RandomWorld => ({
    ...world,
    kinds,
    frontends: world.frontends.map((frontend) => ({ ...frontend, sticky: false, length: "auto" })),
  });
  const world = anyWorld(kinds).map(plain);
  await fc.assert(
    fc.asyncProperty(world, fc.array(world, { minLength: 1, maxLength: 4 }), async (first, others) => {
      using servers = new TcpServers(addresses);
      await using vpp = await Vpp.start();
      await using daemon = await LocalDaemon.start({
        config: worldConfig(first, servers.port),
        vpp: vpp.paths,
      });
      await daemon.logged(({ msg }) => msg === "vpp-connect");
      await settled(daemon, kinds);
      for (const next of others) {
        const before = capacity(vpp);
        const dry = new Set<string>();
        const look = () => {
          for (const [vip, sum] of capacity(vpp)) if (sum === 0 && (before.get(vip) ?? 0) > 0) dry.add(vip);
          return false;
        };
        using _ = vpp.simulator.faults.add({ on: look, outcome: { kind: "ignore" } });
        const mark = vpp.simulator.recorder.requests.length;
        await daemon.reload(worldConfig(next, servers.port));
        await settled(daemon, kinds);
        const after = capacity(vpp);
        for (const vip of dry) assert.equal(after.get(vip) ?? 0, 0, `${vip}: ${vpp.told(mark).join("; ")}`);
      }
    }),
    { numRuns: 4 },
  );
});
