/** Daemons of one fleet, each with a VPP of its own, on a store of real etcd members. */
import type { Fleet } from "../../src/api/mod.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { fasterClock, Inside } from "../daemon/inside.ts";
import { Backends, Vpp, wwwConfig } from "../e2e/world.ts";
import { etcdLack } from "./cluster.ts";

/** A test that is skipped, with the reason, where there is no etcd. */
export function test(name: string, run: () => Promise<void>): void {
  Deno.test({
    name: etcdLack === null ? name : `${name} (skipped: ${etcdLack})`,
    ignore: etcdLack !== null,
    fn: run,
  });
}

/** What a daemon does every so many seconds comes sooner; the hour is the store's. */
export function quickClock(factor = 5): Clock {
  return { ...fasterClock(factor), wall: systemClock.wall };
}

/** Options of a node. */
export interface NodeOptions {
  readonly stateDir?: string;
  readonly clock?: Clock;
  /** More of the fleet's section, e.g. `, username: ops`. */
  readonly more?: string;
  /** Changes the text of the configuration. */
  readonly edit?: (config: string) => string;
}

/** Web servers that all nodes probe, and the nodes. */
export class Site implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #net: string;
  readonly #endpoints: readonly string[];
  readonly servers: Backends;
  readonly vpps = new Map<string, Vpp>();
  readonly nodes = new Map<string, Inside>();

  constructor(net: string, endpoints: readonly string[]) {
    this.#net = net;
    this.#endpoints = endpoints;
    this.servers = this.#stack.use(new Backends(net));
  }

  /** Text of a node's configuration. */
  config(name: string, { edit = (text) => text, more = "" }: NodeOptions = {}): string {
    const endpoints = this.#endpoints.map((url) => `"${url}"`).join(", ");
    const fleet = `  fleet: { name: site, node: ${name}, endpoints: [${endpoints}]${more} }\n`;
    return edit(wwwConfig(this.#net, this.servers.port, fleet));
  }

  /** Starts a node, on the VPP that an earlier daemon of its name had. */
  async start(name: string, options: NodeOptions = {}): Promise<Inside> {
    const vpp = this.vpps.get(name) ?? this.#stack.use(await Vpp.start());
    this.vpps.set(name, vpp);
    const { clock = quickClock(), stateDir } = options;
    const node = await Inside.start({
      config: this.config(name, options),
      vpp: vpp.paths,
      clock,
      args: stateDir === undefined ? [] : ["--state-dir", stateDir],
    });
    this.nodes.set(name, node);
    return node;
  }

  /** Ends a node. */
  async stop(name: string): Promise<void> {
    const node = this.nodes.get(name);
    this.nodes.delete(name);
    await node?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.nodes.keys()].map((name) => this.stop(name)));
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Resolves when GET /v1/fleet of a node is as it should be. */
export async function fleetIs(
  node: Inside,
  isSo: (fleet: Fleet) => boolean,
  what: string,
): Promise<Fleet> {
  return await node.until(async () => {
    const fleet = await node.json<Fleet>("/v1/fleet");
    return isSo(fleet) ? fleet : undefined;
  }, what);
}
