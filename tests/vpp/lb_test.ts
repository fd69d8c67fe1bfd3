/** How maglevd reads and writes the lb plugin, seen from VPP's side: what it asks for, and when. */
import assert from "node:assert/strict";
import { ip } from "../../src/net/ip.ts";
import type { ReceivedRequest } from "../../src/simulator/faults.ts";
import { LbReader, newerThanTested } from "../../src/vpp/lbread.ts";
import { messages } from "../../src/vpp/messages.ts";
import type { SessionOptions } from "../../src/vpp/session.ts";
import { FakeClock } from "../fake_clock.ts";
import { addVip } from "../simulator/vip.ts";
import { MemoryLog } from "./link_harness.ts";
import { openClient, ScriptedVpp } from "./scripted_vpp.ts";
import { tamper } from "./tamper.ts";
import { Bench, simulated, type Target, vipOf, weights } from "./targets.ts";

const web = vipOf("203.0.113.1");
const other = vipOf("203.0.113.2");

/** Names of what was asked for, pings that end dumps left out. */
function asked(requests: readonly ReceivedRequest[]): string[] {
  return requests.filter((one) => one.name !== "control_ping").map((one) =>
    one.name === "cli_inband" ? (one.body as { cmd: string }).cmd : one.name
  );
}

/** A session on its own clock, so that ten minutes can pass. */
async function bench(
  target: Target,
  changes: Partial<SessionOptions> = {},
): Promise<{ bench: Bench; clock: FakeClock; log: MemoryLog }> {
  const clock = new FakeClock();
  const log = new MemoryLog();
  // Without stats nothing in a session waits, so the clock may stand still.
  return { bench: await Bench.open(target, { clock, log, statsAddress: "", ...changes }), clock, log };
}

const QUIET = ["lb_as_v2_dump", "lb_as_v2_dump", "lb_conf_get", "lb_vip_dump"];
const TEXT = "show lb vips verbose";

Deno.test("lb: a read that finds nothing new asks for the VIPs, and the servers of each, and no more", async () => {
  await using target = await simulated();
  const { bench: b, clock } = await bench(target);
  await using _b = b;
  const { lb } = b.session;
  await b.add(web, { "10.77.0.1": 100 });
  await b.add(other, { "10.77.0.1": 100 });
  await lb.readAll();
  const { recorder } = target.simulator;
  recorder.take();
  for (let i = 0; i < 3; i++) {
    await clock.advance(30_000);
    await lb.readAll();
    assert.deepEqual(asked(recorder.take()).toSorted(), QUIET);
  }
  // Each VIP's own filter, never the one that lists everything.
  await lb.readAll();
  const filters = recorder.take().filter((one) => one.name === "lb_as_v2_dump");
  assert.deepEqual(
    filters.map((one) => {
      const { pfx } = one.body as { pfx: { octets: Uint8Array } };
      return pfx.octets.toHex();
    }).toSorted(),
    ["cb007101", "cb007102"].map((address) => "0".repeat(24) + address),
  );
});

Deno.test("lb: the text is asked for first, when told stale, when the VIPs changed, and after ten minutes", async () => {
  await using target = await simulated();
  const { bench: b, clock } = await bench(target);
  await using _b = b;
  const { lb } = b.session;
  const { recorder } = target.simulator;
  await b.add(web, {});
  const texts = async (): Promise<number> => {
    recorder.take();
    await lb.readAll();
    return asked(recorder.take()).filter((one) => one === TEXT).length;
  };
  assert.equal(await texts(), 1, "a VIP was added");
  assert.equal(await texts(), 0);
  lb.textIsStale();
  assert.equal(await texts(), 1);
  assert.equal(await texts(), 0);
  await clock.advance(599_999);
  assert.equal(await texts(), 0);
  await clock.advance(1);
  assert.equal(await texts(), 1);
  // Someone else adds a VIP: only the dump tells.
  target.simulator.vpp.lb.lb_add_del_vip_v2({ ...addVip, pfx: "203.0.113.9/32" }, 0);
  assert.equal(await texts(), 1);
  assert.equal(await texts(), 0);
});

