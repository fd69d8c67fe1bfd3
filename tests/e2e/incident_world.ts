/**
 * A site for the incidents of the user guide: a simulated VPP, three web servers, and a daemon in this process that
 * maglevc asks over a socket. Its answers are its own; only their times, durations and addresses are made stable.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Backend, ProblemList } from "../../src/api/mod.ts";
import { type Outcome, run, type SessionOptions } from "../cli/session.ts";
import { Inside } from "../daemon/inside.ts";
import { steadied } from "./incident_steady.ts";
import { JumpClock } from "./jump_clock.ts";
import { lbSettings, Vpp } from "./world.ts";

/** A certificate and its key, in PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Addresses of the servers here, and in the guide. */
const addresses = { web1: "127.77.96.1", web2: "127.77.96.2", spare1: "127.77.96.3" } as const;
const shownAddresses = { web1: "10.0.0.11", web2: "10.0.0.12", spare1: "10.0.0.21" } as const;

/** Name of a server. */
export type Name = keyof typeof addresses;

const names: readonly Name[] = ["web1", "web2", "spare1"];

/** A web server that may be slow, killed, or show another certificate. */
class Web implements AsyncDisposable {
  readonly #hostname: string;
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;
  /** Time that it takes to answer, in ms. */
  delayMs = 0;

  constructor(hostname: string) {
    this.#hostname = hostname;
  }

  /** Serves; answers the port. */
  start(port: number, pair: Pair | null): number {
    this.#server = Deno.serve({ hostname: this.#hostname, port, onListen() {}, ...pair }, async () => {
      if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
      return new Response("fine\n");
    });
    return this.#server.addr.port;
  }

  /** Refuses connections from now on. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function config(port: number, check: string, more = ""): string {
  const backend = (name: Name) => `    ${name}: { address: ${addresses[name]}, healthcheck: web }\n`;
  return `maglev:
${lbSettings}
  healthchecks:
    web: { ${check}, port: ${port}, interval: 100ms, fast-interval: 50ms, timeout: 2s, rise: 2, fall: 3${more} }
  backends:
${backend("web1")}${backend("web2")}${backend("spare1")}
  frontends:
    www:
      address: 192.0.2.1
      protocol: tcp
      port: 443
      pools:
        - { name: primary, backends: { web1: {}, web2: {} } }
        - { name: fallback, backends: { spare1: {} } }
    api: { address: 192.0.2.2, protocol: tcp, port: 443, pools: [{ name: all, backends: { web1: {}, web2: {} } }] }
`;
}

/** How a site differs from the usual one. */
export interface SiteOptions {
  /** Type and parameters of the health check. */
  readonly check?: string;
  /** Shown by all servers. */
  readonly pair?: Pair;
}

/** The whole site. */
export class Site implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #port: number;
  readonly #check: string;
  #caused = Infinity;
  /** The simulated VPP. */
  readonly vpp: Vpp;
  /** The daemon. */
  readonly inside: Inside;
  /** Its clock. */
  readonly clock: JumpClock;
  /** The web servers. */
  readonly servers: Readonly<Record<Name, Web>>;
  /** Where maglevc asks. */
  readonly url: string;

  private constructor(
    stack: AsyncDisposableStack,
    parts: Pick<Site, "vpp" | "inside" | "clock" | "servers"> & {
      readonly port: number;
      readonly check: string;
    },
  ) {
    this.#stack = stack;
    this.#port = parts.port;
    this.#check = parts.check;
    this.vpp = parts.vpp;
    this.inside = parts.inside;
    this.clock = parts.clock;
    this.servers = parts.servers;
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request),
    );
    stack.defer(() => server.shutdown());
    this.url = `http://127.0.0.1:${server.addr.port}`;
  }

  /** Starts it, with everything up and VPP in sync. */
  static async start({ check = "type: http", pair }: SiteOptions = {}): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const servers = {
      web1: stack.use(new Web(addresses.web1)),
      web2: stack.use(new Web(addresses.web2)),
      spare1: stack.use(new Web(addresses.spare1)),
    };
    const port = servers.web1.start(0, pair ?? null);
    for (const one of [servers.web2, servers.spare1]) one.start(port, pair ?? null);
    const vpp = stack.use(await Vpp.start());
    const clock = new JumpClock();
    const inside = stack.use(
      await Inside.start({
        config: config(port, check),
        vpp: vpp.paths,
        clock,
        args: ["--node-name", "lb1"],
      }),
    );
    const site = new Site(stack.move(), { vpp, inside, clock, servers, port, check });
    await site.#quiet();
    return site;
  }

  /** Marks the moment from which on everything belongs to the incident. */
  begin(): void {
    this.#caused = this.clock.wall();
  }

  /** From now on nothing becomes due: no probe, no sync and no connect, until the site ends. */
  still(): void {
    this.#stack.use(this.clock.hold());
  }

  /** Starts a server anew, on the same port. */
  restart(name: Name, pair: Pair | null): void {
    this.servers[name].start(this.#port, pair);
  }

  /** Reloads the configuration with more parameters of the health check, e.g. `, rise: 3`. */
  async reload(more: string): Promise<void> {
    await Deno.writeTextFile(this.inside.config, config(this.#port, this.#check, more));
    await this.inside.send("POST", "/v1/config/reload");
  }

  /** Resolves when there are problems of these kinds, worst first, and no others. */
  async problems(...kinds: readonly string[]): Promise<void> {
    await this.inside.until(async () => {
      const { problems } = await this.inside.json<ProblemList>("/v1/problems");
      return problems.map(({ kind }) => kind).join() === kinds.join() ? true : undefined;
    }, `problems ${kinds.join()}`);
  }

  /** Resolves when a backend is as `test` asks. */
  async backend(name: Name, test: (backend: Backend) => boolean): Promise<void> {
    await this.inside.until(
      async () => test(await this.inside.json<Backend>(`/v1/backends/${name}`)) ? true : undefined,
      name,
    );
  }

  /** Resolves when VPP has what it should have and was read since. */
  async settled(): Promise<void> {
    await this.inside.synced();
    await this.inside.send("POST", "/v1/vpp/lb/sync", {});
  }

  /** Runs maglevc. */
  async maglevc(words: string, options: SessionOptions = {}): Promise<Outcome> {
    return await run(this, words, { width: 96, answer: false, ...options });
  }

  async #quiet(): Promise<void> {
    for (const name of names) {
      await this.backend(name, ({ health, state }) => state === "up" && health?.counter === health?.max);
    }
    await this.settled();
    await this.problems();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const body = request.body === null ? null : await request.text();
    const answer = await this.inside.ask(pathname + search, {
      method: request.method,
      headers: request.headers,
      ...(body === null ? {} : { body }),
    });
    const words = [
      ...names.map((name) => [addresses[name], shownAddresses[name]] as const),
      [`process ${Deno.pid}`, "process 1200"] as const,
    ];
    const slow = names.filter((name) => this.servers[name].delayMs > 0);
    const steady = { caused: this.#caused, slow, words };
    const headers = new Headers(answer.headers);
    headers.delete("content-length");
    headers.delete("etag");
    const text = await answer.text();
    const json = answer.headers.get("content-type")?.includes("json") === true;
    assert.ok(json || text === "", text);
    return new Response(json ? JSON.stringify(steadied(JSON.parse(text), steady)) : null, {
      status: answer.status,
      headers,
    });
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
