/** Five whole daemons on one store: what an operator wants everywhere, and what becomes of it when something fails. */
import assert from "node:assert/strict";
import type { Backend, Fleet, LbState, Override, OverrideList, Problem } from "../../src/api/mod.ts";
import { Etcd } from "../../src/fleet/etcd.ts";
import { StoreError } from "../../src/fleet/store.ts";
import { systemClock } from "../../src/clock.ts";
import type { Inside } from "../daemon/inside.ts";
import { Cluster } from "./cluster.ts";
import { fleetIs, Site, test } from "./site.ts";

const five = ["lb1", "lb2", "lb3", "lb4", "lb5"];
const pausePath = "/v1/backends/b1/pause";

/** Starts so many nodes; all have what they should in VPP, and see each other. */
async function startAll(site: Site, names: readonly string[] = five): Promise<Inside[]> {
  const nodes = await Promise.all(names.map((name) => site.start(name)));
  await Promise.all(nodes.map(async (node) => {
    for (const backend of ["b1", "b2", "b3"]) {
      await node.logged((line) =>
        line.msg === "backend-transition" && line.backend === backend && line.to === "up"
      );
    }
    await node.synced();
    await fleetIs(node, ({ store }) => store === "live", "the store");
  }));
  return nodes;
}

function client(endpoints: readonly string[]): Etcd {
  return new Etcd({ endpoints, tls: null, user: null, deadlineMs: 4_000, clock: systemClock });
}

function all<T>(nodes: readonly Inside[], look: (node: Inside) => Promise<T>): Promise<T[]> {
  return Promise.all(nodes.map(look));
}

async function everywhere(node: Inside): Promise<Override[]> {
  const { overrides } = await node.json<OverrideList>("/v1/overrides");
  return overrides.filter(({ scope }) => scope === "everywhere");
}

/** Resolves when a backend has a state on a node. */
async function became(node: Inside, backend: string, state: string): Promise<void> {
  await node.until(async () => {
    const now = await node.json<Backend>(`/v1/backends/${backend}`);
    return now.state === state ? true : undefined;
  }, `${backend} ${state}`);
}

/** Weights that VPP has, as address → weight. */
async function weights(node: Inside): Promise<Record<string, number>> {
  const { vips } = await node.json<LbState>("/v1/vpp/lb/state?frontend=www");
  return Object.fromEntries(
    (vips[0]?.application_servers ?? []).map(({ address, weight }) => [address, weight]),
  );
}

test("an intent is in force on all five, with one table; a local word against it, its clear, and two operators", async () => {
  await using cluster = await Cluster.start();
  await using site = new Site("77.100", cluster.endpoints);
  const nodes = await startAll(site);
  const [lb1, lb2, lb3] = nodes;
  assert.ok(lb1 !== undefined && lb2 !== undefined && lb3 !== undefined);
  const paused = await lb1.send<Backend>("POST", pausePath, { everywhere: true, reason: "disk swap" });
  assert.equal(paused.state, "paused", "the answer has it already");
  assert.deepEqual([paused.override?.scope, paused.override?.reason], ["everywhere", "disk swap"]);
  await all(nodes, (node) => became(node, "b1", "paused"));
  const seen = await all(nodes, async (node) => (await everywhere(node)).map(({ id }) => id));
  assert.equal(new Set(seen.map((ids) => ids.join())).size, 1, "one id on all nodes");
  const tables = await all(nodes, async (node) => {
    await node.until(
      async () => (await weights(node))["127.77.100.1"] === 0 ? true : undefined,
      "weight 0 in VPP",
    );
    return JSON.stringify(await weights(node));
  });
  assert.equal(new Set(tables).size, 1, tables.join("\n"));
  // A local resume is a local enable against the intent; the others stay paused.
  const resumed = await lb2.send<Backend>("POST", "/v1/backends/b1/resume");
  assert.equal(resumed.override?.kind, "enable");
  await became(lb2, "b1", "up");
  await became(lb3, "b1", "paused");
  // Clear on any node ends it on all.
  const id = seen[0]?.[0] ?? "";
  await lb3.send("DELETE", `/v1/overrides/${id}`);
  await all(nodes, (node) => became(node, "b1", "up"));
  assert.deepEqual(await all(nodes, everywhere), nodes.map(() => []));
  // Two operators at once: one is refused and sees the other's.
  const asked = await Promise.all(
    [["lb1", "anna"], ["lb2", "bert"]].map(([name = "", who = ""]) =>
      site.nodes.get(name)?.ask("/v1/backends/b2/disable", {
        method: "POST",
        body: JSON.stringify({ everywhere: true, reason: who }),
        headers: { "content-type": "application/json", "x-maglev-actor": who },
      })
    ),
  );
  assert.deepEqual(asked.map((answer) => answer?.status).sort(), [200, 409]);
  const [refused] = asked.filter((answer) => answer?.status === 409);
  const problem: Problem = await refused?.json();
  const [done] = asked.filter((answer) => answer?.status === 200);
  const winner: Backend = await done?.json();
  assert.equal(problem.override?.reason, winner.override?.reason);
  assert.notEqual(problem.override?.claimed ?? null, null);
  const forced = await lb3.send<Backend>(
    "POST",
    "/v1/backends/b2/pause",
    { everywhere: true, force: true },
    409,
  );
  assert.match(JSON.stringify(forced), /disabled; enable it first/);
  await lb3.send<Backend>("POST", "/v1/backends/b2/enable", { everywhere: true });
  await all(nodes, (node) => became(node, "b2", "up"));
});

