import { createHash } from "node:crypto";
import fc from "fast-check";
import type { State } from "../../src/memory/state.ts";
import type { VipKey } from "../../src/model.ts";

const vipKey: fc.Arbitrary<VipKey> = fc.record({
  prefix: fc.constantFrom("192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128"),
  protocol: fc.constantFrom(6, 17, 255),
  port: fc.nat(65_535),
}, { noNullPrototype: true });

/** Keys of a newer version; an object of JSON has no order for keys that look like numbers. */
const others = fc.dictionary(fc.stringMatching(/^[g-u][a-z_]{0,8}$/), fc.jsonValue(), { maxKeys: 3 });

/** States that a file may hold. */
export const anyState: fc.Arbitrary<State> = fc.record({
  vips: fc.record({
    named: fc.array(
      fc.tuple(vipKey, fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/)).map(([key, frontend]) => ({
        ...key,
        frontend,
      })),
    ),
    held: fc.array(vipKey),
  }, { noNullPrototype: true }),
  fleet: fc.option(fc.record({
    name: fc.constant("site"),
    clusterId: fc.constantFrom("17", "c1"),
    revision: fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String),
    floor: fc.constantFrom("0", "12"),
    intents: fc.array(fc.record({
      key: fc.constantFrom("/maglev/site/intent/backend/b1", "/maglev/site/intent/weight/f/p/b1"),
      value: fc.string(),
      revision: fc.nat().map(String),
      held: fc.boolean(),
    }, { noNullPrototype: true })),
  }, { noNullPrototype: true })),
  // JSON has one zero only.
  others: others.map((value): Record<string, unknown> => JSON.parse(JSON.stringify(value))),
}, { noNullPrototype: true });

/** What a later version of maglevd might write. */
export const newerState: string = JSON.stringify({
  version: 2,
  sha256: createHash("sha256").update('2\n{"vips":"elsewhere"}').digest("hex"),
  state: { vips: "elsewhere" },
});
