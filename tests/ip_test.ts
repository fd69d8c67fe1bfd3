import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { compareIp, family, hostPrefix, ip, ipFromOctets, octets, octets16, parseIp } from "../src/net/ip.ts";

Deno.test("parseIp() gives the canonical text of RFC 5952", () => {
  const table: [string, string | null][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.01", null],
    ["0x7f.1", null],
    ["1.2.3", null],
    ["256.1.1.1", null],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:1:1:1:1:0:1", "2001:db8:1:1:1:1:0:1"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1::2::3", null],
    ["1:2:3:4:5:6:7::8", null],
    ["1:2:3:4:5:6:7", null],
    ["fe80::1%eth0", null],
    ["", null],
    [" 192.0.2.1", null],
  ];
  for (const [text, want] of table) assert.equal(parseIp(text), want, text);
});

Deno.test("any sixteen octets survive text and back", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
    const address = ipFromOctets(bytes);
    assert.equal(isIP(address), 6);
    assert.deepEqual([...octets(address)], [...bytes]);
    assert.equal(parseIp(address), address);
  }));
});

Deno.test("parseIp() accepts exactly what node's isIP accepts, but for zones", () => {
  const piece = fc.constantFrom("0", "1", "255", "256", "01", "ffff", "a", "g", ":", "::", ".", "10", "%e");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      const want = isIP(text) !== 0 && !text.includes("%");
      assert.equal(parseIp(text) !== null, want, text);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("compareIp() sorts by number, IPv4 first", () => {
  const sorted = ["9.0.0.1", "10.0.0.1", "10.0.0.9", "10.0.0.10", "::2", "::10", "2001:db8::"].map(ip);
  assert.deepEqual([...sorted].reverse().sort(compareIp), sorted);
});

Deno.test("octets16() puts IPv4 into the last four octets", () => {
  assert.deepEqual([...octets16(ip("192.0.2.1"))], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1]);
  assert.equal(hostPrefix(ip("192.0.2.1")), "192.0.2.1/32");
  assert.equal(hostPrefix(ip("::1")), "::1/128");
  assert.equal(family(ip("::1")), 6);
});
