import assert from "node:assert/strict";
import { ip, octets16 } from "../../src/net/ip.ts";
import { Simulator, type SimulatorOptions, SocketInUse } from "../../src/simulator/simulator.ts";
import { messages as m, readMessage } from "../../src/vpp/messages.ts";
import { Writer } from "../../src/vpp/wire.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { countDescriptors, countMappings } from "../vpp/support.ts";
import { HEADER_SIZE, RawClient, socketDirectory } from "./raw_client.ts";
import { addVip, server } from "./vip.ts";

const everyVip = { pfx: "0.0.0.0/0", le: 0, ge: 0, protocol: 0, port: 0 };

/** A simulator and its sockets, gone at the end of the scope. */
async function started(
  options: Partial<SimulatorOptions> = {},
): Promise<AsyncDisposable & { simulator: Simulator; api: string; stats: string }> {
  const sockets = await socketDirectory();
  const simulator = await Simulator.start({ api: sockets.api, stats: sockets.stats, ...options });
  return {
    simulator,
    api: sockets.api,
    stats: sockets.stats,
    async [Symbol.asyncDispose]() {
      await simulator[Symbol.asyncDispose]();
      await sockets[Symbol.asyncDispose]();
    },
  };
}

Deno.test("frames may be split and merged at any octet", async () => {
  await using here = await started();
  using client = await RawClient.greet(here.api);
  const to = new Writer();
  client.write(to, m.lb_add_del_vip_v2, addVip);
  client.write(to, m.lb_add_del_as_v2, server("10.0.0.1"));
  client.write(to, m.control_ping, {});
  const octets = to.finish();
  for (const cut of [1, HEADER_SIZE, HEADER_SIZE + 1, octets.length - 1]) {
    await client.send(octets.subarray(0, cut));
    await client.send(octets.subarray(cut));
    for (const reply of [m.lb_add_del_vip_v2_reply, m.lb_add_del_as_v2_reply, m.control_ping_reply]) {
      const payload = await client.read();
      assert.ok(payload !== null);
      assert.equal(readMessage<object>(reply, payload).head.id, client.ids.get(reply.tableName));
    }
  }
});

Deno.test("what is too short or unknown is dropped and never answered; what is too long is answered", async () => {
  await using here = await started();
  using client = await RawClient.greet(here.api);
  const frame = (body: number[]) => {
    const octets = new Uint8Array(HEADER_SIZE + body.length);
    new DataView(octets.buffer).setUint32(8, body.length);
    octets.set(body, HEADER_SIZE);
    return octets;
  };
  const u16 = (n: number) => [n >> 8, n & 255];
  const u32 = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  const ping = u16(client.ids.get(m.control_ping.tableName) ?? 0);
  await client.send(frame([...ping, ...u32(client.clientIndex), 0, 0, 0]));
  await client.send(frame([...u16(9999), ...u32(client.clientIndex), ...u32(2)]));
  await client.send(frame([...ping, ...u32(client.clientIndex), ...u32(3), 1, 2, 3]));
  const payload = await client.read();
  assert.ok(payload !== null);
  assert.equal(readMessage(m.control_ping_reply, payload).head.context, 3);
  assert.equal(here.simulator.server.dropped.length, 2);
});

Deno.test("an answer goes to the client whose number the request carries", async () => {
  await using here = await started();
  using one = await RawClient.greet(here.api, "one");
  using two = await RawClient.greet(here.api, "two");
  const own = one.clientIndex;
  one.clientIndex = two.clientIndex;
  await one.request(m.control_ping, {});
  assert.ok(await two.read() !== null);
  one.clientIndex = 0x80000063;
  await one.request(m.control_ping, {});
  one.clientIndex = own;
  const { body } = await one.ask(m.control_ping, m.control_ping_reply, {});
  assert.equal(body.client_index, own, "the one with an unknown number was not answered");
});

Deno.test("show api clients lists who is connected, and a farewell ends one of them", async () => {
  await using here = await started();
  using one = await RawClient.greet(here.api, "vpp-maglev");
  using two = await RawClient.greet(here.api, "other");
  const listed = async () => (await two.cli("show api clients")).reply;
  assert.equal(
    await listed(),
    "Socket clients\n" +
      "                Name  Fildesc\n" +
      "          vpp-maglev       21\n" +
      "               other       22\n",
  );
  const left = await one.ask(m.sockclnt_delete, m.sockclnt_delete_reply, { index: one.clientIndex });
  assert.equal(left.retval, 1);
  assert.equal(await one.read(), null);
  assert.doesNotMatch(await listed(), /vpp-maglev/);
  const unknown = await two.ask(m.sockclnt_delete, m.sockclnt_delete_reply, { index: 0x80000063 });
  assert.equal(unknown.retval, -1);
});

