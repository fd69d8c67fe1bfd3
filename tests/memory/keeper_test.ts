import assert from "node:assert/strict";
import fc from "fast-check";
import { StateKeeper } from "../../src/memory/keeper.ts";
import { stateBefore, stateDamaged, stateName } from "../../src/memory/load.ts";
import { type LeftOverrides, noOverrides } from "../../src/memory/overrides/override.ts";
import { decodeState, emptyState, encodeState, type State } from "../../src/memory/state.ts";
import type { VipRecord } from "../../src/model.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { TestLog } from "../lb/setup.ts";
import { anyState, newerState } from "./arbitrary.ts";
import { FakeFolder } from "./fake_folder.ts";

const vips = (...frontends: string[]): VipRecord => ({
  named: frontends.map((frontend) => ({ prefix: "192.0.2.1/32", protocol: 6, port: 80, frontend })),
  held: [],
});
const state = (...frontends: string[]): State => ({ ...emptyState, vips: vips(...frontends) });

/** A daemon's memory on a folder. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log = new TestLog();
  readonly folder = new FakeFolder();
  readonly late: State[] = [];
  vips: VipRecord = vips();
  overrides: LeftOverrides = noOverrides;
  used = true;
  locked = true;
  #keeper: StateKeeper | null = null;

  get keeper(): StateKeeper {
    return this.#keeper ?? assert.fail("it is not open");
  }

  async open(): Promise<StateKeeper> {
    const { clock, folder, locked, log, used } = this;
    const opening = StateKeeper.open({ clock, folder, locked, log, used });
    await this.clock.advance(5_000);
    this.#keeper = await opening;
    return this.#keeper;
  }

  begin(): void {
    this.keeper.begin({
      vips: () => this.vips,
      fleet: () => null,
      overrides: () => this.overrides,
      late: (state) => void this.late.push(state),
    });
  }

  /** Another record, and the time after which it is written. */
  async become(now: VipRecord): Promise<void> {
    this.vips = now;
    this.keeper.changed();
    await this.clock.advance(100);
  }

  /** What a file holds. */
  file(name = stateName): VipRecord | "damaged" | null {
    const text = this.folder.files.get(name);
    if (text === undefined) return null;
    const read = decodeState(text);
    return read.ok ? read.value.vips : "damaged";
  }

  levels(): string[] {
    return this.log.records.filter(({ msg }) => msg === "memory-error").map(({ level }) => level);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper?.[Symbol.asyncDispose]();
    assert.equal(this.clock.pending, 0, "no timer is left");
  }
}

Deno.test("the first start finds nothing, says nothing, and writes", async () => {
  await using world = new World();
  world.used = false;
  const keeper = await world.open();
  assert.deepEqual([keeper.vips, keeper.left], [null, "all"]);
  world.vips = vips("a");
  world.begin();
  await world.clock.advance(100);
  assert.deepEqual(world.file(), vips("a"));
  assert.equal(world.file(stateBefore), null);
  assert.deepEqual(world.levels(), []);
});

Deno.test("what is written is known to the next process, and nothing is written again", async () => {
  await using world = new World();
  world.folder.files.set(stateName, encodeState({ ...state("a"), others: { colours: ["b1"] } }));
  const keeper = await world.open();
  assert.deepEqual([keeper.vips, keeper.left], [vips("a"), "all"]);
  world.vips = vips("a");
  world.begin();
  await world.clock.advance(1_000);
  assert.deepEqual(world.folder.writes, []);
  await world.become(vips("b"));
  assert.deepEqual([world.file(), world.file(stateBefore)], [vips("b"), vips("a")]);
  const kept = decodeState(world.folder.files.get(stateName) ?? "");
  assert.deepEqual(kept.ok && kept.value.others, { colours: ["b1"] }, "keys of a newer version stay");
});

