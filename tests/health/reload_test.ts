import assert from "node:assert/strict";
import { unchanged } from "../../src/memory/overrides/override.ts";
import { alice, backend, config, type ConfigParts, frontend, result, tcpCheck } from "./kit.ts";
import { parts, running, withBackends, withCheck, withFrontends } from "./reload_kit.ts";

Deno.test("the same file changes nothing: no probe starts anew, no state, no event", () => {
  using world = running();
  const outcome = world.tracker.reload(
    config({ ...parts, checks: parts.checks.map((c) => ({ ...c })) }),
    alice,
  );
  assert.deepEqual(outcome, {
    transitions: [],
    frontendChanges: [],
    renamed: new Map(),
    overrides: unchanged([]),
  });
  assert.deepEqual(world.prober.calls, []);
  assert.deepEqual(world.told, []);
  assert.equal(world.counter("b1"), 4);
});

Deno.test("a new backend starts in unknown and is probed at once; the others are left alone", () => {
  using world = running();
  world.tracker.reload(config(withBackends(...parts.backends, backend("b4", "10.0.0.4", "web"))), alice);
  assert.deepEqual(world.prober.calls, ["start b4"]);
  assert.equal(world.prober.targets.get("b4")?.firstDelayMs, 0);
  assert.equal(world.state("b4"), "unknown");
  assert.deepEqual(world.transitions(), []);
});

Deno.test("new backends that need no probe enter their state at once", () => {
  using world = running();
  const more = [backend("s1", "10.0.0.5", null), backend("off", "10.0.0.6", "web", false)];
  world.tracker.reload(config(withBackends(...parts.backends, ...more)), alice);
  assert.deepEqual(world.transitions(), ["s1 unknown>up static", "off unknown>disabled disabled"]);
  assert.deepEqual(world.prober.calls, []);
});

Deno.test("a backend that is gone is stopped and told as removed, with its weights", () => {
  using world = running();
  const left = parts.backends.filter((b) => b.name !== "b2");
  const frontends = [frontend("www", "192.0.2.1", { primary: { b1: 100 }, fallback: { b3: 10 } })];
  world.tracker.reload(config({ ...parts, backends: left, frontends }), alice);
  assert.deepEqual(world.prober.calls, ["stop b2"]);
  const [removed] = world.told.flatMap((t) => t.transitions);
  assert.deepEqual([removed?.backend, removed?.from, removed?.to, removed?.code], [
    "b2",
    "up",
    "removed",
    "removed",
  ]);
  assert.deepEqual(removed?.effects, [
    { frontend: "www", pool: "primary", weightBefore: 50, weightAfter: 0, flush: true },
  ]);
  assert.equal(world.tracker.entry("b2"), null);
  assert.ok(world.counted.includes("forget b2"));
  const event = world.events.find((e) => e.kind === "backend");
  assert.deepEqual(event?.kind === "backend" ? event.frontends : null, ["www"]);
});

Deno.test("a name that comes back is a new backend, and meets no report of its former life", () => {
  using world = running();
  const old = world.prober.targets.get("b2")?.generation ?? 0;
  world.tracker.reload(config(withBackends(...parts.backends.filter((b) => b.name !== "b2"))), null);
  world.tracker.reload(config(parts), null);
  world.tracker.report([{ backend: "b2", generation: old, result: result("L4OK"), nextDueAt: 0 }]);
  assert.equal(world.state("b2"), "unknown");
  assert.deepEqual(world.tracker.entry("b2")?.history, []);
});

