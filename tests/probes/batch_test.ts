import assert from "node:assert/strict";
import fc from "fast-check";
import { type ProbeCode, VOID_CAUSES, type VoidCause } from "../../src/model.ts";
import { packBatch, type PlacedReport, unpackBatch } from "../../src/probes/batch.ts";
import { Outbox } from "../../src/probes/outbox.ts";
import { PROBE_CODES } from "../../src/probes/result.ts";

const time = fc.double({ min: 0, max: 2e12, noNaN: true });
const phase = fc.option(fc.double({ min: 0, max: 1e7, noNaN: true }));
const causes: (VoidCause | null)[] = [null, ...VOID_CAUSES];
const report: fc.Arbitrary<PlacedReport> = fc.record({
  place: fc.nat(70_000),
  generation: fc.nat(),
  nextDueAt: time,
  lateMs: time,
  code: fc.constantFrom(...Object.keys(PROBE_CODES) as ProbeCode[]),
  detail: fc.string({ maxLength: 20 }),
  cause: fc.constantFrom(...causes),
  at: fc.tuple(time, time),
  phases: fc.tuple(phase, phase, phase),
  totals: fc.tuple(time, time),
}).map(({ place, generation, nextDueAt, lateMs, code, detail, cause, at, phases, totals }) => ({
  place,
  generation,
  nextDueAt,
  lateMs,
  result: {
    ok: PROBE_CODES[code].ok,
    layer: PROBE_CODES[code].layer,
    code,
    detail,
    scheduledAt: at[0],
    startedAt: at[1],
    connectMs: phases[0],
    tlsMs: phases[1],
    firstByteMs: phases[2],
    totalMs: totals[0],
    lagMs: totals[1],
    void: cause,
  },
}));

Deno.test("unpackBatch() gives back what packBatch() was given, also after a copy between threads", () => {
  fc.assert(fc.property(fc.array(report, { maxLength: 20 }), (reports) => {
    const batch = packBatch(reports);
    const copy = structuredClone(batch, { transfer: [batch.numbers.buffer] });
    assert.deepEqual(unpackBatch(copy), reports);
    assert.equal(new Set(copy.texts).size, copy.texts.length);
  }));
});

const sample = (): PlacedReport => fc.sample(report, 1)[0] ?? assert.fail();

Deno.test("Outbox lets plain passes wait for company and sends urgent reports at once", () => {
  const sent: string[] = [];
  const outbox = new Outbox((message) => sent.push(message.kind));
  const one = sample();
  outbox.report(one, false);
  assert.deepEqual(outbox.flush(100), []);
  outbox.report(sample(), false);
  assert.deepEqual(outbox.flush(124), []);
  assert.equal(outbox.flush(125).length, 2);
  assert.deepEqual(outbox.flush(500), []);
  outbox.report(one, true);
  assert.deepEqual(outbox.flush(600), [one.place]);
  outbox.begun("b", "tcp");
  outbox.flush(601);
  assert.deepEqual(sent, ["batch", "batch", "begun"]);
});
