import assert from "node:assert/strict";
import { FrontendSyncs } from "../../src/lb/frontend_sync.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { running } from "./reconciler_world.ts";
import { config, frontend } from "./setup.ts";

const at = (name: string, host = 1) =>
  frontend(name, { primary: { b1: 100 } }, { address: ip(`192.0.2.${host}`) });

function observed() {
  const syncs = new FrontendSyncs();
  syncs.observe(config([at("web"), at("mail", 2)]), "waiting");
  return syncs;
}

Deno.test("a result reaches no record that changed since its plan, left, or came back", () => {
  const syncs = observed();
  const then = syncs.revisions(["web", "mail"]);
  assert.equal(syncs.current(then, "web"), syncs.get("web"));
  syncs.changed(syncs.some(["web"]));
  assert.equal(syncs.current(then, "web"), null);
  assert.equal(syncs.current(then, "mail"), syncs.get("mail"));
  syncs.observe(config([at("web")]), "brought");
  assert.equal(syncs.current(then, "mail"), null);
  syncs.observe(config([at("web"), at("mail", 2)]), "brought");
  assert.equal(syncs.current(then, "mail"), null, "another frontend of the same name");
  assert.equal(syncs.get("mail")?.release, "brought");
  const now = syncs.revisions(["mail"]);
  syncs.reloaded();
  assert.equal(syncs.current(now, "mail"), null);
  assert.equal(syncs.sameConfiguration(now), false);
});

Deno.test("whoever waits for a frontend that a reload removes is answered", async () => {
  const syncs = observed();
  const next = syncs.told("mail");
  syncs.observe(config([at("web")]), "brought");
  await next;
  await syncs.told("mail");
});

Deno.test("another name for a frontend keeps the flushes of its VIP; another VIP for its name has none", () => {
  const syncs = observed();
  syncs.flush("web", "b1", "down");
  syncs.observe(config([at("www"), at("mail", 2)]), "brought");
  assert.deepEqual(syncs.get("www")?.pendingFlushes.map(({ address }) => address), ["10.0.0.1"]);
  syncs.observe(config([at("www", 3), at("mail", 2)]), "brought");
  assert.deepEqual(syncs.get("www")?.pendingFlushes, []);
});

Deno.test("a frontend that a reload removes while its read fails leaves nothing behind", async () => {
  const two = [at("web"), at("mail", 2)];
  const { world, vpp } = await running(two);
  await using _ = world;
  vpp.poke(world.key("mail"), ip("10.0.0.1"), null);
  vpp.filterWorks = false;
  const open: (() => void)[] = [];
  vpp.readGate = () => new Promise((resolve) => open.push(resolve));
  world.reconciler.resync(["mail"]);
  await settle();
  world.config = config([at("web")]);
  const reloaded = world.reconciler.reloaded();
  vpp.readGate = () => Promise.resolve();
  open.forEach((answer) => answer());
  await reloaded;
  await world.clock.advance(60_000);
  assert.equal(world.reconciler.overall, "in-sync");
  assert.equal(world.reconciler.standing("mail"), "pending");
  assert.equal(world.reconciler.waiting, 1, "the interval alone");
});
