import { createHash } from "node:crypto";
import fc from "fast-check";
import { ip } from "../../src/net/ip.ts";
import type { Override } from "../../src/memory/overrides/override.ts";
import type { State } from "../../src/memory/state.ts";
import type { VipKey } from "../../src/model.ts";

const vipKey: fc.Arbitrary<VipKey> = fc.record({
  prefix: fc.constantFrom("192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128"),
  protocol: fc.constantFrom(6, 17, 255),
  port: fc.nat(65_535),
}, { noNullPrototype: true });

/** Keys of a newer version; an object of JSON has no order for keys that look like numbers. */
const others = fc.dictionary(fc.stringMatching(/^[g-u][a-z_]{0,8}$/), fc.jsonValue(), { maxKeys: 3 });

const text = fc.string({ maxLength: 20 });
const millis = fc.nat(2_000_000_000_000);
const server = fc.constantFrom(ip("10.0.0.1"), ip("2001:db8::9"));
const head = {
  id: fc.stringMatching(/^[a-z0-9]{1,8}$/),
  scope: fc.constantFrom("here" as const, "everywhere" as const),
  backend: fc.constantFrom("b1", "b2"),
  by: text,
  claimed: fc.option(text),
  reason: fc.option(text),
  since: millis,
  end: fc.option(fc.oneof(
    fc.record({ kind: fc.constant("hour" as const), until: millis }, { noNullPrototype: true }),
    fc.record(
      { kind: fc.constant("duration" as const), until: millis, left: millis, at: fc.constant(0) },
      { noNullPrototype: true },
    ),
  )),
  seen: fc.option(
    fc.record({ address: server, value: fc.constantFrom(true, false, 0, 100) }, { noNullPrototype: true }),
  ),
  sleeping: fc.option(fc.record({ since: millis, why: text }, { noNullPrototype: true })),
  restored: fc.constant(true),
};

/** Overrides as an earlier process leaves them. */
export const anyOverride: fc.Arbitrary<Override> = fc.oneof(
  fc.record({
    ...head,
    kind: fc.constantFrom("pause" as const, "disable" as const, "enable" as const),
    against: fc.option(text),
  }, { noNullPrototype: true }),
  fc.record({
    ...head,
    kind: fc.constant("weight" as const),
    frontend: fc.constant("www"),
    pool: fc.constant("main"),
    weight: fc.nat(100),
  }, { noNullPrototype: true }),
);

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
  overrides: fc.record({
    list: fc.array(anyOverride, { maxLength: 4 }),
    backends: fc.array(
      fc.record({ name: fc.constantFrom("b1", "b2"), address: server }, { noNullPrototype: true }),
      { maxLength: 2 },
    ),
  }, { noNullPrototype: true }),
  // JSON has one zero only.
  others: others.map((value): Record<string, unknown> => JSON.parse(JSON.stringify(value))),
}, { noNullPrototype: true });

/** What a later version of maglevd might write. */
export const newerState: string = JSON.stringify({
  version: 2,
  sha256: createHash("sha256").update('2\n{"vips":"elsewhere"}').digest("hex"),
  state: { vips: "elsewhere" },
});
