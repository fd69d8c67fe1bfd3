/**
 * The demo as a fleet: an etcd that all nodes share, and for each node but the first a simulated VPP and a maglevd.
 *
 * @module
 */
import { DemoError } from "./error.ts";
import { Part } from "./part.ts";
import { unusedPort } from "./port.ts";
import { project } from "./site.ts";

/** Most nodes of a demo. */
export const mostNodes = 9;

/** A node of the demo. */
export interface DemoNode {
  /** Its name. */
  readonly name: string;
  /** Where its API listens. */
  readonly listen: string;
}

/** The nodes: the first listens where the demo does, the others on the ports after that. */
export function nodesOf(hostname: string, port: number, count: number): DemoNode[] {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return Array.from({ length: count }, (_, i) => ({ name: `lb${i + 1}`, listen: `${host}:${port + i}` }));
}

/** Flags that make a maglevd one of these nodes: its name, and a tab on its dashboard for each of the others. */
export function fleetFlags(node: DemoNode, all: readonly DemoNode[]): string[] {
  const others = all.filter((other) => other !== node);
  return [
    "--node-name",
    node.name,
    ...others.flatMap(({ listen, name }) => ["--peer", `${name}=http://${listen}`]),
  ];
}

/** A configuration with the section of the fleet. */
export function withFleet(config: string, store: string): string {
  return `${config.trimEnd()}\n  fleet:\n    name: demo\n    endpoints: ["${store}"]\n`;
}

/** The store and the other nodes. Owns them: disposal ends all. */
export class DemoFleet implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #folder: string;
  /** Address of the store. */
  readonly store: string;

  private constructor(folder: string, store: string) {
    this.#folder = folder;
    this.store = store;
  }

  /** Starts the store. Throws a DemoError that says how to get it where it is not installed. */
  static async start(folder: string, signal: AbortSignal): Promise<DemoFleet> {
    const [client, peer] = [unusedPort(), unusedPort()].map((port) => `http://127.0.0.1:${port}`);
    const fleet = new DemoFleet(folder, client ?? "");
    const args = ["--data-dir", `${folder}/etcd`, "--logger", "zap"];
    args.push("--listen-client-urls", fleet.store, "--advertise-client-urls", fleet.store);
    args.push("--listen-peer-urls", peer ?? "", "--initial-advertise-peer-urls", peer ?? "");
    args.push("--initial-cluster", `default=${peer}`);
    // It ends with the demo, however that ends: then its standard input closes.
    const script = `command -v etcd >/dev/null || exit 9
      etcd "$@" >"$0" 2>&1 & trap 'kill -9 $!' EXIT; cat >/dev/null`;
    const child = new Deno.Command("sh", {
      args: ["-c", script, `${folder}/etcd.log`, ...args],
      stdin: "piped",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    let code: number | null = null;
    const ended = child.status.then((status) => code = status.code);
    fleet.#stack.defer(async () => {
      await child.stdin.close().catch(() => {});
      await ended;
    });
    while (!await answers(fleet.store, signal)) {
      if (code === 9) {
        await fleet[Symbol.asyncDispose]();
        throw new DemoError(
          "a fleet needs etcd, which is not installed (Debian: apt-get install etcd-server)",
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return fleet;
  }

  /** Starts a node with these flags; resolves when it is ready, rejects with a DemoError when it ends before. */
  async add({ listen, name }: DemoNode, flags: readonly string[]): Promise<void> {
    const folder = `${this.#folder}/${name}`;
    await Deno.mkdir(folder);
    const [api, stats] = [`${folder}/api.sock`, `${folder}/stats.sock`];
    const vpp = this.#stack.use(
      new Part(
        `simulated VPP of ${name}`,
        [
          "run",
          "-A",
          project("src/simulator/main.ts"),
          "--api",
          api,
          "--stats",
          stats,
          "--until-stdin-closes",
        ],
        null,
        (line) => line.startsWith("{"),
      ),
    );
    await vpp.ready;
    const own = ["--listen", listen, "--vpp-api-addr", api, "--vpp-stats-addr", stats];
    own.push("--local-token", `${folder}/token`, "--state-dir", `${folder}/state`);
    const maglevd = this.#stack.use(
      new Part(
        `maglevd ${name}`,
        ["run", "-A", project("src/demo/maglevd.ts"), ...flags, ...own],
        `${folder}/maglevd.log`,
        (line) => line.includes('"msg":"ready"'),
      ),
    );
    await maglevd.ready;
  }

  /** Ends everything and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function answers(store: string, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(`${store}/health`, { signal });
    const { health } = await answer.json();
    return health === "true";
  } catch (error) {
    signal.throwIfAborted();
    // Nobody listens yet.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
