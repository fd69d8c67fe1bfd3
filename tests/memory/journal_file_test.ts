import assert from "node:assert/strict";
import fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import type { JournalEntry } from "../../src/api/memory.ts";
import { chainLink, linkOf, verifyChain } from "../../src/chain.ts";
import { type Entry, entryJson, entryKinds, isChained, nextSeq } from "../../src/memory/journal/entry.ts";
import { JournalFile } from "../../src/memory/journal/file.ts";
import { NewerSchema } from "../../src/memory/journal/tables.ts";
import { all } from "./pages.ts";

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const none = { entries: [], runs: [], latency: [] };

/** Entries as the daemon would make them, from times that may go back. */
function entriesOf(
  wanted: readonly { at: number; kind: number; backend: number; frontend: number }[],
): Entry[] {
  let seq = 0;
  let chain = "";
  return wanted.map(({ at, backend, frontend, kind: number }, i) => {
    const kind = entryKinds[number] ?? "process";
    seq = nextSeq(seq, at);
    const entry = {
      seq,
      at,
      kind,
      backend: backend === 0 ? null : `b${backend}`,
      frontend: frontend === 0 ? null : `f${frontend}`,
      by: "ops",
      claimed: null,
      reason: null,
      text: `entry ${i}`,
      data: { i },
    };
    if (isChained(kind)) chain = chainLink(chain, entryJson(entry));
    return { ...entry, chain: isChained(kind) ? chain : null };
  });
}

const arbitraryEntries = fc.array(
  fc.record({
    at: fc.integer({ min: 1_800_000_000_000, max: 1_800_000_000_200 }),
    kind: fc.integer({ min: 0, max: entryKinds.length - 1 }),
    backend: fc.integer({ min: 0, max: 3 }),
    frontend: fc.integer({ min: 0, max: 2 }),
  }),
  { maxLength: 60 },
);
const name = (prefix: string) => fc.option(fc.integer({ min: 1, max: 4 }).map((n) => `${prefix}${n}`));
const time = fc.option(fc.integer({ min: 1_799_999_999_990, max: 1_800_000_000_210 }));

