/**
 * One soak from its start to its verdict.
 *
 *   start ─▶ first look ─▶ trouble ─▶ quiet: all as it should be? ─▶ all healed: last look ─▶ SIGTERM
 *
 * @module
 */
import { systemClock } from "../../src/clock.ts";
import type { Millis } from "../../src/model.ts";
import { Simulator } from "../../src/simulator/simulator.ts";
import * as actors from "./actors.ts";
import { SoakApi } from "./api.ts";
import { judge } from "./judge.ts";
import { holdings, type Sample } from "./measure.ts";
import type { EventMirror } from "./mirror.ts";
import { NeedlessChanges } from "./needless.ts";
import { stranger, subscriber } from "./people.ts";
import { Maglevd } from "./process.ts";
import { Random } from "./random.ts";
import { atRest, compare, heapMs, judgeMemory, sampleMemory } from "./rest.ts";
import { startServers } from "./servers.ts";
import { Site } from "./site.ts";
import { Subscriber } from "./subscriber.ts";
import { Stalls, watchLog } from "./watch.ts";
import { type Actor, count, type SoakWorld } from "./world.ts";

/** How to soak. */
export interface SoakOptions {
  /** Length of the trouble. */
  readonly forMs: Millis;
  /** 32-bit number that repeats the run. */
  readonly seed: number;
  /** Number of application servers. */
  readonly backends: number;
  /** Takes progress for people, a line each. */
  readonly say: (line: string) => void;
}

/** Verdict of a soak. */
export interface SoakReport {
  /** What was wrong, as sentences; empty when nothing was. */
  readonly problems: readonly string[];
  /** Figures by name, in the order of telling. */
  readonly figures: ReadonlyMap<string, string>;
}

/** VPP restarts so often, or three times in a shorter run. */
const vppRestartMs: Millis = 60_000;
/** Longest time until all is as it should be after the trouble. */
const quietMs: Millis = 90_000;
/** Waits until all is as it should be; returns what still is not when patience ends. */
async function settle(world: SoakWorld): Promise<string[]> {
  const { daemon } = world;
  const deadline = performance.now() + quietMs;
  const subscribe = (from?: EventMirror) => Subscriber.open(daemon.api, "kinds=backend,frontend,vpp", from);
  let watcher = await subscribe();
  try {
    for (;;) {
      const wrong = await judge(world, watcher);
      if (watcher.ended && watcher.mirror.dropped === null) wrong.push("the events ended without a reason");
      wrong.push(...watcher.mirror.gaps.map((gap) => `events: ${gap}`));
      if (wrong.length === 0 || performance.now() > deadline || daemon.ended !== null) return wrong;
      await systemClock.sleep(200);
      if (watcher.mirror.dropped === null) continue;
      // More events at once than are kept for a subscriber: it was told, and goes on where it was.
      count(world, "subscriber cut off");
      await watcher[Symbol.asyncDispose]();
      watcher = await subscribe(watcher.mirror);
    }
  } finally {
    await watcher[Symbol.asyncDispose]();
  }
}

/** Uses what the daemon makes only when it is asked for the first time. */
async function useEverything({ api, site }: SoakWorld): Promise<void> {
  const [frontend] = site.frontends.keys();
  await api.send("POST", "/v1/config/check");
  await api.send("POST", "/v1/config/reload");
  await api.send("POST", "/v1/vpp/lb/sync", {});
  for (
    const path of ["/metrics", "/v1/vpp/lb/plan", `/v1/frontends/${frontend}/table`, "/docs", "/openapi.json"]
  ) {
    await api.send("GET", path);
  }
}

async function trouble(
  world: SoakWorld,
  options: SoakOptions,
  random: Random,
  end: AbortController,
): Promise<void> {
  const everyMs = Math.min(vppRestartMs, Math.max(1000, options.forMs / 3));
  const operators = 3;
  const cast: [string, Actor][] = [
    ["servers", actors.breakServers],
    ["vpp restarts", actors.restartVpp(everyMs)],
    ["vpp faults", actors.disturbVpp],
    ["reloads", actors.reload],
    ["stops", actors.stopDaemon],
    ...Array.from(
      { length: operators },
      (_, i): [string, Actor] => [`operator ${i}`, actors.operator(i, operators)],
    ),
    ...Array.from({ length: 2 }, (_, i): [string, Actor] => [`reader ${i}`, actors.reader]),
    ...Array.from({ length: 8 }, (_, i): [string, Actor] => [`subscriber ${i}`, subscriber]),
    ...Array.from({ length: 4 }, (_, i): [string, Actor] => [`stranger ${i}`, stranger]),
  ];
  using _timer = systemClock.after(options.forMs, () => end.abort());
  await Promise.all(cast.map(async ([name, actor]) => {
    try {
      await actor(world, random.for(name));
    } catch (error) {
      world.problems.push(`${name} could not go on: ${error instanceof Error ? error.stack : error}`);
      // Without the daemon nobody can; without this one the rest would prove less than it says.
      end.abort();
    }
  }));
}

