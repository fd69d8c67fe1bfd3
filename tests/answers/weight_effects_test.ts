import assert from "node:assert/strict";
import fc from "fast-check";
import { WeightEffects } from "../../src/answers/table_lints.ts";
import { ip } from "../../src/net/ip.ts";
import { backend, frontend } from "../lb/setup.ts";

const names = ["b1", "b2", "b3", "b4"];
const backends = new Map(names.map((name) => [name, backend(name)]));
const site = frontend("web", { primary: { b1: 200, b2: 100, b3: 1, b4: 1 }, spare: { b4: 1 } });

Deno.test("a weight has no effect where the table has fewer buckets than the server's weight asks for", () => {
  const effects = new WeightEffects();
  assert.deepEqual(effects.without({ backends }, site, "primary", 512), []);
  // 302 units of weight in 256 buckets: the first 256 replicas of the lowest numbers get one.
  assert.deepEqual(effects.without({ backends }, site, "primary", 256), ["b1"]);
  assert.deepEqual(effects.without({ backends }, site, "spare", 256), []);
});

Deno.test("while nothing changes the same list is answered, not one that is made again", () => {
  const effects = new WeightEffects();
  const first = effects.without({ backends }, site, "primary", 256);
  assert.equal(effects.without({ backends }, site, "primary", 256), first);
  assert.notEqual(effects.without({ backends: new Map(backends) }, site, "primary", 256), first);
});

Deno.test("after any change the answer is that of one who remembers nothing", () => {
  const moves = fc.array(
    fc.record({
      weights: fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 4, maxLength: 4 }),
      again: fc.boolean(),
      swap: fc.boolean(),
      activePool: fc.constantFrom("primary", "spare", "none"),
      length: fc.constantFrom(16, 64, 256),
    }),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(fc.property(moves, (list) => {
    const effects = new WeightEffects();
    let now = site;
    let known = backends;
    for (const { activePool, again, length, swap, weights } of list) {
      if (!again) {
        const primary = Object.fromEntries(names.map((name, i) => [name, weights[i] ?? 0]));
        now = frontend("web", { primary, spare: { b4: 1 } });
      }
      if (swap) {
        known = new Map(known);
        known.set("b1", {
          ...backend("b1"),
          address: ip(known.get("b1")?.address === "10.0.0.1" ? "10.0.0.9" : "10.0.0.1"),
        });
      }
      assert.deepEqual(
        effects.without({ backends: known }, now, activePool, length),
        new WeightEffects().without({ backends: known }, now, activePool, length),
      );
    }
  }));
});
