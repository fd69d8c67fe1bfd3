import assert from "node:assert/strict";
import { Hono } from "hono";
import { sharedJson } from "../../routes/shared_text.ts";

Deno.test("an answer that several callers get together is made into text once", async () => {
  let made = 0;
  const answer = {
    toJSON: () => {
      made++;
      return { vips: [] };
    },
  };
  const app = new Hono().get("/", (c) => sharedJson(c, answer));
  for (let caller = 0; caller < 20; caller++) {
    const response = await app.request("/");
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.deepEqual(await response.json(), { vips: [] });
  }
  assert.equal(made, 1);
});

Deno.test("an item of a list that was in an answer before is not made into text again", async () => {
  let made = 0;
  const item = {
    toJSON: () => {
      made++;
      return { weight: 100 };
    },
  };
  let answer: object = {};
  const app = new Hono().get("/", (c) => sharedJson(c, answer));
  const texts: string[] = [];
  for (const read_at of ["now", "later"]) {
    answer = {
      read_at,
      conf: { a: 1 },
      nothing: undefined,
      none: [],
      vips: [item, null, undefined, "\u00e9", 2],
    };
    texts.push(await (await app.request("/")).text());
    const whole = JSON.stringify(answer);
    assert.equal(texts.at(-1), whole);
  }
  // Two of them are by this test.
  assert.equal(made, 3);
});