const edits: readonly (readonly [string, ConfigParts])[] = [
  ["interval", withCheck(tcpCheck("web", { intervalMs: 9_000 }))],
  ["timeout", withCheck(tcpCheck("web", { timeoutMs: 9 }))],
  ["fall", withCheck(tcpCheck("web", { fall: 5 }))],
  ["source", withCheck({ ...tcpCheck("web"), probeIpv4Src: parts.backends[0]?.address ?? null })],
  ["type", withCheck({ ...tcpCheck("web"), type: "icmp", port: null, params: null })],
  ["port", withCheck({ ...tcpCheck("web"), type: "tcp", port: 81, params: { tls: null } })],
];
for (const [key, edited] of edits) {
  Deno.test(`a health check whose ${key} changed: probed anew at once, state stays, no weight moves`, () => {
    using world = running();
    const generation = world.prober.targets.get("b1")?.generation ?? 0;
    const before = world.weights("www");
    world.tracker.reload(config(edited), alice);
    assert.deepEqual(world.prober.calls, ["start b1 b2"]);
    const target = world.prober.targets.get("b1");
    assert.ok(target && target.generation > generation && target.firstDelayMs === 0);
    assert.deepEqual(target.check, edited.checks?.[0]);
    assert.deepEqual(world.transitions(), []);
    assert.deepEqual(world.weights("www"), before);
    world.tracker.report([{ backend: "b1", generation, result: result("L4CON"), nextDueAt: 0 }]);
    assert.equal(world.counter("b1"), key === "fall" ? 6 : 4, "the old check's result is rejected");
  });
}

Deno.test("another network namespace is another check for everything that is probed", () => {
  using world = running({ ...parts, netns: "blue" });
  world.tracker.reload(config({ ...parts, netns: "red" }), alice);
  assert.deepEqual(world.prober.calls, ["start b1 b2 b3"]);
  assert.equal(world.prober.targets.get("b3")?.netns, "red");
  assert.deepEqual(world.transitions(), []);
});

Deno.test("a health check under another name that probes alike is the same check", () => {
  using world = running();
  const checks = [...parts.checks, tcpCheck("web2")];
  const backends = parts.backends.map((b) => b.name === "b1" ? backend("b1", "10.0.0.1", "web2") : b);
  world.tracker.reload(config({ ...parts, checks, backends }), alice);
  assert.deepEqual(world.prober.calls, []);
  assert.equal(world.tracker.entry("b1")?.check?.name, "web2");
});

Deno.test("changed check: the counter is full if up, 0 if down, its start if unknown, under the new rule", () => {
  using world = running();
  world.probe(["b2", "L4CON"], ["b1", "L4CON"]);
  for (let i = 0; i < 3; i++) world.probe(["b2", "L4CON"]);
  world.probe(["b2", "L4OK"]);
  assert.deepEqual([world.state("b2"), world.counter("b2"), world.counter("b1")], ["down", 1, 3]);
  world.tracker.orders.act("b3", "pause", alice);
  world.tracker.orders.act("b3", "resume", alice);
  const checks = [tcpCheck("web", { rise: 4, fall: 6 }), tcpCheck("db", { rise: 7, fall: 2 })];
  world.tracker.reload(config({ ...parts, checks }), alice);
  assert.deepEqual(["b1", "b2", "b3"].map((b) => [world.state(b), world.counter(b)]), [
    ["up", 9],
    ["down", 0],
    ["unknown", 8],
  ]);
});

Deno.test("a health check edited while its backends are up lowers no weight before the new check has failed", () => {
  using world = running();
  world.tracker.reload(config(withCheck(tcpCheck("web", { fall: 2, timeoutMs: 100 }))), alice);
  assert.deepEqual(world.weights("www"), { b1: 100, b2: 50, b3: 0 });
  world.probe(["b1", "L4TOUT"]);
  assert.deepEqual(world.weights("www"), { b1: 100, b2: 50, b3: 0 });
  world.probe(["b1", "L4TOUT"]);
  assert.deepEqual(world.weights("www"), { b1: 0, b2: 50, b3: 0 });
});

