import assert from "node:assert/strict";
import type { Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { frontend } from "./setup.ts";
import { brief, changes, kinds, placed, reload, running, web } from "./plan_world.ts";

Deno.test("an all-port VIP makes way for per-port ones before they are added, others go last", async () => {
  const others = [1, 2, 3].map((n) =>
    frontend(`f${n}`, { p: { b1: 1 } }, { address: ip(`192.0.2.${10 + n}`) })
  );
  const old = frontend("zz", { p: { b1: 1 } }, { address: ip("192.0.2.99") });
  const { world, vpp } = await running([web({ p: { b1: 1 } }, { protocol: "any", port: 0 }), old, ...others]);
  await using _ = world;
  await reload(world, [web(), frontend("tls", { p: { b1: 1 } }, { port: 443 }), ...others]);
  const steps = vpp.ops.map((op) =>
    op.kind === "conf-set" ? "" : `${op.kind} ${op.vip.prefix} ${op.vip.port}`
  );
  assert.deepEqual(steps.slice(0, 2), ["vip-flush 192.0.2.1/32 0", "vip-delete 192.0.2.1/32 0"]);
  assert.deepEqual(steps.slice(-2), ["vip-flush 192.0.2.99/32 80", "vip-delete 192.0.2.99/32 80"]);
  assert.deepEqual(vpp.refused, []);
  assert.deepEqual(await changes(world), []);
});

Deno.test("foreign VIPs go or stay as configured; stale ones always go", async () => {
  const others = [1, 2, 3].map((n) =>
    frontend(`f${n}`, { p: { b1: 1 } }, { address: ip(`192.0.2.${10 + n}`) })
  );
  const { world, vpp } = await running([web(), ...others], { foreignVips: "keep" });
  await using _ = world;
  vpp.place(placed({ prefix: "203.0.113.7/32" }));
  await world.clock.advance(30_000);
  assert.deepEqual(vpp.ops, []);
  assert.deepEqual(await changes(world), []);
  await reload(world, others, { foreignVips: "keep" });
  assert.deepEqual(kinds(vpp.ops), ["vip-flush", "vip-delete"]);
  await reload(world, others, { foreignVips: "delete" });
  assert.deepEqual(vpp.vips.map((vip) => vip.prefix).sort(), others.map((f) => `${f.address}/32`).sort());
});

Deno.test("a foreign VIP that is kept and in the way blocks its prefix, even for a digest", async () => {
  const { world, vpp } = await running([], { foreignVips: "keep" });
  await using _ = world;
  vpp.place(placed({ protocol: 255, port: 0 }));
  await reload(world, [web()], { foreignVips: "keep" });
  assert.deepEqual(vpp.ops, []);
  assert.equal(world.reconciler.standing("web"), "held");
  assert.equal(world.reconciler.overall, "out-of-sync");
  const [add] = await changes(world);
  assert.equal(add?.held, "foreign VIP 192.0.2.1/32 any 0 in the way");
  const [line] = world.log.named("vpp-lbsync-held");
  assert.deepEqual([line?.held, line?.digest], [add?.held, undefined], "no digest would send it");
  assert.match(String(line?.detail), /delete it in VPP/);
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  const synced = await world.reconciler.sync({ plan_digest: planned.value.plan.digest });
  assert.ok(synced.ok);
  assert.equal(synced.value.skipped, 2);
  assert.deepEqual(vpp.ops, []);
});

Deno.test("a one-VIP sync deletes no VIP; what is in its way goes by the full sync that follows", async () => {
  const others = [1, 2, 3].map((n) =>
    frontend(`f${n}`, { p: { b1: 1 } }, { address: ip(`192.0.2.${10 + n}`) })
  );
  const { world, vpp } = await running([web(), ...others]);
  await using _ = world;
  vpp.drop(world.key("web"));
  vpp.place(placed({ protocol: 255, port: 0 }));
  const synced = await world.reconciler.sync({ frontend: "web" });
  assert.ok(synced.ok);
  assert.ok(
    synced.value.changes.every((change) => change.kind !== "vip_removed" && change.status === "skipped"),
  );
  await settle();
  assert.deepEqual(kinds(vpp.ops), ["vip-flush", "vip-delete", "vip-add", "as-add"]);
  assert.deepEqual(vpp.refused, []);
});

const many = (count: number, from = 1): Frontend[] =>
  Array.from(
    { length: count },
    (_, index) => frontend(`f${from + index}`, { p: { b1: 1 } }, { address: ip(`192.0.2.${from + index}`) }),
  );

async function afterReload(before: number, kept: number, added: number) {
  const { world, vpp } = await running(many(before));
  const result = await reload(world, [...many(kept), ...many(added, 100)]);
  return { world, vpp, result };
}

for (
  const { before, kept, held } of [
    { before: 4, kept: 2, held: false },
    { before: 4, kept: 1, held: true },
    { before: 3, kept: 1, held: true },
    { before: 1, kept: 0, held: true },
    { before: 2, kept: 1, held: false },
  ]
) {
  Deno.test(`the brake: ${before - kept} of ${before} deletions are ${held ? "held" : "sent"}`, async () => {
    const { world, vpp, result } = await afterReload(before, kept, 0);
    await using _ = world;
    assert.equal(vpp.vips.length, held ? before : kept);
    assert.ok(result?.changes.every((change) => change.held === (held ? "mass deletion" : null)));
    const errors = world.log.records.filter((r) => r.msg === "vpp-lbsync-held" && r.level === "error");
    assert.equal(errors.length, held ? 1 : 0);
  });
}

Deno.test("the brake sends the rest, stays on while additions make deletions few, and a digest releases it", async () => {
  const { world, vpp } = await afterReload(4, 0, 20);
  await using _ = world;
  assert.equal(vpp.vips.length, 24);
  await world.clock.advance(120_000);
  assert.equal(vpp.vips.length, 24);
  assert.equal(world.reconciler.heldChanges, 4);
  const plain = await world.reconciler.sync({});
  assert.ok(plain.ok);
  assert.equal(vpp.vips.length, 24);
  const planned = await world.reconciler.plan(null);
  assert.ok(planned.ok);
  assert.ok((await world.reconciler.sync({ plan_digest: planned.value.plan.digest })).ok);
  assert.equal(vpp.vips.length, 20);
});

Deno.test("an addition that needs a braked deletion waits with it", async () => {
  const { world, vpp } = await running([web({ p: { b1: 1 } }, { protocol: "any", port: 0 })]);
  await using _ = world;
  await reload(world, [web()]);
  assert.deepEqual(vpp.ops, []);
  assert.deepEqual(brief(await changes(world)), [
    "vip_removed 192.0.2.1/32 0 mass deletion",
    "vip_added 192.0.2.1/32 80 mass deletion",
    "as_added 192.0.2.1/32 80 10.0.0.1 mass deletion",
  ]);
  assert.deepEqual(vpp.refused, []);
});

Deno.test("the log of a deletion says whose the VIP was: the frontend that had it last, or a stranger", async () => {
  const others = [1, 2, 3].map((n) =>
    frontend(`f${n}`, { p: { b1: 1 } }, { address: ip(`192.0.2.${10 + n}`) })
  );
  const { world, vpp } = await running([web(), ...others]);
  await using _ = world;
  vpp.place(placed({ prefix: "203.0.113.7/32" }));
  // The frontend is renamed, then removed: the last name counts.
  await reload(world, [{ ...web(), name: "shop" }, ...others]);
  await reload(world, others);
  const lines = world.log.named("vpp-lbsync-vip-del");
  assert.deepEqual(lines.map(({ frontend, origin, reason, vip }) => [vip, origin, frontend, reason]), [
    ["203.0.113.7/32", "foreign", null, "not in the configuration"],
    ["192.0.2.1/32", "stale", "shop", "not in the configuration"],
  ]);
});
