/**
 * What the demo starts: a simulated VPP, three web servers and maglevd, each a process of its own, and what
 * its words do to them.
 *
 * @module
 */
import { DemoError } from "./error.ts";
import { Part } from "./part.ts";
import type { DemoCommand } from "./words.ts";

/** Addresses of the web servers by name. */
export const addresses: Readonly<Record<string, string>> = {
  b1: "127.0.0.11",
  b2: "127.0.0.12",
  b3: "127.0.0.13",
};
/** Address of the VIP that takes real connections; on the port of the web servers, as VPP does not change ports. */
export const vipAddress = "127.0.2.10";
const preferredPort = 8081;

/** Path of a file of the project. */
export function project(path: string): string {
  return new URL(`../../${path}`, import.meta.url).pathname;
}

/** Nobody serves here; a demo that listens here has the port on all addresses, so that no other demo takes it. */
const guardAddress = "127.0.2.9";

/** A port that no other demo takes as long as it is held. */
export interface HeldPort extends Disposable {
  /** Its number. */
  readonly port: number;
}

/** A port that is free on every address: the example's own if possible, so that its text stays true. */
export function holdPort(): HeldPort {
  for (const candidate of [preferredPort, 0, 0, 0, 0, 0]) {
    try {
      using listeners = new DisposableStack();
      const guard = listeners.use(Deno.listen({ hostname: guardAddress, port: candidate }));
      const { port } = guard.addr;
      using stack = new DisposableStack();
      for (const hostname of [vipAddress, ...Object.values(addresses)]) {
        stack.use(Deno.listen({ hostname, port }));
      }
      const held = listeners.move();
      return { port, [Symbol.dispose]: () => held.dispose() };
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new DemoError(`no port is free on all of ${[vipAddress, ...Object.values(addresses)].join(", ")}`);
}

/** The running parts. Owns them: disposal ends all, also those that were started again. */
export class Site implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #folder: string;
  readonly #servers = new Map<string, Part>();
  readonly #vpp: Part;
  #maglevd: Part | null = null;
  /** Port of the VIP and of the web servers. */
  readonly port: number;

  /** Starts VPP and the web servers; `folder` takes sockets and logs. */
  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
    const vppFlags = ["--api", this.apiSocket, "--stats", this.statsSocket];
    vppFlags.push("--forward", `${vipAddress}:${port}`, "--until-stdin-closes");
    this.#vpp = this.#start(
      "simulated VPP",
      ["src/simulator/main.ts", ...vppFlags],
      null,
      (line) => line.startsWith("{"),
    );
    for (const name of Object.keys(addresses)) this.#startServer(name);
  }

  /** VPP's API socket. */
  get apiSocket(): string {
    return `${this.#folder}/api.sock`;
  }

  /** VPP's stats socket. */
  get statsSocket(): string {
    return `${this.#folder}/stats.sock`;
  }

  /** The log of maglevd. */
  get maglevdLog(): string {
    return `${this.#folder}/maglevd.log`;
  }

  /** Resolves when VPP and the web servers are up; rejects with a DemoError when one ends before. */
  async ready(): Promise<void> {
    await Promise.all([this.#vpp, ...this.#servers.values()].map((part) => part.ready));
  }

  /** Starts maglevd; resolves when it is ready, rejects with a DemoError when it ends before. */
  async startMaglevd(flags: readonly string[]): Promise<void> {
    const ready = (line: string) => line.includes('"msg":"ready"');
    this.#maglevd = this.#start("maglevd", ["src/demo/maglevd.ts", ...flags], this.maglevdLog, ready);
    await this.#maglevd.ready;
  }

  /** Resolves when a part ended without which the demo makes no sense. */
  async broken(): Promise<void> {
    await Promise.race([this.#vpp, this.#maglevd].flatMap((part) => part === null ? [] : [part.status]));
  }

  /** Does what a word asks for; answers one line of what to look for. */
  async obey(command: Exclude<DemoCommand, { kind: "help" }>): Promise<string> {
    switch (command.kind) {
      case "kill": {
        const server = this.#server(command.backend);
        if (server.ended) return `${command.backend} is dead already; start ${command.backend}`;
        await server.kill();
        return `${command.backend} is dead. After 3 failed probes its weight becomes 0.`;
      }
      case "start":
        if (!this.#server(command.backend).ended) return `${command.backend} runs already`;
        await this.#startServer(command.backend).ready;
        return `${command.backend} runs. After 2 good probes it gets its weight back.`;
      case "slow":
        await this.#server(command.backend).tell(`delay ${Math.round(command.delayMs)}`);
        return command.delayMs === 0
          ? `${command.backend} answers at once again.`
          : `${command.backend} answers ${command.delayMs} ms late; the probes' timeout is 500 ms.`;
      case "drift": {
        const answer: { server: string | null } = JSON.parse(await this.#vpp.ask("drift"));
        const name = Object.entries(addresses).find(([, address]) => address === answer.server)?.[0];
        if (name === undefined) return "no server in VPP has a weight that could be changed";
        return `VPP has weight 0 for ${name} now. The next full sync (30 s) finds and repairs it.`;
      }
      case "vpp-restart":
        await this.#vpp.ask("restart");
        return "VPP runs anew and is empty. maglevd reconnects after 5 s and programs it again.";
    }
  }

  #server(name: string): Part {
    const server = this.#servers.get(name);
    if (server === undefined) throw new DemoError(`there is no web server ${name}`);
    return server;
  }

  #startServer(name: string): Part {
    const flags = ["--name", name, "--address", addresses[name] ?? "", "--port", String(this.port)];
    flags.push("--log", `${this.#folder}/${name}.log`, "--until-stdin-closes");
    const part = this.#start(name, ["src/demo/backend.ts", ...flags], null, (line) => line === "listening");
    this.#servers.set(name, part);
    return part;
  }

  #start(
    name: string,
    [program = "", ...flags]: readonly string[],
    log: string | null,
    accept: (line: string) => boolean,
  ): Part {
    return this.#stack.use(new Part(name, ["run", "-A", project(program), ...flags], log, accept));
  }

  /** Ends every process and waits until all are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
