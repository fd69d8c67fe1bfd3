import assert from "node:assert/strict";
import { complete, inner } from "./gre_end.ts";

const octets = (hex: string) => new Uint8Array(hex.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? []);

/** SYNs from 192.0.2.1 and 2001:db8::1, port 4660, to 198.51.100.80 and 2001:db8::80, port 80. */
const v4 = "4500002800000000400600" + "00" + "c0000201" + "c6336450" + "12340050" + "00000001" + "00000000" +
  "5002ffff" + "0000" + "0000";
const v6 = "6000000000140640" + "20010db8000000000000000000000001" + "20010db8000000000000000000000080" +
  "12340050" + "00000001" + "00000000" + "5002ffff" + "0000" + "0000";

/** Whether a receiver takes it: all words with the pseudo header sum up to ones. */
function taken(packet: Uint8Array): boolean {
  const family4 = (packet[0] ?? 0) >> 4 === 4;
  const [addresses, start] = family4 ? [packet.slice(12, 20), 20] : [packet.slice(8, 40), 40];
  const words = [
    ...addresses,
    0,
    6,
    (packet.length - start) >> 8,
    (packet.length - start) & 255,
    ...packet.slice(start),
  ];
  if (words.length % 2 === 1) words.push(0);
  let sum = 0;
  for (let i = 0; i < words.length; i += 2) sum += (words[i] ?? 0) * 256 + (words[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum === 0xffff;
}

Deno.test("the end of a tunnel finds the packet behind the outer headers", () => {
  const outer = "4500004000000000402f00000a4d00020a4d000b";
  assert.deepEqual(inner(4, octets(`${outer}00000800${v4}`)), octets(v4));
  assert.deepEqual(inner(6, octets(`000086dd${v6}`)), octets(v6));
  assert.equal(inner(6, octets(`20000800${v4}`)), null, "GRE with a key");
  assert.equal(inner(4, octets(outer)), null, "cut off");
});

Deno.test("the end of a tunnel completes checksums, of even and of odd lengths", () => {
  for (const text of [v4, v6, `${v4}61`, `${v6}6162`]) {
    const packet = octets(text);
    assert.equal(taken(packet), false);
    complete(packet);
    assert.ok(taken(packet), text);
  }
  const udp = octets(v4.replace("400600", "401100"));
  const before = udp.slice();
  complete(udp);
  assert.deepEqual(udp, before, "other protocols stay as they are");
});
