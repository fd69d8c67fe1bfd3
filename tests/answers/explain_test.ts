import assert from "node:assert/strict";
import { explainBackend, explainFrontend } from "../../src/answers/explain.ts";
import type { Explain } from "../../src/api/mod.ts";
import { explainFacts } from "../../src/daemon/explain.ts";
import { Core, coreConfig } from "../daemon/core.ts";
import { settle } from "../fake_clock.ts";
import { alice, backend, frontend } from "../health/kit.ts";
import { running } from "./running.ts";

const site = coreConfig({
  backends: [
    backend("b1", "10.0.0.1", "web"),
    backend("b2", "10.0.0.2", "web"),
    backend("s1", "10.0.0.9", null),
  ],
  frontends: [
    frontend("www", "192.0.2.1", { main: { b1: 100, b2: 50 }, spare: { s1: 10 } }),
    frontend("api", "192.0.2.2", { only: { b2: 20 } }),
  ],
});

const why = (core: Core, name: string): Explain =>
  explainFrontend(explainFacts(core), name) ?? assert.fail(name);
const whyBackend = (core: Core, name: string): Explain =>
  explainBackend(explainFacts(core), name, core.tracker.entry(name)?.frontends ?? []) ?? assert.fail(name);

async function down(core: Core, name: string): Promise<void> {
  for (let i = 0; i < 3; i++) core.probe([name, "L4CON"]);
  await settle();
}

Deno.test("the whole chain of a member that went down: results, pool, message, VPP", async () => {
  const { core } = await running(site);
  await using _ = core;
  await down(core, "b2");
  const { members, state, text } = why(core, "www");
  assert.equal(state, "up");
  assert.match(text, /^frontend www is up, new flows go to b1 \(weight 100\) in pool main/);
  const b2 = members.find((one) => one.backend === "b2") ?? assert.fail();
  const { in_vpp: has, ...chain } = b2;
  // The message went out after the read: the buckets are not known since.
  assert.deepEqual([has?.weight, has?.num_buckets], [0, null]);
  assert.ok((has?.read_at ?? "") <= (b2.sent?.at ?? ""));
  assert.deepEqual(chain, {
    frontend: "www",
    pool: "main",
    backend: "b2",
    in_use: true,
    pool_reason: "the first pool with a member that is up and has a weight",
    file_weight: 50,
    override: null,
    state: "down",
    state_reason: "3 failures in a row: L4CON detail of L4CON",
    state_since: "2026-01-01T00:00:31.000Z",
    effective_weight: 0,
    sent: {
      at: "2026-01-01T00:00:31.000Z",
      weight: 0,
      flush: true,
      retval: 0,
      reason: "backend b2 down",
    },
  });
  assert.equal(
    members.find((one) => one.backend === "s1")?.pool_reason,
    "pool main comes first and has b1",
  );
  await core.clock.advance(1_000);
  const read = why(core, "www").members.find((one) => one.backend === "b2")?.in_vpp;
  assert.ok(read !== undefined && read !== null && read.num_buckets === 0);
});

Deno.test("a pool that took over says what the pools before it lack", async () => {
  const { core } = await running(site);
  await using _ = core;
  await down(core, "b1");
  core.tracker.orders.act("b2", "pause", alice);
  core.reconciler.acted("b2", "pause");
  await settle();
  const { members, text } = why(core, "www");
  assert.match(
    text,
    /^frontend www is up, new flows go to s1 \(weight 10\) in pool spare; pool main has no member that is up and has a weight: b1 down, b2 paused/,
  );
  assert.deepEqual(members.map((one) => [one.backend, one.in_use, one.effective_weight]), [
    ["b1", false, 0],
    ["b2", false, 0],
    ["s1", true, 10],
  ]);
  assert.equal(
    members[0]?.pool_reason,
    "no member of it is up and has a weight: b1 down, b2 paused",
  );
  const paused = whyBackend(core, "b2");
  assert.match(
    paused.text,
    /^backend b2 is paused \(paused by .*alice.*\); it has/,
  );
  assert.deepEqual(paused.members.map((one) => [one.frontend, one.pool, one.override?.kind]), [
    ["www", "main", "pause"],
    ["api", "only", "pause"],
  ]);
  assert.equal(why(core, "api").state, "down");
  assert.match(why(core, "api").text, /^frontend api is down, no server takes new flows: b2 paused/);
});

Deno.test("a weight that an operator set: the file's, the override, and who set it", async () => {
  const { core } = await running(site);
  await using _ = core;
  await core.weigh("www", "main", "b1", 0);
  const [b1] = why(core, "www").members;
  assert.deepEqual(
    [b1?.file_weight, b1?.effective_weight, b1?.override?.weight, b1?.override?.by, b1?.sent?.reason],
    [100, 0, 0, "alice", "weight set by operator"],
  );
  assert.match(whyBackend(core, "b1").text, /weight 0 in www\/main, set by alice/);
});

Deno.test("what was heard since: a backend that is about to fall, and one that is about to rise", async () => {
  const { core } = await running(site);
  await using _ = core;
  core.probe(["b1", "L4CON"]);
  assert.match(
    whyBackend(core, "b1").members[0]?.state_reason ?? "",
    /L4OK.*; now 1 failure, the last L4CON detail of L4CON, 3 make it down$/,
  );
  await down(core, "b2");
  core.probe(["b2", "L4OK"]);
  assert.match(whyBackend(core, "b2").members[0]?.state_reason ?? "", /; since then 1 pass, 2 are needed$/);
});

Deno.test("what VPP refuses is told with its answer, and that it does not have it", async () => {
  const { core, vpp } = await running(site);
  await using _ = core;
  vpp.fail = () => -73;
  await down(core, "b2");
  const [, b2] = why(core, "www").members;
  assert.deepEqual([b2?.sent?.weight, b2?.sent?.retval, b2?.in_vpp?.weight], [0, -73, 50]);
  assert.match(why(core, "www").text, /; VPP does not have it so \(error/);
});

Deno.test("before the first verdict the witness is told; without VPP nothing of it is", async () => {
  await using core = new Core(site);
  const { members } = why(core, "www");
  assert.match(members[0]?.state_reason ?? "", /^no verdict yet; VPP had it with no weight/);
  assert.deepEqual(members.map((one) => [one.sent, one.in_vpp]), [[null, null], [null, null], [null, null]]);
  assert.equal(members[2]?.state_reason.startsWith("no health check"), true);
  assert.match(why(core, "www").text, /; VPP does not have it so \(VPP is not connected\)$/);
});

Deno.test("what left the configuration is forgotten, and an unknown name has no explanation", async () => {
  const { core } = await running(site);
  await using _ = core;
  const [www] = site.frontends.values();
  assert.ok(www);
  await core.reload(coreConfig({
    backends: [...site.backends.values()].filter(({ name }) => name !== "b2"),
    frontends: [frontend("www", "192.0.2.1", { main: { b1: 100 } })],
  }));
  assert.equal(core.reconciler.sent("www", site.backends.get("b2")?.address ?? assert.fail()), null);
  assert.ok(core.reconciler.sent("www", site.backends.get("b1")?.address ?? assert.fail()) !== null);
  assert.equal(explainFrontend(explainFacts(core), "api"), null);
  assert.equal(explainBackend(explainFacts(core), "b2", []), null);
});

Deno.test("an explanation reads nothing of VPP", async () => {
  const { core, vpp } = await running(site);
  await using _ = core;
  const reads = vpp.reads.length;
  why(core, "www");
  whyBackend(core, "b1");
  await settle();
  assert.equal(vpp.reads.length, reads);
});
