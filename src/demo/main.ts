/**
 * The demo: a simulated VPP, three real web servers and maglevd, each a process of its own, and a little load. Leaves
 * nothing behind. Contacts nothing outside loopback.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { FrontendList, LbState } from "../api/mod.ts";
import { eventLine } from "../cli/render/events.ts";
import type { ApiEvent } from "../cli/shapes/mod.ts";
import { parseDuration, toMillis } from "../duration.ts";
import { parseListenAddress } from "../flags.ts";
import { lines } from "../lines.ts";
import { sseFrames } from "../sse.ts";
import { DemoError } from "./error.ts";
import { DemoFleet, type DemoNode, fleetFlags, mostNodes, nodesOf, withFleet } from "./fleet.ts";
import { startLoad } from "./load.ts";
import { permissionFlags } from "../deno_flags.ts";
import { addresses, holdPort, project, Site, vipAddress } from "./site.ts";
import { helpText, introduction, isTold } from "./text.ts";
import { parseWords } from "./words.ts";

const usage = `usage: deno task demo [--listen <a:p>] [--nodes <n>] [--for <duration, e.g. 20s>]

Runs maglevd on a simulated VPP with three web servers and a little load, all on
loopback. The default address of the API is 127.0.0.1:9090. --nodes 3 starts three
nodes that share an etcd. Each has its own VPP and maglevd; they listen on
consecutive ports. Words it takes:

${helpText()}`;
/** Everything must be up within this time; generous, because a small machine starts five programs at once. */
const startLimitMs = 60_000;
/** Time between two looks at a start, in ms. */
const lookMs = 50;
/** Ctrl-C ends the parts, too. The signal may arrive here after a part has ended, at most so much later, in ms. */
const interruptMs = 500;

const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
const complain = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));

/** Times are those of this machine. */
const local = { now: Date.now(), zone: (ms: number) => -new Date(ms).getTimezoneOffset() };

/** Reads events until the stream ends; calls `tell` with each. */
async function follow(api: string, signal: AbortSignal, tell: (event: ApiEvent) => void): Promise<void> {
  const response = await fetch(`${api}/v1/events`, { signal });
  if (!response.ok || response.body === null) {
    throw new DemoError(`${api}/v1/events answered ${response.status}`);
  }
  for await (const frame of sseFrames(response.body)) tell(JSON.parse(frame.data) as ApiEvent);
}

/** Whether every frontend is up and VPP, read back, has a weight on each VIP. */
async function everythingUp(api: string, signal: AbortSignal): Promise<boolean> {
  const { frontends } = await (await fetch(`${api}/v1/frontends`, { signal })).json() as FrontendList;
  if (frontends.some((f) => f.pools.some((p) => p.backends.some((b) => b.state !== "up")))) return false;
  const response = await fetch(`${api}/v1/vpp/lb/state`, { signal });
  if (!response.ok) return await response.body?.cancel(), false;
  const { vips } = await response.json() as LbState;
  return frontends.every((f) =>
    vips.some((v) => v.frontend === f.name && v.application_servers.some((s) => s.weight > 0))
  );
}

