import type { Config } from "../../src/configuration.ts";
import { Core, setUp } from "../daemon/core.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";

/** A daemon whose backends are up, and its VPP in sync. */
export async function running(config: Config): Promise<{ core: Core; vpp: FakeBalancer }> {
  const core = new Core(config);
  const vpp = new FakeBalancer();
  setUp(vpp, config);
  core.reconciler.connected(vpp);
  await settle();
  core.probe(...[...core.prober.targets.keys()].map((name) => [name, "L4OK"] as const));
  await settle();
  await core.clock.advance(31_000);
  return { core, vpp };
}
