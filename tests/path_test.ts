/**
 * One failed probe, from the result to the message: how many files of the main thread it goes through. Prober, clock and
 * VPP are faked; tracker and reconciler are wired as the daemon wires them.
 */
import assert from "node:assert/strict";
import { type Profiler, Session } from "node:inspector";
import { Core, coreConfig, placeVip, setUp, words } from "./daemon/core.ts";
import { settle } from "./fake_clock.ts";
import { backend, frontend } from "./health/kit.ts";
import { FakeBalancer } from "./lb/fake_balancer.ts";

/** Most files that a newcomer must know to follow a result. */
const LIMIT = 20;

/** Files of `src/` of which a function was called before `run` said that it is over, with the names of the functions. */
async function called(run: (end: () => void) => Promise<void>): Promise<Map<string, string[]>> {
  const session = new Session();
  session.connect();
  const { promise, reject, resolve } = Promise.withResolvers<Profiler.TakePreciseCoverageReturnType>();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await run(() =>
    session.post(
      "Profiler.takePreciseCoverage",
      (error, answer) => error === null ? resolve(answer) : reject(error),
    )
  );
  const { result } = await promise;
  session.post("Profiler.stopPreciseCoverage");
  session.disconnect();
  const root = new URL("../", import.meta.url).href;
  const files = new Map<string, string[]>();
  for (const { functions, url } of result) {
    if (!url.startsWith(`${root}src/`)) continue;
    // What has no name and is not inside a function is the module itself, which ran when it was imported.
    const names = functions.filter(({ functionName, ranges }) =>
      functionName !== "" && (ranges[0]?.count ?? 0) > 0
    )
      .map(({ functionName }) => functionName);
    if (names.length > 0) files.set(url.slice(root.length), names);
  }
  return files;
}

/** A core whose VPP has everything, and whose b1 goes down with the next failure. */
async function oneMoreFails(): Promise<{ core: Core; vpp: FakeBalancer }> {
  const web = frontend("web", "192.0.2.1", { primary: { b1: 100, b2: 100 } });
  const backends = [backend("b1", "10.0.0.1", "web"), backend("b2", "10.0.0.2", "web")];
  const config = coreConfig({ backends, frontends: [web] });
  const core = new Core(config);
  const vpp = new FakeBalancer();
  setUp(vpp, config);
  placeVip(vpp, web, { "10.0.0.1": 100, "10.0.0.2": 100 });
  core.reconciler.connected(vpp);
  await settle();
  core.probe(["b1", "L4OK"], ["b2", "L4OK"]);
  core.probe(["b1", "L4CON"]);
  core.probe(["b1", "L4CON"]);
  await core.clock.advance(2_000);
  assert.equal(core.state("b1"), "up");
  assert.deepEqual(vpp.ops, []);
  return { core, vpp };
}

Deno.test(`a failed probe goes through at most ${LIMIT} files before it is a message`, async () => {
  const { core, vpp } = await oneMoreFails();
  await using _ = core;
  const sent = Promise.withResolvers<void>();
  const ops: string[] = [];
  const files = await called(async (end) => {
    vpp.send = (op, answered) => {
      end();
      ops.push(words(op));
      sent.resolve();
      queueMicrotask(() => answered({ retval: 0, error: null }));
    };
    core.probe(["b1", "L4CON"]);
    await sent.promise;
  });
  assert.deepEqual(ops, ["weight 10.0.0.1 0 flush"]);
  const list = [...files].map(([file, names]) => `${file}: ${names.join(", ")}`).sort().join("\n");
  // deno-lint-ignore no-console
  console.log(`${files.size} files:\n${list}`);
  assert.ok(files.size <= LIMIT, `${files.size} files:\n${list}`);
});

Deno.test("VPP's message comes before journal, latency and pace of its result", async () => {
  const { core, vpp } = await oneMoreFails();
  await using _ = core;
  const order: string[] = [];
  const results = () => core.tracker.entry("b1")?.latency?.recent().length;
  const paces = () => core.prober.calls.filter((call) => call.startsWith("pace")).length;
  const before = paces();
  vpp.send = (op, answered) => {
    order.push(`${words(op)}: ${results()} results, ${paces() - before} new paces`);
    queueMicrotask(() => answered({ retval: 0, error: null }));
  };
  core.onCounted = (name, { code }, _at, was, is) => order.push(`${name} ${code} ${was.state} ${is.state}`);
  core.probe(["b1", "L4CON"]);
  // The message has left, and the tracker has done nothing else yet.
  assert.equal(order.length, 1);
  await settle();
  assert.deepEqual(order, ["weight 10.0.0.1 0 flush: 3 results, 0 new paces", "b1 L4CON up down"]);
  assert.equal(results(), 4);
  assert.equal(paces() - before, 1);
});

Deno.test("a reload or the end right after a result finds it counted", async () => {
  const { core } = await oneMoreFails();
  const counted: string[] = [];
  core.onCounted = (name, { code }) => counted.push(`${name} ${code}`);
  core.probe(["b1", "L4CON"]);
  core.tracker.reload(core.tracker.fileConfig, null);
  assert.deepEqual(counted, ["b1 L4CON"]);
  core.probe(["b2", "L4CON"], ["b2", "L4CON"], ["b2", "L4CON"]);
  core.tracker[Symbol.dispose]();
  assert.deepEqual(counted, ["b1 L4CON", "b2 L4CON", "b2 L4CON", "b2 L4CON"]);
  await core[Symbol.asyncDispose]();
  assert.equal(counted.length, 4);
});