Deno.test("lb: a first read on a session asks for the text once", async () => {
  await using target = await simulated();
  const { bench: b } = await bench(target);
  await using _b = b;
  // Opening the bench made the first read.
  assert.equal(asked(target.simulator.recorder.take()).filter((one) => one === TEXT).length, 1);
});

Deno.test("lb: one VIP is read by the list and its own servers in one write, without the text", async () => {
  await using target = await simulated();
  const { bench: b } = await bench(target);
  await using _b = b;
  for (let i = 1; i <= 20; i++) await b.add(vipOf(`203.0.113.${i}`), { "10.77.0.1": 100 });
  const { lb } = b.session;
  const { recorder } = target.simulator;
  recorder.take();
  const vip = await lb.readVip(web);
  assert.deepEqual(weights(vip), { "10.77.0.1": 100 });
  assert.deepEqual(asked(recorder.take()), ["lb_vip_dump", "lb_as_v2_dump"]);
  assert.equal((await lb.readPrefix(web.prefix)).length, 1);
  assert.deepEqual(asked(recorder.take()), ["lb_vip_dump", "lb_as_v2_dump"]);
});

Deno.test("lb: what changed is seen, and what did not is not made again, whatever is read in between", async () => {
  await using target = await simulated();
  const { bench: b } = await bench(target);
  await using _b = b;
  const two = { "10.77.0.1": 100, "10.77.0.2": 50 };
  await b.add(web, two);
  await b.add(other, two);
  const { lb } = b.session;
  const read = async () => {
    const { vips } = await lb.readAll();
    return (prefix: string) => vips.find((vip) => vip.prefix === prefix);
  };
  const before = await read();
  await lb.readVip(other);
  await lb.readServers(web);
  await b.done({ kind: "as-weight", vip: web, address: ip("10.77.0.1"), weight: 7, flush: false });
  const after = await read();
  assert.deepEqual(weights(after(web.prefix)), { "10.77.0.1": 7, "10.77.0.2": 50 });
  assert.deepEqual(weights(after(other.prefix)), two);
  after(other.prefix)?.servers.forEach((server, i) => {
    assert.equal(server, before(other.prefix)?.servers[i]);
  });
  await b.done({ kind: "as-delete", vip: web, address: ip("10.77.0.1") });
  const last = await read();
  assert.deepEqual(weights(last(web.prefix)), { "10.77.0.2": 50 });
  assert.deepEqual(weights(last(other.prefix)), two);
});

Deno.test("lb: at most eight dumps of servers are in flight", async () => {
  await using target = await simulated();
  const { bench: b } = await bench(target);
  await using _b = b;
  for (let i = 1; i <= 30; i++) await b.add(vipOf(`203.0.113.${i}`), { "10.77.0.1": 100 });
  const { lb } = b.session;
  const { recorder, faults } = target.simulator;
  recorder.take();
  const arrived = recorder.next("lb_as_v2_dump");
  let hold: Disposable | null = null;
  void arrived.then(() => hold = faults.hold());
  const read = lb.readAll();
  await arrived;
  // While nothing is answered, nothing more may arrive; a moment for what is on its way.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const dumps = recorder.requests.filter((one) => one.name === "lb_as_v2_dump").length;
  assert.ok(dumps <= 8, `${dumps} dumps in flight`);
  (hold as Disposable | null)?.[Symbol.dispose]();
  assert.equal((await read).vips.length, 30);
  assert.equal(recorder.take().filter((one) => one.name === "lb_as_v2_dump").length, 30);
});

