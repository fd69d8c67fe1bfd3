/**
 * The VPP of a test with network namespaces: the simulated one, or a real one if the environment names it.
 *
 *   MAGLEV_TEST_VPP_API, MAGLEV_TEST_VPP_STATS   paths of its sockets; nobody else uses it at the time
 *   MAGLEV_TEST_VPP_START                        shell command that starts it again after it was killed and
 *                                                returns when its sockets are there
 *
 * @module
 */
import { systemClock } from "../../src/clock.ts";
import type { Op, OpReply } from "../../src/lb/balancer.ts";
import { silentLog } from "../../src/log/mod.ts";
import type { ActualConf, ActualVip, Family, IpAddress, VipKey } from "../../src/model.ts";
import { family, ip } from "../../src/net/ip.ts";
import { VppClient } from "../../src/vpp/client.ts";
import { VppLoadBalancer } from "../../src/vpp/lb.ts";
import { connectUnix } from "../../src/vpp/link.ts";
import { calls } from "../../src/vpp/messages.ts";
import { run, type Segment } from "./netns.ts";
import { Vpp } from "./world.ts";

/** A session on VPP's API socket beside maglevd's own, under another name. */
export class HandSession implements AsyncDisposable {
  readonly #client: VppClient;
  readonly #lb: VppLoadBalancer;

  private constructor(client: VppClient, lb: VppLoadBalancer) {
    this.#client = client;
    this.#lb = lb;
  }

  /** Opens one. */
  static async open(api: string): Promise<HandSession> {
    const stream = await connectUnix(api, new AbortController().signal);
    const options = { clock: systemClock, log: silentLog, name: "by-hand", deadlineMs: 5000, onMessage() {} };
    const client = await VppClient.open(stream, options);
    const { version } = await client.demand(calls.showVersion, {});
    const session = {
      client,
      version,
      bootTime: 0,
      onVips() {},
      readHeap: () => Promise.resolve(null),
    };
    return new HandSession(client, new VppLoadBalancer(session, systemClock, silentLog));
  }

