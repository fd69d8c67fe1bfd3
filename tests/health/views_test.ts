import assert from "node:assert/strict";
import type * as api from "../../src/api/mod.ts";
import { backendView, frontendView } from "../../src/snapshot/views.ts";
import type { LeafCertificate } from "../../src/model.ts";
import { alice, backend, config, frontend, result, tcpCheck, World } from "./kit.ts";

const spare = backend("s1", "10.0.0.2", null);
const parts = {
  checks: [tcpCheck("web")],
  backends: [backend("b1", "10.0.0.1", "web"), spare],
  frontends: [
    frontend("www", "192.0.2.1", { primary: { b1: 100 }, fallback: { s1: 5 } }, { description: "shop" }),
  ],
};
const setup = config(parts);

function view(world: World, name: string): api.Backend {
  const entry = world.tracker.entry(name) ?? assert.fail(name);
  return backendView(entry, entry.blindness(world.clock.now(), world.clock.wall()), null, world.clock.wall());
}

Deno.test("a backend's view holds its counter, its last probe, the next one, and its history newest first", async () => {
  using world = World.started(setup);
  assert.deepEqual(view(world, "b1"), {
    name: "b1",
    address: "10.0.0.1",
    state: "unknown",
    since: "2026-01-01T00:00:00.000Z",
    enabled: true,
    healthcheck: "web",
    health: { counter: 1, rise: 2, fall: 3, max: 4, degraded: true },
    last_probe: null,
    next_probe_at: "2026-01-01T00:00:00.000Z",
    frontends: [{ frontend: "www", pool: "primary" }],
    transitions: [],
    blind: null,
    override: null,
    latency: null,
    certificate: null,
  });
  await world.clock.advance(1_500);
  world.probe(["b1", "L4OK"]);
  await world.clock.advance(500);
  world.probe(["b1", "late"]);
  const after = view(world, "b1");
  assert.deepEqual([after.state, after.since, after.last_probe?.void], [
    "up",
    "2026-01-01T00:00:01.500Z",
    "late",
  ]);
  assert.equal(after.next_probe_at, "2026-01-01T00:00:04.000Z");
  world.tracker.orders.act("b1", "disable", alice);
  const off = view(world, "b1");
  assert.deepEqual([off.enabled, off.next_probe_at], [false, null]);
  assert.deepEqual(off.transitions.map((t) => [t.from, t.to, t.code, t.by, t.at_unix_ns]), [
    ["up", "disabled", "disabled", "alice", "1767225602000000000"],
    ["unknown", "up", "L4OK", null, "1767225601500000000"],
  ]);
  assert.deepEqual(off.transitions[0]?.effects, [
    { frontend: "www", pool: "primary", weight_before: 100, weight_after: 0, flush: true },
  ]);
});

Deno.test("a certificate stays until another is shown, another check probes, or another server is there", () => {
  using world = World.started(setup);
  const leaf = (subject: string, notAfter: string): LeafCertificate => ({
    subject,
    issuer: "CN=ca",
    names: ["web.test"],
    notBefore: Date.parse("2025-01-01T00:00:00Z"),
    notAfter: Date.parse(notAfter),
  });
  const report = (certificate: LeafCertificate | null) => {
    const generation = world.tracker.entry("b1")?.generation ?? 0;
    world.tracker.report([{ backend: "b1", generation, result: result("L6OK"), nextDueAt: 0, certificate }]);
    return view(world, "b1").certificate;
  };
  assert.deepEqual(report(leaf("CN=a", "2026-01-15T12:00:00Z")), {
    subject: "CN=a",
    issuer: "CN=ca",
    names: ["web.test"],
    not_before: "2025-01-01T00:00:00.000Z",
    not_after: "2026-01-15T12:00:00.000Z",
    days_left: 14,
  });
  assert.equal(report(null)?.subject, "CN=a");
  assert.equal(report(leaf("CN=b", "2025-12-31T23:59:59Z"))?.days_left, -1);
  world.tracker.orders.act("b1", "pause", alice);
  assert.equal(view(world, "b1").certificate?.subject, "CN=b");
  world.tracker.orders.act("b1", "resume", alice);
  assert.equal(report(null)?.subject, "CN=b");
  const checks = [tcpCheck("web", { timeoutMs: 999 })];
  world.tracker.reload(config({ ...parts, checks }), alice);
  assert.equal(report(null), null);
  assert.equal(report(leaf("CN=c", "2027-01-01T00:00:00Z"))?.subject, "CN=c");
  const backends = [backend("b1", "10.0.0.9", "web"), spare];
  world.tracker.reload(config({ ...parts, checks, backends }), alice);
  assert.equal(report(null), null);
});

Deno.test("a backend without a check has no counter", () => {
  using world = World.started(setup);
  assert.deepEqual([view(world, "s1").health, view(world, "s1").healthcheck], [null, null]);
});

Deno.test("a frontend's view holds configured and effective weights and what VPP reported", () => {
  using world = World.started(setup);
  const www = setup.frontends.get("www") ?? assert.fail();
  const shown = frontendView(
    www,
    world.tracker.config,
    world.tracker.weights("www") ?? assert.fail(),
    world.tracker.standing("www") ?? assert.fail(),
    {
      vpp: "in-sync",
      vppDetail: "",
      override: () => null,
      fileWeight: (pool, name) => pool === "primary" && name === "b1" ? 40 : null,
      buckets: (address) => address === "10.0.0.2" ? { count: 512, length: 1024 } : null,
    },
  );
  assert.deepEqual(shown, {
    name: "www",
    description: "shop",
    address: "192.0.2.1",
    protocol: "tcp",
    port: 80,
    state: "up",
    since: "2026-01-01T00:00:00.000Z",
    src_ip_sticky: false,
    flush_on_down: true,
    new_flows_table_length: 1024,
    pools: [
      {
        name: "primary",
        active: false,
        backends: [{
          name: "b1",
          address: "10.0.0.1",
          state: "unknown",
          enabled: true,
          weight: 100,
          effective_weight: 0,
          num_buckets: null,
          share: null,
          file_weight: 40,
          override: null,
        }],
      },
      {
        name: "fallback",
        active: true,
        backends: [{
          name: "s1",
          address: "10.0.0.2",
          state: "up",
          enabled: true,
          weight: 5,
          effective_weight: 5,
          num_buckets: 512,
          share: 0.5,
          file_weight: 5,
          override: null,
        }],
      },
    ],
    vpp: "in-sync",
    vpp_detail: "",
    transitions: [{
      from: "unknown",
      to: "up",
      at: "2026-01-01T00:00:00.000Z",
      active_pool: "fallback",
      reason: "start: backend s1 up (no health check)",
    }],
  });
});
