import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_WAITING, Waiting } from "../../src/probes/waiting.ts";

/** Numbers that go up, as they do in life, and any others; `back` takes out what was added so many steps ago. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("add" as const), skip: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("remove" as const), back: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("far" as const), to: fc.nat(MAX_WAITING - 1) }) },
);

Deno.test("Waiting finds each echo under its number, and no other, whatever came and went", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 1500, size: "max" }), fc.nat(0xffff), (steps, from) => {
    const waiting = new Waiting<{ sequence: number }>();
    const model = new Map<number, { sequence: number }>();
    const added: { sequence: number }[] = [];
    let next = from;
    for (const one of steps) {
      if (one.kind === "remove") {
        const echo = added.at(-1 - one.back);
        if (echo === undefined) continue;
        waiting.remove(echo);
        if (model.get(echo.sequence) === echo) model.delete(echo.sequence);
      } else {
        next = (one.kind === "far" ? one.to : next + 1 + one.skip) & 0xffff;
        if (model.has(next)) continue;
        const echo = { sequence: next };
        waiting.add(echo);
        model.set(next, echo);
        added.push(echo);
      }
      assert.equal(waiting.size, model.size);
      for (const at of [next, next ^ 64, next ^ 1024]) assert.equal(waiting.get(at), model.get(at));
    }
    for (const [sequence, echo] of model) assert.equal(waiting.get(sequence), echo);
    assert.deepEqual(new Set(waiting.clear()), new Set(model.values()));
    assert.equal(waiting.size, 0);
  }));
});

Deno.test("Waiting has room for every sequence number once, and refuses the same one twice", () => {
  const waiting = new Waiting<{ sequence: number }>();
  for (let i = 0; i < MAX_WAITING; i++) waiting.add({ sequence: (i * 4099) & 0xffff });
  assert.equal(waiting.size, MAX_WAITING);
  assert.throws(() => waiting.add({ sequence: 5 }), /same number/);
  waiting.remove({ sequence: 5 });
  assert.equal(waiting.size, MAX_WAITING, "another echo of that number is not this one");
});
