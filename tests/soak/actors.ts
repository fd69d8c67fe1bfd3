/**
 * Those who make the daemon's life hard: servers that fail, operators, files that change, a VPP that restarts and
 * misbehaves, and a machine that stops.
 *
 * @module
 */
import type { Backend, BackendList, ConfigReload } from "../../src/api/mod.ts";
import type { Millis } from "../../src/model.ts";
import type { Fault, ReceivedRequest } from "../../src/simulator/faults.ts";
import type { Body } from "../../src/simulator/lbplugin.ts";
import type { Random } from "./random.ts";
import { failures } from "./servers.ts";
import { type Actor, count, pause, type SoakWorld } from "./world.ts";

/** Servers that fail at a time, of all. */
const failing = 0.05;

/** Breaks servers and heals them again. */
export const breakServers: Actor = async (world, random) => {
  const limit = Math.max(2, Math.floor(world.servers.length * failing));
  while (await pause(world, random, 50, 400)) {
    const broken = world.servers.filter((server) => !server.healthy);
    if (broken.length >= limit || (broken.length > 0 && random.chance(0.4))) {
      const server = random.pick(broken);
      await server.become(random.chance(0.2) && server.kind === "http" ? "slow" : "well");
      count(world, "server healed");
    } else {
      const server = random.pick(world.servers.filter(({ healthy }) => healthy));
      const mode = random.pick(failures[server.kind]);
      await server.become(mode);
      count(world, `server ${mode}`);
    }
  }
};

/** Answers to a request that meets a VPP that is away or refuses. */
const vppTrouble = [502, 503] as const;

const actions = ["pause", "pause", "resume", "resume", "disable", "enable", "enable"] as const;

/** One of several operators; each changes the states of its own backends, so that they never meet. */
export function operator(place: number, operators: number): Actor {
  const act = async (world: SoakWorld, random: Random): Promise<void> => {
    const mine = [...world.site.backends.keys()].filter((name) =>
      Number(name.slice(1)) % operators === place
    );
    // Most backends stay in service: those that are out of it come first.
    const out = mine.filter((name) => world.held.has(name));
    const name = random.pick(out.length > mine.length / 10 ? out : mine);
    const action = random.pick(actions);
    const answer = await world.api.send<Backend>("POST", `/v1/backends/${name}/${action}`, undefined, [
      404,
      409,
    ]);
    count(world, action);
    if (answer === null || answer.status !== 200) return;
    const { state } = answer.body;
    if (state === "paused" || state === "disabled") world.held.set(name, state);
    else world.held.delete(name);
  };
  const weigh = async (world: SoakWorld, random: Random): Promise<void> => {
    const [name, { pools }] = random.pick([...world.site.frontends]);
    const index = random.int(0, pools.length - 1);
    const { backend } = random.pick(pools[index] ?? []);
    const path = `/v1/frontends/${name}/pools/${
      index === 0 ? "primary" : "fallback"
    }/backends/${backend}/weight`;
    const body = { weight: random.int(0, 100), flush: random.chance(0.3) };
    await world.api.send("PUT", path, body, [404]);
    count(world, "weight");
  };
  const sync = async (world: SoakWorld, random: Random): Promise<void> => {
    const body = random.chance(0.5) ? {} : { frontend: random.pick([...world.site.frontends.keys()]) };
    await world.api.send("POST", "/v1/vpp/lb/sync", body, [404, ...vppTrouble]);
    count(world, "sync");
  };
  return async (world, random) => {
    while (await pause(world, random, 50, 600)) {
      await random.pick([act, act, weigh, weigh, sync])(world, random);
    }
  };
}

/** Changes the file and has it reloaded, now by the API and now by a signal; now and then the file is wrong. */
export const reload: Actor = async (world, random) => {
  const { api, daemon, site } = world;
  while (await pause(world, random, 500, 8000)) {
    if (random.chance(0.2)) {
      await Deno.writeTextFile(
        daemon.config,
        site.yaml().replace("rise:", random.pick(["rize:", "rise: -", "rise: ["])),
      );
      const answer = await api.send("POST", "/v1/config/reload", undefined, [422]);
      if (answer !== null && answer.status !== 422) world.problems.push("a wrong file was taken");
      count(world, "wrong file");
      await Deno.writeTextFile(daemon.config, site.yaml());
      continue;
    }
    const change = site.change(random);
    await Deno.writeTextFile(daemon.config, site.yaml());
    count(world, change === "nothing" ? "reload of the same file" : "reload of another file");
    if (random.chance(0.5)) {
      const answer = await api.send<ConfigReload>("POST", "/v1/config/reload");
      if (answer?.body.ok !== true) world.problems.push(`a good file was not taken: ${change}`);
    } else {
      const reloaded = daemon.next((line) => line.msg === "config-reload" && line.ok !== undefined);
      daemon.kill("SIGHUP");
      if ((await reloaded).ok !== true) world.problems.push(`a good file was not taken: ${change}`);
    }
    for (const name of world.held.keys()) if (!site.backends.has(name)) world.held.delete(name);
  }
};

