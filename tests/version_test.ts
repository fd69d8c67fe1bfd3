import assert from "node:assert/strict";
import { buildInfo } from "../src/version.ts";

const of = (env: Record<string, string>) => buildInfo((name) => env[name]);

Deno.test("buildInfo() gives the date in the API's form, however a packager wrote it", () => {
  const date = (text: string) => of({ MAGLEV_COMMIT: "abc", MAGLEV_BUILD_DATE: text }).date;
  assert.equal(date("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00.000Z");
  assert.equal(date("2026-01-31T13:00:00+01:00"), "2026-01-31T12:00:00.000Z");
  assert.equal(date("2026-01-31"), "2026-01-31T00:00:00.000Z");
  for (const unreadable of ["", "yesterday"]) assert.equal(date(unreadable), "1970-01-01T00:00:00.000Z");
});

Deno.test("buildInfo() takes the packager's commit, else git's", () => {
  assert.equal(of({ MAGLEV_COMMIT: "abc" }).commit, "abc");
  assert.match(of({}).commit, /^([0-9a-f]{12}|unknown)$/);
});
