import assert from "node:assert/strict";
import fc from "fast-check";
import { disagreements, settleMs } from "../../src/fleet/agreement.ts";
import { type NodeRow, parseRow, rowLimit, rowText, tableDigest } from "../../src/fleet/node_row.ts";
import { row } from "./rows.ts";

/** What is told once everything has lasted long enough. */
function told(rows: readonly NodeRow[], self = "lb1"): string[] {
  const first = disagreements(rows, self, 0, new Map(), 0);
  assert.deepEqual(first.told, []);
  return disagreements(rows, self, settleMs, first.since, settleMs).told.map(({ text }) => text);
}

Deno.test("nodes that agree, and a node alone, are silent", () => {
  assert.deepEqual(told([row("lb1"), row("lb2")]), []);
  assert.deepEqual(told([row("lb1", { notUp: { b7: "down" }, tables: { www: "1" } })]), []);
  assert.deepEqual(told([row("lb2"), row("lb3", { configDigest: "other" })]), []);
});

Deno.test("what differs is told with where and what, seen from this node", () => {
  const rows = [
    row("lb1", { tables: { www: "aa", api: "1" }, notUp: { b7: "down" } }),
    row("lb2", { tables: { www: "bb", api: "1" } }),
    row("lb3", { tables: { www: "bb" } }),
    row("lb4", { configDigest: "c2", tables: null }),
  ];
  assert.deepEqual(told(rows), [
    "lb4 runs another configuration",
    "frontend www: lb2 and lb3 have another table than this node",
    "b7: down here, up on lb2 and lb3: it may be this node's path",
  ]);
  assert.deepEqual(told(rows, "lb2"), [
    "lb4 runs another configuration",
    "frontend www: lb1 has another table than this node",
    "b7: up here, down on lb1",
  ]);
});

Deno.test("a difference is told after 10 s without a break, and forgotten when it ends", () => {
  const differing = [row("lb1", { tables: { www: "a" } }), row("lb2", { tables: { www: "b" } })];
  const same = [row("lb1", { tables: { www: "a" } }), row("lb2", { tables: { www: "a" } })];
  let since = disagreements(differing, "lb1", 0, new Map(), 0).since;
  const at = (rows: readonly NodeRow[], now: number) => {
    const answer = disagreements(rows, "lb1", now, since, now);
    since = answer.since;
    return answer.told.length;
  };
  assert.deepEqual([at(differing, 9_999), at(differing, 10_000), at(same, 11_000), at(differing, 12_000)], [
    0,
    1,
    0,
    0,
  ]);
  assert.equal(at(differing, 22_000), 1);
});

Deno.test("a row is read as it was written, and rubbish has a sentence", () => {
  const whole = row("lb1", { intents: ["7"], tables: { www: "aa" }, notUp: { b1: "down" } });
  assert.deepEqual(parseRow("lb1", rowText(whole)), { ok: true, value: whole });
  const large = row("lb1", {
    tables: Object.fromEntries(
      Array.from({ length: 60_000 }, (_, i) => [`frontend-${i}`, "0123456789abcdef"]),
    ),
  });
  assert.ok(rowText(large).length < rowLimit);
  assert.deepEqual(parseRow("lb1", rowText(large)), { ok: true, value: { ...large, tables: null } });
  for (
    const [text, why] of [
      ["{", /no JSON/],
      ["7", /no object/],
      ["{}", /instance/],
      [rowText(whole).replace('["7"]', "[7]"), /intents/],
      [rowText(whole).replace('"in-sync"', '"fine"'), /vpp/],
      [rowText(whole).replace('{"www":"aa"}', "[]"), /tables/],
      [rowText(whole).replace('{"b1":"down"}', '{"b1":1}'), /not_up/],
    ] as const
  ) {
    const answer = parseRow("lb1", text);
    assert.ok(!answer.ok, text);
    assert.match(answer.error, why);
  }
  fc.assert(fc.property(fc.json(), (text) => void parseRow("lb1", text)));
});

Deno.test("equal tables have equal digests whatever the order; other addresses, weights, lengths or stickiness have not", () => {
  const servers = fc.uniqueArray(
    fc.record({ address: fc.ipV4(), weight: fc.integer({ min: 0, max: 100 }) }),
    {
      selector: ({ address }) => address,
      minLength: 1,
      maxLength: 8,
    },
  );
  fc.assert(fc.property(servers, fc.boolean(), fc.integer({ min: 0, max: 7 }), (list, srcIpSticky, n) => {
    const inputs = { tableLength: 1024, srcIpSticky, servers: list };
    const digest = tableDigest(inputs);
    assert.match(digest, /^[0-9a-f]{16}$/);
    assert.equal(tableDigest({ ...inputs, servers: list.toReversed() }), digest);
    assert.equal(tableDigest({ ...inputs, servers: [...list, { address: "x", weight: 0 }] }), digest);
    assert.notEqual(tableDigest({ ...inputs, tableLength: 2048 }), digest);
    assert.notEqual(tableDigest({ ...inputs, srcIpSticky: !srcIpSticky }), digest);
    const i = n % list.length;
    const other = list.map((one, j) => i === j ? { ...one, weight: one.weight + 1 } : one);
    assert.notEqual(tableDigest({ ...inputs, servers: other }), digest);
  }));
});

Deno.test("rows that were listed before a difference has lasted long enough are listed again first", () => {
  const rows = [row("lb1", { tables: { www: "a" } }), row("lb2", { tables: { www: "b" } })];
  const first = disagreements(rows, "lb1", 0, new Map(), 1_000);
  assert.deepEqual([first.told, first.unsure], [[], false]);
  const stale = disagreements(rows, "lb1", 0, first.since, 1_000 + settleMs);
  assert.deepEqual([stale.told, stale.unsure], [[], true]);
  const fresh = disagreements(rows, "lb1", 1_000 + settleMs, stale.since, 1_000 + settleMs);
  assert.deepEqual([fresh.told.map(({ object, since }) => [object, since]), fresh.unsure], [
    [["www", 1_000]],
    false,
  ]);
});
