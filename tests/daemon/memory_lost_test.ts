/** A daemon that finds its memory lost raises nothing for a while, and names what it raises then. */
import assert from "node:assert/strict";
import { stateName } from "../../src/memory/load.ts";
import { lbSettings, Vpp } from "../e2e/world.ts";
import { fasterClock, Inside } from "./inside.ts";

const config = `maglev:
${lbSettings}
  backends:
    b1: { address: 192.0.2.1 }
    b2: { address: 192.0.2.2 }
  frontends:
    www:
      address: 198.51.100.10
      protocol: tcp
      port: 80
      pools: [{ name: p, backends: { b1: {}, b2: {} } }]
`;

Deno.test("a server that an operator had disabled stays at 0 for a while after the loss, and is raised by name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "maglev-state-" });
  try {
    await using vpp = await Vpp.start();
    const args = ["--state-dir", folder];
    {
      await using inside = await Inside.start({ config, vpp: vpp.paths, args });
      await inside.synced();
      await inside.send("POST", "/v1/backends/b1/disable");
      await inside.until(() => vpp.weights()["192.0.2.1"] === 0 ? true : undefined, "weight 0");
    }
    for (const { name } of await Array.fromAsync(Deno.readDir(folder))) {
      if (name.startsWith(stateName)) await Deno.writeTextFile(`${folder}/${name}`, "rubbish");
    }
    await using inside = await Inside.start({ config, vpp: vpp.paths, args, clock: fasterClock(20) });
    const line = await inside.logged("memory-error");
    assert.deepEqual([line.level, /lost/.test(String(line.detail))], ["ERROR", true]);
    await inside.until(
      () => inside.daemon.control.frontend("www")?.vpp === "held" ? true : undefined,
      "the frontend is held",
    );
    assert.equal(vpp.weights()["192.0.2.1"], 0);
    const raised = await inside.logged((l) => l.msg === "memory-error" && l.level === "WARN");
    assert.deepEqual(raised.raised, ["www/b1 192.0.2.1: 0 to 100"]);
    assert.deepEqual(vpp.weights(), { "192.0.2.1": 100, "192.0.2.2": 100 });
    assert.equal(await Deno.readTextFile(`${folder}/state.json.damaged`), "rubbish");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
