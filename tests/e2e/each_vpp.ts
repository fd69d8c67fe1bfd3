/**
 * A VPP that the daemon under test has for itself: a simulated one always, and the real one that the environment
 * names (MAGLEV_TEST_VPP_API, MAGLEV_TEST_VPP_STATS). The real one must have no VIPs; afterwards it has none, and
 * the settings that it had.
 *
 * @module
 */
import type { Op, OpReply } from "../../src/lb/balancer.ts";
import type { ActualConf, ActualVip } from "../../src/model.ts";
import { ip, octets } from "../../src/net/ip.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import type { DaemonOptions } from "./harness.ts";
import { HandSession, isReal, realPaths } from "./netns_vpp.ts";
import { Vpp } from "./world.ts";

/** TCP packets of one flow. */
export interface Flow {
  readonly client: string;
  readonly clientPort: number;
  readonly vip: string;
  readonly port: number;
  /** How many. */
  readonly packets: number;
}

/** Octets of each packet. */
export const packetSize = 64;

/** A VPP for one test. */
export interface OwnVpp {
  readonly paths: NonNullable<DaemonOptions["vpp"]>;
  /** Null: a real one. */
  readonly simulator: Simulator | null;
  /** Somebody else's session. */
  readonly hand: HandSession;
  /** Sends packets through VPP; resolves when all went. */
  send(flow: Flow): Promise<void>;
}

/** Registers one test for each VPP; the one on a real VPP is skipped, with the reason, where none is given. */
export function onEachVpp(name: string, run: (vpp: OwnVpp) => Promise<void>): void {
  Deno.test(`${name} [simulated VPP]`, async () => {
    await using vpp = await Vpp.start();
    await using hand = await HandSession.open(vpp.paths.api);
    const { simulator } = vpp;
    const send = ({ client, clientPort, vip, port, packets }: Flow): Promise<void> => {
      const flow = { client: ip(client), clientPort, vip: ip(vip), port, protocol: 6 };
      simulator.forward({ ...flow, packets, octets: packetSize });
      return Promise.resolve();
    };
    await run({ paths: vpp.paths, simulator, hand, send });
  });
  const why = "skipped, MAGLEV_TEST_VPP_API and MAGLEV_TEST_VPP_STATS are not set";
  Deno.test({
    name: `${name} [real VPP${isReal ? "" : `: ${why}`}]`,
    ignore: !isReal,
    fn: () => onReal(run),
  });
}

async function onReal(run: (vpp: OwnVpp) => Promise<void>): Promise<void> {
  await using hand = await HandSession.open(realPaths.api);
  const conf = await hand.conf();
  const before = await hand.vips();
  if (before.length > 0) throw new Error(`the real VPP has ${before.length} VIPs of somebody else`);
  const generator = new Generator(hand);
  try {
    await run({ paths: realPaths, simulator: null, hand, send: (flow) => generator.send(flow) });
  } finally {
    await generator.remove();
    for (const vip of await hand.vips()) await hand.remove(vip);
    await hand.apply({ kind: "conf-set", conf });
  }
}

/** Two sets of settings for a VPP that must differ. */
export function otherConf(conf: ActualConf): ActualConf {
  return {
    ...conf,
    ipv4SrcAddress: ip("192.0.2.99"),
    flowTimeoutSeconds: conf.flowTimeoutSeconds === 7 ? 8 : 7,
  };
}

/** Sends operations in order and fails at the first that VPP refuses. */
export async function byHand(hand: HandSession, ...ops: readonly Op[]): Promise<void> {
  for (const op of ops) {
    const { error }: OpReply = await hand.apply(op);
    if (error !== null) throw new Error(`${JSON.stringify(op)}: ${error}`);
  }
}

/** A VIP in one line: `203.0.113.1/32 6 80 gre4 1024 sticky: 10.0.0.1 100, 10.0.0.2 50`. */
export function vipLine(vip: ActualVip): string {
  const servers = vip.servers.map(({ address, weight }) => `${address} ${weight}`).sort().join(", ");
  const { prefix, protocol, port, encap, tableLength, srcIpSticky } = vip;
  return `${prefix} ${protocol} ${port} ${encap} ${tableLength}${srcIpSticky ? " sticky" : ""}: ${servers}`;
}

/** Every VIP that VPP has, in lines. */
export async function vipLines(hand: HandSession): Promise<string[]> {
  return (await hand.vips()).map(vipLine).sort();
}

/** VPP's packet generator, with an interface of its own. */
class Generator {
  readonly #hand: HandSession;
  readonly #streams: string[] = [];
  #made = false;

  constructor(hand: HandSession) {
    this.#hand = hand;
  }

  async send(flow: Flow): Promise<void> {
    if (!this.#made) {
      await this.#hand.cli("create packet-generator interface pg77");
      this.#made = true;
      await this.#hand.cli("set interface state pg77 up");
      await this.#hand.cli("set interface ip address pg77 192.0.2.1/24");
      await this.#hand.cli("set interface ip address pg77 2001:db8:77:ffff::1/64");
    }
    const name = `flow${this.#streams.length}`;
    const node = flow.vip.includes(":") ? "ip6-input" : "ip4-input";
    const { packets } = flow;
    await this.#hand.cli(
      `packet-generator new { name ${name} limit ${packets} source pg77 node ${node} ` +
        `size ${packetSize}-${packetSize} data { hex 0x${packet(flow).toHex()} } }`,
    );
    this.#streams.push(name);
    await this.#hand.cli(`packet-generator enable-stream ${name}`);
    for (let look = 0; look < 1000; look++) {
      const [, sent] =
        new RegExp(`^${name} +No +(\\d+) `, "m").exec(await this.#hand.cli("show packet-generator")) ??
          [];
      if (Number(sent) === packets) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`VPP did not send ${packets} packets`);
  }

  async remove(): Promise<void> {
    for (const name of this.#streams) await this.#hand.cli(`packet-generator delete ${name}`);
    if (this.#made) await this.#hand.cli("delete packet-generator interface pg77");
  }
}

/** The first packet of a TCP connection, without its checksum, which VPP does not look at. */
function packet({ client, clientPort, vip, port }: Flow): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(packetSize);
  const view = new DataView(bytes.buffer);
  const v6 = vip.includes(":");
  const start = v6 ? 40 : 20;
  if (v6) {
    bytes.set([0x60, 0, 0, 0, 0, packetSize - start, 6, 64]);
    bytes.set(octets(ip(client)), 8);
    bytes.set(octets(ip(vip)), 24);
  } else {
    bytes.set([0x45, 0, 0, packetSize, 0, 1, 0, 0, 64, 6]);
    bytes.set(octets(ip(client)), 12);
    bytes.set(octets(ip(vip)), 16);
    let sum = 0;
    for (let at = 0; at < start; at += 2) sum += view.getUint16(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(10, ~sum & 0xffff);
  }
  view.setUint16(start, clientPort);
  view.setUint16(start + 2, port);
  view.setUint16(start + 12, 0x5002);
  return bytes;
}
