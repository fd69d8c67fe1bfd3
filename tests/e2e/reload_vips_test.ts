/** Reloads of a running daemon: names and VIPs that change, and a VPP that is away meanwhile. */
import assert from "node:assert/strict";
import { backend, onSite, synced } from "./reload_site.ts";

Deno.test("reload: backends, pools and frontends that only change their names change nothing in VPP", async () => {
  await onSite("77.45", async ({ config, daemon, log, told }) => {
    const renamed = config.replaceAll("b1:", "c1:").replace("www:", "web:").replace(
      "name: primary",
      "name: first",
    );
    const { changes } = await daemon.reload(renamed);
    assert.deepEqual(
      changes.map(({ change, effect, name, object }) => `${object} ${name} ${change}: ${effect}`),
      [
        "backend c1 changed: was b1; state and history stay",
        "frontend web added: its VIP is added to VPP",
        "frontend www removed: its VIP is deleted from VPP",
      ],
    );
    assert.deepEqual(told(), []);
    assert.equal(backend(daemon, "c1").state, "up");
    assert.deepEqual(backend(daemon, "c1").transitions.map(({ to }) => to), ["up"]);
    assert.deepEqual(daemon.transitions(log), []);
    await synced(daemon);
    assert.deepEqual(told(), []);
  });
});

Deno.test("reload: a frontend on another address: the new VIP is complete before the old one goes", async () => {
  await onSite("77.46", async ({ config, daemon, told, vpp }) => {
    const two = config.replace(
      "  frontends:\n",
      "  frontends:\n    other: { address: 198.51.100.11, pools: [{ name: p, backends: { b3: {} } }] }\n",
    );
    await daemon.reload(two);
    const sofar = told().length;
    await daemon.reload(two.replace("198.51.100.10", "198.51.100.12"));
    assert.deepEqual(told().slice(sofar), [
      "vip-add 198.51.100.12/32",
      "add 127.77.46.1 100",
      "add 127.77.46.2 50",
      "add 127.77.46.3 0",
      "vip-flush 198.51.100.10/32",
      "vip-delete 198.51.100.10/32",
    ]);
    assert.deepEqual(Object.values(vpp.weights("198.51.100.12")), [100, 50, 0]);
  });
});

Deno.test("reload: new backends are probed at once, and go to a VPP that was away when it is back", async () => {
  await onSite("77.47", async ({ clock, config, daemon, log, servers, vpp }) => {
    servers.start("127.77.47.4");
    await vpp.simulator.kill();
    await daemon.logged(({ msg }) => msg === "vpp-disconnect", log);
    const more = config.replace("    b3:", "    b4: { address: 127.77.47.4, healthcheck: rare }\n    b3:")
      .replace("{ b3: {} }", "{ b3: {}, b4: {} }")
      .replace(
        "  backends:\n",
        `    rare: { type: tcp, port: ${servers.port}, interval: 1h }\n  backends:\n`,
      );
    const { sync } = await daemon.reload(more);
    assert.equal(sync, null);
    await daemon.became("b4", "up", log);
    await vpp.simulator.restart();
    clock.jump(6_000);
    await daemon.logged(
      ({ failed, msg, scope }) => msg === "vpp-lbsync-done" && scope === "all" && failed === 0,
      log,
    );
    assert.deepEqual(Object.values(vpp.weights()), [100, 50, 0, 0]);
  });
});

Deno.test("reload: while a new address says nothing all else goes on; its verdict swaps the servers", async () => {
  await onSite("77.48", async ({ config, daemon, log, servers, told, vpp }) => {
    servers.startSilent("127.77.48.4");
    const patient = config.replace("127.77.48.1, healthcheck: web", "127.77.48.4, healthcheck: patient")
      .replace(
        "  backends:\n",
        `    patient: { type: http, port: ${servers.port}, interval: 100ms, timeout: 2s, fall: 1 }\n  backends:\n`,
      );
    const { sync } = await daemon.reload(patient);
    assert.deepEqual(sync?.changes, []);
    assert.equal(daemon.control.frontend("www")?.vpp, "in-sync");
    await daemon.act("b2", "disable");
    await daemon.logged(({ msg }) => msg === "vpp-lbsync-as-weight", log);
    await daemon.sync("www");
    assert.deepEqual(told(), ["weight 127.77.48.2 0 flush"]);
    assert.equal(vpp.weights()["127.77.48.1"], 100);
    const state = await daemon.control.lbState("www");
    assert.ok(state.ok);
    assert.ok(
      state.value.vips[0]?.application_servers.some((server) =>
        server.address === "127.77.48.1" && server.backend === "b1"
      ),
    );
    await daemon.logged(({ msg }) => msg === "vpp-lbsync-as-del", log);
    assert.deepEqual(told().slice(1), [
      "weight 127.77.48.3 100",
      "add 127.77.48.4 0",
      "delete 127.77.48.1 flush",
    ]);
    assert.deepEqual(daemon.transitions(log), [
      "b1 up>unknown reload",
      "b2 up>disabled disabled",
      "b1 unknown>down L7TOUT",
    ]);
  });
});
