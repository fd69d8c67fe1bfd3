import assert from "node:assert/strict";
import { chainLink } from "../../src/chain.ts";
import { systemClock } from "../../src/clock.ts";
import { entryJson, type NewEntry } from "../../src/memory/journal/entry.ts";
import { Journal, queueLimits } from "../../src/memory/journal/journal.ts";
import { JournalKeeper } from "../../src/memory/journal/keeper.ts";
import type { JournalAnswer, JournalRequest } from "../../src/memory/journal/messages.ts";
import type { JournalState, StartThread } from "../../src/memory/journal/parts.ts";
import { memoryLimit } from "../../src/memory/journal/recent.ts";
import { journalThread } from "../../src/memory/journal/thread.ts";
import { FakeClock } from "../fake_clock.ts";
import { all } from "./pages.ts";

function event(text: string, kind: NewEntry["kind"] = "backend"): NewEntry {
  return { kind, backend: "b1", frontend: null, by: null, claimed: null, reason: null, text, data: {} };
}

/** A thread that a test holds in its hand: requests wait until they are let through. */
class HandThread {
  readonly waiting: JournalRequest[] = [];
  starts = 0;
  ends = 0;
  through = true;
  die: (detail: string) => void = () => {};
  readonly #keeper = new JournalKeeper();
  #answer: (answer: JournalAnswer) => void = () => {};

  readonly start: StartThread = (onAnswer, onDeath) => {
    this.starts++;
    this.#answer = onAnswer;
    this.die = onDeath;
    return {
      send: (request) => {
        this.waiting.push(request);
        if (this.through) queueMicrotask(() => this.let());
      },
      [Symbol.dispose]: () => {
        this.ends++;
        this.waiting.length = 0;
        this.#answer = () => {};
        this.#keeper[Symbol.dispose]();
      },
    };
  };

  let(): void {
    for (const request of this.waiting.splice(0)) this.#answer(this.#keeper.handle(request));
  }

  fail(detail: string): void {
    this.waiting.shift();
    this.#answer({ ok: false, failure: { cause: "disk", detail }, putAside: null });
  }
}

interface World extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly thread: HandThread;
  readonly journal: Journal;
  readonly states: JournalState[];
  readonly path: string;
}

