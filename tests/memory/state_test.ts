import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeState, emptyState, encodeState } from "../../src/memory/state.ts";
import { anyState, newerState } from "./arbitrary.ts";

const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";

Deno.test("what is written is read, with the keys of a newer version", () => {
  fc.assert(fc.property(anyState, (state) => {
    const read = decodeState(encodeState(state));
    assert.ok(read.ok, JSON.stringify(read));
    assert.deepEqual(read.value, state);
    assert.equal(encodeState(read.value), encodeState(state));
  }));
});

Deno.test("a text that is damaged anywhere is never taken for another state", () => {
  const damage = fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), octet: fc.nat(255) }), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(anyState, damage, (state, list) => {
      const octets = new TextEncoder().encode(encodeState(state));
      for (const { at, octet } of list) octets[Math.floor(at * (octets.length - 1))] = octet;
      const read = decodeState(new TextDecoder().decode(octets));
      // Blanks between the tokens of JSON mean nothing.
      if (read.ok) assert.deepEqual(read.value, state);
    }),
    { numRuns: full ? 100_000 : 2_000 },
  );
});

Deno.test("a text that was cut off is damage, wherever", () => {
  const text = encodeState({ ...emptyState, others: { overrides: [1, 2, 3] } });
  for (let length = 0; length < text.length - 1; length++) {
    const read = decodeState(text.slice(0, length));
    assert.ok(!read.ok && read.error.kind === "damaged", text.slice(0, length));
  }
});

Deno.test("a file of a newer maglevd is told apart from damage, whatever its state holds", () => {
  const read = decodeState(newerState);
  assert.ok(!read.ok);
  assert.equal(read.error.kind, "newer");
  assert.match(read.error.detail, /version 2 .* knows version 1/);
  // One octet that changed makes no newer version.
  const other = decodeState(encodeState(emptyState).replace('"version":1', '"version":2'));
  assert.ok(!other.ok && other.error.kind === "damaged");
});

for (
  const [what, text] of [
    ["nothing", ""],
    ["another JSON", "[]"],
    ["null", "null"],
    ["no checksum", '{"version":1,"state":{}}'],
    ["a checksum of something else", '{"version":1,"sha256":"00","state":{}}'],
    ["no version", '{"sha256":"00","state":{}}'],
  ] as const
) {
  Deno.test(`damage: ${what}`, () => {
    const read = decodeState(text);
    assert.ok(!read.ok && read.error.kind === "damaged");
  });
}

Deno.test("rows that make no sense are damage even under a right checksum", () => {
  const wrong = (vips: unknown) =>
    decodeState(encodeState({ ...emptyState, vips: vips as typeof emptyState.vips }));
  for (
    const vips of [
      null,
      {},
      { named: [], held: {} },
      { named: [{ prefix: "192.0.2.1/32", protocol: 6, port: 80 }], held: [] },
      { named: [], held: [{ prefix: "192.0.2.1/32", protocol: 6, port: 65_536 }] },
      { named: [], held: [{ prefix: "192.0.2.1/32", protocol: 6, port: 80, why: "" }] },
      { named: [], held: [], more: [] },
    ]
  ) assert.ok(!wrong(vips).ok, JSON.stringify(vips));
});