/** Address of the API and the time after which the demo ends by itself; null: never. Throws DemoError. */
function flags(): { nodes: readonly DemoNode[]; listen: string; api: string; limitMs: number | null } | null {
  const text = { type: "string" } as const;
  const options = { listen: text, for: text, nodes: text, help: { type: "boolean" } } as const;
  let values: { listen?: string; for?: string; nodes?: string; help?: boolean };
  try {
    values = parseArgs({ options }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new DemoError(`${error.message}\n${usage}`);
  }
  if (values.help === true) return null;
  const listen = values.listen ?? "127.0.0.1:9090";
  const where = parseListenAddress(listen);
  if (where === null || where.transport !== "tcp") {
    throw new DemoError(`--listen ${listen} is not a:p\n${usage}`);
  }
  const limit = values.for === undefined ? null : parseDuration(values.for);
  if (limit !== null && !limit.ok) throw new DemoError(`--for ${values.for}: ${limit.error}\n${usage}`);
  const count = Number(values.nodes ?? "1");
  if (!Number.isInteger(count) || count < 1 || count > mostNodes) {
    throw new DemoError(`--nodes ${values.nodes} is no number from 1 to ${mostNodes}\n${usage}`);
  }
  const nodes = nodesOf(where.hostname, where.port, count);
  if (count > 1 && where.port === 0) throw new DemoError(`--nodes needs a port in --listen\n${usage}`);
  const host = where.hostname.includes(":") ? `[${where.hostname}]` : where.hostname;
  if (where.port !== 0) {
    try {
      Deno.listen({ hostname: where.hostname, port: where.port }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      throw new DemoError(`${listen} is in use; choose another address with --listen`);
    }
  }
  const limitMs = limit === null ? null : toMillis(limit.value);
  return { nodes, listen, api: `http://${host}:${where.port}`, limitMs };
}

/** Writes `<folder>/maglevc`, which runs the client against this demo from any directory. */
async function writeClient(folder: string, api: string): Promise<void> {
  const manifest: { permissions: { client: Record<string, boolean | string[]> } } = JSON.parse(
    await Deno.readTextFile(project("deno.json")),
  );
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const command = [Deno.execPath(), "run", ...permissionFlags(manifest.permissions.client)];
  command.push("--config", project("deno.json"), project("src/cli/main.ts"), "--server", api);
  command.push("--token-file", `${folder}/token`);
  const text = `#!/bin/sh\nexec ${command.map(quote).join(" ")} "$@"\n`;
  await Deno.writeTextFile(`${folder}/maglevc`, text, { mode: 0o700 });
}

/** Does what is typed, until standard input ends. */
async function takeWords(site: Site): Promise<void> {
  for await (const line of lines(Deno.stdin.readable)) {
    const words = parseWords(line, Object.keys(addresses));
    if (!words.ok) say(words.error);
    else if (words.value?.kind === "help") say(helpText());
    else if (words.value !== null) say(await site.obey(words.value));
  }
}

async function main(): Promise<number> {
  const wanted = flags();
  if (wanted === null) {
    say(usage);
    return 0;
  }
  const { nodes, listen, api, limitMs } = wanted;
  await using cleanup = new AsyncDisposableStack();
  const stop = new AbortController();
  const onSignal = () => stop.abort(new DemoError("interrupted"));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, onSignal);
    cleanup.defer(() => Deno.removeSignalListener(signal, onSignal));
  }
  const folder = await Deno.makeTempDir({ prefix: "maglev-demo-" });
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const tooLate = setTimeout(() => stop.abort(new DemoError("not everything came up in time")), startLimitMs);
  cleanup.defer(() => clearTimeout(tooLate));
  const stopped = Promise.withResolvers<never>();
  stop.signal.addEventListener("abort", () => stopped.reject(stop.signal.reason), { once: true });
  stopped.promise.catch(() => {});
  const unlessStopped = <T>(promise: Promise<T>) => Promise.race([promise, stopped.promise]);

  const { port } = cleanup.use(holdPort());
  const config = `${folder}/maglev.yaml`;
  const example = await Deno.readTextFile(project("docs/examples/demo.yaml"));
  const [first] = nodes;
  const isFleet = nodes.length > 1;
  say(
    isFleet
      ? `starting an etcd, three web servers and ${nodes.length} nodes, each a simulated VPP and maglevd ...`
      : "starting a simulated VPP, three web servers and maglevd ...",
  );
  const fleet = isFleet ? cleanup.use(await unlessStopped(DemoFleet.start(folder, stop.signal))) : null;
  const text = example.replaceAll("port: 8081", `port: ${port}`);
  await Deno.writeTextFile(config, fleet === null ? text : withFleet(text, fleet.store));
  await writeClient(folder, api);

  const site = cleanup.use(new Site(folder, port));
  await unlessStopped(site.ready());
  const common = ["--config", config, "--metrics-addr", "", "--auth-file", ""];
  common.push("--log-level", "info", "--log-format", "json", "--tls-cert", "", "--tls-key", "");
  const flagsOfMaglevd = [...common, "--listen", listen];
  flagsOfMaglevd.push("--local-token", `${folder}/token`, "--state-dir", `${folder}/state`);
  flagsOfMaglevd.push("--vpp-api-addr", site.apiSocket, "--vpp-stats-addr", site.statsSocket);
  if (isFleet && first !== undefined) flagsOfMaglevd.push(...fleetFlags(first, nodes));
  await unlessStopped(site.startMaglevd(flagsOfMaglevd));
  for (const node of nodes.slice(1)) {
    await unlessStopped(fleet?.add(node, [...common, ...fleetFlags(node, nodes)]) ?? Promise.resolve());
  }
  clearTimeout(tooLate);
  const deadline = AbortSignal.any([stop.signal, AbortSignal.timeout(startLimitMs)]);
  let introduced = false;
  const waiting: string[] = [];
  const followed = follow(api, stop.signal, (event) => {
    if (!isTold(event)) return;
    if (introduced) say(eventLine(event, local));
    else waiting.push(eventLine(event, local));
  });
  followed.catch(() => {});
  while (!await everythingUp(api, deadline)) await new Promise((resolve) => setTimeout(resolve, lookMs));

  say(introduction({ api, folder, nodes: nodes.length }));
  introduced = true;
  waiting.forEach(say);
  startLoad({ hostname: vipAddress, port }, stop.signal);
  const words = takeWords(site);

  const over = Promise.withResolvers<number>();
  const timer = limitMs === null ? null : setTimeout(() => over.resolve(0), limitMs);
  stop.signal.addEventListener("abort", () => over.resolve(0), { once: true });
  if (stop.signal.aborted) over.resolve(0);
  const wentAway = async (): Promise<number> => {
    await Promise.race([over.promise, new Promise((resolve) => setTimeout(resolve, interruptMs))]);
    return stop.signal.aborted ? 0 : 1;
  };
  const outcome = await Promise.race([
    over.promise,
    site.broken().then(wentAway),
    followed.then(wentAway, wentAway),
    // Standard input may end, as under a service manager: the demo goes on. A failed word ends it.
    words.then(() => over.promise),
  ]);
  if (timer !== null) clearTimeout(timer);
  if (outcome !== 0) {
    complain(`demo: a part of it went away; maglevd's last words:\n${await tail(site.maglevdLog)}`);
  }
  say("\nstopping ...");
  stop.abort(new DemoError("the end"));
  return outcome;
}

async function tail(path: string): Promise<string> {
  return (await Deno.readTextFile(path)).trimEnd().split("\n").slice(-5).join("\n");
}

let code = 1;
try {
  code = await main();
} catch (error) {
  if (error instanceof DemoError) complain(`demo: ${error.message}`);
  else throw error;
}
Deno.exit(code);
