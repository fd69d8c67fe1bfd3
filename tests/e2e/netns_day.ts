/**
 * The site that one day is told of: who stands where, the configuration, and whether everybody agrees on it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { BackendList, FrontendList, LbState, State } from "../../src/api/mod.ts";
import { lines } from "../../src/lines.ts";
import { hostPrefix, ip } from "../../src/net/ip.ts";
import { EventMirror } from "../soak/mirror.ts";
import { Subscriber } from "../soak/subscriber.ts";
import { project, TestDaemon } from "./harness.ts";
import { Segment } from "./netns.ts";
import { Nginx } from "./netns_nginx.ts";
import { type Request, Traffic } from "./netns_traffic.ts";
import {
  disagreement,
  eventsView,
  lbStateView,
  listsView,
  metricsView,
  type View,
  vppView,
} from "./netns_views.ts";
import { HandSession, isReal, startVpp, type TestVpp } from "./netns_vpp.ts";

/** VIPs by the frontends that have them. */
export const vips = { www: "198.51.100.80", www6: "2001:db8:80::80" } as const;

/** Addresses of the backends; `spare` is a second address of web3. */
export const servers: Readonly<Record<string, string>> = {
  web1: "10.77.0.11",
  web2: "10.77.0.12",
  web3: "10.77.0.13",
  spare: "10.77.0.14",
  "web1-v6": "fd77::11",
  "web2-v6": "fd77::12",
  "web3-v6": "fd77::13",
};

/** Where probes must come from: not the address that the kernel would choose. */
export const probeSources = { 4: "10.77.0.9", 6: "fd77::9" } as const;

const client = { 4: "10.77.0.100", 6: "fd77::100" } as const;
const vppAddresses = ["10.77.0.2", "fd77::2"] as const;

/** The file; `spare` adds that backend to the primary pool of www. */
export function dayConfig(netns: string, more: { readonly spare?: boolean } = {}): string {
  const spare = more.spare === true;
  return `maglev:
  healthchecker: { netns: ${netns}, transition-history: 50 }
  vpp:
    lb:
      ipv4-src-address: ${vppAddresses[0]}
      ipv6-src-address: ${vppAddresses[1]}
      sync-interval: 1s
      startup-min-delay: 0s
  healthchecks:
    web:
      type: http
      port: 80
      interval: 200ms
      fast-interval: 100ms
      timeout: 2s
      rise: 2
      fall: 2
      probe-ipv4-src: ${probeSources[4]}
      probe-ipv6-src: ${probeSources[6]}
      params: { path: /health, response-code: "200" }
  backends:
${
    Object.entries(servers).filter(([name]) => spare || name !== "spare")
      .map(([name, address]) => `    ${name}: { address: "${address}", healthcheck: web }`).join("\n")
  }
  frontends:
    www:
      address: ${vips.www}
      protocol: tcp
      port: 80
      pools:
        - { name: primary, backends: { web1: {}, web2: {}${spare ? ", spare: { weight: 25 }" : ""} } }
        - { name: fallback, backends: { web3: {} } }
    www6:
      address: "${vips.www6}"
      protocol: tcp
      port: 80
      pools:
        - { name: primary, backends: { web1-v6: {}, web2-v6: { weight: 50 } } }
        - { name: fallback, backends: { web3-v6: {} } }
`;
}

/** What a step leaves behind. */
export interface Expected {
  /** Backends that are not up. */
  readonly states?: Readonly<Record<string, State>>;
  /** Weights of www and www6 in the order of their members. */
  readonly weights: { readonly www: readonly number[]; readonly www6: readonly number[] };
  /** Pool that carries both; default `primary`. */
  readonly pool?: string;
  /** Whether www has the spare backend. */
  readonly spare?: boolean;
}

function members(frontend: keyof typeof vips, spare: boolean): string[] {
  if (frontend === "www6") return ["web1-v6", "web2-v6", "web3-v6"];
  return ["web1", "web2", ...(spare ? ["spare"] : []), "web3"];
}

