import assert from "node:assert/strict";
import { clear, endEverywhere, putEverywhere, recall } from "../../../src/memory/overrides/actions.ts";
import {
  type Override,
  type Scope,
  stateInForce,
  type StateKind,
  wanted,
} from "../../../src/memory/overrides/override.ts";
import { expire, sleepLimitMs, untilDue } from "../../../src/memory/overrides/time.ts";
import { Book, type SiteFile } from "./kit.ts";

const file: SiteFile = {
  backends: { b1: [1, true], b2: [2, true], off: [3, false] },
  weights: { "www/main/b1": 100, "www/main/b2": 50 },
};
const day = 24 * 3_600_000;

const state = (book: Book, backend = "b1") => wanted(book.list, book.site, backend);

function intent(book: Book, kind: StateKind, id: string, backend = "b1"): void {
  const made: Override = {
    id,
    scope: "everywhere" satisfies Scope,
    kind,
    backend,
    by: "bob",
    claimed: null,
    reason: null,
    since: book.wall,
    end: null,
    seen: null,
    sleeping: null,
    restored: false,
    against: null,
  };
  book.take(putEverywhere(book.list, book.site, made, book.now));
}

Deno.test("an action sets what the opposite action ends", () => {
  const book = new Book(file);
  assert.equal(book.act("b1", "pause"), "ok");
  assert.deepEqual([book.text, state(book)], [["pause b1"], "paused"]);
  book.act("b1", "disable");
  assert.deepEqual([book.text, state(book)], [["disable b1"], "disabled"]);
  assert.equal(book.act("b1", "pause"), "conflict");
  assert.equal(book.act("b1", "resume"), "conflict");
  book.act("b1", "enable");
  assert.deepEqual([book.text, state(book)], [[], "active"]);
  book.act("b1", "pause");
  book.act("b1", "enable");
  assert.deepEqual(state(book), "paused", "enable is judged on the state");
  book.act("b1", "resume");
  assert.deepEqual([book.text, state(book)], [[], "active"]);
  assert.deepEqual(book.ended, ["pause replaced", "disable undone", "pause undone"]);
});

Deno.test("where the file says enabled: false, enable sets an override and disable ends it", () => {
  const book = new Book(file);
  book.act("off", "disable");
  assert.deepEqual(book.text, []);
  book.act("off", "enable");
  assert.deepEqual([book.text, state(book, "off")], [["enable off"], "active"]);
  book.act("off", "pause");
  assert.deepEqual([book.text, state(book, "off")], [["pause off"], "paused"]);
  book.act("off", "resume");
  assert.deepEqual([book.text, state(book, "off")], [["enable off"], "active"], "the last word says resume");
  book.act("off", "disable");
  assert.deepEqual([book.text, state(book, "off")], [[], "disabled"]);
});

Deno.test("a weight equal to the file's ends the override, another one replaces it", () => {
  const book = new Book(file);
  book.weigh("www/main/b1", 100);
  assert.deepEqual(book.text, []);
  book.weigh("www/main/b1", 30, { reason: "slow", end: { kind: "hour", until: book.wall + day } });
  book.weigh("www/main/b1", 20);
  assert.deepEqual(book.text, ["20 www/main/b1"]);
  assert.deepEqual(
    [book.list[0]?.reason, book.list[0]?.end],
    [null, null],
    "hour and reason are the newer's",
  );
  book.weigh("www/main/b1", 100);
  assert.deepEqual([book.text, book.ended], [[], ["weight replaced", "weight undone"]]);
});

Deno.test("the same word again changes nothing but a reason or an hour that comes with it", () => {
  const book = new Book(file);
  book.act("b1", "pause", { reason: "disk" });
  const [first] = book.list;
  book.act("b1", "pause");
  assert.equal(book.list[0], first);
  book.act("b1", "pause", { end: { kind: "duration", ms: day } });
  assert.deepEqual([book.list[0]?.id, book.list[0]?.reason, book.list[0]?.end?.until], [
    first?.id,
    "disk",
    book.wall + day,
  ]);
  book.act("b1", "pause", { by: "bob", reason: "fan" });
  const [now] = book.list;
  assert.deepEqual([now?.id, now?.by, now?.reason, now?.since], [first?.id, "bob", "fan", first?.since]);
});

