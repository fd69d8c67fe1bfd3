/** Counters of the running daemon with packets through each VPP, beside what VPP itself shows. */
import assert from "node:assert/strict";
import type { LbCounters } from "../../src/api/mod.ts";
import { type Flow, onEachVpp, type OwnVpp, packetSize } from "./each_vpp.ts";
import { frontend, Running, text } from "./each_vpp_world.ts";
import { textOf } from "../metrics/pieces.ts";

const vip4 = "203.0.113.1";
const vip6 = "2001:db8:77::1";
/** Flows of another run may still stand in the table of a real VPP, which has four places for a hash. */
const some = (from: number, to: number) => from + Math.floor(Math.random() * (to - from));
const port = () => some(1024, 65_536);
const client = () => `198.18.${some(0, 256)}.${some(1, 255)}`;
/** What GRE adds to a packet: an outer header of the servers' family, and 4 octets. */
const overhead = { gre4: 24, gre6: 44 };

const world = text([
  frontend("web", vip4),
  "    alt: { address: 203.0.113.1, protocol: tcp, port: 8080, pools: [{ name: p, backends: { b2: {} } }] }\n",
  frontend("six", vip6, "", "c1: {}, c2: {}"),
  frontend("idle", "203.0.113.5", "", "b1: { weight: 0 }"),
].join(""));

function counters({ daemon }: Running): LbCounters {
  const answer = daemon.control.counters();
  assert.ok(answer.ok);
  return answer.value;
}

/** Lets the time of the next reading come and waits for it. */
async function read(running: Running): Promise<LbCounters> {
  // New VIPs are read first, a second after they were made, so that their columns are known.
  running.jump(1100);
  await running.daemon.planned();
  const before = counters(running).read_at;
  running.jump(5000);
  for (let look = 0; look < 1000; look++) {
    const now = counters(running);
    if (now.read_at !== before) return now;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("the counters are not read");
}

/** Counters of VIPs that VPP shows, by `prefix port`. */
async function shown({ hand }: OwnVpp): Promise<Record<string, number[]>> {
  const blocks = (await hand.cli("show lb vips verbose")).split("\n\n").filter((block) =>
    / used$/m.test(block)
  );
  return Object.fromEntries(blocks.map((block) => {
    const [, prefix] = /\] (\S+)/.exec(block) ?? [];
    const [, port = "0"] = /^ {2}protocol:\d+ port:(\d+)$/m.exec(block) ?? [];
    const count = (name: string) => Number(new RegExp(`^ +${name}: (\\d+)$`, "m").exec(block)?.[1]);
    const names = [
      "packet from existing sessions",
      "first session packet",
      "untracked packet",
      "no server configured",
    ];
    return [`${prefix} ${port}`, names.map(count)];
  }));
}

/** The server that the daemon says a new flow gets. */
async function serverOf({ daemon }: Running, name: string, { client, clientPort }: Flow): Promise<string> {
  const answer = await daemon.control.whereis(name, client, clientPort);
  assert.ok(answer.ok);
  return answer.value.now?.address ?? "";
}

