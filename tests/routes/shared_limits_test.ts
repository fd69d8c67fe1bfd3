import assert from "node:assert/strict";
import fc from "fast-check";
import { apiLimits, metricsLimits, sharedLimits } from "../../routes/limits.ts";

const taken = (descriptors: number, listeners: number, metrics: boolean): [number, number] => {
  const limits = sharedLimits(descriptors, listeners, metrics);
  return [limits.api.connections, limits.metrics.connections];
};

Deno.test("with descriptors enough every listener takes what is written, with few they share them", () => {
  assert.deepEqual(taken(16_288, 2, true), [apiLimits.connections, metricsLimits.connections]);
  assert.deepEqual(taken(160, 1, true), [120, 40]);
  assert.deepEqual(taken(160, 2, true), [60, 40]);
  assert.deepEqual(taken(32, 1, false), [32, 0]);
  assert.deepEqual(taken(-50, 1, true), [4, 4]);
});

Deno.test("all connections together fit into the descriptors, unless there are hardly any", () => {
  fc.assert(
    fc.property(fc.integer({ min: -100, max: 1e6 }), fc.nat(8), fc.boolean(), (descriptors, n, metrics) => {
      const [api, other] = taken(descriptors, n, metrics);
      const fewest = 4 * (n + (metrics ? 1 : 0));
      assert.ok(n * api + other <= Math.max(descriptors, fewest + 4));
      assert.ok(Number.isInteger(api) && Number.isInteger(other) && (n === 0 || api >= 4));
    }),
  );
});
