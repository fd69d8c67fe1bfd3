/** What maglevd relies on in a VPP: the same tests on the simulated one and, if it is given, on a real one. */
import assert from "node:assert/strict";
import { ip } from "../../src/net/ip.ts";
import { VppSessionError } from "../../src/vpp/errors.ts";
import { calls, dumps } from "../../src/vpp/messages.ts";
import { octets, octets16 } from "../../src/net/ip.ts";
import type { ByteStream } from "../../src/vpp/client.ts";
import { connectUnix } from "../../src/vpp/link.ts";
import { countClients, VppConflictError } from "../../src/vpp/session.ts";
import { Bench, onEachVpp, onlyOurs, openSession, vipOf, weights } from "./targets.ts";

const web = vipOf("203.0.113.1");

onEachVpp("vpp: a session tells version, build, pid and boot time", async (target) => {
  await using session = await openSession(target);
  const { version, buildDate, pid, bootTime } = session.info;
  assert.match(version, /^\d+\.\d+/);
  assert.match(buildDate, /^\d{4}-\d{2}-\d{2}/);
  assert.ok(pid > 1);
  assert.ok(bootTime > 1_600_000_000 && bootTime <= Date.now() / 1000 + 1, String(bootTime));
});

onEachVpp("vpp: without a stats address there are no counters, and the boot time is 0", async (target) => {
  await using session = await openSession(target, { statsAddress: "" });
  assert.equal(session.info.bootTime, 0);
  assert.equal(session.lb.bootTime, 0);
  assert.equal(session.counters, null);
});

onEachVpp("vpp: a second controller notices the first, and leaves it alone", async (target) => {
  await using first = await openSession(target);
  await assert.rejects(openSession(target), (error) => {
    assert.ok(error instanceof VppConflictError);
    assert.equal(error.clients, 2);
    return true;
  });
  await first.client.demand(calls.controlPing, {});
});

onEachVpp("vpp: what was set is read back, by all three ways of reading", async (target) => {
  await using bench = await Bench.open(target);
  const v6 = vipOf("2001:db8:77::1", 443);
  const any = vipOf("203.0.113.2", 0, 255);
  await bench.add(web, { "10.77.0.1": 100, "10.77.0.2": 0, "10.77.0.3": 7 });
  await bench.add(vipOf("203.0.113.1", 53, 17), {}, { tableLength: 256 });
  await bench.add(v6, { "2001:db8:78::1": 50 }, { encap: "gre6", srcIpSticky: true });
  await bench.add(any, { "10.77.0.1": 1 }, { tableLength: 65536 });
  // VPP lists VIPs by slot, and gives free slots out again.
  const order = ["203.0.113.1/32", "2001:db8:77::1/128", "203.0.113.2/32"];
  const vips = (await bench.read())
    .toSorted((a, b) => order.indexOf(a.prefix) - order.indexOf(b.prefix) || a.protocol - b.protocol);
  assert.deepEqual(vips.map(({ prefix, protocol, port }) => ({ prefix, protocol, port })), [
    web,
    vipOf("203.0.113.1", 53, 17),
    v6,
    any,
  ]);
  assert.deepEqual(vips.map((vip) => [vip.encap, vip.tableLength, vip.srcIpSticky]), [
    ["gre4", 1024, false],
    ["gre4", 256, false],
    ["gre6", 1024, true],
    // 16 bits of the row cannot say this.
    ["gre4", 65536, false],
  ]);
  assert.deepEqual(vips.map(weights), [
    { "10.77.0.1": 100, "10.77.0.2": 0, "10.77.0.3": 7 },
    {},
    { "2001:db8:78::1": 50 },
    { "10.77.0.1": 1 },
  ]);
  const buckets = vips[0]?.servers.map((server) => server.numBuckets) ?? [];
  assert.equal(buckets.reduce((sum, n) => sum + n, 0), 1024);
  const indexes = vips.map((vip) => vip.index);
  assert.ok(indexes.every((index) => index !== null && index > 0), String(indexes));
  assert.equal(new Set(indexes).size, 4);
  // The other two ways say the same.
  const { lb } = bench.session;
  for (const vip of vips) assert.deepEqual(await lb.readVip(vip), vip);
  const onPrefix = await lb.readPrefix("203.0.113.1/32");
  assert.deepEqual(onPrefix.toSorted((a, b) => a.protocol - b.protocol), vips.slice(0, 2));
  assert.equal(await lb.readVip(vipOf("203.0.113.99")), null);
  assert.deepEqual(await lb.readPrefix("203.0.113.99/32"), []);
});