async function world(): Promise<World> {
  const folder = await Deno.makeTempDir();
  const clock = new FakeClock();
  const thread = new HandThread();
  const states: JournalState[] = [];
  const path = `${folder}/journal.sqlite`;
  const journal = new Journal({
    clock,
    start: thread.start,
    path,
    limit: 1e9,
    keepMs: 1e12,
    onState: (state) => states.push(state),
  });
  await journal.open();
  return {
    clock,
    thread,
    journal,
    states,
    path,
    async [Symbol.asyncDispose]() {
      thread.through = true;
      thread.let();
      await journal[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const texts = async (journal: Journal) => {
  return (await journal.page(all)).rows.map((row) => (JSON.parse(row.json) as { text: string }).text);
};

Deno.test("entries go to the thread in one batch after 100 ms, and the next batch waits for the answer", async () => {
  await using w = await world();
  w.thread.through = false;
  for (let i = 0; i < 5; i++) w.journal.record(event(`${i}`));
  assert.equal(w.thread.waiting.length, 0);
  await w.clock.advance(100);
  w.journal.record(event("5"));
  await w.clock.advance(500);
  const batches = w.thread.waiting.map((request) =>
    request.kind === "write" ? request.batch.entries.length : request.kind
  );
  assert.deepEqual(batches, [5]);
  w.thread.let();
  await w.clock.advance(100);
  w.thread.let();
  w.thread.through = true;
  assert.deepEqual(await texts(w.journal), ["5", "4", "3", "2", "1", "0"]);
});

Deno.test("a page has what was recorded just now; places and links are known at once", async () => {
  await using w = await world();
  const first = w.journal.record(event("a", "change"));
  const second = w.journal.record(event("b", "change"));
  assert.equal(first.chain, chainLink("", entryJson(first)));
  assert.equal(second.chain, chainLink(first.chain ?? "", entryJson(second)));
  assert.ok(second.seq > first.seq);
  assert.deepEqual(await texts(w.journal), ["b", "a"]);
  const head = { seq: second.seq, chain: second.chain ?? "" };
  assert.deepEqual(await w.journal.verify(head), { ok: true, checked: 2, head });
});

Deno.test("a slow disk: measures go first, then the oldest transitions, changes are refused beyond 1,000", async () => {
  await using w = await world();
  w.thread.through = false;
  w.journal.record(event("under way"));
  await w.clock.advance(100);
  for (let i = 0; i < queueLimits.entries + 7; i++) w.journal.record(event(`${i}`));
  assert.equal(w.journal.dropped, 7);
  for (let i = 0; i < queueLimits.changes; i++) {
    assert.ok(w.journal.takesChanges);
    w.journal.record(event(`c${i}`, "change"));
  }
  assert.ok(!w.journal.takesChanges);
  const run = {
    backend: "b1",
    ok: true,
    code: "L4OK",
    count: 1,
    rise: 2,
    fall: 3,
    state: "up",
    counter: 4,
  } as const;
  w.journal.measure(
    Array.from({ length: queueLimits.measures + 3 }, (_, n) => ({ ...run, first: n, last: n })),
    [],
  );
  assert.equal(w.journal.dropped, 10);
  w.thread.through = true;
  w.thread.let();
  await w.clock.advance(100);
  assert.ok(w.journal.takesChanges);
  const { before, rows } = await w.journal.page({ ...all, kinds: ["change"], limit: 1000 });
  assert.deepEqual([rows.length, before], [1000, null]);
  assert.equal((await w.journal.runs("b1", 0, 1e9)).length, queueLimits.measures);
});

Deno.test("a disk that refuses, a thread that dies or hangs: entries wait, and are written a minute later", async () => {
  const troubles: readonly ((w: World) => Promise<void> | void)[] = [
    (w) => w.thread.fail("database or disk is full"),
    (w) => w.thread.die("out of memory"),
    (w) => w.clock.advance(12_000),
  ];
  for (const trouble of troubles) {
    await using w = await world();
    w.thread.through = false;
    w.journal.record(event("a"));
    await w.clock.advance(100);
    await trouble(w);
    await w.clock.advance(0);
    assert.equal(w.journal.state.kind, "failing");
    assert.equal(w.thread.ends, 1);
    w.journal.record(event("b"));
    // Meanwhile memory answers.
    assert.deepEqual(await texts(w.journal), ["b", "a"]);
    w.thread.through = true;
    await w.clock.advance(30_000);
    assert.equal(w.thread.starts, 1, "not before a minute is over");
    await w.clock.advance(31_000);
    assert.equal(w.thread.starts, 2);
    assert.equal(w.journal.state.kind, "open");
    assert.deepEqual(await texts(w.journal), ["b", "a"]);
    assert.deepEqual(w.states.map((state) => state.kind), ["open", "failing", "open"]);
  }
});

Deno.test("without a file the newest 10,000 entries are in memory", async () => {
  const start = null;
  const parts = { clock: new FakeClock(), start, path: "", limit: 0, keepMs: 0, onState: () => {} };
  await using journal = new Journal(parts);
  await journal.open();
  for (let i = 0; i < memoryLimit * 2 + 5; i++) journal.record(event(`${i}`));
  let n = 0;
  let before: number | null = null;
  for (;;) {
    const page = await journal.page({ ...all, before });
    n += page.rows.length;
    before = page.rows.at(-1)?.seq ?? null;
    if (page.before === null) break;
  }
  assert.equal(n, memoryLimit);
  assert.equal(journal.dropped, 0);
});

Deno.test("places go on after a restart, also with a clock that was set back, and so does the chain", async () => {
  const folder = await Deno.makeTempDir();
  const open = async (wall: number) => {
    const thread = new HandThread();
    const journal = new Journal({
      clock: new FakeClock(1_000, wall),
      start: thread.start,
      path: `${folder}/journal.sqlite`,
      limit: 1e9,
      keepMs: 1e15,
      onState: () => {},
    });
    await journal.open();
    return journal;
  };
  try {
    const first = await open(1_800_000_000_000);
    const a = first.record(event("a", "change"));
    await first[Symbol.asyncDispose]();
    const second = await open(1_700_000_000_000);
    const b = second.record(event("b", "override"));
    assert.ok(b.seq > a.seq);
    assert.equal(b.chain, chainLink(a.chain ?? "", entryJson(b)));
    assert.deepEqual(await texts(second), ["b", "a"]);
    assert.equal((await second.verify(null)).ok, true);
    await second[Symbol.asyncDispose]();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the real thread writes, answers and closes", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/journal.sqlite`;
  try {
    const parts = { clock: systemClock, path, limit: 1e9, keepMs: 1e12, onState: () => {} };
    {
      await using journal = new Journal({ ...parts, start: journalThread(() => null) });
      await journal.open();
      journal.record(event("a", "change"));
      assert.deepEqual(await texts(journal), ["a"]);
      journal.record(event("b"));
    }
    await using journal = new Journal({ ...parts, start: journalThread(() => null) });
    await journal.open();
    assert.deepEqual(await texts(journal), ["b", "a"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a thread that cannot be started leaves the journal in memory", async () => {
  const clock = new FakeClock();
  const parts = { clock, path: "/nowhere/journal.sqlite", limit: 1e9, keepMs: 1e12, onState: () => {} };
  await using journal = new Journal({ ...parts, start: journalThread(() => "threads") });
  await journal.open();
  journal.record(event("a"));
  assert.deepEqual(await texts(journal), ["a"]);
  assert.equal(journal.state.kind, "failing");
});
