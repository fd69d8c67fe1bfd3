/**
 * What the VPP tests run against: a simulated VPP always, and a real one if the environment names its sockets.
 * Tests use VIPs in 203.0.113.0/24 and 2001:db8:77::/48 only, and delete them again.
 */
import assert from "node:assert/strict";
import { silentLog } from "../../src/log/mod.ts";
import { systemClock } from "../../src/clock.ts";
import type { Op } from "../../src/lb/balancer.ts";
import type { ActualVip, Encap, IpAddress, VipKey } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { Simulator, type SimulatorOptions } from "../../src/simulator/simulator.ts";
import { connectUnix } from "../../src/vpp/link.ts";
import { Session, type SessionOptions } from "../../src/vpp/session.ts";

/** A VPP under test. */
export interface Target extends AsyncDisposable {
  readonly api: string;
  readonly stats: string;
  /** Null for a real VPP. */
  readonly simulator: Simulator | null;
}

const realApi = Deno.env.get("MAGLEV_TEST_VPP_API") ?? "";
const realStats = Deno.env.get("MAGLEV_TEST_VPP_STATS") ?? "";

/** Starts a simulated VPP in a directory of its own. */
export async function simulated(
  options: Partial<SimulatorOptions> = {},
): Promise<Target & { simulator: Simulator }> {
  const dir = await Deno.makeTempDir({ prefix: "maglev-sim-" });
  const api = `${dir}/api.sock`;
  const stats = `${dir}/stats.sock`;
  const simulator = await Simulator.start({ api, stats, ...options });
  return {
    api,
    stats,
    simulator,
    async [Symbol.asyncDispose]() {
      await simulator[Symbol.asyncDispose]();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** Registers one test for each target; the one on a real VPP is skipped, with the reason, where none is given. */
export function onEachVpp(name: string, run: (target: Target) => Promise<void>): void {
  Deno.test(`${name} [simulated VPP]`, async () => {
    await using target = await simulated();
    await run(target);
  });
  const given = realApi !== "" && realStats !== "";
  Deno.test({
    name: `${name} [real VPP${
      given ? "" : ": skipped, MAGLEV_TEST_VPP_API and MAGLEV_TEST_VPP_STATS are not set"
    }]`,
    ignore: !given,
    fn: () =>
      run({
        api: realApi,
        stats: realStats,
        simulator: null,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  });
}

/** Opens a session on a target by the machine's clock. */
export function openSession(target: Target, changes: Partial<SessionOptions> = {}): Promise<Session> {
  return Session.open({
    apiAddress: target.api,
    statsAddress: target.stats,
    clock: systemClock,
    log: silentLog,
    deadlineMs: 5000,
    onMessage: () => {},
    connect: connectUnix,
    ...changes,
  }, new AbortController().signal);
}

/** A VIP of the tests' own range. */
export function vipOf(address: string, port = 80, protocol = 6): VipKey {
  return { prefix: `${address}/${address.includes(":") ? 128 : 32}`, protocol, port };
}

function ours(vip: VipKey): boolean {
  return vip.prefix.startsWith("203.0.113.") || vip.prefix.startsWith("2001:db8:77:");
}

/** Only the VIPs of the tests' own range: a real VPP may have others. */
export function onlyOurs(vips: readonly ActualVip[]): ActualVip[] {
  return vips.filter(ours);
}

/** A session that leaves no VIP of ours behind. */
export class Bench implements AsyncDisposable {
  readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  static async open(target: Target, changes: Partial<SessionOptions> = {}): Promise<Bench> {
    const bench = new Bench(await openSession(target, changes));
    await bench.clear();
    return bench;
  }

  /** Sends an operation and expects VPP to do it. */
  async done(...ops: Op[]): Promise<void> {
    for (const [i, reply] of (await this.session.lb.applyTogether(ops)).entries()) {
      assert.deepEqual(reply, { retval: 0, error: null }, JSON.stringify(ops[i]));
    }
  }

  /** Makes a VIP with servers. */
  async add(
    vip: VipKey,
    servers: Readonly<Record<string, number>>,
    options: { encap?: Encap; tableLength?: number; srcIpSticky?: boolean } = {},
  ): Promise<void> {
    const { encap = "gre4", tableLength = 1024, srcIpSticky = false } = options;
    await this.done(
      { kind: "vip-add", vip, encap, tableLength, srcIpSticky },
      ...Object.entries(servers).map(([address, weight]): Op => ({
        kind: "as-add",
        vip,
        address: ip(address),
        weight,
      })),
    );
  }

  /** VPP's VIPs in the tests' range. */
  async read(): Promise<ActualVip[]> {
    return onlyOurs((await this.session.lb.readAll()).vips);
  }

  /** Deletes every VIP in the tests' range. */
  async clear(): Promise<void> {
    const vips = await this.read();
    for (const vip of vips) {
      await this.done({ kind: "vip-flush", vip }, { kind: "vip-delete", vip, encap: vip.encap });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.session.client.signal.aborted) await this.clear();
    } finally {
      await this.session[Symbol.asyncDispose]();
    }
  }
}

/** Servers with their weights, in numeric order of nothing in particular. */
export function weights(vip: ActualVip | null | undefined): Record<string, number> {
  return Object.fromEntries(
    (vip?.servers ?? []).map((server): [IpAddress, number] => [server.address, server.weight]),
  );
}
