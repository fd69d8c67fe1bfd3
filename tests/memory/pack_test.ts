import assert from "node:assert/strict";
import fc from "fast-check";
import { pack, unpack } from "../../src/memory/journal/pack.ts";

Deno.test("what is packed is unpacked, whatever the texts hold", () => {
  const text = fc.string({ unit: "binary" });
  const textOrNull = fc.option(text);
  const names = fc.option(
    fc.oneof(text, fc.constantFrom("a", "web", "web-1", "down", "null", "$&", "\\n", "n")),
  );
  const data = fc.dictionary(fc.string().filter((key) => key !== "__proto__"), fc.jsonValue()).map((value) =>
    JSON.parse(JSON.stringify(value)) as Record<string, unknown>
  );
  fc.assert(
    fc.property(
      text,
      data,
      textOrNull,
      textOrNull,
      names,
      names,
      (text, data, by, reason, backend, frontend) => {
        const entry = {
          text: `${backend} ${text} ${frontend}`,
          data: { ...data, backend },
          by,
          claimed: null,
          reason,
        };
        assert.deepEqual(unpack(pack({ ...entry, backend, frontend }), { backend, frontend }), entry);
      },
    ),
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
  const kept = pack({ text, data, by: null, claimed: null, reason: null, backend: "b1", frontend: null });
  assert.ok(kept.length < JSON.stringify([text, data]).length / 2, `${kept.length}`);
});

Deno.test("what a damaged disk made of an entry is no entry", () => {
  for (
    const damaged of ["", "{}", "[]", '["text"]', '["text",[]]', '["text",{},5]', '["text",{}', "\x01\x02"]
  ) {
    assert.equal(unpack(damaged, { backend: null, frontend: null }), null, damaged);
  }
});

Deno.test("an entry of a sync takes a quarter of its JSON", () => {
  const change = {
    kind: "as_weight_updated",
    frontend: "web-1",
    prefix: "192.0.2.30/32",
    protocol: "tcp",
    port: 443,
    address: "198.51.100.206",
    backend: "web",
    weight_before: 100,
    weight_after: 0,
    flush: true,
    reason: "backend web down (L4CON connection refused)",
    status: "done",
    retval: 0,
  };
  const data = { scope: "vip", changes: [change], done: 1, failed: 0, skipped: 0 };
  const text = "1 change in VPP: web-1: web weight 100 -> 0, flushed";
  const names = { backend: "web", frontend: "web-1" };
  const entry = { text, data, by: null, claimed: null, reason: null };
  const kept = pack({ ...entry, ...names });
  assert.deepEqual(unpack(kept, names), entry);
  assert.ok(kept.length < JSON.stringify([text, data]).length / 4, `${kept.length}`);
});

Deno.test("a row of the first version is read as it was written", () => {
  const kept = '["backend b1 \x18: L4CON \x1a",{\x11up",\x12,\x10L4CON",\f\x1a"}]';
  assert.deepEqual(unpack(kept, { backend: "b1", frontend: null }), {
    text: "backend b1 up -> down: L4CON connection refused",
    data: { from: "up", to: "down", code: "L4CON", detail: "connection refused" },
    by: null,
    claimed: null,
    reason: null,
  });
});
