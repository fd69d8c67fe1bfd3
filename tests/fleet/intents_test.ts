import assert from "node:assert/strict";
import fc from "fast-check";
import {
  believe,
  deletable,
  foreignDeletionMs,
  type Intent,
  intentKey,
  intentLimit,
  intentText,
  isInForce,
  learnChanges,
  learnList,
  noMemory,
  parseIntent,
  type StoreMemory,
  targetOf,
} from "../../src/fleet/intents.ts";
import type { KeyValue } from "../../src/fleet/store.ts";

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/);
const head = fc.record({
  by: name,
  claimed: fc.option(fc.string()),
  reason: fc.option(fc.string()),
  since: fc.integer({ min: 0, max: 2e12 }),
  until: fc.option(fc.integer({ min: 0, max: 2e12 })),
  node: name,
});
const arbitraryIntent: fc.Arbitrary<Intent> = fc.oneof(
  fc.tuple(head, name, fc.constantFrom("pause" as const, "disable" as const, "enable" as const)).map((
    [rest, backend, kind],
  ) => ({ ...rest, backend, kind })),
  fc.tuple(head, name, name, name, fc.integer({ min: 0, max: 100 }), fc.boolean()).map((
    [rest, frontend, pool, backend, weight, flush],
  ) => ({
    ...rest,
    kind: "weight" as const,
    frontend,
    pool,
    backend,
    weight,
    flush,
  })),
);

function rowOf(intent: Intent, modRevision: bigint): KeyValue {
  return { key: intentKey("x", targetOf(intent)), value: intentText(intent), modRevision };
}

Deno.test("an intent is read as it was written", () => {
  fc.assert(fc.property(arbitraryIntent, (intent) => {
    const parsed = parseIntent("x", rowOf(intent, 7n));
    assert.deepEqual(parsed, {
      ok: true,
      value: { key: intentKey("x", targetOf(intent)), revision: 7n, intent },
    });
  }));
});

const pause: Intent = {
  kind: "pause",
  backend: "b7",
  by: "ops",
  claimed: null,
  reason: null,
  since: 1000,
  until: null,
  node: "lb1",
};

Deno.test("what is no intent has a sentence, and never throws", () => {
  const good = rowOf(pause, 1n);
  const cases: [Partial<KeyValue>, RegExp][] = [
    [{ key: "/maglev/y/intent/backend/b7" }, /none of an intent/],
    [{ key: "/maglev/x/intent/backend/b7/c" }, /none of an intent/],
    [{ key: "/maglev/x/intent/other/b7" }, /none of an intent/],
    [{ key: "/maglev/x/intent/backend/b 7" }, /name that is none/],
    [{ key: "/maglev/x/intent/backend/.." }, /name that is none/],
    [{ key: "/maglev/x/intent/weight/www/main" }, /none of an intent/],
    [{ value: "x".repeat(intentLimit + 1) }, /octets/],
    [{ value: "{" }, /no JSON/],
    [{ value: "null" }, /no object/],
    [{ value: good.value.replace("pause", "explode") }, /kind/],
    [{ value: good.value.replace('"ops"', "7") }, /by/],
    [{ value: good.value.replace('"lb1"', "null") }, /node/],
    [{ value: good.value.replace("1970", "soon") }, /since/],
    [{ key: "/maglev/x/intent/weight/www/main/b7" }, /weight is no/],
  ];
  for (const [change, why] of cases) {
    const answer = parseIntent("x", { ...good, ...change });
    assert.ok(!answer.ok, JSON.stringify(change).slice(0, 200));
    assert.match(answer.error, why);
  }
  fc.assert(fc.property(fc.string(), fc.json(), (key, value) => {
    parseIntent("x", { key: `/maglev/x/intent/${key}`, value, modRevision: 1n });
    parseIntent("x", { ...good, value });
  }));
});

function listing(rows: readonly KeyValue[], revision: bigint, clusterId = "c") {
  return { clusterId, revision, date: null, rows };
}

Deno.test("a list and changes, however they overlap, end with what the store has", () => {
  const operation = fc.record({
    backend: fc.constantFrom("b1", "b2", "b3"),
    put: fc.boolean(),
    rubbish: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 30 }),
      fc.nat(30),
      fc.nat(30),
      (operations, listAt, watchAt) => {
        const store = new Map<string, KeyValue>();
        const events: { key: string; value: string | null; modRevision: bigint }[] = [];
        let memory: StoreMemory = noMemory;
        let listed = false;
        operations.forEach(({ backend, put, rubbish }, i) => {
          if (i === listAt) {
            memory = learnList(memory, "x", listing([...store.values()], BigInt(i)))?.memory ?? memory;
            listed = true;
          }
          const modRevision = BigInt(i + 1);
          const row = {
            ...rowOf({ ...pause, backend }, modRevision),
            ...(rubbish ? { value: "rubbish" } : {}),
          };
          if (put) store.set(row.key, row);
          else store.delete(row.key);
          events.push({ key: row.key, value: put ? row.value : null, modRevision });
        });
        if (!listed) return;
        // The watch begins somewhere before the end of the list: what is older is told again.
        memory = learnChanges(memory, "x", events.slice(Math.min(watchAt, listAt))).memory;
        const wanted = new Map<string, bigint>();
        for (const { key, modRevision, value } of store.values()) {
          if (value !== "rubbish") wanted.set(key, modRevision);
        }
        for (const [key, revision] of wanted) assert.equal(memory.intents.get(key)?.revision, revision);
        for (const key of memory.intents.keys()) assert.ok(store.has(key), "a deleted intent has ended");
      },
    ),
  );
});

