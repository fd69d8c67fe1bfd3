/** A restart of the daemon: VPP is told nothing if the world is the same, and exactly what changed if it is not. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LocalDaemon } from "./local_daemon.ts";
import { TcpServers } from "./tcp_servers.ts";
import { lbSettings, Vpp } from "./world.ts";

type Kind = "alive" | "dead" | "static" | "off" | "silent";

interface Member {
  readonly backend: number;
  readonly weight: number;
}

interface RandomFrontend {
  readonly pools: readonly (readonly Member[])[];
  readonly service: "tcp" | "udp" | "any";
  readonly v6: boolean;
  readonly sticky: boolean;
  readonly flushOnDown: boolean;
  readonly length: "auto" | "256" | "4096";
}

interface RandomWorld {
  readonly kinds: readonly Kind[];
  readonly frontends: readonly RandomFrontend[];
  /** Of these one that is alive dies between the two runs. */
  readonly dies: number;
}

const hosts = 6;

/** Splits members among up to three pools, each backend at most once. */
const pools = fc.array(
  fc.record({
    backend: fc.nat(hosts - 1),
    weight: fc.constantFrom(0, 1, 50, 100, 100),
    pool: fc.nat(2),
  }),
  { minLength: 1, maxLength: hosts },
).map((members) => {
  const once = [...new Map(members.map((member) => [member.backend, member])).values()];
  return [0, 1, 2].map((pool) => once.filter((member) => member.pool === pool)).filter((list) =>
    list.length > 0
  );
});

const anyWorld: fc.Arbitrary<RandomWorld> = fc.record({
  kinds: fc.array(fc.constantFrom<Kind>("alive", "alive", "alive", "dead", "static", "off", "silent"), {
    minLength: hosts,
    maxLength: hosts,
  }),
  frontends: fc.array(
    fc.record({
      pools,
      service: fc.constantFrom<RandomFrontend["service"]>("tcp", "udp", "any"),
      v6: fc.boolean(),
      sticky: fc.boolean(),
      flushOnDown: fc.boolean(),
      length: fc.constantFrom<RandomFrontend["length"]>("auto", "auto", "256", "4096"),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  dies: fc.nat(hosts - 1),
});

const address = (backend: number) => `127.77.53.${backend + 1}`;

/** The world's maglev.yaml; what is dead is so by its port. */
function text({ frontends, kinds }: RandomWorld, port: number): string {
  const backends = kinds.map((kind, i) => {
    const check = kind === "static"
      ? ""
      : `, healthcheck: ${kind === "alive" || kind === "off" ? "tcp" : kind}`;
    return `    b${i}: { address: ${address(i)}${check}${kind === "off" ? ", enabled: false" : ""} }\n`;
  });
  const shown = frontends.map((frontend, f) => {
    const { flushOnDown, length, service, sticky, v6 } = frontend;
    const list = frontend.pools.map((members, p) =>
      `{ name: p${p}, backends: { ${
        members.map(({ backend, weight }) => `b${backend}: { weight: ${weight} }`).join(", ")
      } } }`
    );
    return `    f${f}:
      address: ${v6 ? `2001:db8:53::${f + 1}` : `198.51.100.${f + 1}`}
${service === "any" ? "" : `      protocol: ${service}\n      port: 80\n`}      src-ip-sticky: ${sticky}
      flush-on-down: ${flushOnDown}
      new-flows-table-length: ${length}
      pools: [${list.join(", ")}]
`;
  });
  return `maglev:
${lbSettings}  healthchecks:
    tcp: { type: tcp, port: ${port}, interval: 100ms, fast-interval: 20ms, timeout: 5s, rise: 1, fall: 1 }
    dead: { type: tcp, port: 1, interval: 100ms, fast-interval: 20ms, timeout: 5s, rise: 1, fall: 1 }
    silent: { type: http, port: ${port}, interval: 1h, timeout: 1h }
  backends:
${backends.join("")}  frontends:
${shown.join("")}`;
}

/** Starts the daemon, waits until everything that can be known is known and VPP is told, and stops it. */
async function run(config: string, vpp: Vpp, kinds: readonly Kind[]): Promise<void> {
  await using daemon = await LocalDaemon.start({ config, vpp: vpp.paths });
  await daemon.logged(({ msg }) => msg === "vpp-connect");
  for (const [i, kind] of kinds.entries()) {
    const state = { alive: "up", dead: "down", static: "up", off: "disabled", silent: null }[kind];
    if (state !== null) await daemon.became(`b${i}`, state);
  }
  const { failed } = await daemon.sync();
  assert.equal(failed, 0);
  assert.deepEqual(await daemon.planned(), []);
}

Deno.test("a restart in the same random world tells VPP nothing, and what is needed when a server died meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(anyWorld, async (world) => {
      const { kinds } = world;
      await using vpp = await Vpp.start();
      using servers = new TcpServers(kinds.flatMap((kind, i) => kind === "silent" ? [] : [address(i)]));
      for (const [i, kind] of kinds.entries()) if (kind === "silent") servers.startSilent(address(i));
      const config = text(world, servers.port);
      await run(config, vpp, kinds);
      let mark = vpp.simulator.recorder.requests.length;
      await run(config, vpp, kinds);
      assert.deepEqual(vpp.told(mark), []);

      if (kinds[world.dies] !== "alive") return;
      servers.stop(address(world.dies));
      const before = vpp.weightsByVip();
      mark = vpp.simulator.recorder.requests.length;
      await run(config, vpp, kinds.map((kind, i) => i === world.dies ? "dead" : kind));
      const after = vpp.weightsByVip();
      const moved = [...after].filter(([server, weight]) => before.get(server) !== weight);
      const dead = (server: string) => server.endsWith(` ${address(world.dies)}`);
      const flushes = (server: string) =>
        world.frontends.some(({ flushOnDown, v6 }, f) =>
          flushOnDown && server.startsWith(v6 ? `2001:db8:53::${f + 1}/` : `198.51.100.${f + 1}/`)
        );
      const wanted = moved.map(([server, weight]) =>
        `weight ${server.split(" ")[1]} ${weight}${dead(server) && flushes(server) ? " flush" : ""}`
      );
      assert.deepEqual(vpp.told(mark).sort(), wanted.sort());
      assert.deepEqual([...after].filter(([server, weight]) => dead(server) && weight > 0), []);
    }),
    { numRuns: 10 },
  );
});