test("weights everywhere, with a dry run, an hour by each node's own clock, and a node that was down meanwhile", async () => {
  await using cluster = await Cluster.start();
  await using site = new Site("77.101", cluster.endpoints);
  const nodes = await startAll(site, ["lb1", "lb2", "lb3"]);
  const [lb1, lb2, lb3] = nodes;
  assert.ok(lb1 !== undefined && lb2 !== undefined && lb3 !== undefined);
  const path = "/v1/frontends/www/pools/primary/backends/b2/weight";
  await lb1.send("PUT", `${path}?dry_run=true`, { weight: 10, everywhere: true });
  assert.deepEqual(await everywhere(lb1), []);
  await site.stop("lb3");
  await lb1.send("PUT", path, { weight: 10, flush: true, everywhere: true });
  const up = [lb1, lb2];
  await all(
    up,
    (node) =>
      node.until(
        async () => (await weights(node))["127.77.101.2"] === 10 ? true : undefined,
        "weight 10 in VPP",
      ),
  );
  assert.ok(site.vpps.get("lb2")?.told().some((one) => one === "weight 127.77.101.2 10 flush"));
  const again = await site.start("lb3");
  await again.logged("vpp-connect");
  await again.until(
    async () => (await weights(again))["127.77.101.2"] === 10 ? true : undefined,
    "weight 10",
  );
  // The store goes; the hour passes on each node by itself.
  const until = new Date(Date.now() + 2_000).toISOString();
  await lb1.send("PUT", path, { weight: 20, everywhere: true, until });
  const three = [...up, again];
  await all(
    three,
    (node) =>
      node.until(async () => (await everywhere(node))[0]?.weight === 20 ? true : undefined, "weight 20"),
  );
  await cluster.members[0]?.kill();
  await all(
    three,
    (node) =>
      node.until(async () => (await everywhere(node)).length === 0 ? true : undefined, "the hour has passed"),
  );
  for (const node of three) await fleetIs(node, ({ store }) => store === "away", "the store away");
  // Refused while the store is away, with the reason.
  const refused = await lb1.ask(pausePath, {
    method: "POST",
    body: '{"everywhere":true}',
    headers: { "content-type": "application/json" },
  });
  assert.equal(refused.status, 503);
  assert.ok(refused.headers.has("retry-after"));
  assert.match((await refused.json() as Problem).detail, /store is away/);
  assert.equal((await lb1.json<Backend>("/v1/backends/b1")).state, "up");
});

