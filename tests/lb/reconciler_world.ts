/**
 * What the tests of the reconciler share.
 *
 * @module
 */
import type { ActualVip } from "../../src/model.ts";
import type { Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { config, frontend, TestWorld } from "./setup.ts";

/** Weights by address. */
export const weights = (vip: ActualVip | null) =>
  Object.fromEntries((vip?.servers ?? []).map((server) => [server.address, server.weight]));

/** Two frontends that share a backend. */
export const pair = [
  frontend("web", { primary: { b1: 100, b2: 50 } }),
  frontend("mail", { primary: { b1: 1, b3: 1 } }, { address: ip("192.0.2.2"), port: 25 }),
];

/** A daemon in sync with its VPP; what it sent so far is forgotten. */
export async function running(frontends: readonly Frontend[] = pair) {
  const world = new TestWorld(config(frontends));
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  // The VIPs that the first sync made are read a second later.
  await world.clock.advance(1_000);
  vpp.ops.length = vpp.reads.length = vpp.writes.length = 0;
  world.log.records.length = 0;
  return { world, vpp };
}