Deno.test("a VPP that keeps dead clients lists them until one of its calls fails otherwise", async () => {
  await using here = await started();
  here.simulator.faults.keepDeadClients = true;
  using client = await RawClient.greet(here.api, "alive");
  {
    using _dead = await RawClient.greet(here.api, "dead");
    using polite = await RawClient.greet(here.api, "polite");
    await polite.ask(m.sockclnt_delete, m.sockclnt_delete_reply, { index: polite.clientIndex });
    assert.equal(await polite.read(), null);
  }
  while (here.simulator.server.deadClients === 0) await settle();
  const names = async () =>
    [...(await client.cli("show api clients")).reply.matchAll(/(alive|dead|polite)/g)].map(([n]) => n);
  assert.deepEqual(await names(), ["alive", "dead"]);
  assert.equal(
    (await client.cli("exec /dev/null/x")).reply,
    "exec: failed to open `/dev/null/x': Not a directory\n",
  );
  assert.deepEqual(await names(), ["alive"]);
});

Deno.test("the command line answers as VPP does, errors too", async () => {
  await using here = await started();
  using client = await RawClient.greet(here.api);
  assert.deepEqual(await client.cli("no such command"), {
    retval: -1,
    reply: "unknown input `no such command'\n",
  });
  assert.deepEqual(await client.cli("show nonsense"), {
    retval: -1,
    reply: "show: unknown input `nonsense'\n",
  });
  assert.deepEqual(
    await client.cli("a command that is longer than thirty characters"),
    { retval: -1, reply: "unknown input `a command that is longer than ...'\n" },
  );
  await client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, addVip);
  await client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, {
    ...addVip,
    pfx: "2001:db8::5/128",
    port: 8080,
    encap: 4,
    target_port: 3000,
  });
  assert.equal(
    (await client.cli("show lb vips")).reply,
    "ip4-gre4 198.51.100.1/32 new_size:1024 #as:0  protocol:6 port:80 \n" +
      "ip6-nat6 2001:db8::5/128 new_size:1024 #as:0  protocol:6 port:8080  type:clusterip port:36895 target_port:3000\n",
  );
  assert.deepEqual(await client.cli("lb conf timeout 60"), { retval: 0, reply: "" });
  const { body } = await client.ask(m.lb_conf_get, m.lb_conf_get_reply, {});
  assert.equal(body.flow_timeout, 60);
  assert.deepEqual(await client.cli("lb conf buckets 1000"), {
    retval: -1,
    reply: "lb conf: lb_conf error -70\n",
  });
});

Deno.test("a table length of 0 ends VPP: connections break, nobody listens, the reason is kept", async () => {
  await using here = await started();
  const { simulator, api } = here;
  using client = await RawClient.greet(api);
  await client.request(m.lb_add_del_vip_v2, { ...addVip, new_flows_table_length: 0 });
  assert.match(
    await simulator.crashed,
    /lb_add_del_vip_v2: Out-of-memory, calling os_panic\(\): a new-flow table of 2\^32 entries/,
  );
  assert.equal(await client.read(), null);
  assert.match(simulator.death ?? "", /new-flow table/);
  await assert.rejects(RawClient.connect(api), Deno.errors.ConnectionRefused);
  assert.throws(() => simulator.vpp, /dead/);
  await simulator.restart();
  using again = await RawClient.greet(api);
  assert.deepEqual(await again.dump(m.lb_vip_dump, m.lb_vip_details, everyVip), []);
});

