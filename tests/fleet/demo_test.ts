import assert from "node:assert/strict";
import type { Fleet } from "../../src/api/mod.ts";
import { systemClock } from "../../src/clock.ts";
import { Demo, freeAddress } from "../e2e/demo.ts";
import { test } from "./site.ts";

test("the demo with --nodes: two daemons of one fleet, and nothing is left", async () => {
  const listen = freeAddress();
  let folder = "";
  {
    await using demo = new Demo(["--listen", listen, "--nodes", "2"]);
    folder = /(\/\S+)$/.exec(await demo.next(/^Everything is up/))?.[1] ?? "";
    const [host, port] = listen.split(":");
    for (const api of [`http://${listen}`, `http://${host}:${Number(port) + 1}`]) {
      const ask = async (): Promise<Fleet> => await (await fetch(`${api}/v1/fleet`)).json();
      let fleet = await ask();
      // A row is in the store a moment after its daemon is ready, and nothing tells when.
      for (let tries = 0; fleet.nodes.length < 2 && tries < 300; tries++) {
        await systemClock.sleep(100);
        fleet = await ask();
      }
      assert.deepEqual([fleet.name, fleet.store], ["demo", "live"]);
      assert.deepEqual(fleet.nodes.map(({ config, node }) => `${node} ${config}`), ["lb1 same", "lb2 same"]);
    }
  }
  await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
});