function expectedView({ states = {}, weights, pool = "primary", spare = false }: Expected): Required<View> {
  const of = (frontend: keyof typeof vips) =>
    Object.fromEntries(members(frontend, spare).map((name, i) => [name, weights[frontend][i] ?? NaN]));
  const names = Object.keys(servers).filter((name) => spare || name !== "spare");
  return {
    states: Object.fromEntries(names.map((name) => [name, states[name] ?? "up"])),
    weights: { www: of("www"), www6: of("www6") },
    frontends: { www: { state: "up", pool }, www6: { state: "up", pool } },
  };
}

/** Longest wait for all to agree, in ms. */
const patienceMs = 30_000;

/** One day; disposal ends everything and deletes the namespaces. */
export class Day implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly segment: Segment;
  readonly vpp: TestVpp;
  /** By host. */
  readonly nginx: ReadonlyMap<string, Nginx>;
  #daemon: TestDaemon | null = null;
  #traffic: Traffic | null = null;
  #subscriber: Subscriber | null = null;

  private constructor(
    stack: AsyncDisposableStack,
    segment: Segment,
    vpp: TestVpp,
    nginx: ReadonlyMap<string, Nginx>,
  ) {
    this.#stack = stack;
    this.segment = segment;
    this.vpp = vpp;
    this.nginx = nginx;
  }

  /** Builds the site; maglevd does not run yet. */
  static async begin(): Promise<Day> {
    await using building = new AsyncDisposableStack();
    const segment = building.use(await Segment.create());
    await segment.host(
      "prober",
      "10.77.0.8/24",
      `${probeSources[4]}/24`,
      "fd77::8/64",
      `${probeSources[6]}/64`,
    );
    await segment.host("client", `${client[4]}/24`, `${client[6]}/64`);
    for (const host of ["web1", "web2", "web3"]) {
      await segment.host(host, `${servers[host]}/24`, `${servers[`${host}-v6`]}/64`);
      for (const vip of Object.values(vips)) await segment.address(host, "lo", hostPrefix(ip(vip)));
    }
    await segment.address("web3", "eth0", `${servers.spare}/24`);
    await segment.ip("client", "route", "add", `${vips.www}/32`, "via", vppAddresses[0]);
    await segment.ip("client", "route", "add", `${vips.www6}/128`, "via", vppAddresses[1]);
    const nginx = new Map<string, Nginx>();
    for (const host of ["web1", "web2", "web3"]) {
      nginx.set(host, building.use(await Nginx.start(segment, host)));
    }
    if (isReal) building.use(await Tunnels.open(["web1", "web2", "web3"].map((host) => segment.name(host))));
    const addresses = [`${vppAddresses[0]}/24`, `${vppAddresses[1]}/64`];
    const vpp = building.use(await startVpp({ segment, addresses, client }));
    return new Day(building.move(), segment, vpp, nginx);
  }

  /** An nginx by its host. */
  web(host: string): Nginx {
    const nginx = this.nginx.get(host);
    if (nginx === undefined) throw new RangeError(`there is no ${host}`);
    return nginx;
  }

  /** maglevd, once it was started. */
  get daemon(): TestDaemon {
    if (this.#daemon === null) throw new Error("maglevd was not started");
    return this.#daemon;
  }

  /** What the events told so far. */
  get events(): EventMirror {
    return this.#subscriber?.mirror ?? new EventMirror();
  }

  /** The client, once it was started. */
  get traffic(): Traffic {
    if (this.#traffic === null) throw new Error("the client was not started");
    return this.#traffic;
  }

  /** Starts maglevd and subscribes to its events. */
  async startDaemon(): Promise<void> {
    const config = dayConfig(this.segment.name("prober"));
    const daemon = this.#stack.use(await TestDaemon.start({ config, vpp: this.vpp.paths }));
    this.#daemon = daemon;
    this.#subscriber = this.#stack.use(await Subscriber.open(daemon.api, "kinds=backend,frontend,vpp"));
  }

  /** Lets the client send to both VIPs from now on. */
  startTraffic(): void {
    this.#traffic = this.#stack.use(new Traffic(this.segment, "client", this.vpp, Object.values(vips)));
  }

  /** Opens a session on VPP beside maglevd's. */
  byHand(): Promise<HandSession> {
    return HandSession.open(this.vpp.paths.api);
  }

  /**
   * Resolves when the API, the metrics, the events and VPP itself tell what a step should leave behind, and the
   * client shows it too. Throws with the first that tells otherwise.
   */
  async agree(expected: Expected): Promise<void> {
    const wanted = expectedView(expected);
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const mark = this.daemon.log.length;
      const differs = await this.#firstThatDiffers(wanted);
      if (differs === null) break;
      if (performance.now() > deadline) assert.fail(`${differs}\n${this.daemon.tail()}`);
      // Whatever makes them agree is logged; where it was logged already, only a little time is missing.
      const logged = this.daemon.logged(() => true, mark).catch(() => {});
      await Promise.race([logged, new Promise((resolve) => setTimeout(resolve, 50))]);
    }
    const [backends, frontends, lbState] = await Promise.all([
      this.maglevc<BackendList>("show backends"),
      this.maglevc<FrontendList>("show frontends"),
      this.maglevc<LbState>("show vpp lb state"),
    ]);
    for (const view of [listsView(backends, frontends), lbStateView(lbState)]) {
      assert.equal(disagreement("maglevc", wanted, view), null);
    }
    assert.deepEqual(this.events.gaps, []);
  }

  /** Runs the client once and reads the JSON that it prints. */
  async maglevc<T>(command: string): Promise<T> {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        project("src/cli/main.ts"),
        "--server",
        this.daemon.api,
        "--token-file",
        this.daemon.tokenFile,
        "--json",
        ...command.split(" "),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`maglevc ${command}: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(new TextDecoder().decode(stdout)) as T;
  }

  /** Requests of the client that failed, from `mark` on. */
  failures(mark: number): Request[] {
    return this.traffic.requests.slice(mark).filter((request) => request.server === null);
  }

  /** Resolves when the client was served for a while by hosts that carry weight, and by nobody else. */
  async served(expected: Expected): Promise<void> {
    const mark = this.traffic.requests.length;
    await this.traffic.more(12);
    const { weights } = expectedView(expected);
    const spareHost = (name: string) => name === "spare" ? "web3" : name.replace("-v6", "");
    for (const [frontend, vip] of Object.entries(vips)) {
      const carriers = Object.entries(weights[frontend] ?? {}).filter(([, w]) => w > 0).map(([n]) =>
        spareHost(n)
      );
      // The first one may have been sent before the last step was through.
      for (const { server, error } of this.traffic.requests.slice(mark + 2).filter((r) => r.vip === vip)) {
        assert.ok(server !== null && carriers.includes(server), `${vip} answered by ${server} ${error}`);
      }
    }
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  async #firstThatDiffers(wanted: Required<View>): Promise<string | null> {
    const { daemon } = this;
    await using session = await this.byHand();
    const names = new Map(Object.entries(vips).map(([name, vip]) => [hostPrefix(ip(vip)), name]));
    const addresses = new Map(Object.entries(servers).map(([name, address]) => [address, name]));
    const views: readonly [string, View][] = [
      [
        "the API",
        listsView(
          await daemon.get<BackendList>("/v1/backends"),
          await daemon.get<FrontendList>("/v1/frontends"),
        ),
      ],
      ["metrics", metricsView(await (await fetch(`${daemon.api}/metrics`)).text())],
      ["events", eventsView(this.events)],
      ["VPP", vppView(await session.vips(), names, addresses)],
    ];
    for (const [witness, view] of views) {
      const differs = disagreement(witness, wanted, view);
      if (differs !== null) return differs;
    }
    return null;
  }
}

/** The far ends of the GRE tunnels of a real VPP, see gre_end.ts. */
class Tunnels implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: AsyncGenerator<string>;

  private constructor(child: Deno.ChildProcess, output: AsyncGenerator<string>) {
    this.#child = child;
    this.#output = output;
  }

  static async open(namespaces: readonly string[]): Promise<Tunnels> {
    const args = ["run", "-A", project("tests/e2e/gre_end.ts"), ...namespaces];
    const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
    const output = lines(child.stdout);
    const { value } = await output.next();
    if (value !== "ready") throw new Error(`the tunnels did not open: ${value}`);
    return new Tunnels(child, output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    for await (const _ of this.#output) { /* nothing is left but the end */ }
    await this.#child.status;
  }
}
