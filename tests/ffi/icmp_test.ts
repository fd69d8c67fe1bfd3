import assert from "node:assert/strict";
import fc from "fast-check";
import { E } from "../../ffi/constants.ts";
import { Fd } from "../../ffi/fd.ts";
import { ECHO_BATCH, echoChecksum, type EchoId, EchoReceiver, EchoSender, openEcho } from "../../ffi/icmp.ts";
import { sockaddr } from "../../ffi/sockaddr.ts";
import { internetChecksum } from "../probes/icmp_messages.ts";
import { noRawSockets, testWith } from "../probes/needs.ts";

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const id: fc.Arbitrary<EchoId> = fc.record(
  { identifier: u16, sequence: u16, cookieHigh: u32, cookieLow: u32 },
  { noNullPrototype: true },
);
const somewhere = sockaddr(Uint8Array.of(127, 0, 0, 1), 0);

/** A sender that never sends. */
function sender(family: 4 | 6): EchoSender {
  return new EchoSender(new Fd(2 ** 31 - 1), family);
}

function idOf(packet: Uint8Array): EchoId {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return {
    identifier: view.getUint16(4),
    sequence: view.getUint16(6),
    cookieHigh: view.getUint32(8),
    cookieLow: view.getUint32(12),
  };
}

Deno.test("the checksum of the tests agrees with the example of RFC 1071, section 3", () => {
  const example = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.equal(internetChecksum(example), 0x220d);
});

Deno.test("EchoSender writes one request beside the other, each with a right checksum", () => {
  const several = fc.array(id, { minLength: 1, maxLength: ECHO_BATCH });
  fc.assert(fc.property(several, several, (first, second) => {
    const one = sender(4);
    for (const echoes of [first, second]) {
      for (const echo of echoes) one.add(echo, somewhere);
      assert.equal(one.count, echoes.length);
      echoes.forEach((echo, i) => {
        const packet = one.packet(i);
        assert.equal(packet[0], 8);
        assert.deepEqual(idOf(packet), echo);
        assert.equal(internetChecksum(packet), 0);
        assert.equal((packet[2] ?? 0) << 8 | (packet[3] ?? 0), echoChecksum(echo));
      });
      // No such descriptor: all of them fail, and there is room again.
      const failed: number[] = [];
      one.send((sequence, errno) => failed.push(errno === E.EBADF ? sequence : -1));
      assert.deepEqual(failed, echoes.map(({ sequence }) => sequence));
    }
  }));
});

Deno.test("an IPv6 request leaves its checksum to the kernel, which knows the addresses", () => {
  const one = sender(6);
  one.add({ identifier: 1, sequence: 2, cookieHigh: 3, cookieLow: 4 }, sockaddr(new Uint8Array(16), 0));
  assert.deepEqual([...one.packet(0).slice(0, 4)], [128, 0, 0, 0]);
});

testWith([noRawSockets], "EchoSender tells which requests could not be sent, and sends all others", () => {
  using fd = openEcho(4, "raw", null);
  const one = new EchoSender(fd, 4);
  const receiver = new EchoReceiver(fd, 4);
  // The broadcast address of the loopback device needs a right that the socket does not ask for.
  const forbidden = sockaddr(Uint8Array.of(127, 255, 255, 255), 0);
  const bad = new Set([0, 5, 6, ECHO_BATCH - 1]);
  for (let i = 0; i < ECHO_BATCH; i++) {
    const echo = { identifier: 0xbeef, sequence: i, cookieHigh: 1, cookieLow: i };
    one.add(echo, bad.has(i) ? forbidden : somewhere);
  }
  const failed: [number, number][] = [];
  one.send((sequence, errno) => failed.push([sequence, errno]));
  assert.deepEqual(failed, [...bad].map((sequence) => [sequence, E.EACCES]));
  assert.equal(one.count, 0);
  // On loopback the replies are there when the call returns.
  const heard: number[] = [];
  const got = receiver.receive();
  for (let i = 0; i < got; i++) {
    const octets = new Uint8Array(
      receiver.view.buffer,
      receiver.start(i),
      receiver.end(i) - receiver.start(i),
    );
    const source = new Uint8Array(receiver.view.buffer, receiver.source(i), 4);
    assert.deepEqual([...source], [127, 0, 0, 1]);
    const reply = octets.subarray(20);
    if (reply[0] === 0 && idOf(reply).identifier === 0xbeef) heard.push(idOf(reply).sequence);
  }
  assert.deepEqual(heard, Array.from({ length: ECHO_BATCH }, (_, i) => i).filter((i) => !bad.has(i)));
  assert.equal(receiver.receive(), -E.EAGAIN);
});

testWith([noRawSockets], "EchoReceiver tells where an IPv6 message came from, time after time", () => {
  using fd = openEcho(6, "raw", null);
  const one = new EchoSender(fd, 6);
  const receiver = new EchoReceiver(fd, 6);
  const loopback = new Uint8Array(16);
  loopback[15] = 1;
  for (let round = 0; round < 3; round++) {
    one.add({ identifier: 7, sequence: round, cookieHigh: 0, cookieLow: 0 }, sockaddr(loopback, 0));
    one.send(() => assert.fail("It could be sent"));
    assert.equal(receiver.receive(), 1);
    assert.deepEqual(new Uint8Array(receiver.view.buffer, receiver.source(0), 16), loopback);
  }
});