Deno.test("a restart forgets everything and gives other message ids", async () => {
  await using here = await started({ without: [] });
  using before = await RawClient.greet(here.api);
  await before.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, addVip);
  const pid = (await before.ask(m.control_ping, m.control_ping_reply, {})).body.vpe_pid;
  await here.simulator.restart({ without: ["lb_as_set_weight", "lb_as_v2_dump"] });
  assert.equal(await before.read(), null);
  using after = await RawClient.greet(here.api);
  assert.equal((await after.ask(m.lb_conf_get, m.lb_conf_get_reply, {})).body.sticky_buckets_per_core, 1024);
  assert.deepEqual(await after.dump(m.lb_vip_dump, m.lb_vip_details, everyVip), []);
  assert.notEqual((await after.ask(m.control_ping, m.control_ping_reply, {})).body.vpe_pid, pid);
  assert.notEqual(after.ids.get(m.control_ping.tableName), before.ids.get(m.control_ping.tableName));
  for (
    const name of [
      "sockclnt_create",
      "sockclnt_create_reply",
      "sockclnt_delete",
      "sockclnt_delete_reply",
    ] as const
  ) {
    assert.equal(after.ids.get(m[name].tableName), before.ids.get(m[name].tableName));
  }
  assert.equal(before.ids.size, 865);
  assert.equal(after.ids.has(m.lb_as_set_weight.tableName), false, "an older VPP");
  assert.equal(after.ids.has(m.lb_add_del_as_v2.tableName), true);
});

Deno.test("VPP collects what was deleted every 60 s", async () => {
  const clock = new FakeClock();
  await using here = await started({ clock });
  const { lb } = here.simulator.vpp;
  using client = await RawClient.greet(here.api);
  await client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, addVip);
  await client.ask(m.lb_add_del_as_v2, m.lb_add_del_as_v2_reply, server("10.0.0.1"));
  await client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, { ...addVip, is_del: true });
  await clock.advance(59_000);
  assert.deepEqual([lb.vipCount, lb.serverCount], [2, 1], "one second too young");
  await clock.advance(60_000);
  assert.deepEqual([lb.vipCount, lb.serverCount], [1, 0]);
});

Deno.test("faults strike the requests they are meant for", async () => {
  const clock = new FakeClock();
  await using here = await started({ clock });
  const { simulator, api } = here;
  using client = await RawClient.greet(api);
  const add = (address: string) => client.ask(m.lb_add_del_as_v2, m.lb_add_del_as_v2_reply, server(address));
  await client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, addVip);

  simulator.faults.add({ on: "lb_add_del_as_v2", outcome: { kind: "retval", retval: -12 }, times: 1 });
  assert.equal((await add("10.0.0.1")).retval, -12);
  assert.equal(simulator.vpp.lb.serverCount, 0, "and was not done");
  assert.equal((await add("10.0.0.1")).retval, 0, "struck once");

  simulator.faults.add({ on: "show_version", outcome: { kind: "retval", retval: -1 }, times: 1 });
  assert.equal((await client.ask(m.show_version, m.show_version_reply, {})).retval, -1);

  using selective = simulator.faults.add({
    on: ({ name, body }) =>
      name === "lb_add_del_as_v2" && (body as { as_address: string }).as_address === "10.0.0.3",
    outcome: { kind: "retval", retval: -81 },
  });
  assert.deepEqual([(await add("10.0.0.2")).retval, (await add("10.0.0.3")).retval], [0, -81]);
  selective[Symbol.dispose]();
  assert.equal((await add("10.0.0.3")).retval, 0);

  simulator.faults.add({ on: "lb_add_del_as_v2", outcome: { kind: "ignore" }, times: 1 });
  simulator.faults.add({ on: "lb_add_del_as_v2", outcome: { kind: "mute" }, times: 1 });
  await client.request(m.lb_add_del_as_v2, server("10.0.0.4"));
  await client.request(m.lb_add_del_as_v2, server("10.0.0.5"));
  await client.ask(m.control_ping, m.control_ping_reply, {});
  const rows = [...simulator.vpp.lb.vips()].flatMap((vip) => [...vip.servers].map(({ row }) => row.address));
  assert.deepEqual(rows, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.5"]);

  // A delay holds back what follows on the connection: VPP answers in order.
  simulator.faults.add({ on: "show_version", outcome: { kind: "delay", ms: 1000 }, times: 1 });
  await client.request(m.show_version, {});
  await client.request(m.control_ping, {});
  await simulator.recorder.next("show_version");
  await clock.advance(999);
  assert.equal(simulator.recorder.requests.at(-1)?.name, "show_version");
  await clock.advance(1);
  const order = [await client.read(), await client.read()].map((payload) => payload?.length);
  assert.deepEqual(order, [362, 18]);

  simulator.faults.add({ on: "control_ping", outcome: { kind: "close" }, times: 1 });
  await client.request(m.control_ping, {});
  assert.equal(await client.read(), null);
});

