import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { Etcd, type EtcdOptions } from "../../src/fleet/etcd.ts";
import { StoreError, type WatchEvent } from "../../src/fleet/store.ts";
import { Cluster, etcdLack } from "./cluster.ts";

function test(name: string, run: () => Promise<void>): void {
  Deno.test({
    name: etcdLack === null ? name : `${name} (skipped: ${etcdLack})`,
    ignore: etcdLack !== null,
    fn: run,
  });
}

function client(endpoints: readonly string[], more: Partial<EtcdOptions> = {}): Etcd {
  return new Etcd({ endpoints, tls: null, user: null, deadlineMs: 4000, clock: systemClock, ...more });
}

async function failure(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof StoreError) return error.failure;
    throw error;
  }
  return "none";
}

/** Collects what a watch tells until `until` says so. */
async function collect(etcd: Etcd, prefix: string, from: bigint, until: (events: WatchEvent[]) => boolean) {
  const stop = new AbortController();
  const events: WatchEvent[] = [];
  for await (const some of etcd.watch(prefix, from, stop.signal)) {
    events.push(...some);
    if (until(events)) break;
  }
  stop.abort();
  return events;
}

test("keys, values and revisions come back as they were written, whatever their characters", async () => {
  await using cluster = await Cluster.start();
  using etcd = client(cluster.endpoints);
  const key = "/maglev/x/intent/backend/bé/\u{1F600}";
  const { revision } = await etcd.put(key, '{"ä":"\\n"}');
  await etcd.put("/maglev/y/other", "");
  const { head, row } = await etcd.get(key);
  assert.deepEqual(row, { key, value: '{"ä":"\\n"}', modRevision: revision });
  assert.ok(head.revision > revision);
  assert.ok(head.date !== null && Math.abs(head.date - Date.now()) < 5000);
  assert.deepEqual((await etcd.list("/maglev/x/")).rows, [row]);
  assert.equal((await etcd.get("/maglev/none")).row, null);
  assert.equal((await etcd.list("/maglev/none/")).rows.length, 0);
});

test("a write compared to a revision goes through once; the loser sees what is there", async () => {
  await using cluster = await Cluster.start();
  using etcd = client(cluster.endpoints);
  const key = "/maglev/x/a";
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, i) => etcd.compareAndWrite(key, 0n, { put: key, value: `${i}` })),
  );
  const won = outcomes.filter((outcome) => outcome.done);
  assert.equal(won.length, 1);
  const { row } = await etcd.get(key);
  assert.ok(row !== null);
  for (const outcome of outcomes) if (!outcome.done) assert.deepEqual(outcome.present, row);
  assert.equal((await etcd.compareAndWrite(key, 1n, { delete: key })).done, false);
  assert.equal((await etcd.compareAndWrite(key, row.modRevision, { delete: key })).done, true);
  assert.deepEqual(
    await etcd.compareAndWrite(key, 7n, { put: key, value: "x" }).then((o) => !o.done && o.present),
    null,
  );
});

test("a watch tells every change from its revision on, in order, and says when the revision is compacted", async () => {
  await using cluster = await Cluster.start();
  using etcd = client(cluster.endpoints);
  const { revision: first } = await etcd.put("/maglev/x/a", "1");
  await etcd.put("/maglev/z/b", "not this one");
  const { revision: second } = await etcd.put("/maglev/x/a", "2");
  const watching = collect(etcd, "/maglev/x/", first, (events) => events.length === 3);
  const { row } = await etcd.get("/maglev/x/a");
  await etcd.compareAndWrite("/maglev/x/a", row?.modRevision ?? 0n, { delete: "/maglev/x/a" });
  const events = await watching;
  assert.deepEqual(events.map(({ key, value }) => [key, value]), [
    ["/maglev/x/a", "1"],
    ["/maglev/x/a", "2"],
    ["/maglev/x/a", null],
  ]);
  assert.deepEqual(events.slice(0, 2).map(({ modRevision }) => modRevision), [first, second]);
  const body = JSON.stringify({ revision: String(second), physical: true });
  await (await fetch(`${cluster.endpoints[0]}/v3/kv/compaction`, { method: "POST", body })).body?.cancel();
  assert.equal(await failure(collect(etcd, "/maglev/x/", first, () => false)), "compacted");
});

test("a lease keeps its key until it is revoked, and a lease that is gone is told", async () => {
  await using cluster = await Cluster.start();
  using etcd = client(cluster.endpoints);
  const lease = await etcd.grantLease(15);
  await etcd.put("/maglev/x/node/a", "{}", lease);
  assert.equal(await etcd.keepLease(lease), true);
  await etcd.revokeLease(lease);
  assert.equal((await etcd.get("/maglev/x/node/a")).row, null);
  assert.equal(await etcd.keepLease(lease), false);
});

