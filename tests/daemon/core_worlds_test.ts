/** Random lives of a site: the core of the daemon against everything that may happen around it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { BackendAction } from "../../src/control.ts";
import { vipId } from "../../src/lb/vips.ts";
import { words } from "./core.ts";
import { type Event, Life } from "./core_life.ts";
import { anyEdit, anyFile } from "./core_site.ts";

const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";

const any = fc.nat({ max: 999 });
const edits = fc.array(anyEdit, { maxLength: 3 });
const duration = fc.constantFrom(null, null, 700, 20_000, 60_000);
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("probe"), mask: fc.nat({ max: 127 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("host"),
      at: any,
      health: fc.constantFrom("alive", "dead", "dead", "blind"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("act"),
      at: any,
      action: fc.constantFrom<BackendAction>("pause", "resume", "disable", "enable"),
      for: duration,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("weight"),
      at: any,
      weight: fc.constantFrom(0, 1, 50, 100),
      flush: fc.boolean(),
      for: duration,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear"), at: any }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("reload"), edits }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash"), at: any, memory: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart"), edits, memory: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "away",
        "back",
        "back",
        "reboot",
        "slow",
        "fast",
        "fast",
        "refuse",
        "accept",
        "accept",
        "step",
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("drift"),
      at: any,
      weight: fc.option(fc.nat({ max: 100 }), { freq: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("foreign", "drop"), at: any }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("sync"), at: fc.option(any) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.constantFrom(1, 100, 1_000, 5_000, 31_000) }),
  },
) as fc.Arbitrary<Event>;

const lives = fc.record({
  file: anyFile,
  events: fc.array(fc.record({ event: anyEvent, settled: fc.boolean() }), { maxLength: 45 }),
  dice: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
});

/** Something between two restarts in an unchanged world. */
const again = fc.record({ memory: fc.boolean(), masks: fc.array(fc.nat({ max: 127 }), { maxLength: 6 }) });

Deno.test("whatever happens, VPP ends as wanted, nothing needless was sent, and a restart then sends nothing", async () => {
  await fc.assert(
    fc.asyncProperty(lives, again, async ({ file, events, dice }, { memory, masks }) => {
      const life = new Life(file, () => dice.next().value ?? 1);
      try {
        for (const { event, settled } of events) {
          await life.live(event);
          if (settled) await life.settle();
        }
        await life.calm();
        await life.rest();
        await life.release();
        await life.checkRest();

        if (!memory) await life.forgive();
        await life.rest();
        await life.release();
        const newest = life.vpp.vips.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0)).at(-1);
        const vips = life.vpp.vips.map(vipId);
        await life.restart(memory);
        const { vpp } = life;
        for (const mask of masks) {
          life.probe(mask);
          await life.settle();
        }
        await life.rest();
        const sent = vpp.ops.map((op) => op.kind === "conf-set" ? op.kind : `${vipId(op.vip)}: ${words(op)}`);
        // Without memory nobody can tell a single foreign VIP that is the newest from one made while no daemon ran.
        const excused = memory || newest === undefined
          ? []
          : [`${vipId(newest)}: vip-flush`, `${vipId(newest)}: vip-delete`];
        if (sent.length > 0 && sent.join() !== excused.join()) {
          life.wrong.push(`after a restart: ${sent.join("; ")} (VPP had ${vips.join(", ")})`);
        }
      } finally {
        await life[Symbol.asyncDispose]();
      }
      assert.deepEqual([...new Set(life.wrong)], []);
    }),
    { numRuns: full ? 10_000 : 400 },
  );
});
