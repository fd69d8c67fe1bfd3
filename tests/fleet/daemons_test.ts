/** Whole daemons and a real store: what they tell each other, and what a store that is away changes. */
import assert from "node:assert/strict";
import type { Fleet, Journal, ProblemList } from "../../src/api/mod.ts";
import type { Inside } from "../daemon/inside.ts";
import { Cluster } from "./cluster.ts";
import { fleetIs, quickClock, Site, test } from "./site.ts";

const storeLines = (node: { readonly log: readonly { msg: string }[] }) =>
  node.log.filter(({ msg }) => msg === "fleet-store");

async function problemsOf(node: Inside, kind: string): Promise<string[][]> {
  const { problems } = await node.json<ProblemList>("/v1/problems");
  return problems.filter((one) => one.kind === kind).map(({ object, text }) => [object, text]);
}

test("daemons see each other, with one configuration and one table; one that ends is gone at once", async () => {
  await using cluster = await Cluster.start();
  await using site = new Site("77.90", cluster.endpoints);
  const [lb1, lb2] = await Promise.all(["lb1", "lb2"].map((name) => site.start(name)));
  assert.ok(lb1 !== undefined && lb2 !== undefined);
  for (const node of [lb1, lb2]) {
    const fleet = await fleetIs(
      node,
      ({ nodes }) => nodes.length === 2 && nodes.every(({ vpp }) => vpp === "in-sync"),
      "both nodes in sync",
    );
    assert.deepEqual([fleet.name, fleet.store, fleet.store_detail], ["site", "live", ""]);
    assert.deepEqual(fleet.nodes.map(({ config, node: name }) => [name, config]), [
      ["lb1", "same"],
      ["lb2", "same"],
    ]);
    assert.deepEqual(fleet.disagreements, []);
    assert.ok((await node.json<{ features: string[] }>("/v1/info")).features.includes("fleet"));
  }
  const metrics = await (await lb1.ask("/metrics")).text();
  assert.match(metrics, /^maglev_fleet_connected 1$/m);
  assert.match(metrics, /^maglev_fleet_nodes\{state="in-sync"\} 2$/m);
  assert.match(metrics, /^maglev_fleet_table_agreement\{frontend="www"\} 1$/m);
  assert.match(metrics, /^maglev_fleet_store_seconds_count [1-9]/m);
  await site.stop("lb2");
  const fleet = await fleetIs(lb1, ({ nodes }) => nodes.length === 1, "the other one gone");
  assert.equal(fleet.node, "lb1");
});

test("a daemon with another configuration is named after 10 s", async () => {
  await using cluster = await Cluster.start();
  await using site = new Site("77.91", cluster.endpoints);
  const lb1 = await site.start("lb1");
  await site.start("lb2", {
    edit: (text) => text.replace("b3: {", "b4: {").replace("backends: { b3", "backends: { b4"),
  });
  const named = await fleetIs(lb1, ({ disagreements }) => disagreements.length > 0, "something that differs");
  assert.deepEqual(named.disagreements.map(({ kind, object, text }) => [kind, object, text]), [
    ["config", "lb2", "lb2 runs another configuration"],
  ]);
  assert.deepEqual(named.nodes.map(({ config }) => config), ["same", "differs"]);
  assert.deepEqual(await problemsOf(lb1, "fleet-node"), [["lb2", "lb2 runs another configuration"]]);
  await site.stop("lb2");
  await fleetIs(lb1, ({ disagreements }) => disagreements.length === 0, "nothing that differs");
  const { entries } = await lb1.json<Journal>("/v1/journal?kinds=fleet&limit=2");
  assert.deepEqual(entries.map(({ text }) => text), [
    "lb2: the nodes of the fleet agree again",
    "lb2 runs another configuration",
  ]);
});

