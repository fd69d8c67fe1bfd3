/**
 * Random lives of a VPP: processes that come and go with and without memory, files that are edited while they run or
 * are down, VIPs that others make and take away.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { vipId } from "../../src/lb/vips.ts";
import { changesOf } from "../../src/lb/report.ts";
import type { VipRecord } from "../../src/model.ts";
import type { Config } from "../../src/configuration.ts";
import { settle } from "../fake_clock.ts";
import { anyConfig, anyVips } from "./arbitrary.ts";
import { FakeBalancer, type PlacedVip } from "./fake_balancer.ts";
import { TestWorld } from "./setup.ts";

type Move =
  | { readonly kind: "restart"; readonly memory: boolean; readonly config: Config | null }
  | { readonly kind: "reload"; readonly config: Config }
  | { readonly kind: "foreign"; readonly vips: readonly PlacedVip[] }
  | { readonly kind: "drop"; readonly which: number };

const foreignVips = fc.constantFrom("delete" as const, "delete" as const, "keep" as const);
const config = fc.tuple(anyConfig, foreignVips).map(([one, foreign]): Config => ({
  ...one,
  lb: { ...one.lb, foreignVips: foreign },
}));

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      memory: fc.boolean(),
      config: fc.option(config, { freq: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("reload" as const), config }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("foreign" as const), vips: anyVips }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop" as const), which: fc.nat() }) },
);

/** One VPP, and the processes that looked after it. */
class Life {
  readonly vpp = new FakeBalancer();
  /** VIPs that VPP had when the last move began to have its effect. */
  present: ReadonlySet<string> = new Set();
  /** VIPs that VPP had when the running configuration began to run. */
  before: ReadonlySet<string> = new Set();
  #world: TestWorld | null = null;
  #config: Config;
  #record: VipRecord | null = null;

  constructor(first: Config, vips: readonly PlacedVip[]) {
    this.#config = first;
    this.#place(vips);
  }

  get world(): TestWorld {
    return this.#world ?? assert.fail("no process runs");
  }

  /** What the process knows that it must hold. */
  get held(): ReadonlySet<string> {
    return new Set(this.#record?.held.map(vipId));
  }

  /** Ends the process, if one runs, and starts another. */
  async restart(memory: boolean, config: Config | null): Promise<void> {
    await this.#world?.[Symbol.asyncDispose]();
    if (config !== null) this.#config = config;
    this.#world = new TestWorld(this.#config, {}, 32, memory ? this.#record : null);
    this.before = this.present = this.#vips();
    this.#world.reconciler.connected(this.vpp);
    await this.quiet();
  }

  async play(one: Move): Promise<void> {
    switch (one.kind) {
      case "restart":
        return await this.restart(one.memory, one.config);
      case "reload":
        this.#config = this.world.config = one.config;
        for (const name of one.config.backends.keys()) {
          this.world.states.set(name, { state: "up", known: true });
        }
        this.before = this.present = this.#vips();
        await this.world.reconciler.reloaded();
        break;
      case "foreign":
        this.#place(one.vips);
        this.present = this.#vips();
        break;
      case "drop": {
        const vip = this.vpp.vips[one.which % Math.max(1, this.vpp.vips.length)];
        if (vip !== undefined) this.vpp.drop(vip);
        this.present = this.#vips();
      }
    }
    await this.quiet();
  }

  /** Two intervals pass. */
  async quiet(): Promise<void> {
    await settle();
    await this.world.clock.advance(65_000);
    this.#record = this.world.reconciler.record;
  }

  /** What was sent since it was asked last. */
  sent(): string[] {
    return this.vpp.ops.splice(0).map((op) =>
      op.kind === "conf-set" ? op.kind : `${op.kind} ${vipId(op.vip)}`
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#world?.[Symbol.asyncDispose]();
  }

  #vips(): ReadonlySet<string> {
    return new Set(this.vpp.vips.map(vipId));
  }

  /** Puts VIPs of others where VPP lets them be. */
  #place(vips: readonly PlacedVip[]): void {
    for (const vip of vips) {
      const neighbours = this.vpp.vips.filter(({ prefix }) => prefix === vip.prefix);
      const fits = neighbours.every((one) =>
        one.encap === vip.encap && (one.port === 0) === (vip.port === 0) && vipId(one) !== vipId(vip)
      );
      const index = 1 + Math.max(0, ...this.vpp.vips.map((one) => one.index ?? 0));
      if (fits) this.vpp.place({ ...vip, index });
    }
  }
}

const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";
const runs = { numRuns: full ? 10_000 : 300 };
const lives = fc.tuple(config, anyVips, fc.array(move, { maxLength: 6 }));

/** A life until everything has come to rest. */
async function lived([first, vips, moves]: [Config, PlacedVip[], Move[]]): Promise<Life> {
  const life = new Life(first, vips);
  await life.restart(false, null);
  for (const one of moves) {
    await life.play(one);
    // What others did is answered before the process ends.
    await life.quiet();
  }
  life.sent();
  return life;
}

Deno.test("with memory a restart in an unchanged world sends nothing, whatever happened before", async () => {
  await fc.assert(
    fc.asyncProperty(lives, async (random) => {
      await using life = await lived(random);
      await life.restart(true, null);
      assert.deepEqual(life.sent(), []);
      const planned = await life.world.reconciler.plan(null);
      assert.ok(planned.ok);
      assert.deepEqual(changesOf(planned.value.plan).filter(({ held }) => held === null), []);
    }),
    runs,
  );
});

Deno.test("without memory it sends nothing either, unless one foreign VIP is the newest of all", async () => {
  await fc.assert(
    fc.asyncProperty(lives, async (random) => {
      await using life = await lived(random);
      const newest = life.vpp.vips.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0)).at(-1);
      await life.restart(false, null);
      const sent = life.sent();
      if (sent.length === 0) return;
      // Nobody can tell it from one that was made while no daemon ran, and that goes.
      assert.ok(newest !== undefined);
      assert.deepEqual(sent, [`vip-flush ${vipId(newest)}`, `vip-delete ${vipId(newest)}`]);
    }),
    runs,
  );
});

Deno.test("no process deletes more than the brake lets, nor what was held and it knows of", async () => {
  await fc.assert(
    fc.asyncProperty(lives, async ([first, vips, moves]) => {
      await using life = new Life(first, vips);
      for (const one of [{ kind: "restart", memory: false, config: null } as const, ...moves]) {
        const held = one.kind !== "restart" || one.memory ? life.held : new Set<string>();
        await life.play(one);
        const there = new Set(life.vpp.vips.map(vipId));
        const sent = new Set(life.sent().flatMap((op) => op.startsWith("vip-delete ") ? [op.slice(11)] : []));
        // A VIP that is recreated is deleted, too, and comes back.
        const deleted = [...sent].filter((id) => !there.has(id));
        const { before, present } = life;
        if (deleted.length > 1) {
          assert.ok(deleted.length <= before.size / 2, `${deleted.length} of ${before.size}`);
        }
        assert.ok(deleted.length === 0 || deleted.length < present.size, `all of ${present.size}`);
        for (const id of deleted) assert.ok(!held.has(id), `${id} was held`);
      }
    }),
    runs,
  );
});
