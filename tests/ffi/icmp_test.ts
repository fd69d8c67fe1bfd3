import assert from "node:assert/strict";
import fc from "fast-check";
import { Fd } from "../../ffi/fd.ts";
import {
  checksum,
  ECHO_BATCH,
  type EchoKind,
  EchoReceiver,
  EchoSender,
  openEcho,
  parseEcho as parse,
} from "../../ffi/icmp.ts";
import { E } from "../../ffi/constants.ts";
import { sockaddr } from "../../ffi/sockaddr.ts";
import { noRawSockets, testWith } from "../probes/needs.ts";

/** What names one echo. */
interface EchoId {
  readonly identifier: number;
  readonly sequence: number;
  readonly cookieHigh: number;
  readonly cookieLow: number;
}

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const id: fc.Arbitrary<EchoId> = fc.record(
  { identifier: u16, sequence: u16, cookieHigh: u32, cookieLow: u32 },
  { noNullPrototype: true },
);
const family = fc.constantFrom(4 as const, 6 as const);
const somewhere = sockaddr(Uint8Array.of(127, 0, 0, 1), 0);

/** A sender that never sends. */
function sender(of: 4 | 6, identifier: number, cookieHigh: number): EchoSender {
  return new EchoSender(new Fd(2 ** 31 - 1), of, identifier, cookieHigh);
}

/** A request on its own. */
function echoRequest(of: 4 | 6, { identifier, sequence, cookieHigh, cookieLow }: EchoId): Uint8Array {
  const one = sender(of, identifier, cookieHigh);
  one.add(sequence, cookieLow, somewhere);
  return one.packet(0).slice();
}

/** Parses octets that stand in a larger buffer, as they do in life. */
function parseEcho(of: 4 | 6, kind: EchoKind, octets: Uint8Array): ReturnType<typeof parse> {
  const before = 192;
  const buffer = new Uint8Array(2048).fill(0xff);
  buffer.set(octets, before);
  return parse(of, kind, new DataView(buffer.buffer), before, before + octets.length);
}

/** An IPv4 header of `size` octets before `rest`, with protocol ICMP. */
function ipv4(rest: Uint8Array, size = 20, protocol = 1): Uint8Array {
  const packet = new Uint8Array(size + rest.length);
  packet[0] = 0x40 | (size / 4);
  packet[9] = protocol;
  packet.set(rest, size);
  return packet;
}

/** An IPv6 header before `rest`, next header ICMPv6. */
function ipv6(rest: Uint8Array, next = 58): Uint8Array {
  const packet = new Uint8Array(40 + rest.length);
  packet[0] = 0x60;
  packet[6] = next;
  packet.set(rest, 40);
  return packet;
}

/** What the peer makes of a request. */
function replyTo(of: 4 | 6, request: Uint8Array): Uint8Array {
  const reply = request.slice();
  reply[0] = of === 4 ? 0 : 129;
  return reply;
}

/** An error message that quotes a request. */
function errorAbout(of: 4 | 6, type: number, code: number, quoted: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + quoted.length);
  message[0] = type;
  message[1] = code;
  message.set(quoted, 8);
  return of === 4 ? ipv4(message) : message;
}

Deno.test("echoRequest() has a checksum that adds up to zero", () => {
  fc.assert(fc.property(id, (echo) => checksum(echoRequest(4, echo)) === 0));
});

Deno.test("EchoSender writes one request beside the other", () => {
  const several = fc.array(fc.tuple(u16, u32), { minLength: 1, maxLength: ECHO_BATCH });
  fc.assert(fc.property(several, (echoes) => {
    const one = sender(4, 7, 8);
    for (const [sequence, cookieLow] of echoes) one.add(sequence, cookieLow, somewhere);
    assert.equal(one.count, echoes.length);
    echoes.forEach(([sequence, cookieLow], i) => {
      assert.equal(checksum(one.packet(i)), 0);
      const reply = replyTo(4, one.packet(i));
      const expected = { kind: "reply", identifier: 7, sequence, cookieHigh: 8, cookieLow };
      assert.deepEqual(parseEcho(4, "datagram", reply), expected);
    });
  }));
});

