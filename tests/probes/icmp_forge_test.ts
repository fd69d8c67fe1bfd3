import assert from "node:assert/strict";
import type { EchoKind } from "../../ffi/icmp.ts";
import { Reactor } from "../../ffi/reactor.ts";
import type { Family } from "../../src/model.ts";
import { ip, octets } from "../../src/net/ip.ts";
import type { Echo } from "../../src/probes/echo_socket.ts";
import { EchoSockets } from "../../src/probes/echo_sockets.ts";
import { type ProbePlan, probePlan } from "../../src/probes/plan.ts";
import { RawSocket } from "../raw_socket.ts";
import { icmpCheck, target } from "./helpers.ts";
import { echoError, echoReply } from "./icmp_messages.ts";
import { LocalProber } from "./local.ts";
import { Network } from "./namespaces.ts";
import { noNamespaces, noRawSockets, testWith } from "./needs.ts";

/** Forged messages in all: of both families and both kinds of sockets together. */
const MESSAGES = Deno.env.get("MAGLEV_TEST_RUNS") === "full" ? 1_000_000 : 100_000;
/** Sent before the socket is read: a small part of what its buffer holds. */
const BURST = 500;

/** An echo that notes what it is told. */
class Asked implements Echo {
  sequence = 0;
  identifier = 0;
  cookieHigh = 0;
  cookieLow = 0;
  readonly peer: Uint8Array;
  readonly told: string[] = [];

  constructor(plan: ProbePlan) {
    this.peer = plan.peer;
  }

  replied(): void {
    this.told.push("replied");
  }

  undeliverable(detail: string): void {
    this.told.push(detail);
  }

  unsent(): void {
    this.told.push("unsent");
  }

  lost(): void {
    this.told.push("lost");
  }
}

/** Where a victim (.2) keeps silent beside a hostile host (.3), and the hostile one sees all that the victim is asked. */
class Site implements Disposable {
  readonly network = new Network();

  constructor() {
    const { prober, router } = this.network;
    router.ip("addr", "add", "198.18.77.3/24", "dev", "wire");
    router.ip("-6", "addr", "add", "fd77::3/64", "dev", "wire", "nodad");
    router.sysctl("net.ipv4.icmp_echo_ignore_all", "1");
    router.sysctl("net.ipv6.icmp.echo_ignore_all", "1");
    // Forged errors are not what the kernel itself sends, and it must not slow down what it sends.
    prober.sysctl("net.ipv4.ping_group_range", "0 2147483647");
  }

  [Symbol.dispose](): void {
    this.network[Symbol.dispose]();
  }
}

const prober: Readonly<Record<Family, Uint8Array>> = {
  4: octets(ip("198.18.77.1")),
  6: octets(ip("fd77::1")),
};
const victim: Readonly<Record<Family, Uint8Array>> = {
  4: octets(ip("198.18.77.2")),
  6: octets(ip("fd77::2")),
};
const hostile: Readonly<Record<Family, Uint8Array>> = {
  4: octets(ip("198.18.77.3")),
  6: octets(ip("fd77::3")),
};

/** The same octets with numbers of 32 random bits from `from` to `to`. */
function guessed(request: Uint8Array, from: number, to: number): Uint8Array {
  const copy = request.slice();
  const view = new DataView(copy.buffer);
  for (let at = from; at < to; at += 4) view.setUint32(at, Math.floor(Math.random() * 2 ** 32));
  return copy;
}

/** Runs one family and one kind of socket, with `count` forged messages. */
async function forge(site: Site, family: Family, kind: EchoKind, count: number): Promise<void> {
  const { network } = site;
  const protocol = family === 4 ? 1 : 58;
  await using reactor = new Reactor();
  using sockets = new EchoSockets(reactor, [kind]);
  using atVictim = new RawSocket(network.router.name, family, protocol, victim[family]);
  using atHostile = new RawSocket(network.router.name, family, protocol, hostile[family]);
  const plan = probePlan(
    target("victim", icmpCheck(), {
      netns: network.prober.name,
      address: ip(family === 4 ? "198.18.77.2" : "fd77::2"),
    }),
    "test",
  );

  /** Asks the victim, and reads what it was asked. */
  const ask = (): { echo: Asked; request: Uint8Array } => {
    const made = sockets.get(plan, 0);
    assert.ok(made.ok, made.ok ? "" : made.error.detail);
    assert.equal(made.value.kind, kind);
    const echo = new Asked(plan);
    made.value.gather(plan.address, sockets.identifier(plan), echo);
    made.value.flush();
    for (;;) {
      const packet = atVictim.receive();
      assert.ok(packet !== null, "the echo arrives");
      const request = packet.slice(family === 4 ? 20 : 0);
      const cookie = new DataView(request.buffer);
      if (request[0] !== (family === 4 ? 8 : 128) || cookie.getUint32(12) !== echo.cookieLow) continue;
      return { echo, request };
    }
  };
  const quote = (request: Uint8Array, to: Uint8Array) => echoError(family, request, prober[family], to);

  // Who knows all that was sent, but is another address; and who is taken for the right one, but has to guess.
  const forgeries: Readonly<Record<string, (request: Uint8Array) => void>> = {
    "a reply from another address": (request) => atHostile.send(echoReply(family, request), prober[family]),
    "an error about an echo to another address": (request) =>
      atHostile.send(quote(request, hostile[family]), prober[family]),
    "a reply in the name of the victim, guessed": (request) =>
      atVictim.send(echoReply(family, guessed(request, 8, 16)), prober[family]),
    "an error about an echo to the victim, guessed": (request) =>
      atHostile.send(quote(guessed(request, 8, 16), victim[family]), prober[family]),
    "an error that quotes 8 octets, guessed": (request) => {
      const short = guessed(request.slice(0, 8), 4, 8);
      short.set(guessed(new Uint8Array(4), 0, 4).subarray(0, 2), 2);
      atHostile.send(quote(short, victim[family]), prober[family]);
    },
  };
  const each = Math.ceil(count / Object.keys(forgeries).length);
  for (const [name, send] of Object.entries(forgeries)) {
    const { echo, request } = ask();
    for (let sent = 0; sent < each;) {
      for (let i = 0; i < BURST && sent < each; i++, sent++) send(request);
      reactor.wait(0);
    }
    assert.deepEqual(echo.told, [], name);
    // The honest answer to the same echo is heard, so the forged ones were looked at.
    atVictim.send(echoReply(family, request), prober[family]);
    reactor.wait(1000);
    assert.deepEqual(echo.told, ["replied"], name);
  }

  // What a router truly says is heard too; a datagram socket is not given it.
  if (kind === "datagram") return;
  const detail = family === 4 ? "host is unreachable" : "communication is prohibited";
  const { echo, request } = ask();
  atHostile.send(quote(request, victim[family]), prober[family]);
  reactor.wait(1000);
  assert.deepEqual(echo.told, [detail]);
  if (family === 6) return;
  const short = ask();
  atHostile.send(quote(short.request.subarray(0, 8), victim[family]), prober[family]);
  reactor.wait(1000);
  assert.deepEqual(short.echo.told, [detail]);
}

