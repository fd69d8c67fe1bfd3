import assert from "node:assert/strict";
import type { Backend, ConfigReload, Frontend, Plan, Problem, Ready, SyncResult } from "../../src/api/mod.ts";
import { TestDaemon } from "./harness.ts";
import { Backends, ready, Vpp, weightsInVpp, wwwConfig } from "./world.ts";

/** Resolves when a sync after `from` has told VPP that a backend's weight is `to`. */
async function weightTold(daemon: TestDaemon, backend: string, to: number, from: number): Promise<void> {
  await daemon.logged(
    (line) =>
      line.msg === "vpp-lbsync-as-weight" && line.backend === backend && line.to === to && line.retval === 0,
    from,
  );
}

/** Resolves when frontend www carries what three healthy servers should carry. */
async function settled(daemon: TestDaemon): Promise<void> {
  for (const backend of ["b1", "b2", "b3"]) {
    await daemon.logged((line) =>
      line.msg === "backend-transition" && line.backend === backend && line.to === "up"
    );
  }
  await daemon.send<SyncResult>("POST", "/v1/vpp/lb/sync", {});
}

Deno.test("a backend that dies loses its weight in VPP, and gets it back when it returns", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.1");
  await using daemon = await ready({ config: wwwConfig("77.1", servers.port), vpp: vpp.paths });
  await settled(daemon);
  assert.deepEqual(await weightsInVpp(daemon, "www"), [100, 50, 0]);

  let mark = daemon.log.length;
  await servers.at(1).stop();
  await weightTold(daemon, "b1", 0, mark);
  assert.deepEqual(await weightsInVpp(daemon, "www"), [0, 50, 0]);
  const told = daemon.log.find((line) => line.msg === "vpp-lbsync-as-weight" && line.to === 0);
  assert.equal(told?.flush, true);
  assert.equal(told?.reason, "backend b1 down");

  mark = daemon.log.length;
  await servers.at(2).stop();
  await weightTold(daemon, "b3", 100, mark);
  await weightTold(daemon, "b2", 0, mark);
  assert.deepEqual(await weightsInVpp(daemon, "www"), [0, 0, 100]);
  // The reserve carries before the last primary is let go.
  const order = daemon.log.slice(mark).filter((l) => l.msg === "vpp-lbsync-as-weight").map((l) => l.backend);
  assert.deepEqual(order.slice(0, 2), ["b3", "b2"]);

  mark = daemon.log.length;
  servers.at(1).start();
  await weightTold(daemon, "b1", 100, mark);
  await weightTold(daemon, "b3", 0, mark);
  assert.deepEqual(await weightsInVpp(daemon, "www"), [100, 0, 0]);
  const plan = await daemon.get<Plan>("/v1/vpp/lb/plan");
  assert.deepEqual(plan.changes.filter((change) => change.held === null), []);
});

Deno.test("a paused backend is not probed, and neither is a disabled one", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.2");
  await using daemon = await ready({ config: wwwConfig("77.2", servers.port), vpp: vpp.paths });
  await settled(daemon);
  const pass = async (action: string, to: string, weight: number) => {
    const mark = daemon.log.length;
    const backend = await daemon.send<Backend>("POST", `/v1/backends/b1/${action}`);
    assert.equal(backend.state, to);
    await weightTold(daemon, "b1", weight, mark);
    const before = servers.at(1).requests.length;
    // Rounds of the others are more than the paused one's own interval.
    await servers.at(2).more(6);
    // The one that was under way had sent its request; the server may have counted it since.
    assert.ok(servers.at(1).requests.length <= before + 1, `no probe while ${to}`);
  };
  await pass("pause", "paused", 0);
  assert.equal((await daemon.send<Problem>("POST", "/v1/backends/b1/enable")).type, undefined);
  let mark = daemon.log.length;
  assert.equal((await daemon.send<Backend>("POST", "/v1/backends/b1/resume")).state, "unknown");
  await weightTold(daemon, "b1", 100, mark);
  await pass("disable", "disabled", 0);
  const refused = await daemon.send<Problem>("POST", "/v1/backends/b1/resume", undefined, 409);
  assert.equal(refused.type, "urn:maglev:problem:conflict");
  mark = daemon.log.length;
  await daemon.send<Backend>("POST", "/v1/backends/b1/enable");
  await weightTold(daemon, "b1", 100, mark);
});

