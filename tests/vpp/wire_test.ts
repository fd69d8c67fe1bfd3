import assert from "node:assert/strict";
import fc from "fast-check";
import { ip } from "../../src/net/ip.ts";
import { addressOctets, prefixOctets } from "../../src/vpp/addresstext.ts";
import { type Message, messages, readMessage, writeMessage } from "../../src/vpp/messages.ts";
import {
  address,
  chars,
  Cursor,
  DecodeError,
  EncodeError,
  type Field,
  i32,
  ip4,
  ip6,
  prefix,
  text,
  u16,
  u16le,
  u32,
  u8,
  Writer,
} from "../../src/vpp/wire.ts";

function octets<T>(field: Field<T>, value: T): string {
  const to = new Writer(1);
  field.write(to, value);
  return to.finish().toHex();
}

function value<T>(field: Field<T>, hex: string): T {
  return field.read(new Cursor(Uint8Array.fromHex(hex)));
}

Deno.test("wire: numbers are big-endian, but for the one that VPP does not swap", () => {
  assert.equal(octets(u16, 3000), "0bb8");
  assert.equal(octets(u16le, 3000), "b80b");
  assert.equal(octets(u32, 0xfffffffe), "fffffffe");
  assert.equal(octets(i32, -6), "fffffffa");
  assert.equal(value(i32, "fffffffa"), -6);
});

Deno.test("wire: an address is its family and 16 octets, IPv4 in the first four; a prefix adds its length", () => {
  assert.equal(octets(address, ip("192.0.2.1")), "00c0000201" + "00".repeat(12));
  assert.equal(octets(address, ip("2001:db8::1")), "0120010db8" + "00".repeat(11) + "01");
  assert.equal(octets(prefix, "192.0.2.1/32"), "00c0000201" + "00".repeat(12) + "20");
  assert.equal(value(prefix, "0120010db8" + "00".repeat(11) + "01" + "80"), "2001:db8::1/128");
  assert.throws(() => value(address, "02" + "00".repeat(16)), /unknown address family 2/);
});

Deno.test("wire: a value that does not fit is refused, never cut", () => {
  const refused = (field: Field<unknown>, one: unknown): void =>
    assert.throws(() => octets(field, one), EncodeError);
  refused(u8, 256);
  refused(u8, -1);
  refused(u8, 0.5);
  refused(u16, 65536);
  refused(u32, 2 ** 32);
  refused(i32, 2 ** 31);
  refused(ip4, ip("::1"));
  refused(ip6, ip("127.0.0.1"));
  refused(prefix, "192.0.2.1");
  refused(prefix, "192.0.2.1/33");
  refused(prefix, "192.0.2.1/x");
  refused(prefix, "localhost/32");
  refused(chars(4), "four");
  refused(text(3), "four");
  assert.equal(octets(chars(5), "four"), "666f757200");
});

Deno.test("wire: a string may not claim more than it may have, nor more than there is", () => {
  assert.throws(() => value(text(100), "ffffffff"), /string of 4294967295 octets, at most 100/);
  assert.throws(() => value(text(100), "0000000861"), /needs 8 octets, 1 left/);
  assert.equal(value(text(100), "0000000161"), "a");
});

Deno.test("wire: fixed text ends at its NUL, and what follows is not looked at", () => {
  assert.equal(value(chars(6), "6162006364ff"), "ab");
  assert.equal(value(chars(2), "616200"), "ab");
});

Deno.test("wire: a message cut anywhere is an error that names it and the field", () => {
  const whole: Message<unknown> = messages.lb_as_v2_details;
  const to = new Writer();
  writeMessage(to, messages.lb_as_v2_details, { id: 1, context: 2 }, {
    vip: { pfx: "192.0.2.1/32", protocol: 6, port: 80 },
    app_srv: ip("10.0.0.1"),
    flags: 1,
    in_use_since: 0,
    weight: 100,
    num_buckets: 1024,
  });
  const payload = to.finish();
  assert.equal(payload.length, 54);
  for (let length = 0; length < payload.length; length++) {
    assert.throws(() => readMessage(whole, payload.slice(0, length)), (error) => {
      assert.ok(error instanceof DecodeError);
      assert.match(
        error.field,
        /^lb_as_v2_details\.(head|vip\.(pfx|protocol|port)|app_srv|flags|in_use_since|weight|num_buckets)$/,
      );
      return true;
    });
  }
  assert.throws(() => readMessage(whole, payload.slice(0, 26)), { field: "lb_as_v2_details.vip.port" });
});

Deno.test("wire: any octets decode to a value or to an error of their own", () => {
  const all: readonly Message<unknown>[] = Object.values(messages);
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.uint8Array({ maxLength: 300 }), (message, octets) => {
      try {
        readMessage(message, new Uint8Array(octets));
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
        assert.ok(error.message.startsWith(message.name));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("wire: the octets of an address and of a prefix are made once, and are not taken for each other", () => {
  assert.equal(addressOctets(ip("192.0.2.77")), addressOctets(ip("192.0.2.77")));
  assert.equal(prefixOctets("192.0.2.77/32"), prefixOctets("192.0.2.77/32"));
  assert.equal(typeof prefixOctets("192.0.2.77"), "string");
  // So many that the first are forgotten.
  for (let n = 0; n < 20_000; n++) addressOctets(ip(`10.1.${n >> 8}.${n & 255}`));
  assert.deepEqual([...addressOctets(ip("192.0.2.77"))].slice(0, 5), [0, 192, 0, 2, 77]);
});