test("endpoints are tried in turn; without any, and with one that hangs, the deadline holds", async () => {
  await using cluster = await Cluster.start();
  const dead = `http://127.0.0.1:${unusedPort()}`;
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hanging = `http://127.0.0.1:${silent.addr.port}`;
  const [alive = ""] = cluster.endpoints;
  using both = client([dead, hanging, alive], { deadlineMs: 900 });
  assert.equal((await both.list("/maglev/")).rows.length, 0);
  assert.equal(both.endpoint, alive);
  // A write is not repeated once it may have arrived.
  using writer = client([dead, alive]);
  await writer.put("/maglev/x/a", "1");
  using late = client([hanging, alive], { deadlineMs: 300 });
  assert.equal(await failure(late.put("/maglev/x/b", "1")), "late");
  using nobody = client([dead], { deadlineMs: 300 });
  assert.equal(await failure(nobody.list("/maglev/")), "unreachable");
});

test("a user logs in by itself, again when its token ended; a wrong password and a missing right have names", async () => {
  await using cluster = await Cluster.start({ flags: ["--auth-token-ttl", "1"] });
  await cluster.users({ lb: { password: "password", prefix: "/maglev/x/" } });
  using etcd = client(cluster.endpoints, { user: { name: "lb", password: "password" } });
  await etcd.put("/maglev/x/a", "1");
  assert.equal(await failure(etcd.list("/maglev/y/")), "denied");
  assert.equal(await failure(etcd.put("/maglev/y/a", "1")), "denied");
  using wrong = client(cluster.endpoints, { user: { name: "lb", password: "wrong" } });
  assert.equal(await failure(wrong.list("/maglev/x/")), "login");
  using nobody = client(cluster.endpoints);
  assert.equal(await failure(nobody.list("/maglev/x/")), "login");
  // Tokens of this store end after a second without use.
  const ended = Promise.withResolvers<void>();
  setTimeout(ended.resolve, 2500);
  await ended.promise;
  assert.equal((await etcd.list("/maglev/x/")).rows.length, 1);
});

test("a store that came back from a backup is asked with a new token", async () => {
  await using cluster = await Cluster.start();
  await cluster.users({ lb: { password: "password", prefix: "/maglev/x/" } });
  const [member] = cluster.members;
  assert.ok(member !== undefined);
  const [data, backup] = [`${cluster.folder}/m0`, `${cluster.folder}/backup`];
  const copied = async (from: string, to: string) => {
    await member.kill();
    const { success } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
    assert.ok(success);
  };
  await copied(data, backup);
  member.start();
  using etcd = client(cluster.endpoints, { user: { name: "lb", password: "password" }, deadlineMs: 2000 });
  await answers(etcd);
  // The next login happens long after the backup.
  for (let i = 0; i < 50; i++) await etcd.put("/maglev/x/a", String(i));
  using later = client(cluster.endpoints, { user: { name: "lb", password: "password" }, deadlineMs: 2000 });
  await later.list("/maglev/x/");
  await member.kill();
  await Deno.remove(data, { recursive: true });
  await copied(backup, data);
  member.start();
  await answers(later);
  assert.deepEqual((await later.list("/maglev/x/")).rows, []);
});

/** Waits until a store that was started answers: it may refuse calls until then. */
async function answers(etcd: Etcd): Promise<void> {
  const begin = performance.now();
  let last = "";
  while (performance.now() - begin < 30_000) {
    last = await failure(etcd.list("/maglev/x/"));
    if (last === "none") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`the store is ${last}`);
}

test("a full store, and one without a quorum, have names", async () => {
  await using small = await Cluster.start({ flags: ["--quota-backend-bytes", "200000"] });
  using etcd = client(small.endpoints);
  let last = "none";
  // etcd compares its file with the quota, and writes the file ten times a second.
  for (let i = 0; i < 5_000 && last === "none"; i++) {
    last = await failure(etcd.put(`/maglev/x/${i}`, "x".repeat(20_000)));
  }
  assert.equal(last, "full");
  await using three = await Cluster.start({ members: 3 });
  using other = client(three.endpoints, { deadlineMs: 1500 });
  await other.put("/maglev/x/a", "1");
  await Promise.all(three.members.slice(1).map((member) => member.kill()));
  assert.match(await failure(other.put("/maglev/x/b", "1")), /^(late|no-leader)$/);
  assert.match(await failure(other.list("/maglev/x/")), /^(late|no-leader|unreachable)$/);
});
