import assert from "node:assert/strict";
import fc from "fast-check";
import { checksum, type EchoId, type EchoKind, EchoWriter, parseEcho as parse } from "../../ffi/icmp.ts";

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const id: fc.Arbitrary<EchoId> = fc.record(
  { identifier: u16, sequence: u16, cookie: fc.tuple(u32, u32) },
  { noNullPrototype: true },
);
const family = fc.constantFrom(4 as const, 6 as const);

/** A request on its own. */
function echoRequest(of: 4 | 6, { identifier, sequence, cookie }: EchoId): Uint8Array {
  return new EchoWriter(of, identifier, cookie[0]).write(sequence, cookie[1]).slice();
}

/** Parses octets that stand in a larger buffer, as they do in life. */
function parseEcho(of: 4 | 6, kind: EchoKind, octets: Uint8Array): ReturnType<typeof parse> {
  const buffer = new Uint8Array(2048).fill(0xff);
  buffer.set(octets);
  return parse(of, kind, new DataView(buffer.buffer), octets.length);
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

Deno.test("EchoWriter writes one request after the other", () => {
  const writer = new EchoWriter(4, 7, 8);
  fc.assert(fc.property(u16, u32, (sequence, low) => {
    const request = writer.write(sequence, low);
    assert.equal(checksum(request), 0);
    const reply = replyTo(4, request);
    assert.deepEqual(parseEcho(4, "datagram", reply), {
      kind: "reply",
      id: { identifier: 7, sequence, cookie: [8, low] },
    });
  }));
});

Deno.test("checksum() agrees with the example of RFC 1071, section 3", () => {
  assert.equal(checksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)), 0x220d);
});

Deno.test("parseEcho() finds the identity of an echo again, in every kind of reply", () => {
  fc.assert(fc.property(family, id, fc.constantFrom(20, 24, 60), (of, echo, header) => {
    const reply = replyTo(of, echoRequest(of, echo));
    assert.deepEqual(parseEcho(of, "datagram", reply), { kind: "reply", id: echo });
    assert.deepEqual(parseEcho(of, "raw", of === 4 ? ipv4(reply, header) : reply), {
      kind: "reply",
      id: echo,
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
  const echo: EchoId = { identifier: 1, sequence: 2, cookie: [3, 4] };
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
