/** Operations that need VPP, on the daemon and a simulated one: answers while it is there, away, or unwilling. */
import assert from "node:assert/strict";
import type {
  Backend,
  Frontend,
  LbCounters,
  LbState,
  Plan,
  Problem,
  Ready,
  SyncResult,
  Table,
  VppInfo,
  Whereis,
} from "../../src/api/mod.ts";
import { ip } from "../../src/net/ip.ts";
import { judges, loadDocument } from "../routes/document.ts";
import { Backends, Vpp, wwwConfig } from "../e2e/world.ts";
import { fasterClock, Inside } from "./inside.ts";

const weightPath = "/v1/frontends/www/pools/primary/backends/b1/weight";

/** All backends are up and VPP has what it should. */
async function settled(inside: Inside): Promise<void> {
  for (const name of ["b1", "b2", "b3"]) {
    await inside.logged((l) => l.msg === "backend-transition" && l.backend === name && l.to === "up");
  }
  // A sync of one VIP may still be on its way; one that is asked for comes after it.
  await inside.send("POST", "/v1/vpp/lb/sync", {});
  await inside.synced();
  await inside.until(async () => {
    const { pools } = await inside.json<Frontend>("/v1/frontends/www");
    return pools[0]?.backends[0]?.num_buckets === null ? undefined : true;
  }, "shares as read from VPP");
}

async function start(net: string, vpp: Vpp, servers: Backends, more = ""): Promise<Inside> {
  return await Inside.start({
    config: wwwConfig(net, servers.port, more),
    vpp: vpp.paths,
    clock: fasterClock(2),
  });
}

Deno.test("a weight set while VPP is away is answered at once as pending, and told when VPP is back", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.80");
  await using inside = await start("77.80", vpp, servers);
  await settled(inside);
  await vpp.simulator.kill();
  await inside.logged("vpp-disconnect");
  assert.equal((await inside.json<Frontend>("/v1/frontends/www")).vpp, "disconnected");
  const set = await inside.send<Frontend>("PUT", weightPath, { weight: 10, flush: true });
  assert.equal(set.vpp, "pending");
  assert.equal(set.pools[0]?.backends[0]?.weight, 10);
  assert.equal(set.pools[0]?.backends[0]?.num_buckets, null);
  assert.equal((await inside.json<Frontend>("/v1/frontends/www")).vpp, "pending");
  await vpp.simulator.restart();
  await inside.synced();
  const { vips } = await inside.json<LbState>("/v1/vpp/lb/state?frontend=www");
  assert.deepEqual(vips[0]?.application_servers.map((server) => server.weight), [10, 50, 0]);
  assert.equal((await inside.json<Frontend>("/v1/frontends/www")).vpp, "in-sync");
});

Deno.test("a weight set while VPP does not answer is pending after the deadline, not lost", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.81");
  await using inside = await start("77.81", vpp, servers);
  await settled(inside);
  {
    using _mute = vpp.simulator.faults.add({ on: "lb_as_set_weight", outcome: { kind: "ignore" } });
    assert.equal((await inside.send<Frontend>("PUT", weightPath, { weight: 10 })).vpp, "pending");
  }
  await inside.logged("vpp-disconnect");
  await inside.synced();
  const { vips } = await inside.json<LbState>("/v1/vpp/lb/state");
  assert.equal(vips[0]?.application_servers[0]?.weight, 10);
});

Deno.test("what VPP refuses to a sync is 502 with the result, and to a read 503 with VPP's words", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.82");
  await using inside = await start("77.82", vpp, servers);
  await settled(inside);
  vpp.simulator.faults.add({ on: "lb_as_set_weight", outcome: { kind: "retval", retval: -6 }, times: 1 });
  vpp.simulator.faults.add({ on: "lb_as_set_weight", outcome: { kind: "retval", retval: -97 }, times: 2 });
  const lb = vpp.simulator.vpp.lb;
  // Somebody else changed VPP by hand.
  const drift = { pfx: "198.51.100.10/32", protocol: 6, port: 80, weight: 7, is_flush: false } as const;
  const key = { ...drift, as_address: "127.77.82.1" };
  assert.equal(lb.lb_as_set_weight(key as Parameters<typeof lb.lb_as_set_weight>[0]), 0);
  const mark = inside.log.length;
  const problem = await inside.send<Problem>("POST", "/v1/vpp/lb/sync", {}, 502);
  assert.equal(problem.type, "urn:maglev:problem:vpp-refused");
  const { sync } = problem;
  assert.ok(sync !== undefined);
  assert.deepEqual([sync.scope, sync.done, sync.failed, sync.skipped], ["all", 0, 1, 0]);
  const [change] = sync.changes;
  assert.deepEqual([change?.kind, change?.backend, change?.status, change?.reason], [
    "as_weight_updated",
    "b1",
    "failed",
    "drift",
  ]);
  assert.ok((change?.retval ?? 0) < 0 && (change?.error ?? "").startsWith("VNET_API_ERROR_"));
  assert.equal(
    inside.log.slice(mark).filter((line) => line.msg === "api-change").length,
    0,
    "nothing changed",
  );
  await inside.synced();
  using _deaf = vpp.simulator.faults.add({ on: "lb_conf_get", outcome: { kind: "retval", retval: -9 } });
  for (const path of ["/v1/vpp/lb/state", "/v1/vpp/lb/state?frontend=www", "/v1/vpp/lb/plan"]) {
    const unread = await inside.json<Problem>(path, {}, 503);
    assert.equal(unread.type, "urn:maglev:problem:vpp-unavailable");
    assert.match(unread.detail, /lb_conf_get: VNET_API_ERROR_UNIMPLEMENTED/);
  }
});