  /** Every VIP with its servers. */
  async vips(): Promise<readonly ActualVip[]> {
    return (await this.#lb.readAll()).vips;
  }

  /** The global settings. */
  conf(): Promise<ActualConf> {
    return this.#lb.readConf();
  }

  /** Sends one message; returns VPP's answer. */
  apply(op: Op): Promise<OpReply> {
    return this.#lb.apply(op);
  }

  /** Changes a weight behind maglevd's back. */
  async setWeight(vip: VipKey, address: IpAddress, weight: number): Promise<void> {
    const { retval } = await this.apply({ kind: "as-weight", vip, address, weight, flush: false });
    if (retval !== 0) throw new Error(`lb_as_set_weight: ${retval}`);
  }

  /** Deletes a VIP. */
  async remove({ prefix, protocol, port, encap }: ActualVip): Promise<void> {
    const vip = { prefix, protocol, port };
    await this.#lb.applyTogether([{ kind: "vip-flush", vip }, { kind: "vip-delete", vip, encap }]);
  }

  /** Runs a command of VPP's own command line and returns what it prints. */
  async cli(command: string): Promise<string> {
    const { retval, body } = await this.#client.request(calls.cliInband, { cmd: command });
    if (retval !== 0) throw new Error(`${command}: ${retval} ${body?.reply ?? ""}`);
    return body?.reply ?? "";
  }

  /** Process id of VPP. */
  async pid(): Promise<number> {
    return (await this.#client.demand(calls.controlPing, {})).vpe_pid;
  }

  /** Ends the session. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}

/** A VPP that a test may kill. */
export interface TestVpp extends AsyncDisposable {
  /** For people. */
  readonly name: string;
  readonly paths: { readonly api: string; readonly stats: string };
  /** Why it cannot be killed here; null: it can. */
  readonly mustLive: string | null;
  /** Address to which packets of a client's new connection to a VIP go; null: nowhere. */
  target(vip: string): string | null;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again. */
  restart(): Promise<void>;
}

/** Addresses that a real VPP gets on the segment. */
export interface Place {
  readonly segment: Segment;
  /** E.g. `10.77.0.2/24`. */
  readonly addresses: readonly string[];
  /** Where the connections that a simulated VPP forwards come from, by the family of the VIP. */
  readonly client: Readonly<Record<Family, string>>;
}

const realApi = Deno.env.get("MAGLEV_TEST_VPP_API") ?? "";
const realStats = Deno.env.get("MAGLEV_TEST_VPP_STATS") ?? "";
const startCommand = Deno.env.get("MAGLEV_TEST_VPP_START") ?? "";

/** Whether the environment names a real VPP. */
export const isReal: boolean = realApi !== "" && realStats !== "";

/** Paths of the real VPP's sockets; empty where there is none. */
export const realPaths = { api: realApi, stats: realStats } as const;

/** Why the VPP of the environment cannot carry packets between namespaces; null: it can, or none is named. */
export async function vppMissing(): Promise<string | null> {
  if (!isReal) return null;
  await using session = await HandSession.open(realApi);
  const plugins = await session.cli("show plugins");
  return plugins.includes("af_packet_plugin.so") ? null : "the given VPP has no af_packet plugin";
}

/** The real VPP that the environment names, with a cable to the segment; else a simulated one. */
export function startVpp(place: Place): Promise<TestVpp> {
  return isReal ? RealVpp.attach(place) : SimulatedTestVpp.start(place);
}

class SimulatedTestVpp implements TestVpp {
  readonly name = "simulated";
  readonly mustLive = null;
  readonly #vpp: Vpp;
  readonly #client: Place["client"];
  #port = 20_000;

  private constructor(vpp: Vpp, client: Place["client"]) {
    this.#vpp = vpp;
    this.#client = client;
  }

  static async start({ client }: Place): Promise<SimulatedTestVpp> {
    return new SimulatedTestVpp(await Vpp.start(), client);
  }

  get paths(): Vpp["paths"] {
    return this.#vpp.paths;
  }

  /** It moves no packets, but it tells where they would go: the client connects there itself. */
  target(vip: string): string | null {
    const { simulator } = this.#vpp;
    if (simulator.death !== null) return null;
    const client = ip(this.#client[family(ip(vip))]);
    const clientPort = this.#port++;
    return simulator.forward({
      client,
      clientPort,
      vip: ip(vip),
      port: 80,
      protocol: 6,
      packets: 5,
    });
  }

  kill(): Promise<void> {
    return this.#vpp.simulator.kill();
  }

  restart(): Promise<void> {
    return this.#vpp.simulator.restart();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#vpp[Symbol.asyncDispose]();
  }
}

class RealVpp implements TestVpp {
  readonly name = "real";
  readonly paths = realPaths;
  readonly mustLive = startCommand === "" ? "MAGLEV_TEST_VPP_START is not set" : null;
  readonly #place: Place;
  readonly #interface = `mge${Deno.pid}`;

  private constructor(place: Place) {
    this.#place = place;
  }

  static async attach(place: Place): Promise<RealVpp> {
    const vpp = new RealVpp(place);
    {
      await using session = await HandSession.open(realApi);
      const vips = await session.vips();
      if (vips.length > 0) throw new Error(`the real VPP has ${vips.length} VIPs of somebody else`);
      await place.segment.cable(vpp.#interface, await session.pid());
    }
    await vpp.#configure();
    return vpp;
  }

  /** It gets every packet to a VIP and sends it on itself. */
  target(vip: string): string {
    return vip;
  }

  async kill(): Promise<void> {
    let pid: number;
    {
      await using session = await HandSession.open(realApi);
      pid = await session.pid();
    }
    Deno.kill(pid, "SIGKILL");
  }

  async restart(): Promise<void> {
    await run("sh", "-c", startCommand);
    await this.#configure();
  }

  /** The VIPs that maglevd rightly left there are ours, and so is the interface. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using session = await HandSession.open(realApi);
    for (const vip of await session.vips()) await session.remove(vip);
    await session.cli(`delete host-interface name ${this.#interface}`);
  }

  async #configure(): Promise<void> {
    await using session = await HandSession.open(realApi);
    const name = `host-${this.#interface}`;
    // The same address as before a restart, or its neighbours would send to the old one for a while.
    await session.cli(`create host-interface name ${this.#interface} hw-addr 02:fe:77:00:00:02`);
    await session.cli(`set interface state ${name} up`);
    for (const address of this.#place.addresses) {
      await session.cli(`set interface ip address ${name} ${address}`);
    }
  }
}