test("two of three members killed: everybody goes on, refuses everywhere, and says so; then the store is back", async () => {
  await using cluster = await Cluster.start({ members: 3 });
  await using site = new Site("77.102", cluster.endpoints);
  const nodes = await startAll(site);
  const [lb1] = nodes;
  assert.ok(lb1 !== undefined);
  await lb1.send("POST", pausePath, { everywhere: true });
  await all(nodes, (node) => became(node, "b1", "paused"));
  await Promise.all(cluster.members.slice(0, 2).map((member) => member.kill()));
  await all(nodes, (node) => fleetIs(node, ({ store }) => store === "away", "away on every node"));
  for (const node of nodes) {
    assert.equal((await node.json<Backend>("/v1/backends/b1")).state, "paused");
    await node.send("POST", "/v1/backends/b2/pause", { everywhere: true }, 503);
  }
  // What is local goes on.
  await lb1.send("POST", "/v1/backends/b2/pause");
  cluster.members.slice(0, 2).forEach((member) => member.start());
  await cluster.ready();
  await all(nodes, (node) => fleetIs(node, ({ store }) => store === "live", "live again"));
  await lb1.send("POST", "/v1/backends/b1/resume", { everywhere: true });
  await all(nodes, (node) => became(node, "b1", "up"));
});

test("a member that leads is killed while 200 intents change: no daemon misses one", async () => {
  await using cluster = await Cluster.start({ members: 3 });
  await using site = new Site("77.103", cluster.endpoints);
  const nodes = await startAll(site);
  const [lb1] = nodes;
  assert.ok(lb1 !== undefined);
  const path = "/v1/frontends/www/pools/primary/backends/b2/weight";
  // Values of one key may be skipped by a list, which has the last one; so the 200 intents are 200 keys.
  using other = client(cluster.endpoints);
  const intent = { kind: "pause", by: "x", node: "lb9", since: "2026-01-01T00:00:00.000Z" };
  const names = Array.from({ length: 200 }, (_, i) => `x${i}`);
  let killed: Promise<void> | undefined;
  let last = 0;
  for (const [i, name] of names.entries()) {
    if (i === 60) killed = (await cluster.leader()).kill();
    await lb1.until(async () => {
      try {
        return await other.put(`/maglev/site/intent/backend/${name}`, JSON.stringify(intent));
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        return undefined;
      }
    }, `intent ${i}`);
    if (i % 5 !== 0) continue;
    const answer = await lb1.ask(path, {
      method: "PUT",
      body: JSON.stringify({ weight: 1 + i % 100, everywhere: true }),
      headers: { "content-type": "application/json" },
    });
    await answer.body?.cancel();
    // An election takes a moment in which writes are refused.
    assert.ok(answer.status === 200 || answer.status === 503, `${answer.status}`);
    if (answer.status === 200) last = 1 + i % 100;
  }
  await killed;
  await lb1.until(async () => {
    const answer = await lb1.ask(path, {
      method: "PUT",
      body: JSON.stringify({ weight: 77, everywhere: true }),
      headers: { "content-type": "application/json" },
    });
    await answer.body?.cancel();
    return answer.status === 200 ? true : undefined;
  }, "a write that goes through");
  assert.notEqual(last, 0);
  await all(
    nodes,
    (node) =>
      node.until(
        async () => (await weights(node))["127.77.103.2"] === 77 ? true : undefined,
        "the last weight",
      ),
  );
  for (const node of nodes) {
    const seen = () => node.log.filter(({ event, msg }) => msg === "fleet-intent" && event === "set");
    // An answer may be here before the lines of what came first.
    await node.until(
      () => names.every((name) => seen().some(({ backend }) => backend === name)) ? true : undefined,
      "a line for every one of the 200",
    );
  }
  const tables = await all(nodes, async (node) => JSON.stringify(await weights(node)));
  assert.equal(new Set(tables).size, 1);
});

