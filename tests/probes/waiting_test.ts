import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_WAITING, Waiting } from "../../src/probes/waiting.ts";

/** Takes out what was added so many steps ago, or adds; numbers come close together, so that places are taken. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("add" as const), draws: fc.infiniteStream(fc.nat(2000)) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("remove" as const), back: fc.nat(200) }) },
);

/** Draws in the order given, then anything. */
function drawing(stream: Iterator<number>): () => number {
  let tries = 0;
  return () => tries++ < 20 ? stream.next().value ?? 0 : Math.floor(Math.random() * 2 ** 32);
}

Deno.test("Waiting finds each echo under its number, and no other, whatever came and went", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 1500, size: "max" }), (steps) => {
    const waiting = new Waiting<{ sequence: number }>();
    const model = new Map<number, { sequence: number }>();
    const added: { sequence: number }[] = [];
    for (const one of steps) {
      if (one.kind === "remove") {
        const echo = added.at(-1 - one.back);
        if (echo === undefined) continue;
        waiting.remove(echo);
        if (model.get(echo.sequence) === echo) model.delete(echo.sequence);
      } else {
        const echo = { sequence: -1 };
        waiting.add(echo, drawing(one.draws));
        assert.ok(echo.sequence >= 0 && echo.sequence <= 0xffff);
        assert.ok(!model.has(echo.sequence), "its number was free");
        model.set(echo.sequence, echo);
        added.push(echo);
      }
      assert.equal(waiting.size, model.size);
      const last = added.at(-1)?.sequence ?? 0;
      for (const at of [last, last ^ 64, last ^ 1024]) assert.equal(waiting.get(at), model.get(at));
    }
    for (const [sequence, echo] of model) assert.equal(waiting.get(sequence), echo);
    assert.deepEqual(new Set(waiting.clear()), new Set(model.values()));
    assert.equal(waiting.size, 0);
  }));
});

Deno.test("Waiting gives the number that was drawn where its place is free, else draws again", () => {
  const waiting = new Waiting<{ sequence: number }>();
  const draws = [0xabcd1234, 0x1234, 0x4321];
  const [first, second] = [{ sequence: 0 }, { sequence: 0 }];
  waiting.add(first, () => draws.shift() ?? 0);
  waiting.add(second, () => draws.shift() ?? 0);
  assert.deepEqual([first.sequence, second.sequence, draws.length], [0x1234, 0x4321, 0]);
});

Deno.test("Waiting has room for half of the sequence numbers, and refuses more", () => {
  const waiting = new Waiting<{ sequence: number }>();
  let draws = 0;
  const random = () => {
    draws++;
    return Math.floor(Math.random() * 0x10000);
  };
  const all = Array.from({ length: MAX_WAITING }, () => ({ sequence: 0 }));
  for (const one of all) waiting.add(one, random);
  assert.equal(new Set(all.map(({ sequence }) => sequence)).size, MAX_WAITING);
  assert.ok(draws < 2 * MAX_WAITING, `a free number is found soon: ${draws} draws`);
  assert.throws(() => waiting.add({ sequence: 5 }, random), /more than/);
  waiting.remove({ sequence: all[0]?.sequence ?? 0 });
  assert.equal(waiting.size, MAX_WAITING, "another echo of that number is not this one");
});