Deno.test("a run-time weight goes to VPP at once and outlives a reload", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.3");
  await using daemon = await ready({ config: wwwConfig("77.3", servers.port), vpp: vpp.paths });
  await settled(daemon);
  const path = "/v1/frontends/www/pools/primary/backends/b1/weight";
  const frontend = await daemon.send<Frontend>("PUT", path, { weight: 10 });
  assert.equal(frontend.pools[0]?.backends[0]?.effective_weight, 10);
  assert.deepEqual(await weightsInVpp(daemon, "www"), [10, 50, 0]);
  const reload = await daemon.send<ConfigReload>("POST", "/v1/config/reload");
  assert.deepEqual(reload.changes, []);
  assert.equal(reload.sync?.failed, 0);
  assert.deepEqual(await weightsInVpp(daemon, "www"), [10, 50, 0]);
});

Deno.test("a reload adds and removes; a wrong file changes nothing", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.4");
  const config = wwwConfig("77.4", servers.port);
  await using daemon = await ready({ config, vpp: vpp.paths });
  await settled(daemon);
  await Deno.writeTextFile(daemon.config, config.replace("weight: 50", "weight: 101"));
  const refused = await daemon.send<Problem>("POST", "/v1/config/reload", undefined, 422);
  assert.equal(refused.errors?.length, 1);
  assert.match(refused.errors?.[0]?.message ?? "", /100/);
  assert.deepEqual(await weightsInVpp(daemon, "www"), [100, 50, 0]);
  await Deno.writeTextFile(daemon.config, config.replace(", b2: { weight: 50 }", ""));
  const mark = daemon.log.length;
  daemon.kill("SIGHUP");
  await daemon.logged((line) => line.msg === "vpp-lbsync-as-del" && line.retval === 0, mark);
  assert.deepEqual(await weightsInVpp(daemon, "www"), [100, 0]);
});

Deno.test("a VPP that goes away is found again, and nothing is lost meanwhile", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.5");
  await using daemon = await ready({ config: wwwConfig("77.5", servers.port), vpp: vpp.paths });
  await settled(daemon);
  let mark = daemon.log.length;
  await vpp.simulator.kill();
  await daemon.logged((line) => line.msg === "vpp-disconnect", mark);
  const problem = await daemon.get<Problem>("/readyz", 503);
  assert.equal(problem.readiness?.vpp, "disconnected");
  await servers.at(1).stop();
  await daemon.logged((line) => line.msg === "backend-transition" && line.to === "down", mark);
  mark = daemon.log.length;
  await vpp.simulator.restart();
  await daemon.logged(
    (line) => line.msg === "vpp-lbsync-done" && line.scope === "all" && line.failed === 0,
    mark,
  );
  assert.deepEqual(await weightsInVpp(daemon, "www"), [0, 50, 0]);
  assert.equal((await daemon.get<Ready>("/readyz")).ready, true);
});

Deno.test("a restart of the daemon in an unchanged world sends VPP no change at all", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.6");
  const options = { config: wwwConfig("77.6", servers.port), vpp: vpp.paths };
  {
    await using first = await ready(options);
    await settled(first);
    first.kill("SIGTERM");
    assert.equal((await first.status()).code, 0);
  }
  const before = vpp.simulator.recorder.requests.length;
  await using second = await ready(options);
  await settled(second);
  assert.deepEqual(vpp.changes(before), []);
});

Deno.test("two daemons on one VPP: one works, the other says so and writes nothing", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.7");
  const options = { config: wwwConfig("77.7", servers.port), vpp: vpp.paths };
  await using first = await ready(options);
  await settled(first);
  const before = vpp.simulator.recorder.requests.length;
  await using second = await TestDaemon.start(options);
  await second.logged((line) => line.msg === "vpp-conflict");
  assert.deepEqual(vpp.changes(before), []);
  assert.equal((await first.get<Ready>("/readyz")).ready, true);
});
