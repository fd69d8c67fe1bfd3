/**
 * The reconciler on VPP's real wire format: on the simulated VPP always, on a real one where the environment
 * names its sockets. There only VIPs of the tests' own range are seen, and the global settings stay as they are.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { desiredVips } from "../../src/lb/desired.ts";
import { changesOf } from "../../src/lb/report.ts";
import type { LoadBalancer, Op, OpReply } from "../../src/lb/balancer.ts";
import { vipId } from "../../src/lb/vips.ts";
import type { ActualConf, ActualLb, ActualServer, ActualVip, State, VipKey } from "../../src/model.ts";
import type { Config } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { connectUnix } from "../../src/vpp/link.ts";
import { Bench, onEachVpp, onlyOurs, openSession, simulated } from "../vpp/targets.ts";
import { anyConfig, anyStates, anyVips } from "./arbitrary.ts";
import { config as configOf, frontend, settings, TestWorld } from "./setup.ts";

/** Shows only the VIPs of the tests' own range and keeps the answers. */
class Ours implements LoadBalancer {
  readonly #lb: LoadBalancer;
  readonly replies: { readonly op: Op; readonly reply: OpReply }[] = [];

  constructor(lb: LoadBalancer) {
    this.#lb = lb;
  }

  get signal(): AbortSignal {
    return this.#lb.signal;
  }

  get bootTime(): number {
    return this.#lb.bootTime;
  }

  readConf(): Promise<ActualConf> {
    return this.#lb.readConf();
  }

  readHeap() {
    return this.#lb.readHeap();
  }

  async readAll(between: () => Promise<void> | null = () => null): Promise<ActualLb> {
    const all = await this.#lb.readAll(between);
    return { ...all, vips: onlyOurs(all.vips) };
  }

  readVip(key: VipKey): Promise<ActualVip | null> {
    return this.#lb.readVip(key);
  }

  async readVips(keys: readonly VipKey[]): Promise<ActualVip[]> {
    return await this.#lb.readVips(keys);
  }

  async readServers(key: VipKey): Promise<ActualServer[] | null> {
    return await this.#lb.readServers(key);
  }

  readPrefix(prefix: string): Promise<ActualVip[]> {
    return this.#lb.readPrefix(prefix);
  }

  textIsStale(): void {
    this.#lb.textIsStale();
  }

  send(op: Op, answered: (reply: OpReply) => void, failed: (error: unknown) => void): void {
    this.#lb.send(op, (reply) => {
      this.replies.push({ op, reply });
      answered(reply);
    }, failed);
  }

  flush(): Promise<void> {
    return this.#lb.flush();
  }

  async applyTogether(ops: readonly Op[]): Promise<OpReply[]> {
    const replies = await this.#lb.applyTogether(ops);
    ops.forEach((op, index) => {
      const reply = replies[index];
      if (reply !== undefined) this.replies.push({ op, reply });
    });
    return replies;
  }
}

/** A configuration that wants the global settings that this VPP has. */
async function keepingConf(config: Config, lb: LoadBalancer): Promise<Config> {
  return { ...config, lb: { ...config.lb, ...await lb.readConf() } };
}

const pairs = (servers: readonly { readonly address: string; readonly weight: number }[]) =>
  servers.map(({ address, weight }) => `${address} ${weight}`).sort();

