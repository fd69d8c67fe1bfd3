/** What a repeated dump hands out: always the rows of this reading, and the objects of the last where nothing changed. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ip } from "../../src/net/ip.ts";
import { messages, readBody } from "../../src/vpp/messages.ts";
import { RowMemory } from "../../src/vpp/rowmemory.ts";
import { Cursor, DecodeError, Writer } from "../../src/vpp/wire.ts";
import { serverRow } from "./scripted_vpp.ts";

const details = messages.lb_as_v2_details;

/** The fields of a row as they come: somewhere in a larger buffer, other octets before and behind. */
function fieldsOf(weight: number, before = 0, cut = 0): Cursor {
  const to = new Writer();
  to.place(before);
  details.body.write(to, serverRow("192.0.2.1/32", ip("10.0.0.1"), weight));
  const end = to.length - cut;
  to.bytes.fill(0xee, to.place(5));
  const fields = new Cursor(to.finish());
  fields.at = before;
  fields.end = end;
  return fields;
}

/** Keeps the weight in an object of its own. */
function memory(): RowMemory<{ readonly weight: number }, { readonly weight: number }> {
  return new RowMemory<{ readonly weight: number }, { readonly weight: number }>(
    details,
    ({ weight }) => ({ weight }),
  );
}

Deno.test("row memory: readings of any length are what they are, and what stayed in its place is the same object", () => {
  const reading = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 });
  fc.assert(fc.property(fc.array(reading, { maxLength: 8 }), fc.boolean(), (readings, trims) => {
    const rows = memory();
    // What stands at each place, trimmed or not, is what was last read there.
    let places: { readonly weight: number }[] = [];
    for (const weights of readings) {
      const got = weights.map((weight, n) => rows.read(n, fieldsOf(weight, n % 7)));
      assert.deepEqual(got.map((one) => one.weight), weights);
      got.forEach((one, n) => {
        assert.equal(places[n] === one, places[n]?.weight === one.weight, `row ${n} is kept if it is equal`);
      });
      places = [...got, ...places.slice(got.length)];
      if (!trims) continue;
      rows.trim(weights.length);
      places = places.slice(0, weights.length);
      assert.equal(rows.length, weights.length);
    }
  }));
});

Deno.test("row memory: two readings at once disturb each other in nothing but what is kept", () => {
  const turns = fc.array(fc.record({ second: fc.boolean(), weight: fc.integer({ min: 0, max: 3 }) }), {
    maxLength: 40,
  });
  fc.assert(fc.property(turns, fc.nat(12), (steps, trimAfter) => {
    const rows = memory();
    const at = [0, 0];
    steps.forEach(({ second, weight }, step) => {
      const which = second ? 1 : 0;
      const n = at[which] ?? 0;
      at[which] = n + 1;
      assert.equal(rows.read(n, fieldsOf(weight)).weight, weight);
      // The other one has ended, and had fewer rows.
      if (step === trimAfter) rows.trim(1);
    });
  }));
});

Deno.test("row memory: a row that is too short or too long is an error, each time, and nothing is kept of it", () => {
  const rows = memory();
  rows.read(0, fieldsOf(7));
  for (let again = 0; again < 2; again++) {
    assert.throws(() => rows.read(0, fieldsOf(7, 0, 1)), DecodeError);
    assert.throws(() => rows.read(1, fieldsOf(7, 0, -1)), (error) => {
      assert.ok(error instanceof DecodeError);
      assert.match(error.message, /lb_as_v2_details: 1 octets too many/);
      return true;
    });
  }
  assert.equal(rows.read(0, fieldsOf(8)).weight, 8);
  assert.equal(rows.read(1, fieldsOf(9)).weight, 9);
});

Deno.test("row memory: a difference in any octet is a new row", () => {
  const size = fieldsOf(1).bytes.length - 5;
  for (let octet = 0; octet < size; octet++) {
    const rows = new RowMemory(details, (row) => row);
    const first = rows.read(0, fieldsOf(1));
    const changed = fieldsOf(1);
    changed.bytes[octet] = (changed.bytes[octet] ?? 0) ^ 1;
    const expected = readBody(details, Object.assign(changed.copy(), { end: size }));
    const second = rows.read(0, changed);
    assert.notEqual(second, first, `octet ${octet}`);
    assert.deepEqual(second, expected);
  }
});