Deno.test("a damaged file falls back to the one before, which no write replaces by the damaged one", async () => {
  await using world = new World();
  world.folder.files.set(stateName, "rubbish");
  world.folder.files.set(stateBefore, encodeState(state("a")));
  const keeper = await world.open();
  assert.deepEqual([keeper.vips, keeper.left, world.levels()], [vips("a"), "older", ["warn"]]);
  world.vips = vips("a");
  world.begin();
  await world.clock.advance(100);
  assert.deepEqual([world.file(), world.file(stateBefore)], [vips("a"), vips("a")]);
  assert.equal(world.folder.files.get(stateDamaged), "rubbish");
});

Deno.test("a file that is missing falls back to the one before", async () => {
  await using world = new World();
  world.folder.files.set(stateBefore, encodeState(state("a")));
  assert.deepEqual((await world.open()).vips, vips("a"));
  world.begin();
  await world.become(vips("b"));
  assert.deepEqual([world.file(), world.file(stateBefore)], [vips("b"), vips("a")]);
});

for (
  const [what, prepare] of [
    ["both are damaged", (folder: FakeFolder) => {
      folder.files.set(stateName, "rubbish");
      folder.files.set(stateBefore, "more of it");
    }],
    ["neither can be read", (folder: FakeFolder) => {
      folder.unreadable.add(stateName).add(stateBefore);
    }],
    ["the folder was used and is empty", () => {}],
  ] as const
) {
  Deno.test(`lost: ${what}. One ERROR; the next state is written`, async () => {
    await using world = new World();
    prepare(world.folder);
    const keeper = await world.open();
    assert.deepEqual([keeper.vips, keeper.left, world.levels()], [null, "lost", ["error"]]);
    world.begin();
    await world.become(vips("a"));
    assert.deepEqual(world.file(), vips("a"));
    assert.equal(keeper.left, "lost", "what was lost does not come back by writing");
  });
}

Deno.test("the files of a newer maglevd stay as they are: ERROR, and nothing is written", async () => {
  for (const name of [stateName, stateBefore]) {
    await using world = new World();
    world.folder.files.set(stateName, "rubbish").set(name, newerState);
    const keeper = await world.open();
    assert.deepEqual([keeper.left, world.levels()], ["lost", ["error"]]);
    world.begin();
    await world.become(vips("a"));
    assert.equal(world.folder.files.get(name), newerState);
    assert.deepEqual(world.folder.writes, []);
  }
});

Deno.test("a state that is not read within 5 s counts as lost until it comes; nothing is written before", async () => {
  await using world = new World();
  world.folder.files.set(stateName, encodeState({ ...state("a"), others: { colours: ["b1"] } }));
  const come = Promise.withResolvers<void>();
  world.folder.gate = () => come.promise;
  const keeper = await world.open();
  assert.deepEqual([keeper.vips, keeper.left, world.levels()], [null, "lost", ["error"]]);
  world.begin();
  await world.become(vips("b"));
  assert.deepEqual(world.folder.writes, []);
  come.resolve();
  await settle();
  assert.deepEqual([world.late.map(({ vips }) => vips), keeper.left], [[vips("a")], "all"]);
  assert.deepEqual(world.levels(), ["error", "warn"]);
  await world.clock.advance(100);
  assert.deepEqual(world.file(), vips("b"));
  const kept = decodeState(world.folder.files.get(stateName) ?? "");
  assert.deepEqual(kept.ok && kept.value.others, { colours: ["b1"] });
});

Deno.test("a folder that is not locked is read and never written", async () => {
  await using world = new World();
  world.locked = false;
  world.folder.files.set(stateName, encodeState(state("a")));
  assert.deepEqual((await world.open()).vips, vips("a"));
  world.begin();
  await world.become(vips("b"));
  assert.deepEqual(world.folder.writes, []);
});

Deno.test("a disk that is full is one WARN; changes go on, and are written when there is room", async () => {
  await using world = new World();
  world.used = false;
  await world.open();
  world.begin();
  world.folder.writeError = "No space left on device (os error 28)";
  for (const name of ["a", "b", "c"]) await world.become(vips(name));
  await world.clock.advance(600_000);
  assert.deepEqual(world.levels(), ["warn"]);
  assert.match(world.keeper.problem ?? "", /No space left/);
  world.folder.writeError = null;
  await world.clock.advance(60_000);
  assert.deepEqual([world.file(), world.keeper.problem], [vips("c"), null]);
  assert.deepEqual(world.levels(), ["warn", "info"]);
});

