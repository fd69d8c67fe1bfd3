/** What is wrong, on the daemon and a simulated VPP: problems come, keep their time, and go. */
import assert from "node:assert/strict";
import type {
  ChangeEvent,
  CurrentProblem,
  Frontend,
  LbState,
  ProblemList,
  Ready,
} from "../../src/api/mod.ts";
import { ip } from "../../src/net/ip.ts";
import { Backends, Vpp, wwwConfig } from "../e2e/world.ts";
import { fasterClock, Inside } from "./inside.ts";

async function list(inside: Inside): Promise<CurrentProblem[]> {
  return (await inside.json<ProblemList>("/v1/problems")).problems;
}

/** Resolves with a problem of this kind. */
async function found(inside: Inside, kind: string, object?: string): Promise<CurrentProblem> {
  return await inside.until(
    async () =>
      (await list(inside)).find((one) =>
        one.kind === kind && (object === undefined || one.object === object)
      ),
    kind,
  );
}

/** Resolves when all backends are up and there is no problem. */
async function none(inside: Inside): Promise<void> {
  for (const name of ["b1", "b2", "b3"]) {
    await inside.logged((l) => l.msg === "backend-transition" && l.backend === name && l.to === "up");
  }
  await inside.synced();
  await inside.until(async () => (await list(inside)).length === 0 ? true : undefined, "no problem");
}

Deno.test("a server that stops, a weight, VPP that goes: each is a problem or a change event while it lasts", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.97");
  await using inside = await Inside.start({
    config: wwwConfig("77.97", servers.port),
    vpp: vpp.paths,
    clock: fasterClock(2),
  });
  const changes: ChangeEvent["what"][] = [];
  using _tap = inside.bus.tap((event) => {
    if (event.kind === "change") changes.push(event.what);
  });
  const told = (what: ChangeEvent["what"]) =>
    inside.until(() => changes.includes(what) ? true : undefined, `a change of ${what}`);
  await none(inside);
  const path = "/v1/frontends/www/pools/primary/backends/b1/weight";
  await inside.send("PUT", path, { weight: 40 });
  await told("weight");
  await told("sync");
  changes.length = 0;
  await servers.at(1).stop();
  const down = await found(inside, "backend-down", "b1");
  await told("problems");
  assert.match(down.text, /^backend b1 is down: L\d[A-Z]+ /);
  const { since } = await inside.json<{ since: string }>("/v1/backends/b1");
  assert.equal(down.since, since);
  const metrics = await (await inside.ask("/metrics")).text();
  assert.match(metrics, /^maglev_problems\{severity="warning"\} 1$/m);
  await vpp.simulator.kill();
  const gone = await found(inside, "vpp-gone");
  assert.equal((await list(inside))[0]?.kind, "vpp-gone", "worst first");
  const readiness = await inside.json<{ readiness: Ready }>("/readyz", {}, 503);
  assert.deepEqual(readiness.readiness.problems.map(({ kind }) => kind), ["vpp-gone", "backend-down"]);
  const again = await found(inside, "vpp-gone");
  assert.equal(again.since, gone.since);
  await vpp.simulator.restart();
  await inside.synced();
});

Deno.test("a weight changed by hand is drift for who looks, and mended within seconds", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.98");
  await using inside = await Inside.start({ config: wwwConfig("77.98", servers.port), vpp: vpp.paths });
  await none(inside);
  const { vips: [vip] } = await inside.json<LbState>("/v1/vpp/lb/state?frontend=www");
  const server = vip?.application_servers[0] ?? assert.fail();
  const retval = vpp.simulator.vpp.lb.lb_as_set_weight({
    pfx: vip?.prefix ?? "",
    protocol: 6,
    port: vip?.port ?? 0,
    as_address: ip(server.address),
    weight: 3,
    is_flush: false,
  });
  assert.equal(retval, 0);
  await inside.json<LbState>("/v1/vpp/lb/state");
  const shown = await inside.json<Frontend>("/v1/frontends/www");
  assert.equal(shown.vpp, "drift");
  assert.match(shown.vpp_detail, /has weight 3 instead of 100$/);
  const [drift] = await list(inside);
  assert.deepEqual([drift?.kind, drift?.object], ["drift", "www"]);
  assert.equal((await inside.json<Ready>("/readyz")).vpp, "in-sync");
  await none(inside);
  const { vips: [mended] } = await inside.json<LbState>("/v1/vpp/lb/state?frontend=www");
  assert.equal(mended?.application_servers[0]?.weight, server.weight);
});
