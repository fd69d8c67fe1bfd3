import assert from "node:assert/strict";
import fc from "fast-check";
import { pack, unpack } from "../../src/memory/journal/pack.ts";

Deno.test("what is packed is unpacked, whatever the texts hold", () => {
  const text = fc.string({ unit: "binary" });
  const textOrNull = fc.option(text);
  const data = fc.dictionary(fc.string().filter((key) => key !== "__proto__"), fc.jsonValue()).map((value) =>
    JSON.parse(JSON.stringify(value)) as Record<string, unknown>
  );
  fc.assert(
    fc.property(text, data, textOrNull, textOrNull, textOrNull, (text, data, by, claimed, reason) => {
      const kept = pack({ text, data, by, claimed, reason });
      assert.deepEqual(unpack(kept), { text, data, by, claimed, reason });
    }),
  );
});

Deno.test("an entry of a transition takes less than half of its JSON", () => {
  const data = {
    from: "up",
    to: "down",
    code: "L4CON",
    detail: "connection refused",
    effects: [{ frontend: "web", pool: "main", weight_before: 100, weight_after: 0, flush: true }],
  };
  const text = "backend b1 up -> down: L4CON connection refused";
  const kept = pack({ text, data, by: null, claimed: null, reason: null });
  assert.ok(kept.length < JSON.stringify([text, data]).length / 2, `${kept.length}`);
});

Deno.test("what a damaged disk made of an entry is no entry", () => {
  for (
    const damaged of ["", "{}", "[]", '["text"]', '["text",[]]', '["text",{},5]', '["text",{}', "\x01\x02"]
  ) {
    assert.equal(unpack(damaged), null, damaged);
  }
});