Deno.test("a plan's digest: the same until something changes; another one is 409 with the digest now", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.83");
  await using inside = await start("77.83", vpp, servers);
  await settled(inside);
  const empty = await inside.json<Plan>("/v1/vpp/lb/plan");
  assert.deepEqual([empty.scope, empty.frontend, empty.changes], ["all", null, []]);
  assert.equal((await inside.json<Plan>("/v1/vpp/lb/plan")).digest, empty.digest);
  const problem = await inside.send<Problem>("POST", "/v1/vpp/lb/sync", { plan_digest: "0".repeat(16) }, 409);
  assert.equal(problem.type, "urn:maglev:problem:plan-changed");
  assert.equal(problem.plan_digest, empty.digest);
  const done = await inside.send<SyncResult>("POST", "/v1/vpp/lb/sync", { plan_digest: empty.digest });
  assert.deepEqual([done.digest, done.done, done.changes], [empty.digest, 0, []]);
  const one = await inside.json<Plan>("/v1/vpp/lb/plan?frontend=www");
  assert.deepEqual([one.scope, one.frontend], ["vip", "www"]);
  for (const path of ["/v1/vpp/lb/plan?frontend=ww", "/v1/vpp/lb/state?frontend=ww"]) {
    assert.match((await inside.json<Problem>(path, {}, 404)).detail, /did you mean "www"/);
  }
  assert.match(
    (await inside.send<Problem>("POST", "/v1/vpp/lb/sync", { frontend: "ww" }, 404)).detail,
    /no frontend "ww"/,
  );
});

Deno.test("while the warm-up holds: VIPs that VPP lacks are an empty list, and everything says so", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.84");
  const config = wwwConfig("77.84", servers.port).replaceAll("delay: 0s", "delay: 10m");
  await using inside = await Inside.start({ config, vpp: vpp.paths });
  await inside.logged("vpp-connect");
  await inside.logged((l) => l.msg === "backend-transition" && l.backend === "b1" && l.to === "up");
  assert.deepEqual((await inside.json<LbState>("/v1/vpp/lb/state?frontend=www")).vips, []);
  const unready = await inside.json<Problem>("/readyz", {}, 503);
  assert.equal(unready.readiness?.vpp, "warming-up");
  const { warmup } = await inside.json<{ warmup: Record<string, unknown> }>("/v1/info");
  assert.deepEqual([warmup.phase, warmup.held_frontends], ["hold", ["www"]]);
  assert.equal((await inside.json<Frontend>("/v1/frontends/www")).vpp, "held");
  const plan = await inside.json<Plan>("/v1/vpp/lb/plan");
  assert.ok(plan.changes.length > 0 && plan.changes.every((change) => change.held === "warm-up"));
  assert.deepEqual(vpp.changes(), []);
});

Deno.test("switched off: what needs VPP is 503 with Retry-After, everything else works, and it is ready", async () => {
  await using servers = new Backends("77.85");
  await using inside = await Inside.start({ config: wwwConfig("77.85", servers.port), vpp: null });
  await inside.logged((l) => l.msg === "backend-transition" && l.backend === "b1" && l.to === "up");
  for (const path of ["/v1/vpp/info", "/v1/vpp/lb/state", "/v1/vpp/lb/counters", "/v1/vpp/lb/plan"]) {
    const answer = await inside.ask(path);
    assert.equal(answer.status, 503, path);
    assert.equal(answer.headers.get("retry-after"), "5");
    const { type, detail }: Problem = await answer.json();
    assert.equal(type, "urn:maglev:problem:vpp-unavailable");
    assert.match(detail, /switched off/, path);
  }
  assert.match(
    (await inside.send<Problem>("POST", "/v1/vpp/lb/sync", undefined, 503)).detail,
    /switched off/,
  );
  const frontend = await inside.send<Frontend>("PUT", weightPath, { weight: 3 });
  assert.deepEqual([frontend.vpp, frontend.pools[0]?.backends[0]?.effective_weight], ["off", 3]);
  assert.deepEqual(await inside.json<Ready>("/readyz"), {
    ready: true,
    problems: [],
    config: true,
    probes: "running",
    vpp: "off",
  });
});