testWith([noRawSockets], "EchoSender tells which requests could not be sent, and sends all others", () => {
  using fd = openEcho(4, "raw", null);
  const one = new EchoSender(fd, 4, 0xbeef, 1);
  const receiver = new EchoReceiver(fd);
  // The broadcast address needs a right that the socket does not ask for.
  const forbidden = sockaddr(Uint8Array.of(255, 255, 255, 255), 0);
  const bad = new Set([0, 5, 6, ECHO_BATCH - 1]);
  for (let i = 0; i < ECHO_BATCH; i++) one.add(i, i, bad.has(i) ? forbidden : somewhere);
  const failed: [number, number][] = [];
  one.send((sequence, errno) => failed.push([sequence, errno]));
  assert.deepEqual(failed, [...bad].map((sequence) => [sequence, E.EACCES]));
  assert.equal(one.count, 0);
  // On loopback the replies are there when the call returns.
  const heard: number[] = [];
  const got = receiver.receive();
  for (let i = 0; i < got; i++) {
    const message = parse(4, "raw", receiver.view, receiver.start(i), receiver.end(i));
    if (message?.kind === "reply" && message.identifier === 0xbeef) heard.push(message.sequence);
  }
  assert.deepEqual(heard, Array.from({ length: ECHO_BATCH }, (_, i) => i).filter((i) => !bad.has(i)));
  assert.equal(receiver.receive(), -E.EAGAIN);
});

Deno.test("checksum() agrees with the example of RFC 1071, section 3", () => {
  assert.equal(checksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)), 0x220d);
});

Deno.test("parseEcho() finds the identity of an echo again, in every kind of reply", () => {
  fc.assert(fc.property(family, id, fc.constantFrom(20, 24, 60), (of, echo, header) => {
    const reply = replyTo(of, echoRequest(of, echo));
    assert.deepEqual(parseEcho(of, "datagram", reply), { kind: "reply", ...echo });
    assert.deepEqual(parseEcho(of, "raw", of === 4 ? ipv4(reply, header) : reply), {
      kind: "reply",
      ...echo,
    });
  }));
});

Deno.test("parseEcho() finds it in error messages, quoted whole or by 8 octets only", () => {
  fc.assert(fc.property(family, id, fc.boolean(), (of, echo, short) => {
    const request = echoRequest(of, echo).slice(0, short ? 8 : undefined);
    const message = of === 4 ? errorAbout(4, 3, 1, ipv4(request)) : errorAbout(6, 1, 3, ipv6(request));
    const { identifier, sequence } = echo;
    const detail = of === 4 ? "host is unreachable" : "address is unreachable";
    assert.deepEqual(parseEcho(of, "raw", message), { kind: "error", identifier, sequence, detail });
  }));
});

Deno.test("parseEcho() leaves out what is about something else", () => {
  const echo: EchoId = { identifier: 1, sequence: 2, cookieHigh: 3, cookieLow: 4 };
  const request4 = echoRequest(4, echo);
  const request6 = echoRequest(6, echo);
  assert.equal(parseEcho(4, "raw", ipv4(request4)), null, "a request");
  assert.equal(parseEcho(4, "raw", errorAbout(4, 3, 3, ipv4(request4, 20, 17))), null, "about UDP");
  assert.equal(parseEcho(6, "raw", errorAbout(6, 1, 4, ipv6(request6, 6))), null, "about TCP");
  assert.equal(parseEcho(4, "raw", errorAbout(4, 3, 1, ipv4(replyTo(4, request4)))), null, "about a reply");
  assert.equal(parseEcho(4, "datagram", replyTo(4, request4).slice(0, 15)), null, "too short for a cookie");
});

Deno.test("parseEcho() survives any octets", () => {
  const near = fc.tuple(
    fc.constantFrom(0x45, 0x4f, 0x60, 0, 3, 1, 129, 11),
    fc.uint8Array({ maxLength: 120 }),
  )
    .map(([first, rest]) => Uint8Array.of(first, ...rest));
  const kind = fc.constantFrom("raw" as const, "datagram" as const);
  fc.assert(
    fc.property(family, kind, near, (of, how, octets) => void parseEcho(of, how, octets)),
    { numRuns: 5000 },
  );
});
