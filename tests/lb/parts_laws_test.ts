/** Changes of many VIPs that are planned in parts, while everything else goes on: what must hold whatever happens when. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Op } from "../../src/lb/balancer.ts";
import { desiredVips } from "../../src/lb/desired.ts";
import { vipId } from "../../src/lb/vips.ts";
import type { State } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { config, frontend, TestWorld } from "./setup.ts";

const kinds = [
  "state",
  "state",
  "state",
  "weight",
  "reload",
  "sync",
  "read",
  "slow",
  "refuse",
  "end",
] as const;
const states: readonly State[] = ["up", "down", "paused", "disabled"];

interface Happening {
  readonly kind: typeof kinds[number];
  readonly which: number;
  readonly value: number;
  /** So many answers come then. */
  readonly answers: number;
  /** So many turns of the promise queue pass, or null: all that can happen does. */
  readonly ticks: number | null;
}

const happening: fc.Arbitrary<Happening> = fc.record({
  kind: fc.constantFrom(...kinds),
  which: fc.nat(1_000),
  value: fc.nat(100),
  answers: fc.nat(20),
  ticks: fc.option(fc.nat(25)),
});

/** Frontends that share two backends; each fifth has another one of its own. */
function many(from: number, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const pools = { primary: { b1: 100, b2: 50, [`b${5 + i % 5}`]: 10 }, fallback: { b3: 100 } };
    return frontend(`f${from + i}`, pools, { address: ip(`192.0.2.${from + i}`) });
  });
}

/** A daemon and its VPP, which answers when it is told to. */
class Life {
  readonly world: TestWorld;
  readonly faults: string[] = [];
  frontends: ReturnType<typeof many>;
  vpp = new FakeBalancer();
  accepted = 0;
  lost = false;
  #slow = false;
  #refuse = 0;
  #waiting: (() => void)[] = [];

  constructor(count: number, inFlight: number) {
    this.frontends = many(0, count);
    this.world = new TestWorld(config(this.frontends), {}, inFlight);
    this.#connect();
  }

  get desired() {
    const { config, reconciler, states } = this.world;
    const status = (name: string) => states.get(name) ?? { state: "removed" as State, known: true };
    return desiredVips(config, status, reconciler.view.servers, null);
  }

  answer(count = Infinity): void {
    for (const go of this.#waiting.splice(0, count)) go();
  }

  quick(): void {
    this.#slow = false;
    this.#refuse = 0;
  }

  async happens({ kind, value, which }: Happening): Promise<void> {
    const { world } = this;
    const { name } = this.frontends[which % this.frontends.length] ?? assert.fail();
    const backend = `b${1 + which % 3}`;
    const state = states[value % 4] ?? "up";
    if (kind === "state" && world.states.get(backend)?.state !== state) world.become(backend, state);
    else if (kind === "weight") void world.weigh(name, "b1", value);
    else if (kind === "reload") this.#reload(value);
    else if (kind === "sync") void world.reconciler.sync(which % 2 === 0 ? { frontend: name } : {});
    else if (kind === "read") void world.reconciler.read(null);
    else if (kind === "slow") this.#slow = !this.#slow;
    else if (kind === "refuse") this.#refuse = value % 5;
    else if (value < 30) await this.#reconnect();
  }

  #reload(value: number): void {
    const kept = this.frontends.filter((_, i) => i === 0 || (i * 7 + value) % 5 !== 0);
    const last = Math.max(...kept.map(({ name }) => Number(name.slice(1))));
    this.frontends = value % 2 === 0 ? kept : [...this.frontends, ...many(last + 1, value % 4)];
    this.world.config = config(this.frontends);
    for (const name of this.world.config.backends.keys()) {
      if (!this.world.states.has(name)) this.world.states.set(name, { state: "up", known: true });
    }
    void this.world.reconciler.reloaded();
  }