Deno.test("whereis and table tell what VPP does, under assumptions too, and change nothing", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.86");
  await using inside = await start("77.86", vpp, servers);
  await settled(inside);
  const before = vpp.changes().length;
  const table = await inside.json<Table>("/v1/frontends/www/table?buckets=true");
  assert.deepEqual([table.assumed, table.compared_to_now, table.table_length], [false, null, 4096]);
  assert.equal(table.buckets?.length, 4096);
  const state = await inside.json<LbState>("/v1/vpp/lb/state?frontend=www");
  assert.deepEqual(
    table.servers.map(({ address, num_buckets }) => [address, num_buckets]),
    state.vips[0]?.application_servers.map(({ address, num_buckets }) => [address, num_buckets]),
    "the model counts the buckets that VPP reports",
  );
  const assumed = await inside.json<Table>(
    "/v1/frontends/www/table?state=b1:down&state=b2:down&weight=b3:20",
  );
  assert.equal(assumed.assumed, true);
  assert.deepEqual(assumed.servers.map(({ backend, weight, share }) => [backend, weight, share]), [
    ["b1", 0, 0],
    ["b2", 0, 0],
    ["b3", 20, 1],
  ]);
  assert.equal(assumed.compared_to_now?.moved_buckets, 4096);
  for (let port = 40000; port < 40020; port++) {
    const found = await inside.json<Whereis>(
      `/v1/frontends/www/whereis?client=192.0.2.7&client_port=${port}`,
    );
    assert.deepEqual(found.now, found.after_plan);
    const server = vpp.simulator.forward({
      client: ip("192.0.2.7"),
      clientPort: port,
      vip: ip("198.51.100.10"),
      port: 80,
      protocol: 6,
    });
    assert.equal(found.now?.address, server);
  }
  assert.equal(vpp.changes().length, before);
});

Deno.test("weights that VPP has and no configuration can have fit the contract", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.88");
  const { lb } = vpp.simulator.vpp;
  const key = { pfx: "198.51.100.10/32", protocol: 6, port: 80 } as const;
  {
    await using inside = await start("77.88", vpp, servers);
    await settled(inside);
  }
  lb.lb_as_set_weight({ ...key, as_address: ip("127.77.88.1"), weight: 255, is_flush: false });
  // Nothing answers: what VPP has decides for backends that no probe has judged.
  const config = wwwConfig("77.88", servers.port).replace("healthcheck: web", "healthcheck: far")
    .replace(
      "  backends:",
      "    far: { type: tcp, port: 1, timeout: 1h, probe-ipv4-src: 192.0.2.1 }\n  backends:",
    );
  await using inside = await Inside.start({ config, vpp: vpp.paths });
  await inside.synced();
  const document = judges(await loadDocument());
  const look = async (path: string, component: string) => {
    const body = await inside.json<Record<string, unknown>>(path);
    assert.equal(document(["components", "schemas", component])(body), null, path);
    return JSON.stringify(body);
  };
  assert.match(await look("/v1/vpp/lb/state", "LbState"), /"weight":255/);
  assert.match(await look("/v1/frontends/www", "Frontend"), /"effective_weight":255/);
  assert.match(await look("/v1/frontends/www/table", "Table"), /"weight":255/);
  await inside.send<Backend>("POST", "/v1/backends/b1/pause");
  assert.match(await look("/v1/backends/b1", "Backend"), /"weight_before":255/);
});

Deno.test("VPP's version and counters, and what of them is known when", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.87");
  await using inside = await start("77.87", vpp, servers);
  await settled(inside);
  const info = await inside.json<VppInfo>("/v1/vpp/info");
  assert.equal(info.version, "26.10-rc0~simulated");
  assert.equal(info.boottime_ns, `${vpp.simulator.bootTime}000000000`);
  assert.ok(Number(info.connecttime_ns) >= Number(info.boottime_ns));
  const counters = await inside.until(async () => {
    const read = await inside.json<LbCounters>("/v1/vpp/lb/counters");
    // The first reading may come before VPP was asked for the place of the new VIP's counters.
    return read.vips.length === 0 ? undefined : read;
  }, "counters");
  assert.deepEqual(counters.vips.map((vip) => [vip.frontend, vip.prefix, vip.protocol, vip.port]), [
    ["www", "198.51.100.10/32", "tcp", 80],
  ]);
  assert.deepEqual(counters.servers.map((server) => server.backend).sort(), ["b1", "b2", "b3"]);
  assert.deepEqual(counters.servers[0]?.vips.map((vip) => vip.frontend), ["www"]);
  await vpp.simulator.kill();
  await inside.logged("vpp-disconnect");
  const gone = await inside.json<Problem>("/v1/vpp/lb/counters", {}, 503);
  assert.match(gone.detail, /not connected/);
  await vpp.simulator.restart();
  await inside.synced();
  const paused = await inside.send<Backend>("POST", "/v1/backends/b1/pause");
  assert.equal(paused.state, "paused");
});
