import assert from "node:assert/strict";
import fc from "fast-check";
import { Ring } from "../../src/async/ring.ts";

Deno.test("a ring is a list from whose beginning one may drop", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ push: fc.nat(2000) }) },
    { weight: 2, arbitrary: fc.record({ drop: fc.nat(3000) }) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), fc.nat(5), (steps, index) => {
    const ring = new Ring<number>();
    let model: number[] = [];
    let next = 0;
    for (const one of steps) {
      if ("push" in one) {
        for (let i = 0; i < one.push; i++) {
          model.push(next);
          ring.push(next++);
        }
      } else {
        for (let i = 0; i < one.drop; i++) ring.dropFirst();
        model = model.slice(one.drop);
      }
      assert.equal(ring.size, model.length);
      assert.equal(ring.first, model[0]);
      assert.deepEqual(ring.from(index), model.slice(index));
    }
  }));
});
