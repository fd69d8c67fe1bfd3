import assert from "node:assert/strict";
import fc from "fast-check";
import { overrideEntries } from "../../src/daemon/entries.ts";
import { type Intent, intentKey, type StoredIntent, targetOf } from "../../src/fleet/intents.ts";
import { followIntents, overrideId } from "../../src/fleet/overrides.ts";
import { act } from "../../src/memory/overrides/actions.ts";
import { type Override, type Site, wanted, weightInForce } from "../../src/memory/overrides/override.ts";
import { ip } from "../../src/net/ip.ts";

const now = { mono: 0, wall: Date.UTC(2026, 0, 1) };
const site: Site = {
  backends: new Map(["b1", "b2"].map((name) => [name, { address: ip("192.0.2.1"), enabled: true }])),
  weight: (frontend) => frontend === "www" ? 100 : null,
};

function stored(revision: number, more: Partial<Intent> = {}): StoredIntent {
  const intent = {
    kind: "pause",
    backend: "b1",
    by: "anna",
    claimed: null,
    reason: null,
    since: now.wall,
    until: null,
    node: "lb1",
    ...more,
  } as Intent;
  return { key: intentKey("x", targetOf(intent)), revision: BigInt(revision), intent };
}

function followed(list: readonly Override[], intents: readonly StoredIntent[]): readonly Override[] {
  return followIntents(list, site, intents, now, false)?.list ?? list;
}

Deno.test("the overrides of the fleet are its intents in force, whatever was there before", () => {
  const anyIntent = fc.record({
    kind: fc.constantFrom("pause", "disable", "weight"),
    backend: fc.constantFrom("b1", "b2", "b3"),
    until: fc.constantFrom(null, now.wall, now.wall + 1_000),
    revision: fc.nat(1_000),
  }).map(({ kind, revision, ...more }) =>
    stored(
      revision,
      kind === "weight"
        ? { kind, frontend: "www", pool: "main", weight: revision % 101, flush: false, ...more }
        : { kind: kind as "pause", ...more },
    )
  );
  const anyStore = fc.uniqueArray(anyIntent, { selector: ({ key }) => key });
  fc.assert(fc.property(anyStore, anyStore, (before, after) => {
    const list = followed(followed([], before), after);
    const wanted = after.filter(({ intent }) => intent.until === null || intent.until > now.wall);
    assert.deepEqual(list.map(({ id }) => id).sort(), wanted.map(overrideId).sort());
    assert.equal(followIntents(list, site, after, now, false), null, "the second time nothing is left to do");
    for (const { backend, sleeping } of list) assert.equal(sleeping !== null, backend === "b3");
  }));
});

Deno.test("an intent that is written again has another id, and ends the local enable against the first", () => {
  const first = stored(5);
  const again = stored(6, { reason: "disk" });
  assert.notEqual(overrideId(first), overrideId(again));
  assert.notEqual(overrideId(first), overrideId(stored(5, { backend: "b2" })), "of another key");
  const paused = followed([], [first]);
  assert.equal(wanted(paused, site, "b1"), "paused");
  const order = { id: "l", by: "bert", claimed: null, reason: null, end: null, now };
  const resumed = act(paused, site, "b1", "resume", order);
  assert.ok(resumed.ok);
  assert.equal(wanted(resumed.value.list, site, "b1"), "active");
  const change = followIntents(resumed.value.list, site, [again], now, false);
  assert.deepEqual(change?.ended.map(({ cause }) => cause).sort(), ["intent", "replaced"]);
  assert.equal(wanted(change?.list ?? [], site, "b1"), "paused");
  assert.deepEqual(followed(change?.list ?? [], []), []);
});

Deno.test("for a weight the local override counts, for a state the stronger one", () => {
  const intents = [
    stored(5, { kind: "weight", frontend: "www", pool: "main", weight: 10, flush: false }),
    stored(6, { kind: "disable", backend: "b2" }),
  ];
  const list = followed([], intents);
  assert.equal(weightInForce(list, "www", "main", "b1")?.weight, 10);
  assert.equal(wanted(list, site, "b2"), "disabled");
});

Deno.test("the journal's sentence says whether an override is set on this node or everywhere", () => {
  const change = followIntents([], site, [stored(7)], now, false);
  assert.ok(change !== null);
  const texts = overrideEntries(change, null, null).map(({ text }) => text);
  assert.deepEqual(texts, ["pause of backend b1 set everywhere by anna"]);
  const here = change.list.map((one) => ({ ...one, scope: "here" as const }));
  const local = overrideEntries({ ...change, set: here }, null, null).map(({ text }) => text);
  assert.deepEqual(local, ["pause of backend b1 set by anna"]);
});