Deno.test("a write that failed leaves no trouble once the state is as it was and the disk works", async () => {
  await using world = new World();
  world.used = false;
  await world.open();
  world.begin();
  await world.become(vips("a"));
  world.folder.writeError = "No space left on device (os error 28)";
  await world.become(vips("b"));
  await world.become(vips("a"));
  world.folder.writeError = null;
  assert.deepEqual([await world.keeper.saved(), world.keeper.problem], [null, null]);
  assert.deepEqual(world.levels(), ["warn", "info"]);
});

Deno.test("a write that replaced the file and then failed is followed by one that counts", async () => {
  await using world = new World();
  world.used = false;
  await world.open();
  world.begin();
  await world.become(vips("a"));
  world.folder.lateError = "Input/output error (os error 5)";
  await world.become(vips("b"));
  world.folder.lateError = null;
  assert.deepEqual(world.file(), vips("b"));
  world.vips = vips("a");
  assert.equal(await world.keeper.saved(), null);
  assert.deepEqual(world.file(), vips("a"));
});

Deno.test("nobody waits for a disk that hangs: one write is under way, the last state follows it", async () => {
  await using world = new World();
  world.used = false;
  await world.open();
  world.begin();
  const hang = Promise.withResolvers<void>();
  world.folder.gate = () => hang.promise;
  for (const name of ["a", "b", "c", "d"]) await world.become(vips(name));
  assert.deepEqual(world.folder.writes, []);
  hang.resolve();
  await settle();
  await world.clock.advance(100);
  assert.deepEqual(world.folder.writes.length, 2);
  assert.deepEqual(world.file(), vips("d"));
});

Deno.test("the end writes what is not written, and waits a second for a disk that hangs", async () => {
  {
    await using world = new World();
    world.used = false;
    await world.open();
    world.begin();
    world.vips = vips("last");
    world.keeper.changed();
    await world.keeper[Symbol.asyncDispose]();
    assert.deepEqual(world.file(), vips("last"));
  }
  const world = new World();
  world.used = false;
  await world.open();
  world.folder.gate = () => new Promise(() => {});
  world.begin();
  const ended = world.keeper[Symbol.asyncDispose]();
  await world.clock.advance(1_000);
  await ended;
  assert.equal(world.clock.pending, 0);
});

Deno.test("without a folder nothing is known, lost or written", async () => {
  await using keeper = StateKeeper.none();
  keeper.begin({
    vips: () => vips("a"),
    overrides: () => noOverrides,
    fleet: () => null,
    late: () => assert.fail(),
  });
  keeper.changed();
  assert.deepEqual([keeper.vips, keeper.left, keeper.problem], [null, "all", null]);
});

Deno.test("files damaged at random octets: a state that was written, or lost with an ERROR", async () => {
  const damage = fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), octet: fc.nat(255) }));
  const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";
  await fc.assert(
    fc.asyncProperty(anyState, anyState, damage, damage, async (last, before, first, second) => {
      await using world = new World();
      const hurt = (state: State, list: typeof first): string => {
        const octets = new TextEncoder().encode(encodeState(state));
        for (const { at, octet } of list) octets[Math.floor(at * (octets.length - 1))] = octet;
        return new TextDecoder().decode(octets);
      };
      world.folder.files.set(stateName, hurt(last, first)).set(stateBefore, hurt(before, second));
      const keeper = await world.open();
      if (keeper.left === "lost") assert.deepEqual(world.levels(), ["error"]);
      else {
        const fell = world.levels().length > 0;
        assert.deepEqual(keeper.vips, (fell ? before : last).vips);
      }
    }),
    { numRuns: full ? 10_000 : 1_000 },
  );
});
