import assert from "node:assert/strict";
import fc from "fast-check";
import { LastProbe } from "../../src/health/entry.ts";
import { type ProbeResult, VOID_CAUSES } from "../../src/model.ts";

const time = fc.double({ min: 0, max: 2e12, noNaN: true });
const phase = fc.option(fc.double({ min: 0, max: 1e7, noNaN: true }));
const result: fc.Arbitrary<ProbeResult> = fc.record({
  ok: fc.boolean(),
  layer: fc.constantFrom("L4" as const, "L6" as const, "L7" as const),
  code: fc.constantFrom("L4OK" as const, "L7RSP" as const),
  detail: fc.string(),
  scheduledAt: time,
  startedAt: time,
  connectMs: phase,
  tlsMs: phase,
  firstByteMs: phase,
  totalMs: time,
  lagMs: time,
  void: fc.constantFrom(null, ...VOID_CAUSES),
}, { noNullPrototype: true });

Deno.test("LastProbe keeps the last result, and gives copies of it", () => {
  fc.assert(fc.property(fc.array(result, { minLength: 1, maxLength: 5 }), (results) => {
    const last = new LastProbe();
    assert.equal(last.result, null);
    for (const one of results) {
      last.keep(one);
      assert.deepEqual(last.result, one);
    }
    const copy = last.result;
    last.keep({ ...results[0] ?? assert.fail(), detail: "another" });
    assert.deepEqual(copy, results.at(-1));
    last.forget();
    assert.equal(last.result, null);
  }));
});

Deno.test("LastProbe: the next due time is apart from the result", () => {
  const last = new LastProbe();
  assert.equal(last.nextDueAt, null);
  last.nextDueAt = 1.5e12;
  last.forget();
  assert.equal(last.nextDueAt, 1.5e12);
  last.nextDueAt = null;
  assert.equal(last.nextDueAt, null);
});