Deno.test("an hour where nothing is set that could end is refused", () => {
  const book = new Book(file);
  const end = { kind: "duration", ms: day } as const;
  assert.equal(book.act("b1", "resume", { end }), "hour");
  assert.equal(book.act("b1", "enable", { end }), "hour");
  assert.equal(book.act("off", "disable", { end }), "hour");
  assert.equal(book.weigh("www/main/b1", 100, { end }), "hour");
  assert.equal(book.act("off", "enable", { end }), "ok");
});

Deno.test("whose override is replaced is told, and one's own is not", () => {
  const book = new Book(file);
  book.act("b1", "pause", { by: "bob", reason: "disk" });
  const replaced = () =>
    (book.last !== null && "replaced" in book.last ? book.last.replaced : "none") as
      | Override
      | null;
  assert.equal(replaced(), null);
  book.act("b1", "disable");
  assert.equal(replaced()?.by, "bob");
  book.act("b1", "enable", { claimed: "carol" });
  assert.equal(replaced()?.by, "alice", "who claims to be somebody else is somebody else");
});

Deno.test("clear ends one override by its id", () => {
  const book = new Book(file);
  book.act("b1", "pause", { id: "x" });
  assert.equal(clear(book.list, "y", "alice"), null);
  const change = clear(book.list, "x", "alice");
  assert.deepEqual(change?.ended.map(({ cause, detail }) => [cause, detail]), [[
    "cleared",
    "cleared by alice",
  ]]);
  assert.deepEqual(change?.list, []);
});

Deno.test("hours, durations and sleep end in time, and the next one is known", () => {
  const book = new Book(file);
  assert.equal(untilDue(book.list, book.now), null);
  book.act("b1", "pause", { end: { kind: "hour", until: book.wall + 5_000 } });
  book.act("b2", "disable", { end: { kind: "duration", ms: 2_000 } });
  assert.equal(untilDue(book.list, book.now), 2_000);
  book.pass(1_999);
  assert.deepEqual(book.text, ["pause b1", "disable b2"]);
  book.pass(1);
  assert.deepEqual(book.text, ["pause b1"]);
  book.pass(3_000);
  assert.deepEqual([book.text, book.ended], [[], ["disable hour", "pause hour"]]);
});

Deno.test("what leaves the file sleeps, wakes with name and address, and ends after 30 days", () => {
  const book = new Book(file);
  book.act("b1", "pause");
  book.weigh("www/main/b2", 7);
  const without: SiteFile = { backends: { b2: [2, true] }, weights: {} };
  book.reload(without);
  assert.deepEqual(book.text, ["pause b1 asleep", "7 www/main/b2 asleep"]);
  assert.match(book.list[1]?.sleeping?.why ?? "", /no www\/main\/b2/);
  assert.equal(book.last?.slept.length, 2);
  book.pass(29 * day);
  book.reload(file);
  assert.deepEqual([book.text, book.last?.woken.length], [["pause b1", "7 www/main/b2"], 2]);
  book.reload(without);
  book.reload({ ...file, backends: { ...file.backends, b1: [9, true] } });
  assert.deepEqual([book.text, book.ended], [["7 www/main/b2"], ["pause gone"]], "another server");
  book.reload(without);
  book.pass(sleepLimitMs);
  assert.deepEqual([book.text, book.ended], [[], ["pause gone", "weight gone"]]);
});

Deno.test("the file's own value changes: the later edit wins, also while no daemon ran", () => {
  const edited: SiteFile = {
    backends: { b1: [1, false], b2: [2, true], off: [3, true] },
    weights: { "www/main/b1": 90, "www/main/b2": 50 },
  };
  for (const down of [false, true]) {
    const book = new Book(file);
    book.act("b1", "pause");
    book.act("b2", "pause");
    book.act("off", "enable");
    book.weigh("www/main/b1", 7);
    book.weigh("www/main/b2", 7);
    if (down) book.restart(1_000, edited);
    else book.reload(edited);
    assert.deepEqual(book.text, ["pause b2", "7 www/main/b2"]);
    assert.deepEqual(book.ended, ["pause file", "enable file", "weight file"]);
  }
});