onEachVpp(
  "vpp: the filter as the API's type has it finds nothing for IPv4, the working one does",
  async (target) => {
    await using bench = await Bench.open(target);
    await bench.add(web, { "10.77.0.1": 100 });
    await bench.add(vipOf("203.0.113.2"), { "10.77.0.9": 100 });
    const naive = new Uint8Array(16);
    naive.set(octets(ip("203.0.113.1")));
    const find = (octets: Uint8Array<ArrayBuffer>) =>
      bench.session.client.dump(dumps.lbServers, { pfx: { af: 0, octets, len: 32 }, protocol: 6, port: 80 });
    assert.deepEqual(await find(naive), []);
    const found = await find(octets16(ip("203.0.113.1")));
    // Rows without bit 0 are left over from a VIP that was deleted before.
    assert.deepEqual(found.filter((row) => (row.flags & 1) !== 0).map((row) => row.app_srv), ["10.77.0.1"]);
  },
);

onEachVpp("vpp: a removed server and a deleted VIP do not appear, though VPP keeps them", async (target) => {
  await using bench = await Bench.open(target);
  const { lb, client } = bench.session;
  await bench.add(web, { "10.77.0.1": 100, "10.77.0.2": 100 });
  const before = await lb.readVip(web);
  await bench.done({ kind: "as-delete", vip: web, address: ip("10.77.0.2") });
  const listed = async () => {
    const pfx = { af: 0, octets: octets16(ip("203.0.113.1")), len: 32 };
    const rows = await client.dump(dumps.lbServers, { pfx, protocol: 6, port: 80 });
    return rows.map((row) => `${row.app_srv} ${row.flags & 1}`);
  };
  const rows = await listed();
  assert.ok(rows.includes("10.77.0.1 1") && rows.includes("10.77.0.2 0"), rows.join());
  assert.ok(!rows.includes("10.77.0.2 1"));
  assert.deepEqual(weights(await lb.readVip(web)), { "10.77.0.1": 100 });
  // Added again, it is revived.
  await bench.done({ kind: "as-add", vip: web, address: ip("10.77.0.2"), weight: 5 });
  assert.deepEqual(weights(await lb.readVip(web)), { "10.77.0.1": 100, "10.77.0.2": 5 });
  await bench.done({ kind: "vip-flush", vip: web }, { kind: "vip-delete", vip: web, encap: "gre4" });
  assert.equal(await lb.readVip(web), null);
  assert.deepEqual(await bench.read(), []);
  // A VIP that comes back has another slot and no servers, though VPP lists those of the deleted one with it.
  await bench.add(web, {}, { tableLength: 512 });
  assert.ok((await listed()).includes("10.77.0.1 0"));
  const [again] = await bench.read();
  assert.deepEqual(again?.servers, []);
  assert.equal(again?.tableLength, 512);
  assert.ok(again?.index !== null && again?.index !== before?.index);
});

onEachVpp("vpp: weights are set, with and without a flush", async (target) => {
  await using bench = await Bench.open(target);
  await bench.add(web, { "10.77.0.1": 100, "10.77.0.2": 100 });
  const set = (weight: number, flush: boolean) =>
    bench.done({ kind: "as-weight", vip: web, address: ip("10.77.0.1"), weight, flush });
  await set(10, false);
  assert.deepEqual(weights(await bench.session.lb.readVip(web)), { "10.77.0.1": 10, "10.77.0.2": 100 });
  await set(0, true);
  assert.deepEqual(weights(await bench.session.lb.readVip(web)), { "10.77.0.1": 0, "10.77.0.2": 100 });
});

