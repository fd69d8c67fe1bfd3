import assert from "node:assert/strict";
import fc from "fast-check";
import { linux } from "../../ffi/constants.ts";
import { sockaddr } from "../../ffi/sockaddr.ts";

const octets = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

Deno.test("sockaddr() keeps address and port where the kernel reads them", () => {
  fc.assert(fc.property(octets, fc.nat(65535), (address, port) => {
    const bytes = sockaddr(address, port);
    assert.equal(bytes.length, address.length === 4 ? 16 : 28);
    assert.equal(
      new DataView(bytes.buffer).getUint16(0, true),
      address.length === 4 ? linux.AF_INET : linux.AF_INET6,
    );
    assert.equal(new DataView(bytes.buffer).getUint16(2), port);
    const at = address.length === 4 ? 4 : 8;
    assert.deepEqual([...bytes.subarray(at, at + address.length)], [...address]);
  }));
});

Deno.test("sockaddr() refuses anything but 4 or 16 octets", () => {
  for (const length of [0, 3, 5, 15, 17]) {
    assert.throws(() => sockaddr(new Uint8Array(length), 1), RangeError);
  }
});
