import assert from "node:assert/strict";
import fc from "fast-check";
import { momentText, parseMoment, parseSince, parseSpan, utc, type Zone } from "../../src/cli/when.ts";

const now = Date.parse("2026-01-31T12:00:00Z");
/** Central Europe in 2026: summer time from 29 March to 25 October, 01:00 UTC. */
const berlin: Zone = (ms) =>
  ms >= Date.parse("2026-03-29T01:00:00Z") && ms < Date.parse("2026-10-25T01:00:00Z") ? 120 : 60;

function read(text: string, side: "past" | "future", zone: Zone = utc): string {
  const ms = parseMoment(text, side, now, zone);
  return ms.ok ? new Date(ms.value).toISOString() : ms.error;
}

Deno.test("a clock alone means the next or the last time that it is so late", () => {
  assert.equal(read("18:00", "future"), "2026-01-31T18:00:00.000Z");
  assert.equal(read("11:00", "future"), "2026-02-01T11:00:00.000Z");
  assert.equal(read("12:00", "future"), "2026-02-01T12:00:00.000Z");
  assert.equal(read("12:00", "past"), "2026-01-31T12:00:00.000Z");
  assert.equal(read("18:00", "past"), "2026-01-30T18:00:00.000Z");
  assert.equal(read("8:05:30", "past"), "2026-01-31T08:05:30.000Z");
  assert.equal(read("12:30", "future", berlin), "2026-02-01T11:30:00.000Z");
  assert.equal(read("13:30", "future", berlin), "2026-01-31T12:30:00.000Z");
});

Deno.test("a date with a clock is a time of this machine's zone, also where the clocks change", () => {
  assert.equal(read("2026-12-01 08:00", "future", berlin), "2026-12-01T07:00:00.000Z");
  assert.equal(read("2026-06-01 08:00", "future", berlin), "2026-06-01T06:00:00.000Z");
  assert.equal(read("2026-03-29 03:30", "future", berlin), "2026-03-29T01:30:00.000Z");
  assert.equal(read("2026-06-01", "past", berlin), "2026-05-31T22:00:00.000Z");
  assert.equal(read("2026-06-01T08:00:00Z", "past", berlin), "2026-06-01T08:00:00.000Z");
  assert.equal(read("2026-06-01T08:00:00.250+05:30", "past", berlin), "2026-06-01T02:30:00.250Z");
  for (const text of ["25:00", "2026-02-30", "2026-13-01", "noon", "2026-06-01 24:61", ""]) {
    assert.match(read(text, "past"), /^is /, text);
  }
});

Deno.test("what is printed is read as the same second, in every zone", () => {
  const zones = fc.integer({ min: -12 * 4, max: 14 * 4 }).map((quarters): Zone => () => quarters * 15);
  fc.assert(fc.property(zones, fc.integer({ min: 0, max: 4_000_000_000 }), (zone, seconds) => {
    const text = momentText(seconds * 1000, zone);
    const back = parseMoment(text, "past", now, utc);
    assert.ok(back.ok, text);
    assert.equal(back.value, seconds * 1000, text);
    // Without the zone it is a time of that zone.
    const local = parseMoment(text.replace(/(Z|[+-]\d\d:\d\d)$/, ""), "past", now, zone);
    assert.ok(local.ok && local.value === seconds * 1000, text);
  }));
});

Deno.test("durations have days, and since takes both", () => {
  const ns = (text: string) => {
    const span = parseSpan(text);
    return span.ok ? span.value : span.error;
  };
  assert.equal(ns("3d"), 259_200_000_000_000n);
  assert.equal(ns("1d12h"), 129_600_000_000_000n);
  assert.equal(ns("90s"), 90_000_000_000n);
  assert.equal(ns("0s"), "is a duration above 0");
  assert.match(String(ns("soon")), /^is a duration such as/);
  assert.match(String(ns("-5m")), /above 0/);
  const since = (text: string) => {
    const ms = parseSince(text, now, utc);
    return ms.ok ? new Date(ms.value).toISOString() : ms.error;
  };
  assert.equal(since("2h"), "2026-01-31T10:00:00.000Z");
  assert.equal(since("18:00"), "2026-01-30T18:00:00.000Z");
});
