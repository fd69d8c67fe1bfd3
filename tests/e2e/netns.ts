/**
 * Network namespaces for one test: hosts on one Ethernet segment, and nothing of it outside.
 *
 *   prober  client  web1  web2  web3  ...  ──── hub (a bridge)
 *
 * Names carry the process id of the test, so that what a killed test left behind is known and removed.
 *
 * @module
 */
import { optionalTool } from "../tool.ts";

const decoder = new TextDecoder();

/** Namespaces of any test of this kind: the prefix, the process that made it, what it is for. */
const ours = /^mge-(\d+)-[a-z0-9]+$/;

/** Runs a command to its end and returns its standard output; throws with its standard error if it fails. */
export async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}

/** Why tests with namespaces and nginx cannot run here; null: they can. */
export async function namespacesMissing(): Promise<string | null> {
  if (Deno.uid() !== 0) return "network namespaces need root";
  if ((optionalTool("ip")).missing) return "iproute2 is not installed";
  if ((optionalTool("nginx")).missing) return "nginx is not installed";
  const trial = `mge-${Deno.pid}-trial`;
  try {
    await run("ip", "netns", "add", trial);
    try {
      await run("ip", "-n", trial, "link", "add", "bridge", "type", "bridge");
      await run("ip", "-n", trial, "link", "add", "name", "one", "type", "veth", "peer", "name", "other");
      await run("ip", "-n", trial, "address", "add", "fd77::1/64", "dev", "one");
    } finally {
      await run("ip", "netns", "delete", trial);
    }
    return null;
  } catch (error) {
    return `this machine gives no network namespace with bridge, veth pair and IPv6: ${
      error instanceof Error ? error.message : error
    }`;
  }
}

/** Deletes the namespaces of tests whose process is gone. */
async function deleteStale(): Promise<void> {
  for (const line of (await run("ip", "netns", "list")).split("\n")) {
    const name = line.split(" ")[0] ?? "";
    const pid = ours.exec(name)?.[1];
    if (pid === undefined) continue;
    const alive = await Deno.stat(`/proc/${pid}`).then(() => true, () => false);
    if (!alive) await run("ip", "netns", "delete", name);
  }
}

/** Namespaces on one segment; disposal deletes them with all that is in them. */
export class Segment implements AsyncDisposable {
  readonly #names = new Set<string>();
  readonly #hub: string;

  /** Deletes what is left when the test ends without disposal: by an error that nobody caught. */
  readonly #atEnd = (): void => {
    for (const name of this.#names) new Deno.Command("ip", { args: ["netns", "delete", name] }).outputSync();
  };

  private constructor() {
    this.#hub = this.name("hub");
    globalThis.addEventListener("unload", this.#atEnd);
  }

  /** Makes the segment without hosts. */
  static async create(): Promise<Segment> {
    await deleteStale();
    const segment = new Segment();
    try {
      await segment.#add("hub");
      await segment.ip("hub", "link", "add", "bridge", "type", "bridge");
      await segment.ip("hub", "link", "set", "bridge", "up");
      return segment;
    } catch (error) {
      await segment[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Name of a host's namespace under /var/run/netns. */
  name(host: string): string {
    return `mge-${Deno.pid}-${host}`;
  }

  /** Adds a host with these addresses, e.g. `10.77.0.9/24`, on its interface `eth0`; the first is its usual source. */
  async host(host: string, ...addresses: readonly string[]): Promise<void> {
    await this.#add(host);
    await run("ip", ...wire("eth0", this.name(host)), "peer", "name", host, "netns", this.#hub);
    await this.#plug(host);
    await this.ip(host, "link", "set", "eth0", "up");
    for (const address of addresses) await this.address(host, "eth0", address);
  }

  /** Puts one end of a cable into the namespace of a process that is not ours. */
  async cable(name: string, pid: number): Promise<void> {
    await run("ip", ...wire(name, String(pid)), "peer", "name", name, "netns", this.#hub);
    await this.#plug(name);
  }

  /** Gives a host's interface one more address; it is used at once. */
  async address(host: string, device: string, address: string): Promise<void> {
    const flags = address.includes(":") ? ["nodad"] : [];
    await this.ip(host, "address", "add", address, "dev", device, ...flags);
  }

  /** Runs `ip` on a host. */
  ip(host: string, ...args: readonly string[]): Promise<string> {
    return run("ip", "-n", this.name(host), ...args);
  }

  /** A command that runs `program` on a host. */
  command(
    host: string,
    program: string,
    options: Omit<Deno.CommandOptions, "args">,
    ...args: string[]
  ): Deno.Command {
    return new Deno.Command("ip", { ...options, args: ["netns", "exec", this.name(host), program, ...args] });
  }

  /** Deletes every namespace; what runs in one must have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failed: unknown[] = [];
    for (const name of this.#names) {
      await run("ip", "netns", "delete", name).catch((error) => failed.push(error));
    }
    this.#names.clear();
    globalThis.removeEventListener("unload", this.#atEnd);
    if (failed.length > 0) throw new AggregateError(failed, "Cannot delete network namespaces");
  }

  async #add(host: string): Promise<void> {
    await run("ip", "netns", "add", this.name(host));
    this.#names.add(this.name(host));
    await this.ip(host, "link", "set", "lo", "up");
  }

  async #plug(port: string): Promise<void> {
    await this.ip("hub", "link", "set", port, "master", "bridge", "up");
  }
}

function wire(name: string, namespace: string): string[] {
  return ["link", "add", "name", name, "netns", namespace, "type", "veth"];
}