test("a store that is away is one WARN, and nothing that VPP has changes; when it is back, so are all", async () => {
  await using cluster = await Cluster.start();
  await using site = new Site("77.92", cluster.endpoints);
  const nodes = await Promise.all(["lb1", "lb2"].map((name) => site.start(name)));
  await Promise.all(nodes.map((node) => node.synced()));
  await Promise.all(
    nodes.map((node) => fleetIs(node, (fleet) => fleet.nodes.length === 2, "both nodes")),
  );
  const before = nodes.map((node) => node.log.length);
  await cluster.members[0]?.kill();
  for (const [i, node] of nodes.entries()) {
    await node.logged(({ level, msg }) => msg === "fleet-store" && level === "WARN", before[i]);
    const fleet = await node.json<Fleet>("/v1/fleet");
    assert.equal(fleet.store, "away");
    assert.deepEqual(await problemsOf(node, "fleet-store"), [
      ["", `the fleet's store is away: ${fleet.store_detail}`],
    ]);
    assert.notEqual(fleet.store_detail, "");
    assert.equal(fleet.nodes.length, 2, "as last seen");
    assert.match(await (await node.ask("/metrics")).text(), /^maglev_fleet_connected 0$/m);
  }
  cluster.members[0]?.start();
  await cluster.ready();
  for (const node of nodes) {
    await fleetIs(node, ({ store }) => store === "live", "the store back");
    assert.deepEqual(storeLines(node).map((line) => "level" in line && line.level), ["INFO", "WARN", "INFO"]);
    assert.equal(node.daemon.control.ready().vpp, "in-sync");
    assert.deepEqual(await problemsOf(node, "fleet-store"), []);
    const { entries } = await node.json<Journal>("/v1/journal?kinds=fleet");
    assert.deepEqual(entries.map(({ data }) => data.store), ["live", "away", "live"]);
  }
});

test("a first start with neither store nor memory raises nothing and adds no server with a weight until 30 s", async () => {
  await using site = new Site("77.93", ["http://127.0.0.1:1"]);
  const lb1 = await site.start("lb1");
  await lb1.logged("fleet-store");
  await lb1.logged("vpp-connect");
  await lb1.logged(({ backend, to }) => backend === "b1" && to === "up");
  const { changes } = await lb1.json<{ changes: { kind: string; held: string | null }[] }>("/v1/vpp/lb/plan");
  const held = changes.filter(({ held }) => held === "fleet unknown");
  assert.ok(held.length > 0, JSON.stringify(changes));
  await lb1.synced();
  const after = await lb1.json<{ changes: unknown[] }>("/v1/vpp/lb/plan");
  assert.deepEqual(after.changes, []);
});

test("the same start with a store is in sync at once, and the next one without it goes by its memory", async () => {
  await using cluster = await Cluster.start();
  const stateDir = await Deno.makeTempDir();
  try {
    await using site = new Site("77.94", cluster.endpoints);
    const first = await site.start("lb1", { stateDir });
    await first.synced();
    await site.stop("lb1");
    const kept = await Deno.readTextFile(`${stateDir}/state.json`);
    assert.match(JSON.parse(kept).state.fleet.clusterId, /^\d+$/);
    await cluster.members[0]?.kill();
    await site.vpps.get("lb1")?.simulator.kill();
    await site.vpps.get("lb1")?.simulator.restart();
    const again = await site.start("lb1", { stateDir });
    await again.synced();
    assert.equal((await again.json<Fleet>("/v1/fleet")).store, "away");
    assert.ok(again.log.every((line) => !JSON.stringify(line).includes("fleet unknown")));
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

test("a health seen differently, a second daemon of one name and a clock that is off are problems", async () => {
  await using cluster = await Cluster.start();
  await using site = new Site("77.95", cluster.endpoints);
  const lb1 = await site.start("lb1");
  await lb1.synced();
  // Its checks go to a port where nobody listens.
  const edit = (text: string) => text.replace(/type: http, port: \d+/, "type: http, port: 1");
  await site.start("lb2", { edit });
  const wall = () => Date.now() + 60_000;
  const ahead = await site.start("lb3", { clock: { ...quickClock(), wall } });
  const twin = await site.start("twin", { edit: (text) => text.replace("node: twin", "node: lb1") });
  await ahead.until(
    async () => (await problemsOf(ahead, "clock")).length === 1 ? true : undefined,
    "the clock",
  );
  assert.match(
    (await problemsOf(ahead, "clock"))[0]?.[1] ?? "",
    /^this node's clock is (59|6\d) s ahead of that of the fleet's store$/,
  );
  const two = await twin.until(async () => {
    const told = await problemsOf(twin, "fleet-node");
    return told.find(([, text]) => text?.startsWith("another daemon has the node name lb1"));
  }, "the twin");
  assert.equal(two[0], "lb1");
  const health = await lb1.until(async () => {
    await lb1.json("/v1/fleet");
    return (await problemsOf(lb1, "fleet-node")).find(([object]) => object === "b1");
  }, "b1 seen differently");
  assert.deepEqual(health, ["b1", "b1: up here, down on lb2"]);
});
