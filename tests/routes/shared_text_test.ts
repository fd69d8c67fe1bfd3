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