Deno.test("lb: what was just made is not judged by an older text", async () => {
  await using target = await simulated();
  const { bench: b } = await bench(target);
  await using _b = b;
  const { lb } = b.session;
  await b.add(web, {}, { srcIpSticky: false });
  await lb.readAll();
  assert.equal((await lb.readVip(web))?.srcIpSticky, false);
  // Made again with another setting; the text is only asked for at the next full read.
  await b.done({ kind: "vip-flush", vip: web }, { kind: "vip-delete", vip: web, encap: "gre4" });
  assert.equal(await lb.readVip(web), null);
  await b.add(web, {}, { srcIpSticky: true });
  const now = await lb.readVip(web);
  assert.equal(now?.srcIpSticky, true);
  assert.equal(now?.index, null, "the old column is not the new VIP's");
  assert.equal((await lb.readAll()).vips[0]?.srcIpSticky, true);
});

Deno.test("lb: a line of the text that is not known is one warning, and costs its VIP two fields", async () => {
  await using target = await simulated();
  const connect = tamper({ text: (reply) => reply.replace("  new_size:65536", "  new_size:65536 (2 MiB)") });
  const { bench: b, log } = await bench(target, { connect });
  await using _b = b;
  const { lb } = b.session;
  await b.add(web, { "10.77.0.1": 100 }, { tableLength: 65536 });
  await b.add(other, { "10.77.0.1": 100 }, { srcIpSticky: true });
  for (let i = 0; i < 3; i++) {
    lb.textIsStale();
    const vips = (await lb.readAll()).vips;
    assert.deepEqual(
      vips.map((
        vip,
      ) => [vip.srcIpSticky, vip.index === null, vip.tableLength, Object.keys(weights(vip)).length]),
      [[null, true, 65536, 1], [true, false, 1024, 1]],
    );
  }
  const warnings = log.lines.filter((line) => line.msg === "vpp-lb-text");
  assert.equal(warnings.length, 1);
  assert.equal(warnings[0]?.level, "warn");
  assert.equal(warnings[0]?.attrs.line, "  new_size:65536 (2 MiB)");
});

Deno.test("lb: a kind of line that is not known is one warning, whatever numbers and addresses it has", async () => {
  await using target = await simulated();
  let reads = 0;
  const connect = tamper({
    text: (reply) => {
      reads++;
      let vips = 0;
      return reply
        .replaceAll("  counters:", () => `  counters:\n    dropped packet: ${reads * 10 + vips++}`)
        .replaceAll(/ used$/gm, () => ` used since ${reads}`);
    },
  });
  const { bench: b, log } = await bench(target, { connect });
  await using _b = b;
  await b.add(web, { "10.77.0.1": 100, "10.77.0.2": 100 });
  await b.add(other, { "2001:db8::1": 100 }, { encap: "gre6" });
  for (let i = 0; i < 3; i++) {
    b.session.lb.textIsStale();
    const { vips } = await b.session.lb.readAll();
    assert.deepEqual(vips.map(({ srcIpSticky, index }) => [srcIpSticky, index]), [[null, null], [
      null,
      null,
    ]]);
    assert.deepEqual(vips.map((vip) => Object.keys(weights(vip)).length), [2, 1]);
  }
  const lines = log.lines.filter((line) => line.msg === "vpp-lb-text").map((line) => String(line.attrs.line));
  assert.equal(lines.length, 2, lines.join("\n"));
  assert.match(lines[0] ?? "", /dropped packet/);
  assert.match(lines[1] ?? "", /used since/);
});

/** A filter that no VPP of this kind understands. */
const blind = tamper({
  filter: (body) => ({
    ...body,
    pfx: { ...body.pfx, octets: body.pfx.octets.map((octet) => octet === 0 ? 0 : octet ^ 0xff) },
  }),
});