  #connect(): void {
    const { vpp, world } = this;
    const slowly = () => this.#slow ? new Promise<void>((go) => this.#waiting.push(go)) : Promise.resolve();
    vpp.gate = vpp.readGate = slowly;
    vpp.fail = (op) => {
      this.#judge(op);
      if (op.kind === "as-weight" && this.#refuse > 0) return -this.#refuse--;
      if (op.kind === "as-weight") this.accepted++;
      return 0;
    };
    world.reconciler.connected(vpp);
  }

  async #reconnect(): Promise<void> {
    this.lost = true;
    const before = this.vpp;
    before.end();
    this.world.reconciler.disconnected();
    this.answer();
    await settle();
    this.vpp = new FakeBalancer();
    this.vpp.conf = before.conf;
    for (const vip of before.vips) this.vpp.place(vip);
    this.#connect();
  }

  /** A message that is not wanted when it is sent, or changes nothing, is a fault. */
  #judge(op: Op): void {
    if (op.kind === "conf-set") return;
    const id = vipId(op.vip);
    const want = this.desired.find((vip) => vip.id === id);
    if (op.kind === "vip-delete" && want !== undefined) this.faults.push(`deletes ${id}`);
    if (op.kind !== "as-weight" && op.kind !== "as-add") return;
    const wanted = want?.servers.find(({ address }) => address === op.address)?.weight;
    if (wanted !== op.weight) this.faults.push(`${id} ${op.address} ${op.weight}, not ${wanted}`);
    const has = this.vpp.vip(op.vip)?.servers.find(({ address }) => address === op.address);
    if (has?.weight === op.weight && op.kind === "as-weight" && !op.flush) this.faults.push(`twice ${id}`);
  }
}

Deno.test("nothing stale is sent, nothing twice, nothing is lost, and each change is told once", async () => {
  const life = fc.record({
    count: fc.integer({ min: 1, max: 60 }),
    inFlight: fc.integer({ min: 1, max: 8 }),
    happenings: fc.array(happening, { minLength: 5, maxLength: 50 }),
  });
  await fc.assert(
    fc.asyncProperty(life, async ({ count, happenings, inFlight }) => {
      const life = new Life(count, inFlight);
      const { log, reconciler, clock, applied } = life.world;
      await using _ = life.world;
      await clock.advance(1_000);
      for (const one of happenings) {
        await life.happens(one);
        life.answer(one.answers);
        for (let i = one.ticks ?? 0; i > 0; i--) await Promise.resolve();
        if (one.ticks === null) await clock.advance(100);
      }
      life.quick();
      for (let second = 0; second < 60; second++) {
        life.answer();
        await clock.advance(1_000);
      }
      const planned = await reconciler.plan(null);
      assert.ok(planned.ok);
      // What deletes too many VIPs waits for an operator.
      if (reconciler.heldChanges > 0) {
        assert.ok((await reconciler.sync({ plan_digest: planned.value.plan.digest })).ok);
      }
      await clock.advance(1_000);
      assert.deepEqual(life.faults, []);
      const shown = (
        vips: readonly { id: string; servers: readonly { address: string; weight: number }[] }[],
      ) =>
        vips.map(({ id, servers }) => `${id} ${servers.map((s) => `${s.address} ${s.weight}`).sort()}`)
          .sort();
      assert.deepEqual(
        shown(life.vpp.vips.map((vip) => ({ id: vipId(vip), servers: vip.servers }))),
        shown(life.desired),
      );
      assert.equal(reconciler.overall, "in-sync");
      const told = log.named("vpp-lbsync-as-weight").filter(({ retval }) => retval === 0).length;
      const changes = applied.flatMap((sync) => sync.changes);
      const done = changes.filter(({ kind, status }) => kind === "as_weight_updated" && status === "done");
      assert.equal(done.length, told);
      if (!life.lost) assert.equal(told, life.accepted);
      const syncs = (msg: string) => log.named(msg).filter(({ error }) => error === undefined).length;
      assert.equal(syncs("vpp-lbsync-start"), syncs("vpp-lbsync-done"));
    }),
    { numRuns: 150 },
  );
});
