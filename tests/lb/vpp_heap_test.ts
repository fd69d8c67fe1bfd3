import assert from "node:assert/strict";
import fc from "fast-check";
import type { Op, VppHeap } from "../../src/lb/balancer.ts";
import { HeapPromises, judgeHeap, shortageText } from "../../src/lb/vpp_heap.ts";
import type { Frontend, LbSettings } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { MainHeap } from "../../src/simulator/mainheap.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer, untouchedConf } from "./fake_balancer.ts";
import { changes, reload, running, web } from "./plan_world.ts";
import { config, frontend, TestWorld } from "./setup.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const fresh: VppHeap = { total: GIB, free: 995 * MIB, workers: 0 };

function ask(
  heap: VppHeap | null,
  wanted: number,
  present: number,
  lengths: readonly number[] = [],
  more = {},
) {
  const conf = (stickyBucketsPerCore: number) => ({ ...untouchedConf, stickyBucketsPerCore });
  const answer = judgeHeap({
    heap,
    promised: 0,
    conf: { desired: conf(wanted), actual: conf(present) },
    hasVips: true,
    additions: lengths.map((tableLength, n) => ({ id: `v${n}`, tableLength })),
    ...more,
  });
  return { buckets: answer.buckets !== null, vips: [...answer.vips.keys()] };
}

Deno.test("buckets are held where they would leave less than a fifth of the heap free", () => {
  // A fifth of 1 GiB is 204.8 MiB; 2^23 buckets take 512 MiB, 2^24 1 GiB.
  assert.equal(ask(fresh, 2 ** 23, 65_536).buckets, false);
  assert.equal(ask(fresh, 2 ** 24, 65_536).buckets, true);
  assert.equal(
    ask({ ...fresh, workers: 1 }, 2 ** 23, 65_536).buckets,
    false,
    "the worker forwards, not main",
  );
  assert.equal(ask({ ...fresh, workers: 2 }, 2 ** 23, 65_536).buckets, true, "each worker has a table");
  const edge = { ...fresh, total: 1000, workers: 0 };
  assert.equal(ask({ ...edge, free: 200 + 64 * 1024 }, 1024, 16).buckets, false);
  assert.equal(ask({ ...edge, free: 199 + 64 * 1024 }, 1024, 16).buckets, true);
});

Deno.test("fewer buckets are never held, and equal ones ask for nothing", () => {
  const full = { ...fresh, free: 0 };
  assert.equal(ask(full, 1024, 65_536).buckets, false);
  assert.equal(ask(full, 65_536, 65_536).buckets, false);
  assert.equal(ask(null, 2 ** 20, 2 ** 21).buckets, false);
});

Deno.test("without a stats segment 2^18 buckets are the bound, and VIPs are made", () => {
  assert.deepEqual(ask(null, 2 ** 18, 1024, [65_536]), { buckets: false, vips: [] });
  assert.deepEqual(ask(null, 2 ** 19, 1024, [65_536]), { buckets: true, vips: [] });
});

Deno.test("VIPs are held one by one in the plan's order, 8 octets an entry, after the settings", () => {
  const room = { total: 5 * MIB, free: 2 * MIB, workers: 0 };
  // 1 MiB stays free, 1 MiB is for VIPs of half a MiB each.
  assert.deepEqual(ask(room, 16, 16, [65_536, 65_536, 65_536, 256]).vips, ["v2", "v3"]);
  assert.deepEqual(ask(room, 16, 16, [65_536, 131_072, 65_536]).vips, ["v1"], "a smaller one still fits");
  assert.deepEqual(ask(room, 8192, 1024, [65_536, 65_536]).vips, ["v1"], "the buckets come first");
  assert.deepEqual(ask(room, 8192, 8192, [65_536, 65_536]).vips, [], "tables that exist are in the figure");
  const none = { hasVips: false };
  assert.deepEqual(ask(room, 8192, 8192, [65_536, 65_536], none).vips, ["v1"], "those that do not are not");
  assert.deepEqual(ask(room, 16, 16, [65_536, 65_536], { promised: 1 }).vips, ["v1"]);
  const held = ask(room, 2 ** 20, 8192, [65_536, 65_536]);
  assert.deepEqual(held, { buckets: true, vips: [] }, "held buckets take nothing");
});

Deno.test("both figures are told", () => {
  const text = shortageText({ needs: 2 ** 28, heap: fresh, free: 400 * MIB });
  assert.equal(
    text,
    "needs 256 MiB of VPP's main heap, where 400 MiB of 1,024 MiB are free and a fifth must stay so",
  );
  assert.match(
    shortageText({ needs: 2 ** 26, heap: null, free: 0 }),
    /^needs 64 MiB a thread; without VPP's stats/,
  );
});

