/**
 * The configuration of a soak as data: made at random, changed at random, written as YAML.
 *
 * @module
 */
import type { Random } from "./random.ts";
import type { TinyServer } from "./servers.ts";

/** A member of a pool. */
export interface SiteMember {
  /** Name of the backend. */
  readonly backend: string;
  /** 0…100. */
  weight: number;
}

/** A frontend. */
export interface SiteFrontend {
  /** The VIP. */
  readonly address: string;
  /** TCP port. */
  readonly port: number;
  /** By priority. */
  readonly pools: SiteMember[][];
  /** Whether it hashes on the client's address alone. */
  sticky: boolean;
  /** Whether it flushes servers that go down. */
  flushOnDown: boolean;
}

/** Names of a pool by its place. */
const poolNames = ["primary", "fallback", "last"];

/** Size of the site. */
export interface SiteSize {
  /** Spacing of probes while all is well, in ms. */
  readonly intervalMs: number;
  /** Longest time of a probe, in ms. */
  readonly timeoutMs: number;
}

/** What stands in maglev.yaml. */
export class Site {
  readonly #size: SiteSize;
  readonly #servers: readonly TinyServer[];
  /** Address by the name of the backend. */
  readonly backends: Map<string, string> = new Map();
  /** By name. */
  readonly frontends: Map<string, SiteFrontend> = new Map();
  #names = 0;
  #rise = 2;
  #fall = 3;

  /** A site for these servers; some of them are left for later. */
  constructor(servers: readonly TinyServer[], size: SiteSize, random: Random) {
    this.#servers = servers;
    this.#size = size;
    const spare = Math.max(2, Math.floor(servers.length / 25));
    for (const { address } of servers.slice(spare)) this.#addBackend(address);
    const all = [...this.backends.keys()];
    for (let at = 0; at < all.length; at += 10) this.#addFrontend(random, all.slice(at, at + 10));
  }

