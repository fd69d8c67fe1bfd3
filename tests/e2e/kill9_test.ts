/**
 * kill -9 of the daemon at random moments: in peace, while it syncs, reloads or starts, and while the world
 * changes. Whoever starts next must bring VPP from where it stands to where it should be, and send nothing else.
 */
import assert from "node:assert/strict";
import type { Plan, SyncResult } from "../../src/api/mod.ts";
import { NeedlessChanges } from "../soak/needless.ts";
import { Random } from "../soak/random.ts";
import { TestDaemon, WebServer } from "./harness.ts";
import { Vpp } from "./world.ts";

const seed = Number(Deno.env.get("MAGLEV_TEST_SEED") ?? 9);
const kills = 15;

/** VIP and server → weight. */
type Weights = Map<string, number>;

interface Member {
  readonly backend: string;
  weight: number;
}

/** What the world should lead to, by other means than the daemon's. */
class World implements AsyncDisposable {
  readonly servers = new Map<string, WebServer>();
  readonly dead = new Set<string>();
  readonly frontends = [
    {
      name: "www",
      vip: "198.51.100.10",
      flushOnDown: true,
      pools: [
        [{ backend: "b1", weight: 100 }, { backend: "b2", weight: 50 }],
        [{ backend: "b3", weight: 100 }],
      ] as Member[][],
    },
    {
      name: "mail",
      vip: "2001:db8::25",
      flushOnDown: false,
      pools: [[{ backend: "b2", weight: 10 }, { backend: "b4", weight: 30 }]] as Member[][],
    },
  ];

  constructor() {
    let port = 0;
    for (const [i, name] of ["b1", "b2", "b3", "b4"].entries()) {
      const server = new WebServer(`127.78.9.${i + 1}`, port);
      port = server.port;
      this.servers.set(name, server);
    }
  }

  get members(): Member[] {
    return this.frontends.flatMap(({ pools }) => pools.flat());
  }

  async toggle(name: string): Promise<void> {
    const server = this.servers.get(name);
    if (this.dead.delete(name)) server?.start();
    else {
      this.dead.add(name);
      await server?.stop();
    }
  }

  config(startup: string): string {
    const port = this.servers.get("b1")?.port ?? 0;
    const backends = [...this.servers.keys()].map((name, i) =>
      `    ${name}: { address: 127.78.9.${i + 1}, healthcheck: web }\n`
    );
    const frontends = this.frontends.map(({ name, vip, flushOnDown, pools }) =>
      `    ${name}:\n      address: "${vip}"\n      protocol: tcp\n      port: 80\n      flush-on-down: ${flushOnDown}\n` +
      `      pools:\n${
        pools.map((pool, i) =>
          `        - { name: p${i}, backends: { ${
            pool.map(({ backend, weight }) => `${backend}: { weight: ${weight} }`).join(", ")
          } } }\n`
        ).join("")
      }`
    );
    return `maglev:
  vpp:
    lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: "2001:db8::254", ${startup} }
  healthchecks:
    web: { type: http, port: ${port}, interval: 200ms, fast-interval: 50ms, timeout: 2s, rise: 2, fall: 2 }
  backends:
${backends.join("")}  frontends:
${frontends.join("")}`;
  }

