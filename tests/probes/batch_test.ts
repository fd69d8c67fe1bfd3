import assert from "node:assert/strict";
import fc from "fast-check";
import { type ProbeCode, VOID_CAUSES, type VoidCause } from "../../src/model.ts";
import { BatchWriter, type PlacedReport, readBatch } from "../../src/probes/batch.ts";
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

Deno.test("readBatch() gives back what was written, batch after batch, also after a copy between threads", () => {
  const writer = new BatchWriter();
  fc.assert(fc.property(fc.array(report, { maxLength: 150 }), (reports) => {
    for (const one of reports) writer.add(one);
    assert.equal(writer.size, reports.length);
    assert.deepEqual([...writer.places()], reports.map(({ place }) => place));
    const batch = writer.take();
    assert.equal(writer.size, 0);
    const copy = structuredClone(batch, { transfer: [batch.numbers.buffer] });
    const read = [...readBatch(copy)];
    for (const [i, { result, ...rest }] of read.entries()) {
      const { result: expected, ...others } = reports[i] ?? assert.fail();
      assert.deepEqual(rest, others);
      for (const [field, value] of Object.entries(expected)) {
        assert.equal(result[field as keyof typeof result], value, field);
      }
    }
    assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(reports)));
    assert.equal(read.length, reports.length);
    assert.equal(new Set(copy.texts).size, copy.texts.length);
  }));
});

const sample = (): PlacedReport => fc.sample(report, 1)[0] ?? assert.fail();

Deno.test("Outbox lets plain passes wait for company and sends urgent reports at once", () => {
  const sent: string[] = [];
  const outbox = new Outbox((message) => sent.push(message.kind));
  const flush = (now: number) => {
    const places: number[] = [];
    outbox.flush(now, (place) => places.push(place));
    return places;
  };
  const one = sample();
  outbox.report(one, false);
  assert.deepEqual(flush(100), []);
  outbox.report(sample(), false);
  assert.deepEqual(flush(299), []);
  assert.equal(flush(300).length, 2);
  assert.deepEqual(flush(900), []);
  outbox.report(one, true);
  assert.deepEqual(flush(1000), [one.place]);
  outbox.begun("b", "tcp");
  flush(1001);
  assert.deepEqual(sent, ["batch", "batch", "begun"]);
  outbox.report(one, true);
  assert.deepEqual(flush(1019), [], "a burst of urgent ones is gathered");
  outbox.report(one, true);
  assert.equal(flush(1020).length, 2);
  for (let i = 0; i < 512; i++) outbox.report(one, false);
  assert.equal(flush(1021).length, 512, "many do not wait");
});
