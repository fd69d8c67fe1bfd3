import assert from "node:assert/strict";
import { backendView } from "../../src/snapshot/views.ts";
import { alice, backend, config, frontend, result, tcpCheck, World } from "./kit.ts";

/** A site of so many backends, 20 to a frontend, that were down once and have been probed 61 times. */
function site(count: number): World {
  const names = Array.from({ length: count }, (_, i) => `backend-${i}`);
  const frontends = Array.from({ length: Math.ceil(count / 20) }, (_, f) => {
    const members = names.slice(f * 20, f * 20 + 20).map((name) => [name, 100]);
    return frontend(`frontend-${f}`, `192.0.${f >> 8}.${f & 255}`, { main: Object.fromEntries(members) });
  });
  const backends = names.map((name, i) => backend(name, `10.0.${i >> 8}.${i & 255}`, "web"));
  const world = World.started(config({ checks: [tcpCheck("web")], backends, frontends }));
  for (
    const code of [
      "L4CON",
      "L4CON",
      "L4CON",
      ...Array.from({ length: 58 }, () => "L4OK" as const),
    ] as const
  ) {
    const reports = names.map((name) => ({
      backend: name,
      generation: world.tracker.entry(name)?.generation ?? 0,
      result: result(code, { totalMs: 12.345, connectMs: 12.345 }),
      nextDueAt: 0,
      certificate: null,
    }));
    world.tracker.report(reports);
  }
  return world;
}

Deno.test("the list of 4,000 backends has less than 1 kB a backend, and less than 0.5 MB on the wire", async () => {
  using world = site(4000);
  const now = world.clock.wall();
  const list = [...world.tracker.entries()].map((entry) => backendView(entry, null, null, now, true));
  assert.equal(list.length, 4000);
  const text = JSON.stringify({ backends: list });
  assert.ok(text.length <= 3_750_000, `${text.length} octets, ${Math.round(text.length / 4000)} each`);
  const wire = await new Response(new Response(text).body?.pipeThrough(new CompressionStream("gzip")))
    .bytes();
  assert.ok(wire.length <= 500_000, `${wire.length} octets, compressed`);
});

Deno.test("a backend has its last 60 probes and its history, in a list the sparkline and the newest transition", () => {
  using world = site(1);
  const entry = world.tracker.entry("backend-0") ?? assert.fail();
  const [whole, listed] = [false, true].map((isListed) =>
    backendView(entry, null, null, world.clock.wall(), isListed)
  );
  assert.equal(whole?.latency?.recent.length, 60);
  assert.deepEqual(whole.latency.recent.at(-1)?.total_ns, "12345000");
  assert.equal(whole.latency.spark, `xx${"4".repeat(58)}`);
  assert.equal(whole.latency.p50_ns, "12345000");
  assert.deepEqual(listed?.latency, { ...whole.latency, recent: [] });
  assert.ok(whole.transitions.length > 1);
  const [newest] = whole.transitions;
  assert.deepEqual(listed?.transitions, [{ ...newest, effects: [] }]);
});

Deno.test("void results are no latency; another check or another server begins anew, another name does not", () => {
  using world = site(1);
  const spark = (name = "backend-0") => world.tracker.entry(name)?.latency?.spark();
  const before = spark();
  world.probe(["backend-0", "late"]);
  assert.equal(spark(), before);
  const parts = { checks: [tcpCheck("web")], frontends: [] };
  world.tracker.reload(config({ ...parts, backends: [backend("renamed", "10.0.0.0", "web")] }), alice);
  assert.equal(spark("renamed"), before);
  const other = { ...parts, checks: [tcpCheck("web", { timeoutMs: 999 })] };
  world.tracker.reload(config({ ...other, backends: [backend("renamed", "10.0.0.0", "web")] }), alice);
  assert.equal(spark("renamed"), undefined);
  world.probe(["renamed", "L4OK"]);
  assert.match(spark("renamed") ?? "", /^-{59}[0-9]$/);
  world.tracker.reload(config({ ...other, backends: [backend("renamed", "10.9.9.9", "web")] }), alice);
  assert.equal(spark("renamed"), undefined);
});
