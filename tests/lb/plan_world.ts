/**
 * What the tests of plans share.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Change } from "../../src/api/mod.ts";
import type { Op } from "../../src/lb/balancer.ts";
import { changesOf } from "../../src/lb/report.ts";
import type { Frontend, LbSettings } from "../../src/configuration.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer, type PlacedVip } from "./fake_balancer.ts";
import { backend, config, frontend, type Pools, TestWorld } from "./setup.ts";

/** A VIP as others made it. */
export const placed = (more: Partial<PlacedVip> = {}): PlacedVip => ({
  prefix: "192.0.2.1/32",
  protocol: 6,
  port: 80,
  encap: "gre4",
  srcIpSticky: false,
  tableLength: 1024,
  index: 1,
  servers: [{ address: backend("b1").address, weight: 100 }],
  ...more,
});
/** Kinds of what was sent. */
export const kinds = (ops: readonly Op[]) => ops.map((op) => op.kind);
/** Changes in words. */
export const brief = (changes: readonly Change[]) =>
  changes.map((c) =>
    [c.kind, c.prefix, c.port, c.address, c.held].filter((field) => field !== null).join(" ")
  );

/** The plan now. */
export async function changes(world: TestWorld, name: string | null = null): Promise<Change[]> {
  const planned = await world.reconciler.plan(name);
  assert.ok(planned.ok);
  return changesOf(planned.value.plan);
}

/** A daemon in sync with its VPP; what it sent so far is forgotten. */
export async function running(frontends: readonly Frontend[], lb: Partial<LbSettings> = {}) {
  const world = new TestWorld(config(frontends, lb));
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  vpp.ops.length = vpp.reads.length = vpp.writes.length = 0;
  return { world, vpp };
}

/** Runs another configuration, whose new backends are up. */
export async function reload(world: TestWorld, frontends: readonly Frontend[], lb: Partial<LbSettings> = {}) {
  world.config = config(frontends, lb);
  for (const name of world.config.backends.keys()) {
    if (!world.states.has(name)) world.states.set(name, { state: "up", known: true });
  }
  return await world.reconciler.reloaded();
}

/** The frontend `web`. */
export const web = (pools: Pools = { primary: { b1: 100 } }, more: Partial<Frontend> = {}) =>
  frontend("web", pools, more);
/** Pools of servers with IPv6 addresses. */
export const six = { primary: { c1: 100 } };