testWith(
  [noNamespaces],
  `${MESSAGES} forged replies and errors from another address change nothing`,
  async (t) => {
    using site = new Site();
    for (const kind of ["raw", "datagram"] as const) {
      for (const family of [4, 6] as const) {
        await t.step(`IPv${family}, ${kind} socket`, () => forge(site, family, kind, MESSAGES / 4));
      }
    }
  },
);

/** Answers what the victim is asked, until it is disposed; looks every few milliseconds. */
function answering(arrived: RawSocket, family: Family, answer: (request: Uint8Array) => void): Disposable {
  const timer = setInterval(() => {
    for (let packet = arrived.receive(); packet !== null; packet = arrived.receive()) {
      const request = packet.slice(family === 4 ? 20 : 0);
      if (request[0] === (family === 4 ? 8 : 128)) answer(request);
    }
  }, 2);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

testWith(
  [noNamespaces],
  "a host that sees every echo neither revives a dead one nor kills a living one",
  async (t) => {
    using site = new Site();
    const { network } = site;
    for (const kind of ["raw", "datagram"] as const) {
      for (const family of [4, 6] as const) {
        await t.step(`IPv${family}, ${kind} socket`, async () => {
          const protocol = family === 4 ? 1 : 58;
          using atVictim = new RawSocket(network.router.name, family, protocol, victim[family]);
          using atHostile = new RawSocket(network.router.name, family, protocol, hostile[family]);
          await using local = new LocalProber(1000, { kinds: [kind] });
          const address = ip(family === 4 ? "198.18.77.2" : "fd77::2");
          const one = target("victim", icmpCheck({ timeoutMs: 200 }), {
            netns: network.prober.name,
            address,
          });
          const toProber = (from: RawSocket, message: Uint8Array<ArrayBuffer>) =>
            from.send(message, prober[family]);
          let forged = 0;
          {
            using _dead = answering(atVictim, family, (request) => {
              for (let i = 0; i < 20; i++, forged++) toProber(atHostile, echoReply(family, request));
            });
            for (let i = 0; i < 3; i++) assert.equal((await local.once(one)).code, "L4TOUT");
          }
          {
            using _living = answering(atVictim, family, (request) => {
              for (let i = 0; i < 20; i++, forged++) {
                toProber(atHostile, echoError(family, request, prober[family], hostile[family]));
                const guess = guessed(request, 8, 16);
                toProber(atHostile, echoError(family, guess, prober[family], victim[family]));
              }
              toProber(atVictim, echoReply(family, request));
            });
            for (let i = 0; i < 3; i++) assert.equal((await local.once(one)).code, "L7OK");
          }
          assert.ok(forged >= 120);
        });
      }
    }
  },
);

testWith(
  [noRawSockets],
  "messages without end do not hold the thread: a round of receiving ends after some thousands",
  async () => {
    await using reactor = new Reactor();
    using sockets = new EchoSockets(reactor);
    const plan = probePlan(target("b", icmpCheck()), "test");
    const made = sockets.get(plan, 0);
    assert.ok(made.ok);
    const socket = made.value;
    // Each answer asks again, and on loopback the next answers are there at once.
    let answers = 0;
    class Again extends Asked {
      override replied(): void {
        answers++;
        socket.forget(this);
        if (answers < 100_000) socket.gather(plan.address, 1, new Again(plan));
      }
    }
    for (let i = 0; i < 128; i++) socket.gather(plan.address, 1, new Again(plan));
    socket.flush();
    reactor.wait(0);
    assert.ok(answers > 10_000 && answers < 20_000, `${answers} answers in one round`);
  },
);