/** The daemon keeps events for 30 s, and details for as long after the last one who asked for them. */
const eventsStayMs: Millis = 61_000;

/** Soaks. Rejects when the world for it cannot be made. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seed, backends, say, forMs } = options;
  const random = new Random(seed);
  const figures = new Map<string, string>();
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "maglev-soak-vpp-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const vpp = { api: `${folder}/api.sock`, stats: `${folder}/stats.sock` };
  const simulator = stack.use(await Simulator.start({ ...vpp, keep: 0 }));
  const needless = stack.use(new NeedlessChanges(simulator));
  const servers = await startServers(backends, random.for("server"));
  for (const server of servers) stack.use(server);
  const site = new Site(servers, { intervalMs: 1000, timeoutMs: 2000 }, random.for("site"));
  const daemon = stack.use(await Maglevd.start(site.yaml(), vpp));
  const end = new AbortController();
  const world: SoakWorld = {
    daemon,
    api: new SoakApi(daemon.api, daemon.token),
    simulator,
    servers,
    site,
    held: new Map(),
    tally: new Map(),
    problems: [],
    quiet: end.signal,
  };
  const { problems, api } = world;
  const stalls = stack.use(new Stalls());
  stack.use(watchLog(world, stalls));
  simulator.crashed.then((why) => problems.push(`VPP would have died: ${why}`));

  const look = async (name: string) => {
    const wrong = await settle(world);
    problems.push(...wrong.slice(0, 20).map((sentence) => `${name}: ${sentence}`));
  };
  const started = performance.now();
  const seconds = () => `${Math.round((performance.now() - started) / 1000)} s`;
  await look("at the start");
  await useEverything(world);
  say(
    `${seconds()}: ${backends} servers, ${site.backends.size} backends, ${site.frontends.size} frontends: all up`,
  );
  const before = await atRest(daemon);

  const samples: Sample[] = [];
  {
    using _samples = sampleMemory(daemon, samples);
    using _progress = everyTenSeconds(() => say(`${seconds()}: ${progress(world)}`));
    await trouble(world, options, random, end);
  }
  if (simulator.death !== null) await simulator.restart();
  say(`${seconds()}: quiet`);
  const quietAt = performance.now();
  await look("after the trouble");
  figures.set("settled after", `${((performance.now() - quietAt) / 1000).toFixed(1)} s`);
  for (const server of servers) if (!server.healthy) await server.become("well");
  await actors.release(world);
  await look("all healed");
  // Events stay for a while, more than usual where somebody asked for details; the next one drives them out.
  if (forMs >= heapMs) await systemClock.sleep(eventsStayMs);
  await actors.nudge(world);
  await look("at rest");
  const after = await atRest(daemon);
  compare(before, after, forMs, figures, problems);
  judgeMemory(samples, forMs, figures, problems);

  problems.push(...api.wrong, ...needless.found.slice(0, 10).map((sentence) => `needless: ${sentence}`));
  problems.push(...simulator.vpp.hazards.map((hazard) => `hazard: ${hazard}`));
  const stopAt = performance.now();
  const code = await daemon.stop();
  if (code !== 0) problems.push(`maglevd ended with exit code ${code}`);
  if (performance.now() - stopAt > 5000 + stalls.worst(5000)) {
    problems.push("maglevd took more than 5 s to end");
  }
  figures.set("longest stall of this process", `${Math.round(stalls.longest)} ms`);
  figures.set("requests", String(api.requests));
  for (const [what, times] of [...world.tally].sort()) figures.set(what, String(times));
  for (const [what, times] of [...daemon.counts].sort()) {
    if (/^(WARN|ERROR) /.test(what)) figures.set(`log ${what}`, String(times));
  }
  return { problems, figures };
}

function everyTenSeconds(act: () => void): Disposable {
  const timer = setInterval(act, 10_000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function progress({ daemon, problems, servers, tally }: SoakWorld): string {
  const { descriptors, residentKib } = holdings(daemon.pid);
  const failing = servers.filter(({ healthy }) => !healthy).length;
  return `${failing} servers fail, ${tally.get("backend down") ?? 0} downs, ${
    tally.get("VPP restart") ?? 0
  } VPP restarts, ` +
    `${descriptors} descriptors, ${Math.round(residentKib / 1024)} MiB, ${problems.length} problems`;
}
