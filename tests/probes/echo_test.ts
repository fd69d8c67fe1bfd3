import assert from "node:assert/strict";
import fc from "fast-check";
import { Fd } from "../../ffi/fd.ts";
import { type EchoId, type EchoKind, EchoSender } from "../../ffi/icmp.ts";
import { sockaddr } from "../../ffi/sockaddr.ts";
import type { Family } from "../../src/model.ts";
import { type EchoMessage, isAbout, parseEcho } from "../../src/probes/echo.ts";
import { echoError, echoReply, ipv4, ipv6 } from "./icmp_messages.ts";

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const id: fc.Arbitrary<EchoId> = fc.record(
  { identifier: u16, sequence: u16, cookieHigh: u32, cookieLow: u32 },
  { noNullPrototype: true },
);
const family = fc.constantFrom<Family>(4, 6);
const socket = fc.constantFrom<EchoKind>("raw", "datagram");
const asked: Readonly<Record<Family, Uint8Array>> = {
  4: Uint8Array.of(192, 0, 2, 7),
  6: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7),
};
const own: Readonly<Record<Family, Uint8Array>> = {
  4: Uint8Array.of(192, 0, 2, 1),
  6: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
};

/** The octets of a request, as they are sent. */
function request(of: Family, echo: EchoId): Uint8Array {
  const one = new EchoSender(new Fd(2 ** 31 - 1), of);
  one.add(echo, sockaddr(new Uint8Array(of === 4 ? 4 : 16), 0));
  return one.packet(0).slice();
}

/** What a peer makes of a request, as `kind` of socket gives it. */
function reply(of: Family, kind: EchoKind, echo: Uint8Array, from: Uint8Array, header = 20): Uint8Array {
  const octets = echoReply(of, echo);
  return of === 4 && kind === "raw" ? ipv4(octets, from, own[4], header) : octets;
}

/** An error message about a request that went to `to`, as a raw socket gives it. */
function error(of: Family, code: number, quoted: Uint8Array, to: Uint8Array, type?: number): Uint8Array {
  const message = echoError(of, quoted, own[of], to, code, type);
  return of === 4 ? ipv4(message, Uint8Array.of(192, 0, 2, 254), own[4]) : message;
}

/** Reads octets that stand behind the address that they came from in a larger buffer, as they do in life. */
function read(of: Family, kind: EchoKind, octets: Uint8Array, source: Uint8Array) {
  const buffer = new Uint8Array(4096).fill(0xff);
  buffer.set(source, 104);
  buffer.set(octets, 192);
  const view = new DataView(buffer.buffer);
  const message = parseEcho(of, kind, view, 104, 192, 192 + octets.length);
  return {
    message,
    believed: (echo: EchoId) => message !== null && isAbout(message, view, echo, asked[of], kind),
  };
}

function idOf({ identifier, sequence, cookieHigh, cookieLow }: EchoMessage): EchoId {
  return { identifier, sequence, cookieHigh, cookieLow };
}

const changed: fc.Arbitrary<(echo: EchoId) => EchoId> = fc.tuple(
  fc.constantFrom("identifier" as const, "sequence" as const, "cookieHigh" as const, "cookieLow" as const),
  fc.nat(15),
).map(([part, bit]) => (echo) => ({ ...echo, [part]: (echo[part] ^ (1 << bit)) >>> 0 }));

Deno.test("a reply from the address that was asked counts, in every kind of socket", () => {
  fc.assert(fc.property(family, socket, id, fc.constantFrom(20, 24, 60), (of, kind, echo, header) => {
    const { message, believed } = read(
      of,
      kind,
      reply(of, kind, request(of, echo), asked[of], header),
      asked[of],
    );
    assert.equal(message?.kind, "reply");
    assert.deepEqual(idOf(message), echo);
    assert.ok(believed(echo));
  }));
});

Deno.test("a reply from any other address does not count, whatever it carries", () => {
  const octet = fc.tuple(fc.nat(15), fc.integer({ min: 1, max: 255 }));
  fc.assert(fc.property(family, socket, id, octet, (of, kind, echo, [at, bits]) => {
    const other = asked[of].slice();
    other[at % other.length] = (other[at % other.length] ?? 0) ^ bits;
    assert.ok(!read(of, kind, reply(of, kind, request(of, echo), other), other).believed(echo));
  }));
});