onEachVpp("vpp: errors come with VPP's names, and what would kill VPP is never sent", async (target) => {
  await using bench = await Bench.open(target);
  const { lb, client } = bench.session;
  await bench.add(web, { "10.77.0.1": 100 });
  const missing = vipOf("203.0.113.9");
  const add = {
    kind: "vip-add",
    vip: missing,
    encap: "gre4",
    tableLength: 1024,
    srcIpSticky: false,
  } as const;
  const error = async (op: Parameters<typeof lb.apply>[0]) => {
    const { retval, error } = await lb.apply(op);
    return `${retval} ${error}`;
  };
  const noEntry = "-6 VNET_API_ERROR_NO_SUCH_ENTRY";
  const exists = "-81 VNET_API_ERROR_VALUE_EXIST";
  assert.equal(await error({ ...add, vip: web }), exists);
  assert.equal(await error({ ...add, vip: vipOf("203.0.113.1", 0, 255) }), exists);
  assert.equal(
    await error({ ...add, vip: vipOf("203.0.113.1", 81), encap: "gre6" }),
    "-73 VNET_API_ERROR_INVALID_ARGUMENT",
  );
  assert.equal(await error({ kind: "vip-delete", vip: missing, encap: "gre4" }), noEntry);
  assert.equal(await error({ kind: "as-add", vip: web, address: ip("10.77.0.1"), weight: 1 }), exists);
  assert.equal(await error({ kind: "as-add", vip: missing, address: ip("10.77.0.1"), weight: 1 }), noEntry);
  assert.equal(
    await error({ kind: "as-add", vip: web, address: ip("2001:db8:78::1"), weight: 1 }),
    "-97 VNET_API_ERROR_INVALID_ADDRESS_FAMILY",
  );
  assert.equal(await error({ kind: "as-delete", vip: web, address: ip("10.77.0.9") }), noEntry);
  assert.equal(
    await error({ kind: "as-weight", vip: web, address: ip("10.77.0.9"), weight: 1, flush: false }),
    noEntry,
  );
  for (const tableLength of [0, 1000, -1, 0.5, NaN, 2 ** 31]) {
    assert.equal(await error({ ...add, tableLength }), "-70 VNET_API_ERROR_INVALID_MEMORY_SIZE");
  }
  assert.equal(await lb.readVip(missing), null);
  await client.demand(calls.controlPing, {});
});

onEachVpp("vpp: global settings are read, set, and refused if wrong", async (target) => {
  await using bench = await Bench.open(target);
  const { lb } = bench.session;
  const before = await lb.readConf();
  const conf = {
    ipv4SrcAddress: ip("203.0.113.254"),
    ipv6SrcAddress: ip("2001:db8:77::254"),
    stickyBucketsPerCore: before.stickyBucketsPerCore,
    flowTimeoutSeconds: 41,
  };
  try {
    await bench.done({ kind: "conf-set", conf });
    assert.deepEqual(await lb.readConf(), conf);
    assert.deepEqual((await lb.readAll()).conf, conf);
    assert.deepEqual(await lb.apply({ kind: "conf-set", conf: { ...conf, stickyBucketsPerCore: 1000 } }), {
      retval: -70,
      error: "VNET_API_ERROR_INVALID_MEMORY_SIZE",
    });
    assert.deepEqual(await lb.readConf(), conf);
  } finally {
    await bench.done({ kind: "conf-set", conf: before });
  }
});

