/**
 * A whole small world: a simulated VPP, web servers, and maglevd on a configuration over them.
 *
 * @module
 */
import type { LbState } from "../../src/api/mod.ts";
import type { ReceivedRequest } from "../../src/simulator/faults.ts";
import { ip } from "../../src/net/ip.ts";
import { Simulator } from "../../src/simulator/simulator.ts";
import { type DaemonOptions, TestDaemon, WebServer } from "./harness.ts";

/** Global settings of every configuration here; no warm-up, so that tests need not wait. */
export const lbSettings = `  vpp:
    lb:
      ipv4-src-address: 192.0.2.254
      ipv6-src-address: 2001:db8::254
      startup-min-delay: 0s
      startup-max-delay: 0s
`;

/** Three web servers on loopback addresses of this test file and one health check for them. */
export class Backends implements AsyncDisposable {
  readonly #servers: WebServer[];

  /** Serves on 127.`net`.1…3, all on one port. */
  constructor(net: string) {
    const first = new WebServer(`127.${net}.1`);
    this.#servers = [
      first,
      new WebServer(`127.${net}.2`, first.port),
      new WebServer(`127.${net}.3`, first.port),
    ];
  }

  /** Server 1, 2 or 3. */
  at(number: number): WebServer {
    const server = this.#servers[number - 1];
    if (server === undefined) throw new RangeError(`there is no server ${number}`);
    return server;
  }

  /** Port of all three. */
  get port(): number {
    return this.at(1).port;
  }

  /** Stops all three. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
  }
}

/** Frontend www with b1 and b2 before b3, on 127.`net`.1…3, with the health check `web`. */
export function wwwSite(net: string): string {
  return `  backends:
    b1: { address: 127.${net}.1, healthcheck: web }
    b2: { address: 127.${net}.2, healthcheck: web }
    b3: { address: 127.${net}.3, healthcheck: web }
  frontends:
    www:
      address: 198.51.100.10
      protocol: tcp
      port: 80
      pools:
        - { name: primary, backends: { b1: {}, b2: { weight: 50 } } }
        - { name: fallback, backends: { b3: {} } }
`;
}

/** A configuration: frontend www with b1, b2 before b3, fast checks. */
export function wwwConfig(net: string, port: number, more = ""): string {
  return `maglev:
${lbSettings}
  healthchecks:
    web: { type: http, port: ${port}, interval: 200ms, fast-interval: 50ms, timeout: 2s, rise: 2, fall: 3 }
${wwwSite(net)}${more}`;
}

/** A dump's filter that lists every server. */
const everyServer = { pfx: { octets: new Uint8Array(16), af: 0, len: 0 }, protocol: 0, port: 0 } as const;

/** A request for a change in words; null for one that only reads. */
function inWords({ name, body }: ReceivedRequest): string | null {
  const { as_address: server, pfx, weight, is_del: gone, is_flush: flushes } = body as Record<
    string,
    unknown
  >;
  const flush = flushes === true ? " flush" : "";
  switch (name) {
    case "lb_conf":
      return "conf";
    case "lb_flush_vip":
      return `vip-flush ${pfx}`;
    case "lb_add_del_vip_v2":
      return gone === true ? `vip-delete ${pfx}` : `vip-add ${pfx}`;
    case "lb_add_del_as_v2":
      return gone === true ? `delete ${server}${flush}` : `add ${server} ${weight}${flush}`;
    case "lb_as_set_weight":
      return `weight ${server} ${weight}${flush}`;
    default:
      return null;
  }
}

/** A simulated VPP in a folder of its own. */
export class Vpp implements AsyncDisposable {
  readonly #folder: string;
  /** The simulator. */
  readonly simulator: Simulator;
  /** Paths of its sockets. */
  readonly paths: { readonly api: string; readonly stats: string };

  private constructor(folder: string, simulator: Simulator, paths: Vpp["paths"]) {
    this.#folder = folder;
    this.simulator = simulator;
    this.paths = paths;
  }

  /** Starts it. */
  static async start(options: { readonly without?: readonly string[] } = {}): Promise<Vpp> {
    const folder = await Deno.makeTempDir({ prefix: "maglev-vpp-" });
    const paths = { api: `${folder}/api.sock`, stats: `${folder}/stats.sock` };
    return new Vpp(folder, await Simulator.start({ ...paths, ...options }), paths);
  }

  /** Makes a TCP VIP with servers as somebody else would; nobody's request, so it is not recorded. */
  place(pfx: string, port: number, weights: Readonly<Record<string, number>>, tableLength = 1024): void {
    const key = { pfx, protocol: 6, port } as const;
    const { lb } = this.simulator.vpp;
    const made = [lb.lb_add_del_vip_v2({
      ...key,
      encap: 0,
      dscp: 0,
      type: 0,
      target_port: 0,
      node_port: 0,
      new_flows_table_length: tableLength,
      src_ip_sticky: false,
      is_del: false,
    }, 0)];
    for (const [address, weight] of Object.entries(weights)) {
      const server = { ...key, as_address: ip(address), weight, is_del: false, is_flush: false } as const;
      made.push(lb.lb_add_del_as_v2(server, 0));
    }
    if (made.some((retval) => retval !== 0)) throw new Error(`cannot make ${pfx}: ${made}`);
  }

  /** Names of the messages that asked for a change since `from`. */
  changes(from = 0): string[] {
    const changing = /^lb_(conf|add_del_.*|as_set_weight|flush_vip)$/;
    return this.simulator.recorder.requests.slice(from).map((r) => r.name).filter((name) =>
      changing.test(name)
    );
  }

  /** The requests for changes since `from`, in words: `weight 127.0.0.1 50 flush`. */
  told(from = 0): string[] {
    return this.simulator.recorder.requests.slice(from).flatMap((request) => inWords(request) ?? []);
  }

  /** Weights of the servers in use, by address; of all VIPs, or of those on one address. */
  weights(vip = ""): Record<string, number> {
    const found = [...this.weightsByVip()].filter(([key]) => key.startsWith(vip === "" ? "" : `${vip}/`));
    return Object.fromEntries(found.map(([key, weight]) => [key.split(" ")[1], weight]));
  }

  /** Weights of the servers in use, by VIP and address: `198.51.100.1/32 127.0.0.1`. */
  weightsByVip(): Map<string, number> {
    const rows = [...this.simulator.vpp.lb.lb_as_v2_dump(everyServer)].filter((row) => (row.flags & 1) !== 0);
    return new Map(rows.map((row) => [`${row.vip.pfx} ${row.app_srv}`, row.weight]));
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.simulator[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Starts maglevd and waits until it is ready. */
export function ready(options: DaemonOptions): Promise<TestDaemon> {
  return TestDaemon.start({ ...options, until: "ready" });
}

/** Weights that VPP, read back, has on a frontend's VIP, in the order of its servers. */
export async function weightsInVpp(daemon: TestDaemon, frontend: string): Promise<number[]> {
  const state = await daemon.get<LbState>(`/v1/vpp/lb/state?frontend=${frontend}`);
  return state.vips.flatMap((vip) => vip.application_servers.map((server) => server.weight));
}
