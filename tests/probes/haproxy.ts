import { unusedPort } from "../../src/demo/port.ts";
import { listening } from "./tls_servers.ts";

/** A real HAProxy with one configuration in a temporary folder, ended on disposal. */
export class HaProxy implements AsyncDisposable {
  /** Ports by the names used in the configuration as `{name}`. */
  readonly ports: Readonly<Record<string, number>>;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #log = "";

  private constructor(folder: string, process: Deno.ChildProcess, ports: Record<string, number>) {
    this.#folder = folder;
    this.#process = process;
    this.ports = ports;
    this.#reading = this.#read();
  }

  /** Starts it with `sections`, which follow its global ones, and waits until it listens. */
  static async start(sections: string, names: readonly string[]): Promise<HaProxy> {
    const folder = await Deno.makeTempDir({ prefix: "mgp-haproxy-" });
    const ports = Object.fromEntries(names.map((name) => [name, unusedPort()]));
    const filled = Object.entries(ports).reduce(
      (text, [name, port]) => text.replaceAll(`{${name}}`, `${port}`),
      sections,
    );
    await Deno.writeTextFile(
      `${folder}/haproxy.cfg`,
      `global\n nbthread 1\n maxconn 1000\n log stdout format raw local0 debug\ndefaults\n log global\n` +
        ` timeout connect 5s\n timeout client 5s\n timeout server 5s\n${filled}\n`,
    );
    const process = new Deno.Command("haproxy", {
      args: ["-db", "-f", `${folder}/haproxy.cfg`],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const haproxy = new HaProxy(folder, process, ports);
    for (const port of Object.values(ports)) await listening(port);
    return haproxy;
  }

  /** The port of a name. */
  port(name: string): number {
    const port = this.ports[name];
    if (port === undefined) throw new Error(`No port ${name}`);
    return port;
  }

  /** Ends it and returns what it logged. */
  async end(): Promise<string[]> {
    // It finishes what it has begun.
    this.#process.kill("SIGUSR1");
    await this.#process.status;
    await this.#reading;
    return this.#log.split("\n").filter((line) => line !== "");
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#process.status;
    await this.#reading;
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) this.#log += text;
  }
}
