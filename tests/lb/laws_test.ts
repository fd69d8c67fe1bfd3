import assert from "node:assert/strict";
import fc from "fast-check";
import type { Op } from "../../src/lb/balancer.ts";
import { changesOf } from "../../src/lb/report.ts";
import { desiredVips } from "../../src/lb/desired.ts";
import { vipId } from "../../src/lb/vips.ts";
import type { ActualVip, IpAddress, State } from "../../src/model.ts";
import type { Config } from "../../src/configuration.ts";
import { compareIp, ip } from "../../src/net/ip.ts";
import type { MemberStatus } from "../../src/health/frontend.ts";
import { settle } from "../fake_clock.ts";
import { anyConfig, anyStates, anyVips } from "./arbitrary.ts";
import { FakeBalancer, type PlacedVip } from "./fake_balancer.ts";
import { config, frontend, TestWorld } from "./setup.ts";

const runs = { numRuns: 150 };
const world = fc.record({ config: anyConfig, vips: anyVips, states: anyStates });
interface Random {
  readonly config: Config;
  readonly vips: readonly PlacedVip[];
  readonly states: ReadonlyMap<string, MemberStatus>;
}

function build({ config, vips, states }: Random): { daemon: TestWorld; vpp: FakeBalancer } {
  const daemon = new TestWorld(config);
  for (const [name, status] of states) daemon.states.set(name, status);
  const vpp = new FakeBalancer();
  for (const vip of vips) vpp.place(vip);
  return { daemon, vpp };
}

/** Connects, lets everything settle, then sends what is held by the digest of its plan. */
async function converge(daemon: TestWorld, vpp: FakeBalancer): Promise<void> {
  daemon.reconciler.connected(vpp);
  await settle();
  const planned = await daemon.reconciler.plan(null);
  assert.ok(planned.ok);
  const synced = await daemon.reconciler.sync({ plan_digest: planned.value.plan.digest });
  assert.ok(synced.ok, JSON.stringify(synced));
}

const lawOf = (
  name: string,
  law: (daemon: TestWorld, vpp: FakeBalancer, random: Random) => Promise<void>,
  parameters: fc.Parameters<[Random]> = runs,
) =>
  Deno.test(name, async () => {
    await fc.assert(
      fc.asyncProperty(world, async (random) => {
        const { daemon, vpp } = build(random);
        await using _ = daemon;
        await law(daemon, vpp, random);
      }),
      parameters,
    );
  });

lawOf("applying a plan reaches what is desired, and a second plan is empty", async (daemon, vpp) => {
  await converge(daemon, vpp);
  const { config, states } = daemon;
  const status = (name: string) => states.get(name) ?? { state: "removed" as State, known: true };
  const actual = new Map(vpp.vips.map((vip) => [vipId(vip), vip]));
  const desired = desiredVips(config, status, daemon.reconciler.view.servers, null);
  assert.deepEqual([...actual.keys()].sort(), desired.map((vip) => vip.id).sort());
  for (const want of desired) {
    const has = actual.get(want.id);
    assert.ok(has);
    assert.equal(has.encap, want.encap);
    assert.equal(has.srcIpSticky ?? want.srcIpSticky, want.srcIpSticky);
    assert.equal(has.tableLength, want.tableLength);
    const pairs = (servers: readonly { address: string; weight: number }[]) =>
      servers.map(({ address, weight }) => `${address} ${weight}`).sort();
    assert.deepEqual(pairs(has.servers), pairs(want.servers));
  }
  const second = await daemon.reconciler.plan(null);
  assert.ok(second.ok);
  assert.deepEqual(changesOf(second.value.plan), []);
});

lawOf("an automatic sync leaves nothing but held changes", async (daemon, vpp) => {
  daemon.reconciler.connected(vpp);
  await settle();
  const planned = await daemon.reconciler.plan(null);
  assert.ok(planned.ok);
  assert.deepEqual(changesOf(planned.value.plan).filter((change) => change.held === null), []);
});