Deno.test("what was promised counts until VPP's figure shows it", () => {
  const promises = new HeapPromises();
  const at = (free: number): VppHeap => ({ ...fresh, free });
  promises.bucketsSet(2 ** 20, { ...fresh, workers: 2 });
  assert.equal(promises.outstanding(at(fresh.free), 0), 128 * MIB);
  promises.vipMade(65_536, 0);
  assert.equal(promises.outstanding(at(fresh.free), 14_999), 128.5 * MIB);
  assert.equal(
    promises.outstanding(at(fresh.free - 0.25 * MIB), 15_000),
    128 * MIB,
    "the VIP is no sticky table",
  );
  assert.equal(promises.outstanding(at(fresh.free - 64.25 * MIB), 15_000), 64 * MIB, "one of two threads");
  assert.equal(promises.outstanding(at(fresh.free - 129 * MIB), 15_000), 0);
  assert.equal(promises.outstanding(at(fresh.free), 15_000), 0, "made tables are not promised again");
  promises.bucketsSet(2 ** 20, fresh);
  promises.forget();
  assert.equal(promises.outstanding(at(fresh.free), 0), 0);
});

const many = (count: number, tableLength = 65_536): Frontend[] =>
  Array.from({ length: count }, (_, n) =>
    frontend(`f${n}`, { p: { b1: 1 } }, {
      address: ip(`192.0.2.${n + 1}`),
      newFlowsTableLength: tableLength,
      newFlowsTableLengthAuto: false,
    }));

const buckets = (stickyBucketsPerCore: number): Partial<LbSettings> => ({ stickyBucketsPerCore });

Deno.test("buckets without memory are held with both figures, and the rest of the settings goes out", async () => {
  const { world, vpp } = await running([web()]);
  await using _ = world;
  await reload(world, [web()], { ...buckets(2 ** 24), flowTimeoutSeconds: 60 });
  const rest = { ...vpp.conf };
  assert.deepEqual([rest.stickyBucketsPerCore, rest.flowTimeoutSeconds], [65_536, 60]);
  assert.deepEqual(vpp.ops, [{ kind: "conf-set", conf: rest, keepsBuckets: true }]);
  const [held, ...more] = await changes(world);
  assert.deepEqual(more, []);
  assert.deepEqual([held?.kind, held?.held, held?.traffic_affecting], ["conf_set", "VPP memory", true]);
  assert.equal(held?.conf?.sticky_buckets_per_core, 2 ** 24);
  assert.match(held?.reason ?? "", /needs 1,024 MiB of VPP's main heap, where 991 MiB of 1,024 MiB are free/);
  await world.clock.advance(120_000);
  const errors = world.log.records.filter(({ msg, level }) => msg === "vpp-lbsync-held" && level === "error");
  assert.equal(errors.length, 1, "once");
  const { needs_octets, heap_free_octets, heap_octets } = errors[0]?.attrs ?? {};
  assert.deepEqual([needs_octets, heap_free_octets, heap_octets], [GIB, 995 * MIB, GIB]);
  assert.equal(vpp.ops.length, 1);
  assert.equal(world.reconciler.overall, "in-sync");
});

Deno.test("held buckets do not stand before a verdict: the settings count as right", async () => {
  const { world, vpp } = await running([web()]);
  await using _ = world;
  await reload(world, [web()], buckets(2 ** 24));
  vpp.reads.length = 0;
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.reads, []);
  assert.deepEqual(vpp.ops.map(({ kind }) => kind), ["as-weight"]);
});

Deno.test("a digest sends held buckets, and memory that comes free releases them", async () => {
  for (const byDigest of [true, false]) {
    const { world, vpp } = await running([web()]);
    await using _ = world;
    await reload(world, [web()], buckets(2 ** 24));
    if (byDigest) {
      const planned = await world.reconciler.plan(null);
      assert.ok(planned.ok);
      assert.ok((await world.reconciler.sync({ plan_digest: planned.value.plan.digest })).ok);
    } else {
      vpp.heap = { total: 8 * GIB, free: 7 * GIB, workers: 0 };
      await world.clock.advance(30_000);
    }
    assert.equal(vpp.conf.stickyBucketsPerCore, 2 ** 24);
    assert.deepEqual(await changes(world), []);
  }
});

