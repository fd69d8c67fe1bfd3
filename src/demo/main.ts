/**
 * The demo: a simulated VPP, three real web servers and maglevd, each a process of its own, on the example
 * configuration. Leaves nothing behind.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { FrontendList, LbState } from "../api.ts";
import { type ApiEvent, eventLine } from "../cli/render/events.ts";
import { parseDuration, toMillis } from "../config/duration.ts";
import { parseListenAddress } from "../flags.ts";
import { sseFrames } from "../sse.ts";
import { DemoProcess } from "./process.ts";
import { introduction, isTold } from "./text.ts";

const usage = "usage: deno task demo [--listen <a:p>] [--for <duration, e.g. 20s>]";
const addresses = { b1: "127.0.0.11", b2: "127.0.0.12", b3: "127.0.0.13" };
/** Everything must be up within this time; generous, because a small machine starts five programs at once. */
const startLimitMs = 60_000;

/** A demo that could not go on, with a sentence for the person who started it. */
class DemoError extends Error {}

const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
const complain = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));

/** Path of a file of the project. */
function project(path: string): string {
  return new URL(`../../${path}`, import.meta.url).pathname;
}

/** A port that is free on all backend addresses: the example's own if possible, so that its text stays true. */
function freePort(preferred: number): number {
  for (const candidate of [preferred, 0, 0, 0, 0, 0]) {
    try {
      using first = Deno.listen({ hostname: addresses.b1, port: candidate });
      const { port } = first.addr;
      using _second = Deno.listen({ hostname: addresses.b2, port });
      using _third = Deno.listen({ hostname: addresses.b3, port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new DemoError(`no port is free on all of ${Object.values(addresses).join(", ")}`);
}

/** Waits for the first line of a child that `accept` takes; keeps the rest of its output flowing into `log`. */
function firstLine(
  child: DemoProcess,
  log: string | null,
  accept: (line: string) => boolean,
): { ready: Promise<void>; pumped: Promise<void> } {
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const pumped = (async () => {
    using file = log === null ? undefined : await Deno.open(log, { create: true, append: true });
    const encoder = new TextEncoder();
    for await (const line of child.lines) {
      if (file !== undefined) await file.write(encoder.encode(line + "\n"));
      if (accept(line)) resolve();
    }
    const { code } = await child.status;
    reject(
      new DemoError(`${child.name} ended with exit code ${code}${log === null ? "" : `; its log: ${log}`}`),
    );
  })();
  // Ready may be settled long before the child ends; a late rejection has no other reader.
  ready.catch(() => {});
  return { ready, pumped };
}

/** Follows the event stream until it ends; calls `tell` with each event. */
async function follow(api: string, signal: AbortSignal, tell: (event: ApiEvent) => void): Promise<void> {
  const response = await fetch(`${api}/v1/events`, { signal });
  if (!response.ok || response.body === null) {
    throw new DemoError(`${api}/v1/events answered ${response.status}`);
  }
  for await (const frame of sseFrames(response.body)) tell(JSON.parse(frame.data) as ApiEvent);
}

/** Whether every frontend is up and VPP, read back, carries a weight on each VIP. */
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

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { listen: { type: "string" }, for: { type: "string" } } });
  const listen = values.listen ?? "127.0.0.1:9090";
  const where = parseListenAddress(listen);
  if (where === null || where.transport !== "tcp") {
    throw new DemoError(`--listen ${listen} is not a:p\n${usage}`);
  }
  const limit = values.for === undefined ? null : parseDuration(values.for);
  if (limit !== null && !limit.ok) throw new DemoError(`--for ${values.for}: ${limit.error}\n${usage}`);
  const host = where.hostname.includes(":") ? `[${where.hostname}]` : where.hostname;
  const api = `http://${host}:${where.port}`;
  if (where.port !== 0) {
    try {
      Deno.listen({ hostname: where.hostname, port: where.port }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      throw new DemoError(`${listen} is in use; choose another address with --listen`);
    }
  }

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
  const ended = Promise.withResolvers<never>();
  stop.signal.addEventListener("abort", () => ended.reject(stop.signal.reason), { once: true });
  ended.promise.catch(() => {});

  const port = freePort(8081);
  const config = `${folder}/maglev.yaml`;
  const example = await Deno.readTextFile(project("docs/examples/maglev.yaml"));
  await Deno.writeTextFile(config, example.replace("port: 8081", `port: ${port}`));

  const start = (name: string, args: string[], log: string | null, accept: (line: string) => boolean) => {
    const child = cleanup.use(new DemoProcess(name, args));
    const { ready, pumped } = firstLine(child, log, accept);
    return { child, ready: Promise.race([ready, ended.promise]), pumped };
  };
  const apiSocket = `${folder}/api.sock`;
  const statsSocket = `${folder}/stats.sock`;
  say("starting the simulated VPP ...");
  const vpp = start(
    "simulated VPP",
    [
      "run",
      "-A",
      project("src/simulator/main.ts"),
      "--api",
      apiSocket,
      "--stats",
      statsSocket,
      "--until-stdin-closes",
    ],
    null,
    (line) => line.startsWith("{"),
  );
  say("starting three backends ...");
  const backends = Object.entries(addresses).map(([name, address]) => {
    const log = `${folder}/${name}.log`;
    const args = ["run", "-A", project("src/demo/backend.ts"), "--name", name, "--address", address];
    args.push("--port", String(port), "--log", log);
    const started = start(name, [...args, "--until-stdin-closes"], null, (line) => line === "listening");
    return { ...started, name, url: `http://${address}:${port}/`, log, args };
  });
  await Promise.all([vpp.ready, ...backends.map((b) => b.ready)]);
  say("starting maglevd ...");
  const maglevdLog = `${folder}/maglevd.log`;
  const maglevd = start(
    "maglevd",
    [
      "run",
      "-A",
      project("src/demo/maglevd.ts"),
      "--config",
      config,
      "--listen",
      listen,
      "--metrics-addr",
      "",
      "--auth-file",
      "",
    ]
      .concat(["--vpp-api-addr", apiSocket, "--vpp-stats-addr", statsSocket, "--log-level", "info"])
      .concat(["--log-format", "json", "--tls-cert", "", "--tls-key", ""]),
    maglevdLog,
    (line) => line.includes('"msg":"ready"'),
  );
  await maglevd.ready;
  clearTimeout(tooLate);
  say("waiting for the first probes ...");
  const deadline = AbortSignal.any([stop.signal, AbortSignal.timeout(startLimitMs)]);
  let introduced = false;
  const waiting: string[] = [];
  const tell = (event: ApiEvent) => {
    if (!isTold(event)) return;
    if (introduced) say(eventLine(event));
    else waiting.push(eventLine(event));
  };
  const followed = follow(api, stop.signal, tell);
  followed.catch(() => {});
  while (!await everythingUp(api, deadline)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  const npx = Deno.execPath().includes("/_npx/");
  const quote = (word: string) => /^[\w./:=-]+$/.test(word) ? word : `'${word}'`;
  const deno = npx ? "npx --yes deno@2.9.6" : "deno";
  say(introduction({
    api,
    deno,
    serverFlag: listen === "127.0.0.1:9090" ? "" : ` --server ${api}`,
    backends: backends.map((b) => ({
      name: b.name,
      pid: b.child.pid,
      url: b.url,
      log: b.log,
      restart: [deno, ...b.args.map(quote)].join(" "),
    })),
    simulatorPid: vpp.child.pid,
    maglevdPid: maglevd.child.pid,
    config,
    maglevdLog,
    apiSocket,
  }));
  introduced = true;
  waiting.forEach(say);

  const enough = AbortSignal.any([
    stop.signal,
    ...(limit === null ? [] : [AbortSignal.timeout(toMillis(limit.value))]),
  ]);
  const over = Promise.withResolvers<void>();
  enough.addEventListener("abort", () => over.resolve(), { once: true });
  if (enough.aborted) over.resolve();
  const crashed = Promise.race([maglevd.child.status, vpp.child.status]);
  const outcome = await Promise.race([
    over.promise.then(() => 0),
    crashed.then(() => enough.aborted ? 0 : 1),
    followed.then(() => 1, () => enough.aborted ? 0 : 1),
  ]);
  if (outcome !== 0) {
    complain(`demo: a part of it went away; maglevd's last words:\n${await tail(maglevdLog)}`);
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
  if (error instanceof DemoError || error instanceof TypeError) complain(`demo: ${error.message}`);
  else throw error;
}
Deno.exit(code);