  /** Kind of check of a backend. */
  #check(address: string): string {
    return this.#servers.find((server) => server.address === address)?.kind ?? "tcp";
  }

  /** The server of a backend; undefined for one that is not configured. */
  server(backend: string): TinyServer | undefined {
    const address = this.backends.get(backend);
    return this.#servers.find((server) => server.address === address);
  }

  /** Changes something; returns what, for people. */
  change(random: Random): string {
    const changes: readonly (() => string)[] = [
      () => this.#changeWeights(random),
      () => this.#changeWeights(random),
      () => this.#bringBackend(random),
      () => this.#takeBackend(random),
      () => this.#moveBackend(random),
      () => this.#addFrontend(random),
      () => this.#takeFrontend(random),
      () => {
        const [name, frontend] = random.pick([...this.frontends]);
        frontend.sticky = !frontend.sticky;
        return `${name} src-ip-sticky ${frontend.sticky}`;
      },
      () => {
        const [name, frontend] = random.pick([...this.frontends]);
        frontend.flushOnDown = !frontend.flushOnDown;
        return `${name} flush-on-down ${frontend.flushOnDown}`;
      },
      () => {
        this.#rise = random.int(1, 3);
        this.#fall = random.int(2, 4);
        return `rise ${this.#rise} fall ${this.#fall}`;
      },
    ];
    return random.pick(changes)();
  }

  /** The file. */
  yaml(): string {
    const { intervalMs, timeoutMs } = this.#size;
    const { port } = this.#servers[0] ?? { port: 1 };
    const pace = `interval: ${intervalMs}ms, fast-interval: ${intervalMs / 4}ms, timeout: ${timeoutMs}ms, ` +
      `rise: ${this.#rise}, fall: ${this.#fall}`;
    const backends = [...this.backends].map(([name, address]) =>
      `    ${name}: { address: ${address}, healthcheck: ${this.#check(address)} }`
    );
    const frontends = [...this.frontends].map(([name, frontend]) =>
      `    ${name}:
      address: "${frontend.address}"
      protocol: tcp
      port: ${frontend.port}
      src-ip-sticky: ${frontend.sticky}
      flush-on-down: ${frontend.flushOnDown}
      pools:
${
        frontend.pools.map((pool, i) => `        - { name: ${poolNames[i]}, backends: {${members(pool)}} }`)
          .join("\n")
      }`
    );
    return `maglev:
  vpp:
    lb:
      ipv4-src-address: 192.0.2.254
      ipv6-src-address: "2001:db8::254"
      sync-interval: 5s
      startup-min-delay: 0s
      startup-max-delay: 5s
  healthchecks:
    http: { type: http, port: ${port}, ${pace}, params: { path: /health, response-regexp: "^ok" } }
    tcp: { type: tcp, port: ${port}, ${pace} }
  backends:
${backends.join("\n")}
  frontends:
${frontends.join("\n")}
`;
  }

  #addBackend(address: string): string {
    const name = `b${this.#names++}`;
    this.backends.set(name, address);
    return name;
  }

  #addFrontend(random: Random, own: readonly string[] = []): string {
    const number = this.#names++;
    const others = [...this.backends.keys()].filter((name) => !own.includes(name));
    const chosen = random.some([...own, ...random.some(others, random.int(4, 8))], Infinity);
    const last = random.int(2, chosen.length - 1);
    const pools = [chosen.slice(0, last), chosen.slice(last)].filter((pool) => pool.length > 0);
    const v6 = random.chance(0.3);
    this.frontends.set(`f${number}`, {
      address: v6 ? `2001:db8:66::${number.toString(16)}` : `198.18.${number >> 8}.${number & 255}`,
      port: random.pick([25, 80, 443]),
      pools: pools.map((pool) => pool.map((backend) => ({ backend, weight: random.int(1, 100) }))),
      sticky: random.chance(0.2),
      flushOnDown: random.chance(0.7),
    });
    return `f${number} is new`;
  }

  #takeFrontend(random: Random): string {
    if (this.frontends.size <= 3) return "nothing";
    const name = random.pick([...this.frontends.keys()]);
    this.frontends.delete(name);
    return `${name} is gone`;
  }

  #changeWeights(random: Random): string {
    const [name, { pools }] = random.pick([...this.frontends]);
    for (const member of pools.flat()) if (random.chance(0.5)) member.weight = random.int(0, 100);
    return `${name} has other weights`;
  }

  /** A backend on an address that nobody has, a member of a few frontends. */
  #bringBackend(random: Random): string {
    const address = this.#freeAddress(random);
    if (address === null) return "nothing";
    const backend = this.#addBackend(address);
    for (const { pools } of random.some([...this.frontends.values()], 3)) {
      random.pick(pools).push({ backend, weight: random.int(1, 100) });
    }
    return `${backend} is new`;
  }

  #takeBackend(random: Random): string {
    const backend = random.pick([...this.backends.keys()]);
    const alone = [...this.frontends.values()].some(({ pools }) =>
      pools.some((pool) => pool.length === 1 && pool[0]?.backend === backend)
    );
    if (alone || this.backends.size <= 5) return "nothing";
    this.backends.delete(backend);
    for (const { pools } of this.frontends.values()) {
      for (const pool of pools) {
        const at = pool.findIndex((member) => member.backend === backend);
        if (at >= 0) pool.splice(at, 1);
      }
    }
    return `${backend} is gone`;
  }

  #moveBackend(random: Random): string {
    const address = this.#freeAddress(random);
    if (address === null) return "nothing";
    const backend = random.pick([...this.backends.keys()]);
    this.backends.set(backend, address);
    return `${backend} moves to ${address}`;
  }

  #freeAddress(random: Random): string | null {
    const taken = new Set(this.backends.values());
    const free = this.#servers.filter(({ address }) => !taken.has(address));
    return free.length === 0 ? null : random.pick(free).address;
  }
}

function members(pool: readonly SiteMember[]): string {
  return ` ${pool.map(({ backend, weight }) => `${backend}: { weight: ${weight} }`).join(", ")} `;
}
