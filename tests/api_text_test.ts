import assert from "node:assert/strict";
import fc from "fast-check";
import { readTime, timeText } from "../src/api/text.ts";

Deno.test("a time of the API reads as it was written", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (at) => {
    assert.equal(readTime(timeText(at)), at);
  }));
  assert.equal(readTime("2026-02-28T23:30:00-01:00"), Date.UTC(2026, 2, 1, 0, 30));
  assert.equal(readTime("2026-03-01t00:30:00.123456789+01:00"), Date.UTC(2026, 1, 28, 23, 30, 0, 123));
});

Deno.test("what is no day of the calendar, no time of the day or has no zone is no time", () => {
  const wrong = ["2026-02-30T00:00:00Z", "2027-02-29T00:00:00+01:00", "2026-04-31T12:00:00Z"]
    .concat(["2026-01-01T24:00:00Z", "2026-01-01T12:60:00Z", "2026-01-01T12:00:60Z", "2026-00-01T12:00:00Z"])
    .concat([
      "2026-01-01T12:00:00+99:99",
      "2026-01-01T12:00:00",
      "2026-01-01",
      "+275760-09-13T00:00:00Z",
      "",
    ]);
  for (const text of wrong) assert.equal(readTime(text), null, text);
});