Deno.test("a list tells what is new, what was written again and what ended, once", () => {
  const first = learnList(noMemory, "x", listing([rowOf(pause, 5n)], 9n));
  assert.deepEqual(first?.written.map(({ revision }) => revision), [5n]);
  const memory = first?.memory ?? noMemory;
  const again = learnList(memory, "x", listing([rowOf(pause, 5n)], 9n));
  assert.deepEqual([again?.written, again?.ended], [[], []]);
  const changed = learnList(memory, "x", listing([rowOf({ ...pause, reason: "disk" }, 10n)], 10n));
  assert.deepEqual(changed?.written.map(({ intent }) => intent.reason), ["disk"]);
  const gone = learnList(memory, "x", listing([], 11n));
  assert.deepEqual(gone?.ended.map(({ key }) => key), [rowOf(pause, 5n).key]);
});

Deno.test("what cannot be understood is told once and changes nothing", () => {
  const memory = learnList(noMemory, "x", listing([rowOf(pause, 5n)], 5n))?.memory ?? noMemory;
  const bad = { ...rowOf(pause, 6n), value: "{" };
  const learned = learnChanges(memory, "x", [bad]);
  assert.deepEqual(learned.rubbish.map(({ why }) => why), ["it is no JSON"]);
  assert.equal(learned.memory.intents.get(bad.key)?.revision, 5n, "what was in force stays");
  assert.deepEqual(learnList(learned.memory, "x", listing([bad], 6n))?.rubbish, []);
});

Deno.test("a store that was replaced counts from a new write on: what was known holds until it is written again", () => {
  const other = { ...pause, backend: "b8" };
  const old = { ...pause, backend: "b9", reason: "of an old backup" };
  const memory = learnList(noMemory, "x", listing([rowOf(pause, 5n), rowOf(other, 6n)], 9n))?.memory ??
    noMemory;
  assert.equal(learnList(memory, "x", listing([], 8n)), null, "an old backup");
  assert.equal(learnList(memory, "x", listing([], 99n, "other")), null, "another cluster");
  const news = { ...other, reason: "new" };
  const rows = [rowOf(old, 2n), rowOf(news, 4n)];
  const believed = believe(memory, "x", listing(rows, 4n, "other"), 3n);
  const reasons = (of: StoreMemory) => [...of.intents.values()].map(({ intent }) => intent.reason);
  assert.deepEqual(reasons(believed.memory), [pause.reason, "new"]);
  assert.deepEqual([believed.ended.length, believed.memory.held.size], [0, 1]);
  assert.deepEqual([believed.memory.clusterId, believed.memory.revision], ["other", 4n]);
  // The one that holds is in no list of the new store.
  const later = learnList(believed.memory, "x", listing(rows, 7n, "other"));
  assert.deepEqual(later?.ended, []);
  const gone = learnList(believed.memory, "x", listing([rowOf(old, 2n)], 8n, "other"));
  assert.deepEqual(gone?.ended.map(({ intent }) => intent.reason), ["new"], "what was written anew ends");
  // The other store may use the revision of the intent that holds.
  const same = learnList(
    believed.memory,
    "x",
    listing([...rows, rowOf({ ...pause, reason: "5" }, 5n)], 5n, "other"),
  );
  assert.deepEqual(same?.written.map(({ intent }) => intent.reason), ["5"]);
  const over = rowOf({ ...pause, until: pause.since }, 9n);
  const cleared = learnList(later?.memory ?? noMemory, "x", listing([...rows, over], 9n, "other"));
  assert.deepEqual(cleared?.memory.held.size, 0);
});

Deno.test("an intent ends at its hour; its writer deletes it then, others a day later, a wrong clock never", () => {
  const ending = { ...pause, until: 5000 };
  assert.deepEqual([isInForce(ending, 4999), isInForce(ending, 5000), isInForce(pause, 1e13)], [
    true,
    false,
    true,
  ]);
  const memory = learnList(noMemory, "x", listing([rowOf(ending, 5n)], 9n))?.memory ?? noMemory;
  const count = (node: string, now: number, right = true) => deletable(memory, node, now, right).length;
  assert.deepEqual([count("lb1", 4999), count("lb1", 5000), count("lb1", 5000, false)], [0, 1, 0]);
  assert.deepEqual([count("lb2", 4999 + foreignDeletionMs), count("lb2", 5000 + foreignDeletionMs)], [0, 1]);
});