Deno.test("a check taken away makes up static; a check given keeps up with a full counter", () => {
  using world = running();
  for (let i = 0; i < 3; i++) world.probe(["b1", "L4CON"]);
  world.told.length = 0;
  const without = parts.backends.map((b) => ({ ...b, healthcheck: null }));
  world.tracker.reload(config(withBackends(...without)), alice);
  assert.deepEqual(world.transitions(), ["b1 down>up static"], "b2 and b3 were up and stay so");
  assert.equal(world.prober.targets.size, 0);
  world.tracker.reload(config(parts), alice);
  assert.deepEqual(world.transitions(), ["b1 down>up static"]);
  assert.deepEqual(["b1", "b2", "b3"].map((b) => [world.state(b), world.counter(b)]), [["up", 4], ["up", 4], [
    "up",
    4,
  ]]);
  assert.equal(world.prober.targets.size, 3);
});

Deno.test("pause and disable stay over every kind of change, and send no probe", () => {
  using world = running();
  world.tracker.orders.act("b1", "pause", alice);
  world.tracker.orders.act("b2", "disable", alice);
  world.told.length = 0;
  world.prober.calls.length = 0;
  const edited = {
    ...parts,
    checks: [tcpCheck("web", { rise: 5 }), tcpCheck("db", { rise: 3, fall: 2 })],
    backends: [
      backend("b1", "10.0.1.1", "web"),
      backend("b2", "10.0.1.2", "web"),
      backend("b3", "10.0.0.3", "db"),
    ],
  };
  world.tracker.reload(config(edited), alice);
  assert.deepEqual(world.transitions(), []);
  assert.deepEqual(world.prober.calls, []);
  assert.deepEqual([world.state("b1"), world.state("b2")], ["paused", "disabled"]);
  world.tracker.orders.act("b1", "resume", alice);
  assert.equal(world.counter("b1"), 7, "rise 5, fall 3");
  assert.equal(world.prober.targets.get("b1")?.address, "10.0.1.1");
});

Deno.test("a backend moved between pools keeps its state, and the pools are judged anew", () => {
  using world = running();
  const after = frontend("www", "192.0.2.1", { primary: { b2: 50 }, fallback: { b1: 100, b3: 10 } });
  const outcome = world.tracker.reload(config(withFrontends(after, ...parts.frontends.slice(1))), alice);
  assert.deepEqual(outcome.transitions, []);
  assert.deepEqual(world.prober.calls, []);
  assert.deepEqual(world.weights("www"), { b2: 50, b1: 0, b3: 0 });
  assert.deepEqual(world.tracker.entry("b1")?.places, [{ frontend: "www", pool: "fallback" }]);
});

Deno.test("frontends come and go with their states", () => {
  using world = running();
  const third = frontend("third", "192.0.2.3", { only: { b1: 1 } });
  const outcome = world.tracker.reload(config(withFrontends(...parts.frontends.slice(1), third)), alice);
  assert.deepEqual(outcome.frontendChanges, [
    { frontend: "third", from: "unknown", to: "up", activePool: "only", reason: "reload" },
  ]);
  assert.equal(world.tracker.standing("www"), null);
  assert.equal(world.tracker.weights("www"), null);
  assert.equal(world.tracker.standing("third")?.state, "up");
});

Deno.test("run-time weights stay; one whose own value in the file changed ends, one without its member sleeps", () => {
  using world = running();
  world.tracker.orders.setWeight("www", "primary", "b1", 7, alice);
  world.tracker.orders.setWeight("www", "primary", "b2", 8, alice);
  world.tracker.orders.setWeight("other", "only", "b3", 9, alice);
  const after = withFrontends(frontend("www", "192.0.2.1", { primary: { b1: 80, b2: 50 } }));
  const { overrides } = world.tracker.reload(config(after), alice);
  assert.deepEqual(overrides.ended.map(({ cause, detail }) => [cause, detail]), [
    ["file", "weight of b1 in the file was 100 and is 80"],
  ]);
  assert.deepEqual(overrides.slept.map((one) => one.sleeping?.why), [
    "the configuration has no other/only/b3",
  ]);
  assert.deepEqual(world.weights("www"), { b1: 80, b2: 8 });
  const again = world.tracker.reload(config(after), alice);
  assert.deepEqual(again.overrides, unchanged(world.tracker.overrides.list));
  world.tracker.reload(config(parts), alice);
  assert.deepEqual([world.weights("www"), world.weights("other")], [{ b1: 100, b2: 8, b3: 0 }, { b3: 9 }]);
});