test("garbage and foreign keys are one WARN and left alone; a store that was replaced is not believed", async () => {
  await using cluster = await Cluster.start();
  await using site = new Site("77.104", cluster.endpoints);
  using etcd = client(cluster.endpoints);
  await etcd.put("/maglev/site/intent/backend/b3", "{");
  await etcd.put("/maglev/other/intent/backend/b2", '{"kind":"disable"}');
  const nodes = await startAll(site, ["lb1", "lb2"]);
  const [lb1, lb2] = nodes;
  assert.ok(lb1 !== undefined && lb2 !== undefined);
  const told = lb1.log.filter(({ level, msg }) => msg === "fleet-intent" && level === "WARN");
  assert.deepEqual(told.map(({ entry }) => entry), ["/maglev/site/intent/backend/b3"]);
  assert.equal((await etcd.list("/maglev/other/")).rows.length, 1);
  const refused = await lb1.ask("/v1/backends/b3/pause", {
    method: "POST",
    body: '{"everywhere":true}',
    headers: { "content-type": "application/json" },
  });
  assert.equal(refused.status, 409);
  assert.equal(
    (await refused.json()).detail,
    "the store has something at /maglev/site/intent/backend/b3 that is no intent (it is no JSON); " +
      "delete that key with etcdctl",
  );
  await lb1.send("POST", pausePath, { everywhere: true });
  await all(nodes, (node) => became(node, "b1", "paused"));
  // Wiped, and a backup of last week with another backend's disable is put in its place.
  const [member] = cluster.members;
  await member?.kill();
  await Deno.remove(`${cluster.folder}/m0`, { recursive: true });
  const hidden = member?.elsewhere();
  assert.ok(hidden !== undefined);
  hidden.start();
  await cluster.ready([hidden]);
  {
    using backup = client([hidden.url]);
    const old = '{"kind":"disable","by":"x","node":"lb9","since":"2026-01-01T00:00:00.000Z"}';
    await backup.put("/maglev/site/intent/backend/b2", old);
  }
  await hidden.kill();
  member?.start();
  await all(
    nodes,
    (node) =>
      fleetIs(node, ({ store_detail }) => store_detail.startsWith("the store was replaced"), "replaced"),
  );
  for (const node of nodes) {
    assert.equal((await node.json<Backend>("/v1/backends/b1")).state, "paused");
    assert.equal((await node.json<Backend>("/v1/backends/b2")).state, "up");
  }
  // A new write makes it the known one.
  await lb1.send("POST", "/v1/backends/b3/pause", { everywhere: true });
  await all(nodes, (node) => became(node, "b3", "paused"));
  await all(nodes, (node) => fleetIs(node, ({ store }) => store === "live", "live"));
  for (const node of nodes) {
    assert.equal((await node.json<Backend>("/v1/backends/b1")).state, "paused");
    assert.equal((await node.json<Backend>("/v1/backends/b2")).state, "up");
  }
  await lb2.send("POST", "/v1/backends/b1/resume", { everywhere: true });
  await all(nodes, (node) => became(node, "b1", "up"));
});

test("a member that is stopped, a user that may not, and a password that is wrong: told, and nothing else changes", async () => {
  await using cluster = await Cluster.start({ members: 3 });
  await using site = new Site("77.105", cluster.endpoints);
  const nodes = await startAll(site, ["lb1", "lb2"]);
  const [lb1] = nodes;
  assert.ok(lb1 !== undefined);
  cluster.members[0]?.signal("SIGSTOP");
  await lb1.until(async () => {
    const answer = await lb1.ask(pausePath, {
      method: "POST",
      body: '{"everywhere":true}',
      headers: { "content-type": "application/json" },
    });
    await answer.body?.cancel();
    return answer.status === 200 ? true : undefined;
  }, "a write through another member");
  await all(nodes, (node) => became(node, "b1", "paused"));
  cluster.members[0]?.signal("SIGCONT");
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/password`, "sesame-42\n");
    const more = `, username: nobody, password-file: ${folder}/password`;
    const lb3 = await site.start("lb3", { more });
    const away = await lb3.logged(({ level, msg }) => msg === "fleet-store" && level === "WARN");
    assert.match(String(away.detail), /authentication is not enabled|invalid user|authentication failed/);
    assert.ok(!JSON.stringify(lb3.log).includes("sesame-42"), "no secret in the log");
    assert.equal((await lb3.json<Fleet>("/v1/fleet")).store, "away");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