onEachVpp("random worlds converge, are never refused, and need nothing a second time", async (target) => {
  await using bench = await Bench.open(target);
  const world = fc.record({ config: anyConfig, vips: anyVips, states: anyStates });
  await fc.assert(
    fc.asyncProperty(world, async ({ config, vips, states }) => {
      await bench.clear();
      for (const vip of vips) {
        const servers = Object.fromEntries(vip.servers.map(({ address, weight }) => [address, weight]));
        await bench.add(vip, servers, {
          encap: vip.encap,
          tableLength: vip.tableLength,
          srcIpSticky: vip.srcIpSticky ?? false,
        });
      }
      const lb = new Ours(bench.session.lb);
      lb.textIsStale();
      await using daemon = new TestWorld(await keepingConf(config, lb));
      for (const [name, status] of states) daemon.states.set(name, status);
      daemon.reconciler.connected(lb);
      const planned = await daemon.reconciler.plan(null);
      assert.ok(planned.ok);
      assert.deepEqual(changesOf(planned.value.plan).filter((change) => change.held === null), []);
      assert.ok((await daemon.reconciler.sync({ plan_digest: planned.value.plan.digest })).ok);
      assert.deepEqual(lb.replies.filter(({ reply }) => reply.retval !== 0), []);
      const { vips: actual } = await lb.readAll();
      const byId = new Map(actual.map((vip) => [vipId(vip), vip]));
      const status = (name: string) => states.get(name) ?? { state: "removed" as State, known: true };
      const desired = desiredVips(daemon.config, status, daemon.reconciler.view.servers, null);
      assert.deepEqual([...byId.keys()].sort(), desired.map((vip) => vip.id).sort());
      for (const want of desired) {
        const has = byId.get(want.id);
        assert.deepEqual(
          [has?.encap, has?.srcIpSticky, has?.tableLength, pairs(has?.servers ?? [])],
          [want.encap, want.srcIpSticky, want.tableLength, pairs(want.servers)],
        );
      }
      const second = await daemon.reconciler.plan(null);
      assert.ok(second.ok);
      assert.deepEqual(changesOf(second.value.plan), []);
    }),
    { numRuns: 30 },
  );
});

const web = frontend("web", { primary: { b1: 100, b2: 100 }, spare: { b3: 100 } }, {
  address: ip("203.0.113.7"),
});
const weights = (vip: ActualVip | null) =>
  Object.fromEntries((vip?.servers ?? []).map((server) => [server.address, server.weight]));

onEachVpp("a failover, a flush, a run-time weight and a reload reach VPP", async (target) => {
  await using bench = await Bench.open(target);
  const lb = new Ours(bench.session.lb);
  await using daemon = new TestWorld(await keepingConf(configOf([web]), lb));
  const { reconciler } = daemon;
  reconciler.connected(lb);
  const vip = async () => weights(await lb.readVip(daemon.key("web")));
  await reconciler.sync({});
  assert.deepEqual(await vip(), { "10.0.0.1": 100, "10.0.0.2": 100, "10.0.0.3": 0 });
  daemon.become("b1", "down");
  daemon.become("b2", "disabled", "alice");
  await reconciler.plan("web");
  assert.deepEqual(await vip(), { "10.0.0.1": 0, "10.0.0.2": 0, "10.0.0.3": 100 });
  assert.deepEqual(lb.replies.slice(-3).map(({ op }) => op.kind === "as-weight" && op.flush), [
    false,
    true,
    true,
  ]);
  await daemon.weigh("web", "b3", 40);
  assert.equal((await vip())["10.0.0.3"], 40);
  daemon.config = await keepingConf(configOf([{ ...web, pools: web.pools.slice(0, 1) }]), lb);
  await reconciler.reloaded();
  assert.deepEqual(await vip(), { "10.0.0.1": 0, "10.0.0.2": 0 });
});

onEachVpp("a VPP that refuses one message is told of, and the rest goes on", async (target) => {
  await using bench = await Bench.open(target);
  const six = frontend("six", { p: { c1: 1 } }, { address: ip("203.0.113.8") });
  const lb = new Ours(bench.session.lb);
  await using daemon = new TestWorld(await keepingConf(configOf([web, six]), lb));
  const odd = new Proxy(lb, {
    get(of, name) {
      // The VIP of `six` is made for servers of the other family, so that VPP itself refuses its server.
      if (name === "send") {
        return (op: Op, answered: (reply: OpReply) => void, failed: (error: unknown) => void) =>
          of.send(
            op.kind === "vip-add" && op.encap === "gre6" ? { ...op, encap: "gre4" } : op,
            answered,
            failed,
          );
      }
      const value = Reflect.get(of, name, of);
      return typeof value === "function" ? value.bind(of) : value;
    },
  });
  daemon.reconciler.connected(odd);
  await daemon.reconciler.plan(null);
  const [failure] = daemon.log.named("vpp-lbsync-as-add").filter((line) => line.retval !== 0);
  assert.equal(failure?.frontend, "six");
  assert.equal(failure?.vip, "203.0.113.8/32");
  assert.equal(failure?.address, "2001:db8::1");
  assert.equal(failure?.retval, -97);
  assert.match(String(failure?.error), /ADDRESS_FAMILY/);
  assert.equal(daemon.reconciler.standing("web"), "in-sync");
  assert.equal(daemon.reconciler.standing("six"), "error");
});