Deno.test("VIPs without memory are held, the others are made; servers of a held one are held with it", async () => {
  const world = new TestWorld(config(many(6), buckets(1024)));
  await using _ = world;
  const vpp = new FakeBalancer();
  vpp.heap = { total: 10 * MIB, free: 4 * MIB, workers: 0 };
  world.reconciler.connected(vpp);
  await settle();
  // 2 MiB stay free; the sticky table takes 64 KiB, so three VIPs of half a MiB fit.
  assert.deepEqual(vpp.vips.map(({ prefix }) => prefix), ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"]);
  const left = await changes(world);
  assert.ok(left.length === 6 && left.every(({ held }) => held === "VPP memory"));
  assert.match(left[0]?.reason ?? "", /^in the configuration; needs 0\.5 MiB/);
  assert.equal(world.reconciler.standing("f5"), "held");
  assert.equal(world.reconciler.standing("f0"), "in-sync");
  assert.equal(world.reconciler.overall, "out-of-sync");
});

Deno.test("a recreate without memory is held, and the VIP is kept right in place", async () => {
  const { world, vpp } = await running(many(1));
  await using _ = world;
  vpp.heap = { ...fresh, free: 100 * MIB };
  await reload(world, [{ ...many(1, 32_768)[0] ?? web(), srcIpSticky: true }]);
  assert.deepEqual(vpp.ops, []);
  assert.deepEqual((await changes(world)).map(({ kind, held }) => `${kind} ${held}`), [
    "vip_recreated VPP memory",
    "as_added VPP memory",
  ]);
  const { reconciler } = world;
  assert.deepEqual([reconciler.standing("f0"), reconciler.overall], ["held", "out-of-sync"]);
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.ops.map(({ kind }) => kind), ["as-weight"]);
  // What failed over is still held, and so it is when nothing was to be sent.
  assert.deepEqual([reconciler.standing("f0"), reconciler.overall], ["held", "out-of-sync"]);
  world.become("b1", "disabled");
  await settle();
  assert.deepEqual([reconciler.standing("f0"), reconciler.overall], ["held", "out-of-sync"]);
});

Deno.test("a length left to auto that is held is as configured, after a failover too", async () => {
  const { world, vpp } = await running([{ ...web(), newFlowsTableLengthAuto: true }]);
  await using _ = world;
  await reload(world, [{ ...web(), newFlowsTableLengthAuto: true, newFlowsTableLength: 65_536 }]);
  assert.deepEqual(new Set((await changes(world)).map(({ held }) => held)), new Set(["table length"]));
  world.become("b1", "down");
  await settle();
  assert.deepEqual(vpp.ops.map(({ kind }) => kind), ["as-weight"]);
  assert.deepEqual([world.reconciler.standing("web"), world.reconciler.overall], ["in-sync", "in-sync"]);
});

/** A VPP whose heap dies as the real one does, and reports every 10 s. */
class MortalBalancer extends FakeBalancer {
  readonly main: MainHeap;
  readonly #workers: number;
  #use = { total: 0, used: 0 };

  constructor(total: number, workers: number) {
    super();
    this.#workers = workers;
    this.main = new MainHeap(total, (use) => this.#use = use, (text) => new Error(text));
    this.after = (op) => this.#took(op);
    this.report();
  }

  report(): void {
    this.heap = { total: this.#use.total, free: this.#use.total - this.#use.used, workers: this.#workers };
  }

  /** A thread gets a packet to a VIP. */
  packet(thread: number): void {
    if (this.vips.length > 0) this.main.forward(thread, this.conf.stickyBucketsPerCore);
  }

  #took(op: Op): void {
    if (op.kind === "vip-add") this.main.makeTable(op.tableLength);
    else if (op.kind === "vip-delete") this.main.freeTable(this.#lengths.get(op.vip.prefix) ?? 0);
    else if (op.kind !== "conf-set") this.main.remakeTable(this.vip(op.vip)?.tableLength ?? 0);
    if (op.kind === "vip-add") this.#lengths.set(op.vip.prefix, op.tableLength);
  }

  readonly #lengths = new Map<string, number>();
}

Deno.test("no reloads, packets and pauses in any order end VPP, with 0 to 4 workers", async () => {
  const move = fc.oneof(
    fc.record({
      kind: fc.constant("reload" as const),
      // Mostly the buckets stay, and VIPs come.
      exponent: fc.option(fc.integer({ min: 10, max: 24 }), { freq: 1 }),
      vips: fc.nat(60),
    }),
    fc.record({ kind: fc.constant("packet" as const), thread: fc.nat(3) }),
    fc.record({ kind: fc.constant("wait" as const), seconds: fc.nat(60) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(48 * MIB, 64 * MIB, 96 * MIB, GIB),
      fc.nat(4),
      fc.array(move, { maxLength: 12 }),
      async (total, workers, moves) => {
        await using world = new TestWorld(config([web()]));
        const vpp = new MortalBalancer(total, workers);
        world.reconciler.connected(vpp);
        await settle();
        let exponent = 16;
        for (const one of moves) {
          if (one.kind === "reload") {
            const frontends = many(one.vips).map((f) => ({
              ...f,
              newFlowsTableLength: 2 ** (12 + one.vips % 5),
            }));
            exponent = one.exponent ?? exponent;
            await reload(world, [web(), ...frontends], buckets(2 ** exponent));
          } else if (one.kind === "packet") {
            vpp.packet(workers === 0 ? 0 : 1 + one.thread % workers);
          } else {
            await world.clock.advance(one.seconds * 1000);
            vpp.report();
          }
        }
        for (let thread = 0; thread <= workers; thread++) if (workers === 0 || thread > 0) vpp.packet(thread);
      },
    ),
    { numRuns: Deno.env.get("MAGLEV_TEST_RUNS") === "full" ? 5_000 : 200 },
  );
});
