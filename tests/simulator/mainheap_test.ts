import assert from "node:assert/strict";
import type { IpAddress } from "../../src/model.ts";
import { hostPrefix, ip } from "../../src/net/ip.ts";
import { type HeapUse, MainHeap } from "../../src/simulator/mainheap.ts";
import type { SimulatedVpp } from "../../src/simulator/vpp.ts";
import { simulated } from "../vpp/targets.ts";
import { addVip } from "./vip.ts";

const MIB = 2 ** 20;
const VIP = ip("203.0.113.1");

function heap(total = 2 ** 30): { heap: MainHeap; use: () => HeapUse } {
  let use: HeapUse = { total: 0, used: 0 };
  return { heap: new MainHeap(total, (now) => use = now, (text) => new Error(text)), use: () => use };
}

Deno.test("a sticky table is made at a thread's first packet, 64 octets a bucket, and anew when they change", () => {
  const { heap: one, use } = heap();
  assert.deepEqual(use(), { total: 2 ** 30, used: 29 * MIB });
  assert.equal(one.forward(0, 2 ** 22), false, "no flow was known");
  assert.equal(use().used, 29 * MIB + 64 * (2 ** 22 + 1));
  assert.equal(one.forward(0, 2 ** 22), false);
  one.forward(1, 2 ** 20);
  assert.equal(use().used, 29 * MIB + 64 * (2 ** 22 + 1) + 64 * (2 ** 20 + 1), "each thread has its own");
  assert.equal(one.forward(0, 1024), true, "its flows are gone");
  assert.equal(use().used, 29 * MIB + 64 * 1025 + 64 * (2 ** 20 + 1));
});

Deno.test("VPP dies as measured: 2^24 buckets are out of memory, 2^26 wrap in 32 bits", () => {
  assert.throws(() => heap().heap.forward(0, 2 ** 24), /Out-of-memory, calling os_panic/);
  assert.throws(() => heap().heap.forward(0, 2 ** 26), /SIGSEGV in lb4_gre4_port_node_fn/);
  assert.throws(() => heap(2 ** 40).heap.forward(0, 2 ** 26), /SIGSEGV/, "however large the heap");
});

Deno.test("a new-flow table takes 4 octets an entry, and twice as much while it is made anew", () => {
  const { heap: one, use } = heap(29 * MIB + 6 * 65_536);
  one.makeTable(65_536);
  assert.equal(use().used, 29 * MIB + 4 * 65_536);
  assert.throws(() => one.remakeTable(65_536), /a new-flow table of 65536 entries does not fit/);
  one.freeTable(65_536);
  assert.equal(use().used, 29 * MIB);
});

function makeVip(vpp: SimulatedVpp, address: IpAddress, isDel = false): void {
  const retval = vpp.lb.lb_add_del_vip_v2({
    ...addVip,
    pfx: hostPrefix(address),
    new_flows_table_length: 65_536,
    is_del: isDel,
  }, vpp.uptime());
  assert.equal(retval, 0);
}

Deno.test("lb_conf answers 0 and allocates nothing; the first packet ends VPP, and its sockets with it", async () => {
  await using target = await simulated();
  const { simulator } = target;
  const { vpp } = simulator;
  const conf = { ...vpp.lb.conf, flow_timeout: 40 };
  makeVip(vpp, VIP);
  const before = vpp.stats.memory("/mem/main heap");
  assert.equal(vpp.lb.lb_conf({ ...conf, sticky_buckets_per_core: 2 ** 24 }), 0);
  assert.deepEqual(vpp.stats.memory("/mem/main heap"), before);
  const packet = { client: ip("198.51.100.9"), clientPort: 4000, vip: VIP, port: 80, protocol: 6 };
  assert.equal(simulator.forward({ ...packet, vip: ip("203.0.113.9") }), null);
  assert.equal(simulator.death, null, "a packet to no VIP makes no table");
  assert.equal(simulator.forward(packet), null);
  assert.match(await simulator.crashed, /a packet: Out-of-memory, calling os_panic/);
  await assert.rejects(Deno.connect({ transport: "unix", path: target.api }));
});

Deno.test("the stats segment tells what the heap has, and a deleted VIP gives its table back when it is collected", async () => {
  await using target = await simulated({ heapSize: 512 * MIB });
  const { vpp } = target.simulator;
  const free = () => vpp.stats.memory("/mem/main heap").free;
  const before = free();
  assert.deepEqual(vpp.stats.memory("/mem/main heap").total, 512 * MIB);
  makeVip(vpp, VIP);
  assert.equal(before - free(), 4 * 65_536);
  makeVip(vpp, VIP, true);
  assert.equal(before - free(), 4 * 65_536);
  vpp.lb.collect(vpp.uptime() + 100);
  assert.equal(free(), before);
});