Deno.test("VPP can stop answering, talk nonsense, and ask whether its client lives", async () => {
  await using here = await started();
  const { simulator, api } = here;
  using client = await RawClient.greet(api);
  const hold = simulator.faults.hold();
  await client.request(m.lb_add_del_vip_v2, addVip);
  await client.request(m.control_ping, {});
  // Another connection is held up as well; both are answered in order when VPP goes on.
  using other = await RawClient.connect(api);
  const greeting = other.hello("other");
  hold[Symbol.dispose]();
  await greeting;
  const first = await client.read();
  assert.ok(first !== null);
  assert.equal(readMessage(m.lb_add_del_vip_v2_reply, first).head.retval, 0);
  assert.ok(await client.read() !== null);

  simulator.sendKeepalive();
  const asked = await client.read();
  assert.ok(asked !== null);
  const { head } = readMessage(m.memclnt_keepalive, asked);
  assert.equal(head.id, client.ids.get(m.memclnt_keepalive.tableName));
  const answered = simulator.recorder.next("memclnt_keepalive_reply");
  await client.send(replyTo(client, head.context));
  assert.equal((await answered).client, "raw");

  simulator.sendOctets(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 2, 3));
  assert.deepEqual(await client.read(), Uint8Array.of(1, 2, 3));
  simulator.disconnect();
  assert.equal(await client.read(), null);
});

function replyTo(client: RawClient, context: number): Uint8Array {
  // The reply has no client_index: u16 id, u32 context, i32 retval.
  const octets = new Uint8Array(HEADER_SIZE + 10);
  const view = new DataView(octets.buffer);
  view.setUint32(8, 10);
  view.setUint16(HEADER_SIZE, client.ids.get(m.memclnt_keepalive_reply.tableName) ?? 0);
  view.setUint32(HEADER_SIZE + 2, context);
  return octets;
}

Deno.test("the recorder tells what clients sent, fields and all", async () => {
  await using here = await started();
  using client = await RawClient.greet(here.api, "someone");
  here.simulator.recorder.take();
  const next = here.simulator.recorder.next("lb_as_v2_dump");
  const filter = { pfx: { af: 1, octets: octets16(ip("198.51.100.1")), len: 32 }, protocol: 6, port: 80 };
  await client.dump(m.lb_as_v2_dump, m.lb_as_v2_details, filter);
  assert.deepEqual(await next, { name: "lb_as_v2_dump", body: filter, client: "someone" });
  assert.deepEqual(here.simulator.recorder.take().map(({ name }) => name), ["lb_as_v2_dump", "control_ping"]);
  assert.deepEqual(here.simulator.recorder.take(), []);
});

Deno.test("a path in use is refused; what a killed VPP left behind is not in use", async () => {
  await using here = await started();
  const { simulator, api, stats } = here;
  await assert.rejects(Simulator.start({ api }), (error) => {
    assert.ok(error instanceof SocketInUse);
    assert.match(error.message, /api\.sock: another process listens there/);
    return true;
  });
  await assert.rejects(
    Simulator.start({ api: `${api}.2`, stats }),
    /stats\.sock: another process listens there/,
  );
  await assert.rejects(Simulator.start({ api: stats }), /stats\.sock: another process listens there/);
  await Deno.writeTextFile(`${api}.file`, "");
  await assert.rejects(Simulator.start({ api: `${api}.file` }), /no socket/);
  await simulator.kill();
  assert.equal((await Deno.lstat(api)).isSocket, true, "a kill leaves the file");
  await using _next = await Simulator.start({ api, stats });
  using _client = await RawClient.greet(api);
});

Deno.test("starting, restarting and ending leave no descriptor, mapping or file behind", async () => {
  await using sockets = await socketDirectory();
  const round = async () => {
    await using simulator = await Simulator.start({ api: sockets.api, stats: sockets.stats });
    using _client = await RawClient.greet(sockets.api);
    await simulator.restart();
    using _again = await RawClient.greet(sockets.api);
  };
  await round();
  const descriptors = countDescriptors();
  for (let i = 0; i < 10; i++) await round();
  assert.equal(countDescriptors(), descriptors);
  assert.equal(countMappings("stat segment"), 0);
  const left = await Array.fromAsync(Deno.readDir(new URL(".", `file://${sockets.api}`)));
  assert.deepEqual(left, []);
});