Deno.test("a reply of which a single bit is another one does not count", () => {
  fc.assert(fc.property(family, id, changed, (of, echo, change) => {
    const forged = reply(of, "raw", request(of, change(echo)), asked[of]);
    assert.ok(!read(of, "raw", forged, asked[of]).believed(echo));
  }));
});

Deno.test("on a datagram socket the kernel's identifier stands for ours", () => {
  fc.assert(fc.property(family, id, u16, (of, echo, identifier) => {
    const answer = reply(of, "datagram", request(of, { ...echo, identifier }), asked[of]);
    assert.ok(read(of, "datagram", answer, asked[of]).believed(echo));
  }));
});

Deno.test("an error counts that quotes an echo to the address that was asked, from whomever", () => {
  fc.assert(fc.property(family, id, (of, echo) => {
    const octets = error(of, of === 4 ? 1 : 3, request(of, echo), asked[of]);
    const { message, believed } = read(of, "raw", octets, own[of]);
    assert.deepEqual(message === null ? null : [message.kind, message.detail, idOf(message)], [
      "error",
      of === 4 ? "host is unreachable" : "address is unreachable",
      echo,
    ]);
    assert.ok(believed(echo));
  }));
});

Deno.test("an error that quotes an echo to another address does not count, even if the address itself sends it", () => {
  fc.assert(fc.property(family, id, (of, echo) => {
    const octets = error(of, 1, request(of, echo), own[of]);
    assert.ok(!read(of, "raw", octets, asked[of]).believed(echo));
  }));
});

Deno.test("an error that quotes other bits than were sent does not count", () => {
  fc.assert(fc.property(family, id, changed, (of, echo, change) => {
    const octets = error(of, 1, request(of, change(echo)), asked[of]);
    assert.ok(!read(of, "raw", octets, own[of]).believed(echo));
  }));
});

Deno.test("an IPv4 error that quotes 8 octets is proven by the checksum, which the cookie makes", () => {
  fc.assert(fc.property(id, changed, (echo, change) => {
    const short = (of: EchoId) => error(4, 0, request(4, of).slice(0, 8), asked[4], 11);
    const { message, believed } = read(4, "raw", short(echo), own[4]);
    assert.equal(message?.detail, "time to live exceeded");
    assert.ok(believed(echo));
    assert.ok(!read(4, "raw", short(change(echo)), own[4]).believed(echo));
  }));
});

Deno.test("an IPv6 error that quotes 8 octets says nothing", () => {
  const echo: EchoId = { identifier: 1, sequence: 2, cookieHigh: 3, cookieLow: 4 };
  assert.equal(read(6, "raw", error(6, 3, request(6, echo).slice(0, 8), asked[6]), own[6]).message, null);
});

Deno.test("parseEcho() leaves out what is about something else", () => {
  const echo: EchoId = { identifier: 1, sequence: 2, cookieHigh: 3, cookieLow: 4 };
  const request4 = request(4, echo);
  const about = (quoted: Uint8Array) => {
    const message = new Uint8Array(8 + quoted.length);
    message[0] = 3;
    message.set(quoted, 8);
    return ipv4(message, own[4], own[4]);
  };
  const nothing = (of: Family, octets: Uint8Array, why: string, kind: EchoKind = "raw") =>
    assert.equal(read(of, kind, octets, asked[of]).message, null, why);
  nothing(4, ipv4(request4, asked[4], own[4]), "a request");
  nothing(4, about(ipv4(request4, own[4], asked[4], 20, 17)), "about UDP");
  nothing(4, about(reply(4, "raw", request4, asked[4])), "about a reply");
  nothing(4, reply(4, "datagram", request4, asked[4]).slice(0, 15), "too short for a cookie", "datagram");
  const tcp = ipv6(request(6, echo), own[6], asked[6], 6);
  nothing(6, Uint8Array.of(1, 4, 0, 0, 0, 0, 0, 0, ...tcp), "about TCP");
});

Deno.test("parseEcho() survives any octets", () => {
  const near = fc.tuple(
    fc.constantFrom(0x45, 0x4f, 0x60, 0, 3, 1, 129, 11),
    fc.uint8Array({ maxLength: 120 }),
  ).map(([first, rest]) => Uint8Array.of(first, ...rest));
  fc.assert(
    fc.property(family, socket, near, (of, kind, octets) => void read(of, kind, octets, own[of])),
    { numRuns: 5000 },
  );
});
