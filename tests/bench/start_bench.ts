/**
 * From the start of the process to `ready` with 100 backends, VPP off and on (both start-up delays 0, simulator).
 *
 * @module
 */
import { Vpp } from "../e2e/world.ts";
import { Crowd, crowdConfig, crowdDaemon, report } from "./many.ts";

await using crowd = await Crowd.start();
const config = crowdConfig(100, crowd.port);

async function start(vpp: Vpp | null): Promise<number> {
  const began = performance.now();
  await using daemon = await crowdDaemon(config, vpp?.paths ?? null);
  void daemon;
  return performance.now() - began;
}

const off: number[] = [];
const on: number[] = [];
for (let i = 0; i < 5; i++) {
  off.push(await start(null));
  await using vpp = await Vpp.start();
  on.push(await start(vpp));
}
report("start to ready, 100 backends, VPP off (limit 1000 ms)", off, "ms");
report("start to ready, 100 backends, simulator (limit 1000 ms)", on, "ms");
