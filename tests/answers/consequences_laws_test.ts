/** What a dry run foretells is what happens when the action is then done, in any world. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Core, setUp } from "../daemon/core.ts";
import { anyEdit, anyFile, configOfFile, edited, type SiteFile } from "../daemon/core_site.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import { carryOut, type Deed, foresee, happened, messages, messagesOf, seen } from "./foreseen.ts";

const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";

type Wish =
  | { readonly kind: "act"; readonly at: number; readonly action: "pause" | "resume" | "disable" | "enable" }
  | { readonly kind: "weight"; readonly at: number; readonly weight: number; readonly flush: boolean }
  | { readonly kind: "reload"; readonly edits: readonly Parameters<typeof edited>[1][] };

const at = fc.nat({ max: 999 });
const wish: fc.Arbitrary<Wish> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("act"),
      at,
      action: fc.constantFrom("pause", "pause", "resume", "disable", "disable", "enable"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("weight"),
      at,
      weight: fc.constantFrom(0, 1, 50, 100),
      flush: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("reload"), edits: fc.array(anyEdit, { maxLength: 4 }) }),
  },
) as fc.Arbitrary<Wish>;

/** The deed that a wish comes to in a world; null: there is nothing to do it to. */
function deedOf(wish: Wish, core: Core, file: SiteFile): { deed: Deed | null; file: SiteFile } {
  const pick = <T>(list: readonly T[], index: number): T | undefined =>
    list[index % Math.max(1, list.length)];
  switch (wish.kind) {
    case "act": {
      const entry = pick([...core.tracker.entries()], wish.at);
      const deed = entry === undefined
        ? null
        : { kind: "act" as const, backend: entry.backend.name, action: wish.action };
      return { deed, file };
    }
    case "weight": {
      const members = [...core.tracker.config.frontends.values()].flatMap((one) =>
        one.pools.flatMap((pool) =>
          pool.members.map(({ backend }) => ({ frontend: one.name, pool: pool.name, backend }))
        )
      );
      const member = pick(members, wish.at);
      const { weight, flush } = wish;
      return { deed: member === undefined ? null : { kind: "weight", ...member, weight, flush }, file };
    }
    case "reload": {
      const next = wish.edits.reduce(edited, file);
      return { deed: { kind: "reload", config: configOfFile(next) }, file: next };
    }
  }
}

const masks = fc.array(fc.record({ alive: fc.nat({ max: 127 }), heard: fc.nat({ max: 127 }) }), {
  maxLength: 5,
});

function probe(core: Core, { alive, heard }: { readonly alive: number; readonly heard: number }): void {
  [...core.prober.targets.keys()].forEach((name, i) => {
    if ((heard & (1 << i)) !== 0) core.probe([name, (alive & (1 << i)) === 0 ? "L4CON" : "L4OK"]);
  });
}

Deno.test("a dry run foretells what the action does: states, pools, shares, flushes, messages", async () => {
  const told = { rows: 0, flushed: 0, moved: 0, changes: 0, reloads: 0 };
  const lives = fc.record({ file: anyFile, masks, wishes: fc.array(wish, { minLength: 1, maxLength: 4 }) });
  await fc.assert(
    fc.asyncProperty(lives, async ({ masks, wishes, ...life }) => {
      let { file } = life;
      const config = configOfFile(file);
      await using core = new Core(config);
      const vpp = new FakeBalancer();
      setUp(vpp, config);
      core.reconciler.connected(vpp);
      await settle();
      for (const mask of masks) {
        probe(core, mask);
        await settle();
      }
      await core.clock.advance(31_000);
      for (const wish of wishes) {
        const next = deedOf(wish, core, file);
        file = next.file;
        const { deed } = next;
        if (deed === null) continue;
        const before = seen(core, vpp);
        const sent = vpp.ops.length;
        const foretold = await foresee(core, deed);
        await settle();
        assert.equal(vpp.ops.length, sent, "a dry run sends nothing");
        assert.deepEqual(seen(core, vpp).states, before.states, "a dry run changes nothing");

        await carryOut(core, deed);
        await settle();
        const after = seen(core, vpp);
        const ops = vpp.ops.slice(sent);
        const { changes, frontends } = foretold;
        assert.ok(changes !== null && frontends !== null);
        assert.deepEqual(messagesOf(changes), messages(ops));

        const held = new Set(changes.filter((one) => one.held !== null).map((one) => one.prefix));
        const isHeld = (name: string) =>
          [before, after].some(({ config }) => {
            const address = config.frontends.get(name)?.address;
            return address !== undefined && held.has(`${address}/32`);
          });
        const free = <T extends { readonly frontend: string }>(rows: readonly T[]) =>
          rows.filter(({ frontend }) => !isHeld(frontend)).sort((a, b) => a.frontend < b.frontend ? -1 : 1);
        const really = free(happened(before, after, ops));
        const rows = free(frontends);
        const plain = ({ flushed: _, had: __, moved_share: ___, ...row }: object & Record<string, unknown>) =>
          row;
        assert.deepEqual(rows.map((row) => plain({ ...row })), really.map((row) => plain({ ...row })));
        for (const [index, row] of rows.entries()) {
          const ended = really[index]?.flushed ?? new Set<string>();
          const had = really[index]?.had ?? new Set<string>();
          // A name may have had another server before; what VPP did not have has no flows.
          const named = row.flushed.map((name) =>
            [before, after].flatMap(({ servers }) => [...servers.get(name) ?? []])
              .filter((address) => had.has(address))
          );
          for (const one of named) {
            assert.ok(one.length === 0 || one.some((address) => ended.has(address)), `${row.flushed}`);
          }
          const all = new Set(named.flat());
          assert.deepEqual([...ended].filter((address) => !all.has(address)), [], `${row.flushed}`);
          if (ended.size > 0) told.flushed++;
          const share = really[index]?.moved_share ?? null;
          if (share !== null) assert.equal(row.moved_share, share, row.frontend);
          if (share !== null && share > 0) told.moved++;
          told.rows++;
        }
        told.changes += ops.length;
        if (deed.kind === "reload" && ops.length > 0) told.reloads++;
        await core.clock.advance(31_000);
      }
    }),
    { numRuns: full ? 10_000 : 300 },
  );
  for (const [what, count] of Object.entries(told)) assert.ok(count > 30, `${what}: ${count}`);
});