Deno.test("a renamed backend keeps its overrides; one that sleeps under the new name gives way", () => {
  const book = new Book(file);
  book.act("b1", "pause");
  book.weigh("www/main/b1", 7);
  book.reload({ backends: { c1: [1, true] }, weights: { "www/main/c1": 100 } }, { c1: "b1" });
  assert.deepEqual(book.text, ["pause c1", "7 www/main/c1"]);
  assert.deepEqual(book.last?.ended, []);
  const other = new Book({ backends: { b1: [1, true], c1: [1, true] }, weights: {} });
  other.act("c1", "disable");
  other.reload({ backends: { b1: [1, true] }, weights: {} });
  other.act("b1", "pause");
  other.reload({ backends: { c1: [1, true] }, weights: {} }, { c1: "b1" });
  assert.deepEqual([other.text, other.ended], [["pause c1"], ["disable gone"]]);
});

Deno.test("both scopes: disable, then pause; a local enable lifts the intent until that changes or ends", () => {
  const book = new Book(file);
  intent(book, "pause", "e1");
  assert.equal(state(book), "paused");
  book.act("b1", "disable");
  assert.deepEqual([state(book), stateInForce(book.list, "b1")?.scope], ["disabled", "here"]);
  book.act("b1", "enable");
  assert.equal(state(book), "paused", "ending one leaves the other");
  book.act("b1", "resume");
  assert.deepEqual([state(book), book.text], ["active", ["pause b1 everywhere", "enable b1"]]);
  intent(book, "disable", "e2");
  assert.deepEqual([state(book), book.text], ["disabled", ["disable b1 everywhere"]]);
  book.act("b1", "enable");
  assert.equal(state(book), "active");
  const over = endEverywhere(book.list, "e2", "undone", "by bob");
  assert.deepEqual(over?.ended.map(({ cause, override }) => [override.kind, cause]), [
    ["disable", "undone"],
    ["enable", "intent"],
  ]);
  assert.deepEqual(over?.list, []);
});

Deno.test("an intent sleeps with the name, never ends by the file, and follows a rename", () => {
  const book = new Book(file);
  intent(book, "disable", "e1", "b9");
  assert.deepEqual(book.text, ["disable b9 everywhere asleep"]);
  book.pass(sleepLimitMs + day);
  book.reload({ ...file, backends: { ...file.backends, b9: [9, true] } });
  assert.equal(state(book, "b9"), "disabled");
  book.reload({ ...file, backends: { ...file.backends, b9: [9, false] } });
  book.reload({ ...file, backends: { ...file.backends, c9: [9, true] } }, { c9: "b9" });
  assert.deepEqual([book.text, book.ended], [["disable c9 everywhere"], []]);
});

Deno.test("for a weight the local one counts, also the file's own against an intent", () => {
  const book = new Book(file);
  const made: Override = {
    id: "e1",
    scope: "everywhere",
    kind: "weight",
    frontend: "www",
    pool: "main",
    backend: "b1",
    weight: 10,
    by: "bob",
    claimed: null,
    reason: null,
    since: book.wall,
    end: null,
    seen: null,
    sleeping: null,
    restored: true,
  };
  book.take(putEverywhere(book.list, book.site, made, book.now));
  book.weigh("www/main/b1", 100);
  assert.deepEqual(book.text, ["10 www/main/b1 everywhere", "100 www/main/b1"]);
  const over = endEverywhere(book.list, "e1", "undone", "by bob");
  assert.deepEqual(over?.list, [], "a local weight that is the file's overrides nothing any more");
});

Deno.test("what comes late gives way to what was set meanwhile", () => {
  const before = new Book(file);
  before.act("b1", "pause");
  before.act("b2", "pause");
  const book = new Book(file);
  book.act("b1", "disable");
  book.list = recall(book.list, before.list);
  assert.deepEqual(book.text, ["pause b2", "disable b1"]);
  assert.deepEqual(expire(book.list, book.now).ended, []);
});