onEachVpp("the messages of a recreate reach VPP in one write, however small the window", async (target) => {
  const writes: Uint8Array[] = [];
  await using bench = await Bench.open(target, {
    async connect(path, signal) {
      const stream = await connectUnix(path, signal);
      return {
        read: (into) => stream.read(into),
        async write(from) {
          const length = await stream.write(from);
          writes.push(from.slice(0, length));
          return length;
        },
        close: () => stream.close(),
      };
    },
  });
  const lb = new Ours(bench.session.lb);
  const servers = { b1: 1, b2: 1, b3: 1, b9: 1, b10: 1, b200: 1 };
  const sticky = (on: boolean) =>
    frontend("web", { p: servers }, { address: ip("203.0.113.7"), srcIpSticky: on });
  await using daemon = new TestWorld(await keepingConf(configOf([sticky(false)]), lb), {}, 2);
  daemon.reconciler.connected(lb);
  assert.ok((await daemon.reconciler.sync({})).ok);
  daemon.config = await keepingConf(configOf([sticky(true)]), lb);
  writes.length = 0;
  const synced = await daemon.reconciler.reloaded();
  assert.equal(synced?.done, 7);
  // The prefix stands in the dump of its servers, and in each message of the recreate.
  const prefix = "00cb007107";
  const count = (write: Uint8Array) => write.toHex().split(prefix).length - 1;
  assert.deepEqual(writes.map(count).filter((n) => n > 0), [1, 9], "flush, delete, add, and six servers");
});

Deno.test("a periodic sync that changes nothing sends reads only, and none of them unfiltered", async () => {
  await using target = await simulated();
  await using bench = await Bench.open(target);
  const many = [1, 2, 3].map((n) =>
    frontend(`f${n}`, { p: { b1: 1, b2: 1 } }, { address: ip(`203.0.113.${n}`) })
  );
  await using daemon = new TestWorld(configOf(many, settings));
  daemon.reconciler.connected(bench.session.lb);
  assert.ok((await daemon.reconciler.sync({})).ok);
  // The first read after VIPs were added asks for the text once more.
  assert.ok((await daemon.reconciler.sync({})).ok);
  const { recorder } = target.simulator;
  const before = recorder.requests.length;
  assert.ok((await daemon.reconciler.sync({})).ok);
  const sent = recorder.requests.slice(before).map((request) => request.name)
    .filter((name) => name !== "control_ping");
  assert.deepEqual(sent.sort(), [
    "lb_as_v2_dump",
    "lb_as_v2_dump",
    "lb_as_v2_dump",
    "lb_conf_get",
    "lb_vip_dump",
  ]);
});

Deno.test("a VPP restart while changes are in flight loses nothing", async () => {
  await using target = await simulated();
  const many = Array.from(
    { length: 60 },
    (_, n) => frontend(`f${n}`, { p: { b1: 1, b2: 1, b3: 1 } }, { address: ip(`203.0.113.${n}`) }),
  );
  await using daemon = new TestWorld(configOf(many));
  {
    await using first = await openSession(target);
    using _ = target.simulator.faults.add({ on: "lb_add_del_as_v2", outcome: { kind: "ignore" } });
    daemon.reconciler.connected(first.lb);
    while (daemon.counted.length < 40) await new Promise((resolve) => setTimeout(resolve, 1));
    await target.simulator.kill();
  }
  daemon.reconciler.disconnected();
  await target.simulator.restart();
  await using second = await Bench.open(target);
  daemon.reconciler.connected(second.session.lb);
  assert.ok((await daemon.reconciler.sync({})).ok);
  const vips = await second.read();
  assert.equal(vips.length, 60);
  assert.ok(vips.every((vip) => vip.servers.length === 3));
  assert.equal(daemon.reconciler.overall, "in-sync");
});