Deno.test("lb: on a newer VPP whose filter finds nothing, all servers are read at once, with a warning", async () => {
  await using target = await simulated({ build: { version: "27.02-rc0" } });
  const { bench: b, log } = await bench(target, { connect: blind });
  await using _b = b;
  await b.add(web, { "10.77.0.1": 100 });
  await b.add(other, { "10.77.0.2": 1, "10.77.0.3": 2 });
  const vips = await b.read();
  assert.deepEqual(vips.map(weights), [{ "10.77.0.1": 100 }, { "10.77.0.2": 1, "10.77.0.3": 2 }]);
  assert.deepEqual(weights(await b.session.lb.readVip(other)), { "10.77.0.2": 1, "10.77.0.3": 2 });
  assert.deepEqual(log.names.filter((name) => name.includes("filter")), ["warn vpp-lb-filter"]);
  const { recorder } = target.simulator;
  recorder.take();
  await b.session.lb.readAll();
  assert.deepEqual(asked(recorder.take()).toSorted(), ["lb_as_v2_dump", "lb_conf_get", "lb_vip_dump"]);
});

Deno.test("lb: on a newer VPP whose filter works nothing is different, once it was seen to work", async () => {
  await using target = await simulated({ build: { version: "27.02-rc0" } });
  const { bench: b, log } = await bench(target);
  await using _b = b;
  await b.add(web, {});
  await b.add(other, { "10.77.0.2": 1 });
  await b.read();
  const { recorder } = target.simulator;
  recorder.take();
  await b.session.lb.readAll();
  assert.deepEqual(asked(recorder.take()).toSorted(), QUIET);
  assert.deepEqual(log.lines, []);
});

Deno.test("lb: on a tested VPP the dump of everything is never sent", async () => {
  await using target = await simulated();
  const { bench: b, log } = await bench(target, { connect: blind });
  await using _b = b;
  await b.add(web, { "10.77.0.1": 100 });
  assert.deepEqual((await b.read()).map(weights), [{}]);
  const filters = target.simulator.recorder.take().filter((one) => one.name === "lb_as_v2_dump")
    .map((one) => (one.body as { pfx: { octets: Uint8Array } }).pfx.octets);
  assert.ok(filters.length > 0 && filters.every((octets) => octets.some((octet) => octet !== 0)));
  assert.deepEqual(log.lines, []);
});

Deno.test("lb: a VIP of an encapsulation that is not known is left alone", async () => {
  const log = new MemoryLog();
  await using vpp = new ScriptedVpp(async ({ name, head }, connection) => {
    if (name === "control_ping") return connection.pong(head.context);
    if (name === "cli_inband") {
      return connection.answer(messages.cli_inband_reply, { context: head.context }, { reply: "" });
    }
    if (name !== "lb_vip_dump") return;
    for (const [last, encap] of [[1, 9], [2, 0]] as const) {
      await connection.answer(messages.lb_vip_details, { context: head.context }, {
        vip: { pfx: `203.0.113.${last}/32`, protocol: 6, port: 80 },
        encap,
        dscp: 77,
        srv_type: 0xffffffff,
        target_port: 0,
        flow_table_length: 1024,
      });
    }
  });
  const clock = new FakeClock();
  await using client = await openClient(vpp, { clock });
  const reader = new LbReader(client, "26.10", clock, log);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual((await reader.readAll()).map((vip) => vip.prefix), ["203.0.113.2/32"]);
  }
  assert.deepEqual(log.names, ["warn vpp-lb-encap"]);
  assert.equal(log.lines[0]?.attrs.encap, 9);
});

Deno.test("lb: releases are told apart by year and month", () => {
  for (
    const tested of [
      "26.10-rc0~374-gb575ec2c56d",
      "26.10",
      "26.10.1-release",
      "v26.10-rc2",
      "26.06-release",
      "25.10",
    ]
  ) {
    assert.equal(newerThanTested(tested), false, tested);
  }
  for (const newer of ["27.02-rc0", "26.11", "30.01", "", "unknown"]) {
    assert.equal(newerThanTested(newer), true, newer);
  }
});