/** Reads whatever can be read. */
export const reader: Actor = async (world, random) => {
  const frontend = () => random.pick([...world.site.frontends.keys()]);
  const paths: readonly (() => string)[] = [
    () => "/metrics",
    () => "/v1/backends",
    () => "/v1/frontends",
    () => "/v1/config",
    () => "/v1/vpp/lb/state",
    () => "/v1/vpp/lb/plan",
    () => "/v1/vpp/lb/counters",
    () => "/readyz",
    () => `/v1/frontends/${frontend()}/table`,
    () => `/v1/vpp/lb/plan?frontend=${frontend()}`,
    () => `/v1/vpp/lb/state?frontend=${frontend()}`,
  ];
  while (await pause(world, random, 100, 1500)) {
    if (random.chance(0.1)) {
      await world.api.send("POST", "/v1/config/check", undefined, [503]);
    } else {
      await world.api.send("GET", random.pick(paths)(), undefined, [404, 503]);
    }
    count(world, "read");
  }
};

/**
 * Whether a request may come to nothing: not a deletion of a VIP, since the rest of the recreate that it belongs
 * to is under way already and would ask for what is there; and not a dump, which would seem to be empty.
 */
function breakable({ name, body }: ReceivedRequest): boolean {
  if (name === "lb_add_del_vip_v2") return !(body as Body<"lb_add_del_vip_v2">).is_del;
  return !name.endsWith("_dump");
}

const change = /^lb_(conf|add_del_.*|as_set_weight)$/;
const anything = () => true;

function fault(random: Random): Fault {
  const times = random.int(1, 5);
  const refused = (asked: ReceivedRequest) => change.test(asked.name) && breakable(asked);
  const on = random.pick<Fault["on"]>([anything, "lb_as_v2_dump", "control_ping", "lb_as_set_weight"]);
  return random.pick<Fault>([
    { on, times, outcome: { kind: "delay", ms: random.int(5, 800) } },
    { on, times: 1, outcome: { kind: "close" } },
    { on: refused, times, outcome: { kind: "retval", retval: -1 } },
    { on: breakable, times: 1, outcome: { kind: "mute" } },
    { on: breakable, times: 1, outcome: { kind: "ignore" } },
    {
      on: breakable,
      times: 1,
      outcome: { kind: "garbage", octets: new Uint8Array(40).fill(random.int(0, 255)) },
    },
  ]);
}

/** Restarts VPP, at once or after a while of silence. */
export function restartVpp(everyMs: Millis): Actor {
  return async (world, random) => {
    const { simulator } = world;
    while (await pause(world, random, everyMs, everyMs)) {
      simulator.faults.keepDeadClients = random.chance(0.5);
      if (random.chance(0.5)) {
        await simulator.kill();
        await pause(world, random, 100, 4000);
      }
      await simulator.restart();
      count(world, "VPP restart");
    }
  };
}

/** Lets VPP delay, refuse, forget and garble. */
export const disturbVpp: Actor = async (world, random) => {
  const { simulator } = world;
  using faults = new DisposableStack();
  while (await pause(world, random, 500, 6000)) {
    if (random.chance(0.1)) {
      if (simulator.death === null) simulator.disconnect();
      count(world, "VPP disconnect");
    } else {
      faults.use(simulator.faults.add(fault(random)));
      count(world, "VPP fault");
    }
  }
};

/** Stops the daemon for a moment, as a busy hypervisor does. */
export const stopDaemon: Actor = async (world, random) => {
  while (await pause(world, random, 3000, 40_000)) {
    world.daemon.kill("SIGSTOP");
    try {
      await pause(world, random, 50, 1500);
    } finally {
      world.daemon.kill("SIGCONT");
    }
    count(world, "daemon stopped");
  }
};

/** Puts every backend back into service, for the last look. Throws when that cannot be done. */
export async function release(world: SoakWorld): Promise<void> {
  for (const { name, state } of (await world.api.get<BackendList>("/v1/backends")).backends) {
    const action = state === "paused" ? "resume" : state === "disabled" ? "enable" : null;
    if (action !== null) await world.api.send("POST", `/v1/backends/${name}/${action}`);
  }
  world.held.clear();
}

/** Has every backend tell of itself once more. */
export async function nudge(world: SoakWorld): Promise<void> {
  for (const backend of world.site.backends.keys()) {
    for (const action of ["pause", "resume"]) {
      await world.api.send("POST", `/v1/backends/${backend}/${action}`);
    }
  }
}