  /** The first pool with a member that is alive and has weight carries; a frontend without one carries nothing. */
  weights(): Weights {
    const carries = ({ backend, weight }: Member) => !this.dead.has(backend) && weight > 0;
    return new Map(this.frontends.flatMap(({ vip, pools }) => {
      const active = pools.find((pool) => pool.some(carries)) ?? pools[0];
      return pools.flatMap((pool) =>
        pool.map((member): [string, number] => [
          `${vip} 127.78.9.${member.backend.slice(1)}`,
          pool === active && carries(member) ? member.weight : 0,
        ])
      );
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers.values()) await server[Symbol.asyncDispose]();
  }
}

/** Weights that VPP has. */
function weightsIn({ simulator }: Vpp): Weights {
  const weights: Weights = new Map();
  for (const { shown, servers, used } of simulator.vpp.lb.vips()) {
    if (!used) continue;
    for (const { row } of servers) {
      if ((row.flags & 1) === 1) weights.set(`${shown.pfx.split("/")[0]} ${row.address}`, row.weight);
    }
  }
  return weights;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function killed(daemon: TestDaemon): Promise<void> {
  daemon.kill("SIGKILL");
  await daemon.status();
  await daemon[Symbol.asyncDispose]();
}

/** Waits until the daemon knows every backend's real state and has told VPP all that follows. */
async function settled(daemon: TestDaemon, world: World): Promise<void> {
  for (const name of world.servers.keys()) {
    const to = world.dead.has(name) ? "down" : "up";
    await daemon.logged((l) => l.msg === "backend-transition" && l.backend === name && l.to === to);
  }
  await daemon.logged((line) => line.msg === "ready");
  assert.equal((await daemon.send<SyncResult>("POST", "/v1/vpp/lb/sync", {})).failed, 0);
}

Deno.test(`kill -9 at ${kills} random moments: each next start repairs without a needless change (seed ${seed})`, async () => {
  const random = new Random(seed);
  await using vpp = await Vpp.start();
  await using world = new World();
  using needless = new NeedlessChanges(vpp.simulator);
  const start = () =>
    new TestDaemon({
      vpp: vpp.paths,
      config: world.config(
        random.pick([
          "startup-min-delay: 0s, startup-max-delay: 0s",
          "startup-min-delay: 0s, startup-max-delay: 3s",
          "startup-min-delay: 400ms, startup-max-delay: 800ms",
        ]),
      ),
    });

  let daemon = start();
  try {
    await settled(daemon, world);
    for (let kill = 1; kill <= kills; kill++) {
      // One thing at a time, so that what must be sent is known.
      const change = random.pick(["nothing", "server", "server", "server", "weight", "reload", "vpp"]);
      const story = [`kill ${kill}: ${change}`];
      vpp.simulator.faults.keepDeadClients = random.chance(0.3);
      if (change === "server") {
        const name = random.pick([...world.servers.keys()]);
        story.push(`${name} ${world.dead.has(name) ? "returns" : "dies"}`);
        await world.toggle(name);
      } else if (change === "weight" || change === "reload") {
        const member = random.pick(world.members);
        member.weight = random.int(1, 100);
        story.push(`${member.backend} ${member.weight}`);
        await Deno.writeTextFile(daemon.config, world.config("startup-max-delay: 5s, startup-min-delay: 0s"));
        if (change === "reload") daemon.kill("SIGHUP");
      } else if (change === "vpp") {
        await vpp.simulator.restart();
      }
      await pause(random.int(0, 500));
      await killed(daemon);
      daemon = start();
      for (let again = random.int(0, 2); again > 0; again--) {
        const wait = random.int(0, 900);
        story.push(`killed again ${wait} ms after its start`);
        await pause(wait);
        await killed(daemon);
        daemon = start();
      }
      const before = weightsIn(vpp);
      const mark = vpp.simulator.recorder.requests.length;
      const wanted = world.weights();

      await settled(daemon, world);
      const where = `${story.join(", ")}\n${daemon.tail()}`;
      assert.deepEqual(weightsIn(vpp), wanted, where);
      assert.deepEqual((await daemon.get<Plan>("/v1/vpp/lb/plan")).changes, [], where);
      assert.deepEqual(needless.found, [], where);
      assert.deepEqual(vpp.simulator.vpp.hazards, [], where);
      // A server that VPP has is changed once if it is not as it should be, and else left alone; one that it does
      // not have comes at weight 0 and is raised when it has answered.
      if (change === "vpp") continue;
      const differing = [...wanted].filter(([server, weight]) => before.get(server) !== weight).length;
      assert.equal(vpp.changes(mark).length, differing, `${where}\n${JSON.stringify(vpp.changes(mark))}`);
    }
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
});