lawOf("VPP never refuses a message", async (daemon, vpp) => {
  await converge(daemon, vpp);
  assert.deepEqual(vpp.refused, []);
});

lawOf("no message changes nothing", async (daemon, vpp) => {
  const look = () => JSON.stringify([vpp.conf, vpp.vips]);
  let before = look();
  vpp.after = (op) => {
    const now = look();
    // A flush changes flows, which the fake does not have.
    if (op.kind !== "vip-flush" && !(op.kind === "as-weight" && op.flush)) {
      assert.notEqual(now, before, op.kind);
    }
    before = now;
  };
  await converge(daemon, vpp);
});

lawOf("a VIP that stays is never without capacity when it has some before and after", async (daemon, vpp) => {
  const capacity = (vip: ActualVip | null) => vip?.servers.some((server) => server.weight > 0) ?? false;
  const start = new Map(vpp.vips.map((vip) => [vipId(vip), capacity(vip)]));
  const rebuilt = new Set<string>();
  const bare = new Map<string, Op>();
  vpp.after = (op) => {
    if (op.kind === "conf-set") return;
    const id = vipId(op.vip);
    if (op.kind === "vip-delete") rebuilt.add(id);
    else if (!capacity(vpp.vip(op.vip))) bare.set(id, op);
  };
  daemon.reconciler.connected(vpp);
  await settle();
  for (const vip of vpp.vips) {
    const id = vipId(vip);
    if (start.get(id) !== true || !capacity(vip) || rebuilt.has(id)) continue;
    assert.equal(bare.get(id), undefined);
  }
});

lawOf("within a VIP additions and raises come first, each group in numeric order", async (daemon, vpp) => {
  const before = new Map(
    vpp.vips.map((
      vip,
    ) => [vipId(vip), new Map(vip.servers.map((server) => [server.address, server.weight]))]),
  );
  daemon.reconciler.connected(vpp);
  await settle();
  const rebuilt = new Set(vpp.ops.flatMap((op) => op.kind === "vip-delete" ? [vipId(op.vip)] : []));
  const groups = new Map<string, { raises: Op[]; lowers: Op[] }>();
  for (const op of vpp.ops) {
    if (op.kind !== "as-add" && op.kind !== "as-delete" && op.kind !== "as-weight") continue;
    const id = vipId(op.vip);
    if (rebuilt.has(id)) continue;
    const group = groups.get(id) ?? { raises: [], lowers: [] };
    groups.set(id, group);
    const had = before.get(id)?.get(op.address) ?? 0;
    if (op.kind === "as-add" || (op.kind === "as-weight" && op.weight > had)) {
      assert.equal(group.lowers.length, 0, "a raise after a lower");
      group.raises.push(op);
    } else group.lowers.push(op);
  }
  for (const { raises, lowers } of groups.values()) {
    for (const group of [raises, lowers]) {
      const order = group.flatMap((op) => "address" in op ? [op.address] : []);
      assert.deepEqual(order, [...order].sort(compareIp));
    }
  }
});

lawOf("syncing VIPs one by one reaches the same, and deletes no VIP", async (daemon, vpp, { vips }) => {
  daemon.config = { ...daemon.config, lb: { ...daemon.config.lb, foreignVips: "keep" } };
  const names = [...daemon.config.frontends.keys()];
  daemon.reconciler.connected(vpp);
  await settle();
  for (const vip of vpp.vips) vpp.drop(vip);
  for (const vip of vips) vpp.place(vip);
  vpp.ops.length = 0;
  for (const name of names) {
    const digest = await daemon.reconciler.plan(name);
    assert.ok(digest.ok);
    const synced = await daemon.reconciler.sync({ frontend: name, plan_digest: digest.value.plan.digest });
    assert.ok(synced.ok);
    assert.ok(synced.value.changes.every((change) => change.kind !== "vip_removed"));
  }
  assert.deepEqual(vpp.refused, []);
  const added = new Set(vpp.ops.flatMap((op) => op.kind === "vip-add" ? [vipId(op.vip)] : []));
  for (const op of vpp.ops) if (op.kind === "vip-delete") assert.ok(added.has(vipId(op.vip)));
  const all = await daemon.reconciler.plan(null);
  assert.ok(all.ok);
  assert.deepEqual(changesOf(all.value.plan).filter((change) => change.held === null), []);
});