const off = withBackends(backend("b1", "10.0.0.1", "web", false), ...parts.backends.slice(1));

Deno.test("enabled: false newly written disables a running backend; written back it enables it", () => {
  using world = running();
  world.tracker.reload(config(off), alice);
  assert.deepEqual(world.transitions(), ["b1 up>disabled disabled"]);
  assert.deepEqual(world.prober.calls, ["stop b1"]);
  world.tracker.reload(config(parts), alice);
  assert.deepEqual(world.transitions(), ["b1 up>disabled disabled", "b1 disabled>unknown enabled"]);
});

Deno.test("enabled in the file is no order while the file says what it always said", () => {
  using world = running(off);
  world.tracker.orders.act("b1", "enable", alice);
  world.probe(["b1", "L4OK"]);
  world.tracker.orders.act("b2", "disable", alice);
  world.told.length = 0;
  world.tracker.reload(config(off), alice);
  assert.deepEqual(world.transitions(), []);
  assert.deepEqual([world.state("b1"), world.state("b2")], ["up", "disabled"]);
});

Deno.test("a shorter history is cut at once", () => {
  using world = running();
  for (let i = 0; i < 2; i++) {
    world.tracker.orders.act("b1", "pause", alice);
    world.tracker.orders.act("b1", "resume", alice);
  }
  world.tracker.reload(config({ ...parts, history: 2 }), alice);
  assert.deepEqual(world.tracker.entry("b1")?.history.map((t) => t.to), ["unknown", "paused"]);
});

Deno.test("2,000 backends, one changed: 1,999 are left untouched", () => {
  const many = Array.from({ length: 2_000 }, (_, i) => backend(`b${i}`, `10.1.${i >> 8}.${i & 255}`, "web"));
  const frontends = [
    frontend("www", "192.0.2.1", { only: Object.fromEntries(many.map((b) => [b.name, 1])) }),
  ];
  using world = running({ ...parts, backends: many, frontends });
  const before = new Map(world.prober.targets);
  const changed = many.map((b, i) => i === 777 ? backend(b.name, "10.99.0.1", "web") : b);
  world.tracker.reload(config({ ...parts, backends: changed, frontends }), alice);
  assert.deepEqual(world.prober.calls, ["start b777"]);
  assert.deepEqual(world.transitions(), ["b777 up>unknown reload"]);
  assert.equal(
    [...world.prober.targets].filter(([name, target]) => before.get(name) === target).length,
    1_999,
  );
});

Deno.test("a transition of a reload names the frontends that the backend leaves, too", () => {
  using world = running();
  const www = frontend("www", "192.0.2.1", { primary: { b2: 50 }, fallback: { b3: 10 } });
  const fresh = frontend("fresh", "192.0.2.4", { only: { b1: 8 } });
  const backends = [backend("b1", "10.0.9.1", null), ...parts.backends.slice(1)];
  world.probe(["b1", "L4CON"], ["b1", "L4CON"], ["b1", "L4CON"]);
  world.told.length = 0;
  world.tracker.reload(config({ ...parts, backends, frontends: [www, fresh] }), alice);
  const [told] = world.told.flatMap((t) => t.transitions);
  assert.deepEqual([told?.from, told?.to, told?.code], ["down", "up", "static"]);
  assert.deepEqual(told?.effects, [
    { frontend: "fresh", pool: "only", weightBefore: 0, weightAfter: 8, flush: false },
    { frontend: "www", pool: "primary", weightBefore: 0, weightAfter: 0, flush: false },
  ]);
});
