/** Whole daemons on a store that is full, or has compacted what a daemon missed. */
import assert from "node:assert/strict";
import type { Backend, Journal, ProblemList } from "../../src/api/mod.ts";
import { systemClock } from "../../src/clock.ts";
import { Etcd } from "../../src/fleet/etcd.ts";
import { StoreError } from "../../src/fleet/store.ts";
import type { Inside } from "../daemon/inside.ts";
import { Cluster } from "./cluster.ts";
import { fleetIs, Site, test } from "./site.ts";

function client(endpoints: readonly string[]): Etcd {
  return new Etcd({ endpoints, tls: null, user: null, deadlineMs: 4_000, clock: systemClock });
}

async function became(node: Inside, backend: string, state: string): Promise<void> {
  await node.until(async () => {
    const now = await node.json<Backend>(`/v1/backends/${backend}`);
    return now.state === state ? true : undefined;
  }, `${backend} ${state}`);
}

/** Writes until the store says that it is full. */
async function fill(etcd: Etcd): Promise<void> {
  // etcd compares its file with the quota, and writes the file ten times a second.
  for (let i = 0; i < 5_000; i++) {
    try {
      await etcd.put(`/other/${i}`, "x".repeat(500_000));
    } catch (error) {
      if (error instanceof StoreError && error.failure === "full") return;
      throw error;
    }
  }
  throw new Error("the store does not fill up");
}

test("a full store is told in words, what was known holds, and it is live again once there is room", async () => {
  await using cluster = await Cluster.start({ flags: ["--quota-backend-bytes", "2000000"] });
  await using site = new Site("77.130", cluster.endpoints);
  const nodes = await Promise.all(["lb1", "lb2"].map((name) => site.start(name)));
  const [lb1] = nodes;
  assert.ok(lb1 !== undefined);
  for (const node of nodes) await fleetIs(node, (fleet) => fleet.nodes.length === 2, "both nodes");
  await Promise.all(nodes.map((node) => became(node, "b1", "up")));
  await lb1.send("POST", "/v1/backends/b1/pause", { everywhere: true });
  await Promise.all(nodes.map((node) => became(node, "b1", "paused")));
  using etcd = client(cluster.endpoints);
  await fill(etcd);
  const refused = await lb1.ask("/v1/backends/b2/pause", {
    method: "POST",
    body: '{"everywhere":true}',
    headers: { "content-type": "application/json" },
  });
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /the store is full: /);
  // A row that changes makes each daemon write, also if nobody asks it for anything.
  await site.servers.at(3).stop();
  for (const node of nodes) {
    const { store_detail } = await fleetIs(node, ({ store }) => store === "away", "a store that is full");
    assert.match(store_detail, /^it takes no write of this node: the store is full: /);
    const { problems } = await node.json<ProblemList>("/v1/problems");
    assert.deepEqual(
      problems.filter(({ kind }) => kind === "fleet-store").map(({ text }) => text),
      [`the fleet's store is away: ${store_detail}`],
    );
    const warned = node.log.filter(({ level, msg }) => msg === "fleet-store" && level === "WARN");
    assert.deepEqual(warned.map(({ detail }) => detail), [store_detail]);
    await node.synced();
    assert.equal((await node.json<Backend>("/v1/backends/b1")).state, "paused");
  }
  // As docs/fleet.md says: compact, defragment, end the alarm.
  const { revision } = await etcd.list("/other/");
  await cluster.ctl("del", "--prefix", "/other/");
  await cluster.ctl("compact", String(revision + 1n));
  await cluster.ctl("defrag");
  await cluster.ctl("alarm", "disarm");
  for (const node of nodes) {
    await fleetIs(node, ({ store }) => store === "live", "the store with room");
    const { entries } = await node.json<Journal>("/v1/journal?kinds=fleet");
    // The nodes may also have seen b3 differently for a moment.
    const told = entries.flatMap(({ data }) => data.store ?? []);
    assert.deepEqual(told, ["live", "away", "live"]);
  }
  await lb1.send("POST", "/v1/backends/b1/resume", { everywhere: true });
  await Promise.all(nodes.map((node) => became(node, "b1", "up")));
});

test("what was compacted while the daemons were away is listed, and the watch goes on from there", async () => {
  await using cluster = await Cluster.start();
  await using site = new Site("77.131", cluster.endpoints);
  const nodes = await Promise.all(["lb1", "lb2"].map((name) => site.start(name)));
  const [lb1, lb2] = nodes;
  const [member] = cluster.members;
  assert.ok(lb1 !== undefined && lb2 !== undefined && member !== undefined);
  for (const node of nodes) {
    await fleetIs(node, ({ store }) => store === "live", "the store");
    for (const backend of ["b1", "b2", "b3"]) await became(node, backend, "up");
  }
  for (const backend of ["b1", "b2"]) {
    await lb1.send("POST", `/v1/backends/${backend}/pause`, { everywhere: true });
    for (const node of nodes) await became(node, backend, "paused");
  }
  await member.kill();
  for (const node of nodes) await fleetIs(node, ({ store }) => store === "away", "the store away");
  // The same store, where only others reach it: b1 is taken back, b3 is paused, and the way there is compacted.
  const hidden = member.elsewhere();
  hidden.start();
  try {
    await cluster.ready([hidden]);
    using etcd = client([hidden.url]);
    const key = (backend: string) => `/maglev/site/intent/backend/${backend}`;
    const { row } = await etcd.get(key("b2"));
    assert.ok(row !== null);
    const gone = await etcd.get(key("b1"));
    await etcd.compareAndWrite(key("b1"), gone.row?.modRevision ?? 0n, { delete: key("b1") });
    const { revision } = await etcd.put(key("b3"), row.value);
    await cluster.ask(hidden.url, "kv/compaction", { revision: String(revision), physical: true });
  } finally {
    await hidden.kill();
  }
  member.start();
  for (const node of nodes) {
    await fleetIs(node, ({ store }) => store === "live", "the store back");
    await became(node, "b1", "up");
    await became(node, "b3", "paused");
    assert.equal((await node.json<Backend>("/v1/backends/b2")).state, "paused");
  }
  await lb2.send("POST", "/v1/backends/b2/resume", { everywhere: true });
  for (const node of nodes) await became(node, "b2", "up");
});
