import assert from "node:assert/strict";
import fc from "fast-check";
import { Reactor } from "../../ffi/reactor.ts";
import { connect } from "../../ffi/socket.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { ip } from "../../src/net/ip.ts";
import { type ProbePlan, probePlan } from "../../src/probes/plan.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { type TcpSocket, TcpSockets } from "../../src/probes/tcp_sockets.ts";
import { httpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber } from "./local.ts";
import { Namespace } from "./namespaces.ts";
import { noNamespaces, testWith } from "./needs.ts";
import { mute, ScriptedServer } from "./servers.ts";

const planOf = (rest: Partial<ProbeTarget> = {}) => probePlan(target("b", tcpCheck(80), rest), "test");

/** A new socket for a plan. */
function made(sockets: TcpSockets, plan = planOf()) {
  const socket = sockets.make(plan);
  assert.ok(socket.ok);
  return socket.value;
}

Deno.test("TcpSockets gives the socket that was used last, of the same family and source only", () => {
  using reactor = new Reactor();
  using sockets = new TcpSockets(reactor);
  const plan = planOf();
  const other = planOf({ address: ip("::1") });
  assert.equal(sockets.take(plan, 0), null);
  const [first, second] = [made(sockets), made(sockets)];
  assert.equal(first.used, false);
  sockets.give(plan, first, 0);
  sockets.give(plan, second, 0);
  assert.equal(sockets.idle, 2);
  assert.equal(sockets.take(other, 0), null);
  assert.equal(sockets.take(plan, 0), second);
  assert.equal(sockets.take(plan, 0), first);
  assert.equal(first.used, true);
  assert.equal(sockets.take(plan, 0), null);
  sockets.give(plan, first, 0);
  sockets.give(plan, second, 0);
});

Deno.test("TcpSockets keeps 32 of all kinds, and closes each second what nobody needed", () => {
  using reactor = new Reactor();
  using sockets = new TcpSockets(reactor);
  const plan = planOf();
  const other = planOf({ address: ip("::1") });
  for (const socket of Array.from({ length: 40 }, () => made(sockets))) sockets.give(plan, socket, 1000);
  sockets.give(other, made(sockets, other), 1000);
  assert.equal(sockets.idle, 32);
  assert.equal(sockets.take(other, 1000), null, "there was no room for another kind");
  sockets.sweep(1000);
  assert.equal(sockets.idle, 32, "they have just been used");
  const taken = Array.from({ length: 5 }, () => sockets.take(plan, 1500) ?? assert.fail());
  for (const socket of taken) sockets.give(plan, socket, 1500);
  sockets.sweep(1999);
  assert.equal(sockets.idle, 32);
  sockets.sweep(2000);
  assert.equal(sockets.idle, 5);
  sockets.sweep(3000);
  assert.equal(sockets.idle, 0);
  assert.equal(sockets.take(plan, 3000), null);
});

Deno.test("TcpSockets keeps an eighth of the probes that may run at once, where that is less", () => {
  using reactor = new Reactor();
  using sockets = new TcpSockets(reactor, 20);
  const all = Array.from({ length: 10 }, () => made(sockets));
  for (const socket of all) sockets.give(planOf(), socket, 1000);
  assert.equal(sockets.idle, 2);
});

Deno.test("TcpSockets: however probes come and go, what is kept is bounded and what is closed is not given", () => {
  using reactor = new Reactor();
  const plans = [planOf(), planOf({ address: ip("::1") })];
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1 }), fc.nat(700))),
    (steps) => {
      using sockets = new TcpSockets(reactor);
      const used: [ProbePlan, TcpSocket][] = [];
      let now = 1000;
      for (const [step, which, wait] of steps) {
        now += wait;
        const plan = plans[which] ?? assert.fail();
        if (step === 0) {
          const [owner, socket] = used.pop() ?? [];
          if (owner !== undefined && socket !== undefined) sockets.give(owner, socket, now);
        } else if (step === 1) {
          sockets.sweep(now);
        } else {
          const socket = sockets.take(plan, now) ?? made(sockets, plan);
          assert.ok(socket.fd.number >= 0, "it is open");
          assert.ok(!used.some(([, other]) => other === socket), "nobody else has it");
          used.push([plan, socket]);
        }
        assert.ok(sockets.idle >= 0 && sockets.idle <= 32);
      }
      for (const [plan, socket] of used) sockets.give(plan, socket, now);
      sockets.sweep(now + 1000);
      sockets.sweep(now + 2000);
      assert.equal(sockets.idle, 0);
    },
  ));
});