Deno.test("a page holds what a filter over all entries holds, wherever the clock went", async () => {
  await using dir = await folder();
  let files = 0;
  await fc.assert(
    fc.asyncProperty(
      arbitraryEntries,
      fc.array(fc.record({
        kinds: fc.subarray([...entryKinds]),
        backend: name("b"),
        frontend: name("f"),
        since: time,
        until: time,
        limit: fc.integer({ min: 1, max: 20 }),
      })),
      async (wanted, queries) => {
        const path = `${dir.path}/${files++}.sqlite`;
        using file = new JournalFile(path);
        const entries = entriesOf(wanted);
        for (let i = 0; i < entries.length; i += 7) file.write({ ...none, entries: entries.slice(i, i + 7) });
        for (const query of queries) {
          const matches = entries.filter((entry) =>
            (query.kinds.length === 0 || query.kinds.includes(entry.kind)) &&
            (query.backend === null || entry.backend === query.backend) &&
            (query.frontend === null || entry.frontend === query.frontend) &&
            (query.since === null || entry.at >= query.since) &&
            (query.until === null || entry.at <= query.until)
          ).map((entry) => entry.seq).reverse();
          const got: number[] = [];
          for (let before: number | null = null;;) {
            const page = file.page({ ...query, before });
            got.push(...page.rows.map((row) => row.seq));
            before = page.rows.at(-1)?.seq ?? null;
            if (page.before === null) break;
            assert.equal(page.rows.length, query.limit);
          }
          assert.deepEqual(got, matches);
        }
        await Deno.remove(path);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("what was written is there after a close, the end is known, and a batch may be sent again", async () => {
  await using dir = await folder();
  const path = `${dir.path}/journal.sqlite`;
  const entries = entriesOf([
    { at: 1_800_000_000_000, kind: 6, backend: 1, frontend: 0 },
    { at: 1_800_000_000_001, kind: 0, backend: 1, frontend: 0 },
  ]);
  const run = {
    backend: "b1",
    ok: true,
    code: "L4OK",
    first: 5,
    last: 9,
    count: 3,
    rise: 2,
    fall: 3,
    state: "unknown",
    counter: 1,
  } as const;
  const longer = { ...run, last: 12, count: 4 };
  const latency = [{ backend: "b1", at: 600_000, count: 5, failed: 1, p50: 1, p95: 2, p99: 3 }];
  {
    using file = new JournalFile(path);
    assert.deepEqual(file.end, { seq: 0, chain: "" });
    file.write({ entries, runs: [run], latency });
    file.write({ entries, runs: [longer], latency });
  }
  using file = new JournalFile(path);
  assert.deepEqual(file.end, { seq: entries[1]?.seq, chain: entries[0]?.chain });
  const { rows, oldest } = file.page(all);
  assert.deepEqual(rows.map(({ json }) => json), entries.map(entryJson).reverse());
  assert.equal(oldest, 1_800_000_000_000);
  assert.deepEqual(file.runs("b1", 0, 100), [longer]);
  assert.deepEqual(file.runs("b1", 13, 100), []);
  assert.deepEqual(file.runs("b1", 0, 4), []);
  assert.deepEqual(file.latency("b1", 0, 700_000), latency);
  assert.deepEqual([file.knows("b1"), file.knows("b2")], [true, false]);
});

Deno.test("the chain verifies, and every altered, removed or reordered entry is found", () => {
  const entries = entriesOf(
    Array.from({ length: 10 }, (_, i) => ({ at: 1_800_000_000_000 + i, kind: 6, backend: 1, frontend: 0 })),
  );
  const links = entries.map((entry) => ({
    seq: entry.seq,
    json: entryJson(entry),
    chain: entry.chain ?? "",
  }));
  const head = links[9];
  assert.ok(head !== undefined);
  const answered = entries.map((entry) => ({ ...JSON.parse(entryJson(entry)), chain: entry.chain }));
  assert.deepEqual(answered.map((entry: JournalEntry) => linkOf(entry)), links, "as a client reads them");
  assert.deepEqual(verifyChain(links, head), {
    ok: true,
    checked: 10,
    head: { seq: head.seq, chain: head.chain },
  });
  // The oldest that is kept is believed: what came before it was deleted by age.
  assert.equal(verifyChain(links.slice(3), null).ok, true);
  for (let i = 1; i < links.length; i++) {
    const altered = links.map((link, j) =>
      i === j ? { ...link, json: link.json.replace("ops", "eve") } : link
    );
    assert.equal(verifyChain(altered, null).ok, false, `altered ${i}`);
    if (i < 9) assert.equal(verifyChain(links.filter((_, j) => i !== j), null).ok, false, `removed ${i}`);
  }
  // Who removes the newest, or makes the whole chain anew, is found out by what the log says.
  assert.deepEqual(verifyChain(links.slice(0, 9), head).ok, false);
  let chain = "";
  const forged = links.map(({ json, seq }) => ({
    seq,
    json,
    chain: chain = chainLink(chain, json.replace("ops", "eve")),
  }));
  assert.equal(
    verifyChain(forged.map((link) => ({ ...link, json: link.json.replace("ops", "eve") })), null).ok,
    true,
  );
  assert.equal(verifyChain(forged, head).ok, false);
});

Deno.test("age and size are bounded: runs and latency go first, changes and transitions last", async () => {
  await using dir = await folder();
  using file = new JournalFile(`${dir.path}/journal.sqlite`);
  const begin = 1_800_000_000_000;
  const entries = entriesOf(
    Array.from(
      { length: 4000 },
      (_, i) => ({ at: begin + i, kind: i % 2 === 0 ? 6 : 3, backend: 1, frontend: 0 }),
    ),
  );
  const runs = Array.from(
    { length: 20_000 },
    (_, i) => ({
      backend: `b${i % 10}`,
      ok: i % 2 === 0,
      code: "L4OK" as const,
      first: begin + i,
      last: begin + i,
      count: 1,
      rise: 2,
      fall: 3,
      state: "up" as const,
      counter: 4,
    }),
  );
  file.write({ ...none, entries, runs });
  while (file.pruneOld(begin + 1000));
  assert.equal(file.page({ ...all, limit: 1 }).oldest, begin + 1000);
  assert.equal(file.runs("b0", 0, begin + 999).length, 0);
  assert.ok(file.runs("b0", 0, begin + 30_000).length > 1800);
  const counts = () =>
    (["change", "sync"] as const).map((kind) => {
      let n = 0;
      for (let before: number | null = null;;) {
        const page = file.page({ ...all, kinds: [kind], before });
        n += page.rows.length;
        before = page.rows.at(-1)?.seq ?? null;
        if (page.before === null) return n;
      }
    });
  const allOfThem = counts();
  for (let limit = file.size - 100_000; limit > 100_000; limit -= 100_000) {
    while (file.pruneSize(limit));
    assert.ok(file.size <= limit);
    const [changes = 0, syncs = 0] = counts();
    if (file.runs("b0", 0, begin + 30_000).length > 0) assert.deepEqual([changes, syncs], allOfThem);
    if (syncs > 0) assert.equal(changes, allOfThem[0]);
  }
});

Deno.test("a file of a newer program is left alone; rubbish is refused", async () => {
  await using dir = await folder();
  const path = `${dir.path}/journal.sqlite`;
  const db = new DatabaseSync(path);
  db.exec("CREATE TABLE later(x); PRAGMA user_version=99");
  db.close();
  const before = await Deno.readFile(path);
  assert.throws(() => new JournalFile(path), NewerSchema);
  assert.deepEqual(await Deno.readFile(path), before);
  await Deno.writeTextFile(path, "rubbish ".repeat(1000));
  assert.throws(() => new JournalFile(path), /file is not a database/);
});

Deno.test("a second process cannot open a journal that is open", async () => {
  await using dir = await folder();
  const path = `${dir.path}/journal.sqlite`;
  using _file = new JournalFile(path);
  assert.throws(() => new JournalFile(path), /locked/);
});
