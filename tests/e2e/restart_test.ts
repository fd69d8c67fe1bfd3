/** A restart of the daemon: VPP is told nothing if the world is the same, and exactly what changed if it is not. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LocalDaemon } from "./local_daemon.ts";
import { TcpServers } from "./tcp_servers.ts";
import {
  address,
  anyWorld,
  backendName,
  hosts,
  type Kind,
  prefix,
  type RandomWorld,
  worldConfig,
} from "./random_world.ts";
import { Vpp } from "./world.ts";

/** Starts the daemon, waits until everything that can be known is known and VPP is told, and stops it. */
async function run(
  world: RandomWorld,
  config: string,
  vpp: Vpp,
  kinds: readonly Kind[] = world.kinds,
): Promise<void> {
  await using daemon = await LocalDaemon.start({ config, vpp: vpp.paths });
  await daemon.logged(({ msg }) => msg === "vpp-connect");
  for (const [i, kind] of kinds.entries()) {
    const state = { alive: "up", dead: "down", static: "up", off: "disabled", silent: null }[kind];
    if (state !== null) await daemon.became(backendName(world, i), state);
  }
  const { failed } = await daemon.sync();
  assert.equal(failed, 0);
  assert.deepEqual(await daemon.planned(), []);
}

Deno.test("a restart in the same random world tells VPP nothing, and what is needed when a server died meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyWorld(["alive", "alive", "alive", "dead", "static", "off", "silent"]),
      fc.nat(hosts - 1),
      async (world, dies) => {
        const { kinds } = world;
        await using vpp = await Vpp.start();
        using servers = new TcpServers(
          kinds.flatMap((kind, i) => kind === "silent" ? [] : [address(world, i)]),
        );
        for (const [i, kind] of kinds.entries()) {
          if (kind === "silent") servers.startSilent(address(world, i));
        }
        const config = worldConfig(world, servers.port);
        await run(world, config, vpp);
        let mark = vpp.simulator.recorder.requests.length;
        await run(world, config, vpp);
        assert.deepEqual(vpp.told(mark), []);

        if (kinds[dies] !== "alive") return;
        servers.stop(address(world, dies));
        const before = vpp.weightsByVip();
        mark = vpp.simulator.recorder.requests.length;
        await run(world, config, vpp, kinds.map((kind, i) => i === dies ? "dead" : kind));
        const after = vpp.weightsByVip();
        const moved = [...after].filter(([server, weight]) => before.get(server) !== weight);
        const dead = (server: string) => server.endsWith(` ${address(world, dies)}`);
        const flushes = (server: string) =>
          world.frontends.some(({ flushOnDown, v6 }, f) =>
            flushOnDown && server.startsWith(`${prefix(f, v6)} `)
          );
        const wanted = moved.map(([server, weight]) =>
          `weight ${server.split(" ")[1]} ${weight}${dead(server) && flushes(server) ? " flush" : ""}`
        );
        assert.deepEqual(vpp.told(mark).sort(), wanted.sort());
        assert.deepEqual([...after].filter(([server, weight]) => dead(server) && weight > 0), []);
      },
    ),
    { numRuns: 6 },
  );
});
