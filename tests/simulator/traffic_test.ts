import assert from "node:assert/strict";
import type { IpAddress } from "../../src/model.ts";
import { hostPrefix, ip } from "../../src/net/ip.ts";
import { Simulator } from "../../src/simulator/simulator.ts";
import type { SimulatedVpp } from "../../src/simulator/vpp.ts";
import { FakeClock } from "../fake_clock.ts";
import { flowRecordings } from "../lb/recordings.ts";
import { socketDirectory } from "./raw_client.ts";

const CLIENT = ip("192.0.2.1");
const VIP = ip("198.51.100.1");

function addVip(vpp: SimulatedVpp, address: IpAddress, length: number, sticky: boolean, port = 80): number {
  return vpp.lb.lb_add_del_vip_v2({
    pfx: hostPrefix(address),
    protocol: 6,
    port,
    encap: 0,
    dscp: 0,
    type: 0,
    target_port: 0,
    node_port: 0,
    new_flows_table_length: length,
    src_ip_sticky: sticky,
    is_del: false,
  }, vpp.uptime());
}

function addServer(vpp: SimulatedVpp, vip: IpAddress, address: IpAddress, weight: number): number {
  return vpp.lb.lb_add_del_as_v2({
    pfx: hostPrefix(vip),
    protocol: 6,
    port: 80,
    as_address: address,
    weight,
    is_del: false,
    is_flush: false,
  }, vpp.uptime());
}

function setWeight(vpp: SimulatedVpp, address: IpAddress, weight: number, flush: boolean): number {
  return vpp.lb.lb_as_set_weight({
    pfx: hostPrefix(VIP),
    protocol: 6,
    port: 80,
    as_address: address,
    weight,
    is_flush: flush,
  });
}

/** A simulator without sockets to speak of. */
async function started(
  clock = new FakeClock(),
): Promise<AsyncDisposable & { simulator: Simulator; clock: FakeClock }> {
  const sockets = await socketDirectory();
  const simulator = await Simulator.start({ api: sockets.api, clock, workers: 1, segmentSize: 1 << 20 });
  return {
    simulator,
    clock,
    async [Symbol.asyncDispose]() {
      await simulator[Symbol.asyncDispose]();
      await sockets[Symbol.asyncDispose]();
    },
  };
}

Deno.test("every recorded connection goes to the server that answered it", async () => {
  await using here = await started();
  const worlds = Map.groupBy(
    await flowRecordings(),
    ({ flow, length, servers }) => JSON.stringify([flow.vip, flow.srcIpSticky, length, servers]),
  );
  let checked = 0;
  for (const lines of worlds.values()) {
    await here.simulator.restart();
    const vpp = here.simulator.vpp;
    for (const { flow, length, servers, server } of lines) {
      if (addVip(vpp, flow.vip, length, flow.srcIpSticky) === 0) {
        for (const { address, weight } of servers) assert.equal(addServer(vpp, flow.vip, address, weight), 0);
      }
      const { client, clientPort, vip, vipPort: port } = flow;
      assert.equal(here.simulator.forward({ client, clientPort, vip, port, protocol: 6 }), server);
      checked++;
    }
  }
  assert.equal(checked, 440);
});

Deno.test("a flow stays on its server at weight 0; only a flush moves it", async () => {
  await using here = await started();
  const { simulator } = here;
  addVip(simulator.vpp, VIP, 1024, false);
  const [one, two] = [ip("10.0.0.1"), ip("10.0.0.2")];
  addServer(simulator.vpp, VIP, one, 100);
  const flow = { client: CLIENT, clientPort: 1234, vip: VIP, port: 80, protocol: 6 };
  assert.equal(simulator.forward(flow), one);
  addServer(simulator.vpp, VIP, two, 100);
  setWeight(simulator.vpp, one, 0, false);
  assert.equal(simulator.forward(flow), one, "pinned");
  assert.equal(simulator.forward({ ...flow, clientPort: 1235 }), two, "a new flow");
  setWeight(simulator.vpp, one, 0, true);
  assert.equal(simulator.forward(flow), two, "flushed");
});

Deno.test("a flow that was idle for the time-out is new again", async () => {
  await using here = await started();
  const { simulator, clock } = here;
  addVip(simulator.vpp, VIP, 1024, false);
  addServer(simulator.vpp, VIP, ip("10.0.0.1"), 100);
  const flow = { client: CLIENT, clientPort: 1, vip: VIP, port: 80, protocol: 6 };
  const counts = () =>
    (["first session packet", "packet from existing sessions"] as const).map((n) =>
      simulator.vpp.stats.vipSum(n, 1)
    );
  simulator.forward(flow);
  await clock.advance(40_000);
  simulator.forward(flow);
  assert.deepEqual(counts(), [1, 1]);
  await clock.advance(41_000);
  simulator.forward(flow);
  assert.deepEqual(counts(), [2, 1]);
});

Deno.test("packets move the counters of the VIP, of its prefix's route and of the server, on their thread", async () => {
  await using here = await started();
  const { simulator } = here;
  const { vpp } = simulator;
  addVip(vpp, VIP, 1024, false);
  addVip(vpp, VIP, 1024, false, 443);
  addServer(vpp, VIP, ip("10.0.0.1"), 100);
  const flow = {
    client: CLIENT,
    clientPort: 9,
    vip: VIP,
    port: 80,
    protocol: 6,
    packets: 10,
    octets: 60,
    thread: 1,
  };
  assert.equal(simulator.forward(flow), ip("10.0.0.1"));
  assert.equal(simulator.forward({ ...flow, port: 443 }), null, "no server");
  assert.equal(simulator.forward({ ...flow, port: 8080 }), null, "no VIP on this port");
  assert.equal(simulator.forward({ ...flow, vip: ip("198.51.100.2") }), null, "no VIP at all");
  const sum = (name: Parameters<typeof vpp.stats.vipSum>[0]) =>
    [0, 1, 2].map((index) => vpp.stats.vipSum(name, index));
  assert.deepEqual(sum("first session packet"), [0, 1, 0]);
  assert.deepEqual(sum("packet from existing sessions"), [0, 9, 0]);
  assert.deepEqual(sum("no server configured"), [10, 0, 10]);
  assert.deepEqual(sum("untracked packet"), [0, 0, 0]);
  const lookup = (address: IpAddress) => {
    const { retval, body } = vpp.routes.lookup({ table_id: 0, exact: 1, prefix: hostPrefix(address) });
    assert.equal(retval, 0);
    return vpp.stats.routeSum(address === VIP ? "/net/route/to" : "/net/route/via", body.stats_index);
  };
  assert.deepEqual(lookup(VIP), { packets: 30, octets: 1800 });
  assert.deepEqual(lookup(ip("10.0.0.1")), { packets: 10, octets: 840 }, "GRE adds 24 octets to each");
});
