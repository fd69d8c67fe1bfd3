/** Random sequences of actions, reloads and restarts, against a model that only knows the last word. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { StateAction } from "../../../src/memory/overrides/actions.ts";
import { placeOf, wanted, weightInForce } from "../../../src/memory/overrides/override.ts";
import { Book, type SiteFile } from "./kit.ts";

const names = ["b1", "b2", "b3"] as const;
const places = names.map((name) => `www/main/${name}`);

const file: fc.Arbitrary<SiteFile> = fc.record({
  there: fc.subarray([...names], { minLength: 1 }),
  members: fc.subarray([...places]),
  hosts: fc.tuple(...names.map((_, index) => fc.constantFrom(index + 1, index + 1, index + 1, 9))),
  enabled: fc.tuple(...names.map(() => fc.constantFrom(true, true, false))),
  weights: fc.tuple(...names.map(() => fc.constantFrom(100, 100, 50))),
}).map(({ enabled, hosts, members, there, weights }) => ({
  backends: Object.fromEntries(
    names.flatMap((name, i) => there.includes(name) ? [[name, [hosts[i] ?? 1, enabled[i] ?? true]]] : []),
  ),
  weights: Object.fromEntries(places.flatMap((place, i) => {
    const name = names[i];
    const member = name !== undefined && there.includes(name) && members.includes(place);
    return member ? [[place, weights[i] ?? 100]] : [];
  })),
}));

type Event =
  | { readonly kind: "act"; readonly backend: string; readonly action: StateAction }
  | { readonly kind: "weigh"; readonly place: string; readonly weight: number }
  | { readonly kind: "reload" | "restart"; readonly file: SiteFile };

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("act" as const),
      backend: fc.constantFrom(...names),
      action: fc.constantFrom("pause" as const, "resume" as const, "disable" as const, "enable" as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("weigh" as const),
      place: fc.constantFrom(...places),
      weight: fc.constantFrom(0, 50, 100),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("reload" as const, "restart" as const), file }) },
);

/** What the last word was, and what the file said then. A word sleeps while its object is away. */
interface Word {
  readonly says: string | number;
  readonly host: number;
  readonly file: boolean | number;
}

class Model {
  file: SiteFile;
  readonly words = new Map<string, Word>();

  constructor(first: SiteFile) {
    this.file = first;
  }

  state(name: string): string {
    const word = this.words.get(name);
    return String(word?.says ?? (this.file.backends[name]?.[1] === false ? "disabled" : "active"));
  }

  act(name: string, action: StateAction): boolean {
    const is = this.file.backends[name];
    if (is === undefined) return false;
    const state = this.state(name);
    if (state === "disabled" && (action === "pause" || action === "resume")) return false;
    if (action === "resume" && state !== "paused") return true;
    if (action === "enable" && state !== "disabled") return true;
    const says = action === "pause" ? "paused" : action === "disable" ? "disabled" : "active";
    const [host, enabled] = is;
    if (says === (enabled ? "active" : "disabled")) this.words.delete(name);
    else this.words.set(name, { says, host, file: enabled });
    return true;
  }

  weigh(place: string, weight: number): void {
    const is = this.file.weights[place];
    const host = this.file.backends[place.slice("www/main/".length)]?.[0];
    if (is === undefined || host === undefined) return;
    if (weight === is) this.words.delete(place);
    else this.words.set(place, { says: weight, host, file: is });
  }

  follow(next: SiteFile): void {
    const before = this.file;
    this.file = next;
    for (const [key, word] of [...this.words]) {
      const name = key.split("/").at(-1) ?? "";
      const is = (one: SiteFile) => key === name ? one.backends[name]?.[1] : one.weights[key];
      const host = next.backends[name]?.[0];
      const value = is(next);
      if (value === undefined || host === undefined) continue;
      const wasAway = is(before) === undefined;
      if (value !== word.file || (wasAway && host !== word.host)) this.words.delete(key);
      else this.words.set(key, { ...word, host });
    }
  }
}

function lastOf({ last }: Book): Book["last"] {
  return last;
}

const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";

Deno.test("what is in force is what the last word says", () => {
  fc.assert(
    fc.property(file, fc.array(event, { maxLength: 25 }), (first, events) => {
      const book = new Book(first);
      const model = new Model(first);
      for (const one of events) {
        const before = book.list;
        book.last = null;
        if (one.kind === "act" && Object.hasOwn(model.file.backends, one.backend)) {
          const may = model.act(one.backend, one.action);
          assert.equal(book.act(one.backend, one.action) === "ok", may);
        } else if (one.kind === "weigh" && Object.hasOwn(model.file.weights, one.place)) {
          model.weigh(one.place, one.weight);
          assert.equal(book.weigh(one.place, one.weight), "ok");
        } else if (one.kind === "reload" || one.kind === "restart") {
          // Names stay, so nothing is renamed.
          if (one.kind === "reload") book.reload(one.file);
          else book.restart(1, one.file);
          model.follow(one.file);
        } else continue;
        for (const name of Object.keys(model.file.backends)) {
          assert.equal(wanted(book.list, book.site, name), model.state(name), name);
        }
        for (const [place, weight] of Object.entries(model.file.weights)) {
          const [frontend = "", pool = "", backend = ""] = place.split("/");
          const is = weightInForce(book.list, frontend, pool, backend)?.weight ?? weight;
          assert.equal(is, model.words.get(place)?.says ?? weight, place);
        }
        assert.equal(book.list.length, model.words.size, "none is left over");
        assert.equal(new Set(book.list.map(placeOf)).size, book.list.length, "one a place");
        const left = new Set(book.list.map(({ id }) => id));
        const ended = before.filter(({ id }) => !left.has(id)).map(({ id }) => id);
        const told = lastOf(book)?.ended.map(({ override }) => override.id) ?? [];
        assert.deepEqual(told.toSorted(), ended.toSorted());
      }
    }),
    { numRuns: full ? 50_000 : 2_000 },
  );
});

Deno.test("a restart with the same file changes nothing", () => {
  fc.assert(
    fc.property(file, fc.array(event, { maxLength: 25 }), (first, events) => {
      const book = new Book(first);
      let now = first;
      for (const one of events) {
        if (one.kind === "act" && Object.hasOwn(now.backends, one.backend)) book.act(one.backend, one.action);
        if (one.kind === "weigh" && Object.hasOwn(now.weights, one.place)) book.weigh(one.place, one.weight);
        if (one.kind === "reload" || one.kind === "restart") book.reload(now = one.file);
      }
      const before = book.list;
      book.restart(1_000, now);
      assert.deepEqual(book.list.map((one) => ({ ...one, restored: false })), before);
      assert.deepEqual([book.last?.ended, book.last?.slept, book.last?.woken], [[], [], []]);
    }),
    { numRuns: full ? 50_000 : 1_000 },
  );
});