/** Backends that a restart of the daemon finds as they were: what an operator did is not among them. */
function found(states: ReadonlyMap<string, MemberStatus>, config: Config): [string, State][] {
  return [...states].flatMap(([name, { state, known }]): [string, State][] =>
    config.backends.has(name) && known && (state === "up" || state === "down" || state === "disabled")
      ? [[name, state]]
      : []
  );
}

const restart = fc.record({
  world,
  min: fc.constantFrom(0, 5_000),
  max: fc.constantFrom(0, 5_000, 30_000),
  order: fc.array(fc.nat()),
  pauses: fc.array(fc.nat({ max: 20_000 }), { minLength: 1 }),
  connectAt: fc.nat({ max: 12 }),
});

Deno.test("a restart in an unchanged world sends nothing, whatever comes in which order", async () => {
  await fc.assert(
    fc.asyncProperty(restart, async ({ world: random, min, max, order, pauses, connectAt }) => {
      const states = new Map(
        [...random.states].filter(([, { state, known }]) =>
          !known || state === "up" || state === "down" || state === "disabled"
        ),
      );
      const { daemon, vpp } = build({ ...random, states });
      await converge(daemon, vpp);
      await daemon[Symbol.asyncDispose]();
      vpp.ops.length = 0;
      const lb = { ...random.config.lb, startupMinDelayMs: Math.min(min, max), startupMaxDelayMs: max };
      const config = { ...random.config, lb };
      const fresh = [...config.backends.keys()].map((name): [string, State] => [name, "unknown"]);
      await using again = new TestWorld(config, Object.fromEntries(fresh));
      const probes = found(states, config)
        .map((probe, index) => ({ probe, place: order[index] ?? 0 }))
        .sort((a, b) => a.place - b.place);
      for (const [index, { probe }] of probes.entries()) {
        if (index === connectAt) again.reconciler.connected(vpp);
        again.become(...probe);
        await again.clock.advance(pauses[index % pauses.length] ?? 0);
      }
      if (probes.length <= connectAt) again.reconciler.connected(vpp);
      await again.clock.advance(60_000);
      assert.deepEqual(vpp.ops, []);
    }),
    { numRuns: 100 },
  );
});

const turns = fc.array(
  fc.record({
    backend: fc.constantFrom("b1", "b2", "b3", "b9", "c1", "c2", "c3", "c9"),
    to: fc.constantFrom<State>("up", "down", "disabled", "paused", "unknown"),
    failing: fc.constantFrom(0, 0, 0.3, 1),
    wait: fc.nat({ max: 2_000 }),
  }),
  { maxLength: 12 },
);

Deno.test("while VPP refuses at random, capacity stays, and afterwards all is as it should be", async () => {
  const capacity = (vip: ActualVip | null) => vip?.servers.some((server) => server.weight > 0) ?? false;
  await fc.assert(
    fc.asyncProperty(anyConfig, turns, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), async (
      config,
      list,
      dice,
    ) => {
      await using daemon = new TestWorld(config);
      const vpp = new FakeBalancer();
      daemon.reconciler.connected(vpp);
      await settle();
      let failing = 0;
      vpp.fail = () => (dice.next().value ?? 1) < failing ? -1 : 0;
      vpp.after = (op) => {
        if (op.kind !== "as-weight" && op.kind !== "as-delete") return;
        const name = [...config.frontends.keys()].find((one) => vipId(daemon.key(one)) === vipId(op.vip));
        const frontend = name === undefined ? undefined : config.frontends.get(name);
        const members = frontend?.pools.flatMap((pool) => pool.members) ?? [];
        const alive = members.some((m) => m.weight > 0 && daemon.states.get(m.backend)?.state === "up");
        // Nobody alive could take over: then there is no alternative.
        if (alive) assert.ok(capacity(vpp.vip(op.vip)) || failing > 0, "a VIP without capacity");
      };
      for (const turn of list) {
        failing = turn.failing;
        daemon.become(turn.backend, turn.to);
        await daemon.clock.advance(turn.wait);
      }
      failing = 0;
      await daemon.clock.advance(61_000);
      assert.equal(daemon.reconciler.overall, "in-sync");
      const planned = await daemon.reconciler.plan(null);
      assert.ok(planned.ok);
      assert.deepEqual(changesOf(planned.value.plan), []);
    }),
    { numRuns: 60 },
  );
});