onEachVpp(
  "daemon: counters of VIPs, prefixes, servers and strays are VPP's own, in the metrics too",
  async (vpp) => {
    await using running = await Running.start(vpp, world);
    // A real VPP goes on counting for servers that it had before.
    const before = await read(running);
    const packetsBefore = new Map(before.servers.map(({ address, packets }) => [address, packets]));
    const bytesBefore = new Map(before.servers.map(({ address, bytes }) => [address, bytes]));
    const flows: [name: string, flow: Flow][] = [];
    for (let n = 0; n < 6; n++) {
      const flow = { client: client(), clientPort: port(), packets: 10 + n };
      flows.push(["web", { ...flow, vip: vip4, port: 80 }], ["alt", { ...flow, vip: vip4, port: 8080 }]);
      flows.push(["six", { ...flow, client: `2001:db8:9::${10 + n}`, vip: vip6, port: 80 }]);
    }
    const toServer = new Map<string, number>();
    for (const [name, flow] of flows) {
      const server = await serverOf(running, name, flow);
      toServer.set(server, (toServer.get(server) ?? 0) + flow.packets);
      await vpp.send(flow);
    }
    for (let n = 0; n < 3; n++) {
      await vpp.send({ client: client(), clientPort: port(), vip: "203.0.113.5", port: 80, packets: 1 });
    }
    await vpp.send({ client: "192.0.2.9", clientPort: 7, vip: vip4, port: 22, packets: 4 });

    const counts = await read(running);
    const vips = new Map(counts.vips.map((vip) => [vip.frontend, vip]));
    const each = 10 + 11 + 12 + 13 + 14 + 15;
    for (const name of ["web", "alt", "six"]) {
      const { next, first, untracked, no_server } = vips.get(name) ?? {};
      assert.deepEqual([next, first, untracked, no_server], [each - 6, 6, 0, 0], name);
    }
    assert.deepEqual([vips.get("idle")?.no_server, vips.get("idle")?.packets], [3, 3]);
    assert.equal(counts.unmatched - before.unmatched, 4, "packets to a port that no VIP has");
    // Routes belong to a prefix, so web and alt show the same, the strays too.
    for (const name of ["web", "alt"]) {
      const { packets, bytes } = vips.get(name) ?? {};
      assert.deepEqual([packets, bytes], [2 * each + 4, (2 * each + 4) * packetSize], name);
    }
    // Servers are summed over all VIPs that share them; whereis said where every flow would go.
    const servers = new Map(counts.servers.map((server) => [server.address, server]));
    assert.ok(toServer.size >= 3, [...toServer.keys()].join());
    for (const [address, packets] of toServer) {
      const size = packetSize + (address.includes(":") ? overhead.gre6 : overhead.gre4);
      const server = servers.get(address);
      const went = (server?.packets ?? 0) - (packetsBefore.get(address) ?? 0);
      const octets = (server?.bytes ?? 0) - (bytesBefore.get(address) ?? 0);
      assert.deepEqual([went, octets], [packets, packets * size], address);
    }
    const shared = servers.get("10.77.0.2");
    assert.deepEqual([shared?.backend, shared?.vips.map(({ frontend }) => frontend).sort()], ["b2", [
      "alt",
      "web",
    ]]);

    const vppShows = await shown(vpp);
    for (const vip of counts.vips) {
      const row = [vip.next, vip.first, vip.untracked, vip.no_server];
      assert.deepEqual(vppShows[`${vip.prefix} ${vip.port}`], row, vip.prefix);
    }
    const metrics = textOf(await running.daemon.control.metrics());
    const metric = (series: string) =>
      Number(metrics.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ")[1]);
    const of = `frontend="web",address="${vip4}",protocol="tcp",port="80"`;
    assert.equal(metric(`maglev_vpp_vip_packets_total{${of},kind="first"}`), 6);
    assert.equal(metric(`maglev_vpp_vip_packets_total{${of},kind="next"}`), each - 6);
    assert.equal(metric(`maglev_vpp_vip_route_bytes_total{${of}}`), (2 * each + 4) * packetSize);
    assert.equal(
      metric('maglev_vpp_server_packets_total{address="10.77.0.2",backend="b2"}'),
      shared?.packets,
    );
    assert.equal(metric('maglev_vpp_server_bytes_total{address="10.77.0.2",backend="b2"}'), shared?.bytes);
    assert.equal(metric("maglev_vpp_unmatched_packets_total"), counts.unmatched);
  },
);

onEachVpp(
  "daemon: a VIP that is recreated counts from 0, and a flow stays when its server only loses weight",
  async (vpp) => {
    await using running = await Running.start(vpp, world);
    const flow = { client: client(), clientPort: port(), vip: vip4, port: 80, packets: 20 };
    const server = await serverOf(running, "web", flow);
    const packetsOf = ({ servers }: LbCounters) =>
      servers.find(({ address }) => address === server)?.packets ?? 0;
    const before = packetsOf(await read(running));
    await vpp.send(flow);
    const counted = (await read(running)).vips.find(({ frontend }) => frontend === "web");
    assert.deepEqual([counted?.first, counted?.next], [1, 19]);
    // Without a flush the flow goes on where it was, though new ones go elsewhere.
    const backend = server === "10.77.0.1" ? "b1" : "b2";
    await running.daemon.weigh("web", "p", backend, 0);
    assert.notEqual(await serverOf(running, "web", flow), server);
    await vpp.send(flow);
    assert.equal(packetsOf(await read(running)) - before, 40);
    await running.reload(
      world.replace(
        `"${vip4}", protocol: tcp, port: 80,`,
        `"${vip4}", protocol: tcp, port: 80, src-ip-sticky: true,`,
      ),
    );
    const anew = (await read(running)).vips.find(({ frontend }) => frontend === "web");
    assert.deepEqual([anew?.first, anew?.next], [0, 0]);
    await vpp.send(flow);
    const again = (await read(running)).vips.find(({ frontend }) => frontend === "web");
    assert.deepEqual([again?.first, again?.next], [1, 19]);
  },
);