Deno.test("a socket is connected again and again, each time from a port of its own, and each ends with a reset", async () => {
  const ends: string[] = [];
  const ports: number[] = [];
  await using server = new ScriptedServer(async (peer) => {
    ports.push(peer.connection.remoteAddr.port);
    ends.push(await peer.closing());
  });
  using reactor = new Reactor();
  using sockets = new TcpSockets(reactor);
  const plan = probePlan(target("b", tcpCheck(server.port)), "test");
  let socket = made(sockets, plan);
  for (let i = 0; i < 5; i++) {
    while (connect(socket.fd, plan.address) !== 0) await new Promise((resolve) => setTimeout(resolve, 1));
    while (ports.length <= i) await new Promise((resolve) => setTimeout(resolve, 1));
    sockets.give(plan, socket, 0);
    socket = sockets.take(plan, 0) ?? assert.fail("it was not kept");
  }
  sockets.give(plan, socket, 0);
  await Promise.all(server.ended);
  assert.deepEqual(ends, ["reset", "reset", "reset", "reset", "reset"]);
});

Deno.test("probes of every outcome leave a socket that the next probe can use", async () => {
  await using web = new ScriptedServer(async (peer) => {
    await peer.request();
    await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await peer.closing();
  });
  await using silent = new ScriptedServer(mute);
  await using closing = new ScriptedServer(() => {});
  await using prober = new LocalProber();
  const short = { timeoutMs: 40 };
  const checks = [
    [tcpCheck(web.port), "L4OK"],
    [tcpCheck(unusedPort()), "L4CON"],
    [httpCheck(web.port), "L7OK"],
    [httpCheck(silent.port, {}, short), "L7TOUT"],
    [httpCheck(closing.port), "L7RSP"],
    [tcpCheck(silent.port, { tls: noTls, ...short }), "L6TOUT"],
    [tcpCheck(web.port, { probeIpv4Src: ip("192.0.2.99") }), "L4CON"],
  ] as const;
  // Each after each.
  for (let step = 1; step < checks.length; step++) {
    for (let i = 0; i < checks.length; i++) {
      const [check, code] = checks[(i * step) % checks.length] ?? assert.fail();
      const result = await prober.once(target("b", check));
      assert.equal(result.code, code, `${result.detail} in round ${step}`);
    }
  }
});

testWith([noNamespaces], "TcpSockets: a namespace that was made anew gets new sockets", async () => {
  using reactor = new Reactor();
  using sockets = new TcpSockets(reactor);
  using namespace = new Namespace();
  const plan = planOf({ netns: namespace.name });
  const [kept, used] = [made(sockets, plan), made(sockets, plan)];
  sockets.give(plan, kept, 0);
  assert.equal(sockets.take(plan, 100), kept);
  sockets.give(plan, kept, 100);
  const { name } = namespace;
  namespace[Symbol.dispose]();
  await new Deno.Command("ip", { args: ["netns", "add", name] }).output();
  try {
    assert.equal(sockets.take(plan, 200), null, "what was kept is of the old one");
    const fresh = made(sockets, plan);
    sockets.give(plan, fresh, 300);
    // The old one was in use meanwhile.
    sockets.give(plan, used, 300);
    assert.equal(sockets.idle, 1);
    assert.equal(sockets.take(plan, 400), fresh);
    sockets.give(plan, fresh, 400);
  } finally {
    await new Deno.Command("ip", { args: ["netns", "del", name] }).output();
  }
  assert.equal(sockets.take(plan, 500), null, "and none is of a namespace that is gone");
});