/** One server as the contract describes flushes: a plain model to compare with. */
class OneServer {
  state: State = "up";
  owed = new Set<"state" | "weight">();
  flushes = 0;

  become(to: State): void {
    this.owed.delete("state");
    if (to === "down" || to === "disabled") this.owed.add("state");
    this.state = to;
  }

  sync(works: boolean): void {
    if (this.owed.size === 0 || !works) return;
    this.owed.clear();
    this.flushes++;
  }
}

Deno.test("flushes are sent as often as a plain model of the rules says", async () => {
  const event = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<State>("up", "down", "disabled", "paused", "unknown") },
    {
      weight: 1,
      arbitrary: fc.constantFrom("flush", "refuse", "accept", "interval", "away", "back", "reboot"),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
      const { frontend, config } = await import("./setup.ts");
      await using daemon = new TestWorld(config([frontend("web", { p: { b1: 100, b2: 1 } })]));
      let vpp = new FakeBalancer();
      daemon.reconciler.connected(vpp);
      await settle();
      const model = new OneServer();
      let works = true;
      let here = true;
      let flushed = 0;
      const count = (op: Op) => {
        if (op.kind === "as-weight" && op.flush && works) flushed++;
      };
      const fail = (op: Op) => op.kind === "as-weight" && !works ? -1 : 0;
      vpp.after = count;
      vpp.fail = fail;
      for (const what of events) {
        if (what === "flush") {
          model.owed.add("weight");
          void daemon.weigh("web", "b1", 100, true);
        } else if (what === "refuse") works = false;
        else if (what === "accept") works = true;
        else if (what === "interval") await daemon.clock.advance(31_000);
        else if (what === "away") {
          here = false;
          daemon.reconciler.disconnected();
        } else if (what === "back" || what === "reboot") {
          if (here) daemon.reconciler.disconnected();
          here = true;
          if (what === "reboot") {
            model.owed.clear();
            const bootTime = vpp.bootTime + 1;
            const vips = vpp.vips;
            vpp = new FakeBalancer();
            vpp.bootTime = bootTime;
            // Its servers were put back by somebody, or every flush would be paid by their absence.
            for (const vip of vips) vpp.place(vip);
            vpp.after = count;
            vpp.fail = fail;
          }
          daemon.reconciler.connected(vpp);
        } else if (what !== daemon.states.get("b1")?.state) {
          model.become(what as State);
          daemon.become("b1", what as State);
        }
        await settle();
        await daemon.clock.advance(40_000);
        if (here) model.sync(works);
        assert.equal(flushed, model.flushes, what);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("a VIP keeps its encapsulation while the previous server of a moved backend serves, at weight 0 too", () => {
  const one = config([frontend("web", { primary: { b2: 0 } })]);
  const serving = (address: IpAddress) => {
    const status = (): MemberStatus => ({
      state: "unknown",
      known: false,
      previous: { address, state: "up", known: true },
    });
    const [vip] = desiredVips(one, status, { witness: () => null, weight: () => 0 }, null);
    return [vip?.encap, vip?.servers.map((server) => server.address)];
  };
  // One of the same family, and one of the other, which stays while it carries as much.
  assert.deepEqual(serving(ip("10.0.0.9")), ["gre4", ["10.0.0.9"]]);
  assert.deepEqual(serving(ip("2001:db8::9")), ["gre6", ["2001:db8::9"]]);
});