onEachVpp("vpp: counters are there for every VIP and server, found by their routes", async (target) => {
  await using bench = await Bench.open(target);
  const { counters, lb, client } = bench.session;
  assert.ok(counters);
  const other = vipOf("203.0.113.1", 443);
  await bench.add(web, { "10.77.0.1": 100, "10.77.0.2": 100 });
  await bench.add(other, { "10.77.0.2": 100 });
  await lb.readAll();
  assert.equal((await counters.poll()).outcome, "ok");
  const { counts } = counters;
  assert.ok(counts);
  assert.deepEqual(onlyOurs(await bench.read()).length, 2);
  const mine = counts.vips.filter((vip) => vip.prefix === "203.0.113.1/32").toSorted((a, b) =>
    a.port - b.port
  );
  assert.deepEqual(mine.map(({ port }) => port), [80, 443]);
  for (const vip of mine) assert.deepEqual([vip.next, vip.first, vip.untracked, vip.noServer], [0, 0, 0, 0]);
  const servers = new Map(counts.servers.map((server) => [server.address, server]));
  assert.deepEqual(servers.get(ip("10.77.0.1"))?.vips, [web]);
  assert.deepEqual(servers.get(ip("10.77.0.2"))?.vips.toSorted((a, b) => a.port - b.port), [web, other]);
  const route = (prefix: string) => client.request(calls.ipRouteLookup, { table_id: 0, exact: 1, prefix });
  assert.equal((await route("203.0.113.1/32")).retval, 0);
  assert.equal((await route("10.77.0.2/32")).retval, 0);
  assert.equal((await route("203.0.113.77/32")).retval, -6);
});

onEachVpp("vpp: a thousand requests in one turn are all answered, in order", async (target) => {
  await using session = await openSession(target);
  const order: number[] = [];
  await Promise.all(
    Array.from(
      { length: 1000 },
      (_, i) => session.client.demand(calls.controlPing, {}).then(() => order.push(i)),
    ),
  );
  assert.deepEqual(order, Array.from({ length: 1000 }, (_, i) => i));
});

onEachVpp(
  "vpp: a session that is closed under way rejects what had no answer, and a new one finds all",
  async (target) => {
    await using bench = await Bench.open(target);
    await bench.add(web, { "10.77.0.1": 100 });
    const session = await openSession(target, { statsAddress: "" }).catch((error) => error);
    assert.ok(session instanceof VppConflictError);
    const under = bench.session.lb.readAll();
    bench.session.client.end(new VppSessionError("stopped", "closed by the test"));
    await assert.rejects(under, /closed by the test/);
    await bench.session[Symbol.asyncDispose]();
    await using again = await Bench.open(target);
    assert.deepEqual(await again.read(), [], "opening a bench cleans up");
  },
);

onEachVpp("vpp: sessions come and go without a trace, however busy they were", async (target) => {
  // A burst fills the socket, so VPP meets EAGAIN; a client that then just closes would stay in its list for good.
  for (let i = 0; i < 20; i++) {
    await using session = await openSession(target);
    await Promise.all(Array.from({ length: 2000 }, () => session.client.demand(calls.controlPing, {})));
  }
  await using session = await openSession(target);
  const { reply } = await session.client.demand(calls.cliInband, { cmd: "show api clients" });
  assert.equal(countClients(reply, "vpp-maglev"), 1, reply);
});

onEachVpp("vpp: a controller that was killed is no conflict for its successor", async (target) => {
  let kill = (): void => {};
  const connect = async (path: string, signal: AbortSignal): Promise<ByteStream> => {
    const socket = await connectUnix(path, signal);
    let dead = false;
    kill = () => {
      dead = true;
      socket.close();
    };
    return {
      read: (into) => socket.read(into),
      write: (from) => socket.write(from),
      close: () => dead || socket.close(),
    };
  };
  const killed = await openSession(target, { connect });
  await Promise.all(Array.from({ length: 2000 }, () => killed.client.demand(calls.controlPing, {})));
  // The kernel closes the socket of a killed process; nothing is said before.
  kill();
  await killed[Symbol.asyncDispose]();
  await using successor = await openSession(target);
  await successor.client.demand(calls.controlPing, {});
});
