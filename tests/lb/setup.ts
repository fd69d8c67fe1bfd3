import type { SyncResult } from "../../src/api/mod.ts";
import type { Attrs, Level, Log } from "../../src/log/mod.ts";
import type { MemoryLeft, State, Transition, VipRecord, WeightEffect } from "../../src/model.ts";
import type { Backend, Config, Frontend, LbSettings, PoolMember } from "../../src/configuration.ts";
import { flushes, type LateFlush } from "../../src/health/transitions.ts";
import type { MemberStatus } from "../../src/health/frontend.ts";
import { ip } from "../../src/net/ip.ts";
import { frontendVip } from "../../src/lb/vips.ts";
import { Reconciler } from "../../src/lb/reconciler.ts";
import { noHooks, type SyncHooks } from "../../src/lb/parts.ts";
import { FakeClock } from "../fake_clock.ts";

/** `b1: 100` pairs, pool by pool. */
export type Pools = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A frontend on 192.0.2.1 tcp 80 unless told otherwise. */
export function frontend(name: string, pools: Pools, more: Partial<Frontend> = {}): Frontend {
  return {
    name,
    description: "",
    address: ip("192.0.2.1"),
    protocol: "tcp",
    port: 80,
    srcIpSticky: false,
    flushOnDown: true,
    newFlowsTableLength: 1024,
    newFlowsTableLengthAuto: true,
    ...more,
    pools: Object.entries(pools).map(([pool, members]) => ({
      name: pool,
      members: Object.entries(members).map(([backend, weight]): PoolMember => ({ backend, weight })),
    })),
  };
}

/** Backend `b<n>` is 10.0.0.<n>, `c<n>` is 2001:db8::<n> in hexadecimal. */
export function backend(name: string): Backend {
  const number = Number(name.slice(1));
  const address = name.startsWith("c") ? `2001:db8::${number.toString(16)}` : `10.0.0.${number}`;
  return { name, address: ip(address), healthcheck: "check", enabled: true };
}

export const settings: LbSettings = {
  syncIntervalMs: 30_000,
  ipv4SrcAddress: ip("198.51.100.1"),
  ipv6SrcAddress: ip("2001:db8:ffff::1"),
  stickyBucketsPerCore: 65_536,
  flowTimeoutSeconds: 40,
  startupMinDelayMs: 0,
  startupMaxDelayMs: 0,
  foreignVips: "delete",
};

/** A configuration of these frontends and of the backends that they name. */
export function config(frontends: readonly Frontend[], lb: Partial<LbSettings> = {}): Config {
  const names = frontends.flatMap((f) => f.pools.flatMap((pool) => pool.members.map((m) => m.backend)));
  return {
    healthchecker: { transitionHistory: 5, netns: "" },
    lb: { ...settings, ...lb },
    healthchecks: new Map(),
    backends: new Map([...new Set(names)].map((name) => [name, backend(name)])),
    frontends: new Map(frontends.map((f) => [f.name, f])),
  };
}

/** A log that keeps its records. */
export class TestLog implements Log {
  readonly records: { readonly level: Level; readonly msg: string; readonly attrs: Attrs }[] = [];

  enabled(): boolean {
    return true;
  }

  debug(msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.#keep("debug", msg, attrs);
  }

  info(msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.#keep("info", msg, attrs);
  }

  warn(msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.#keep("warn", msg, attrs);
  }

  error(msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.#keep("error", msg, attrs);
  }

  /** Records of one name. */
  named(msg: string): Attrs[] {
    return this.records.filter((record) => record.msg === msg).map((record) => record.attrs);
  }

  #keep(level: Level, msg: string, attrs: Attrs | (() => Attrs)): void {
    this.records.push({ level, msg, attrs: typeof attrs === "function" ? attrs() : attrs });
  }
}

/** A daemon without probes: the test sets the states. */
export class TestWorld {
  readonly clock = new FakeClock();
  readonly log = new TestLog();
  readonly states = new Map<string, MemberStatus>();
  readonly counted: string[] = [];
  readonly answered: number[] = [];
  /** Results of syncs that changed something. */
  readonly applied: SyncResult[] = [];
  readonly reconciler: Reconciler;
  /** How often the reconciler said that its record may be another. */
  recorded = 0;
  config: Config;

  /** Starts a reconciler; backends are up unless `states` says otherwise. */
  constructor(
    config: Config,
    states: Readonly<Record<string, State>> = {},
    inFlight = 32,
    record: VipRecord | null = null,
    memory: MemoryLeft = "all",
  ) {
    this.config = config;
    for (const name of config.backends.keys()) {
      this.states.set(name, { state: states[name] ?? "up", known: true });
    }
    for (const [name, state] of Object.entries(states)) {
      this.states.set(name, { state, known: state !== "unknown" });
    }
    const hooks: SyncHooks = {
      ...noHooks,
      // As the tracker does: what was told before is completed with what VPP turned out to have.
      firstRead: () =>
        this.reconciler.take({
          transitions: [],
          lateFlushes: this.#lateFlushes(),
          reweighed: [],
          decidedAt: this.clock.now(),
          at: this.clock.wall(),
        }),
      changed: (scope, kind) => void this.counted.push(`${scope} ${kind}`),
      answered: (ms) => void this.answered.push(ms),
      applied: (result) => void this.applied.push(result),
    };
    this.reconciler = new Reconciler({
      clock: this.clock,
      log: this.log,
      random: () => 0.5,
      world: () => ({
        config: this.config,
        status: (name) => this.states.get(name) ?? { state: "removed", known: true },
      }),
      hooks,
      enabled: true,
      inFlight,
      startedAt: this.clock.now(),
      record,
      memory,
      recorded: () => this.recorded++,
    });
    this.reconciler.start();
  }

  /** Changes a backend's state and tells the reconciler, as the tracker would. */
  become(backend: string, to: State, by: string | null = null): void {
    this.reconciler.touch([this.turn(backend, to, by)]);
    if (by !== null) this.reconciler.acted(backend, to === "paused" ? "pause" : "disable");
  }

  /** Changes a backend's state; the transition is told to nobody. Its effects tell flushes as the tracker does. */
  turn(backend: string, to: State, by: string | null = null): Transition {
    const was = this.states.get(backend);
    const effects = this.#frontendsOf(backend).map((frontend): WeightEffect => ({
      frontend: frontend.name,
      pool: "",
      weightBefore: 0,
      weightAfter: 0,
      flush: this.#flushes(frontend, backend, to, by === null && was?.state === "unknown" && !was.known),
    }));
    this.states.set(backend, { state: to, known: true });
    const from = was?.state ?? "unknown";
    return { backend, from, to, at: this.clock.wall(), code: "L4CON", detail: "", by, effects };
  }

  #frontendsOf(backend: string): Frontend[] {
    return [...this.config.frontends.values()].filter(({ pools }) =>
      pools.some(({ members }) => members.some((member) => member.backend === backend))
    );
  }

  #flushes(frontend: Frontend, name: string, to: State, first: boolean): boolean {
    const { address } = this.config.backends.get(name) ?? backend(name);
    const weight = () => this.reconciler.view.weight(frontend, address);
    return flushes({ to, flushOnDown: frontend.flushOnDown, first, weight });
  }

  #lateFlushes(): LateFlush[] {
    return [...this.states].flatMap(([name, { state }]) =>
      state !== "down" && state !== "disabled"
        ? []
        : this.#frontendsOf(name).flatMap((frontend) =>
          this.#flushes(frontend, name, state, true)
            ? [{ frontend: frontend.name, backend: name, state }]
            : []
        )
    );
  }

  /** Sets a running weight, as the tracker would. */
  weigh(frontend: string, backend: string, weight: number, flush = false): Promise<void> {
    const old = this.config.frontends.get(frontend);
    if (old === undefined) throw new Error("no such frontend");
    const pools = old.pools.map((pool) => ({
      ...pool,
      members: pool.members.map((m) => m.backend === backend ? { ...m, weight, byOperator: "alice" } : m),
    }));
    this.config = {
      ...this.config,
      frontends: new Map([...this.config.frontends, [frontend, { ...old, pools }]]),
    };
    return this.reconciler.weightSet(frontend, backend, flush);
  }

  /** The key of a frontend's VIP. */
  key(name: string): ReturnType<typeof frontendVip> {
    const found = this.config.frontends.get(name);
    if (found === undefined) throw new Error("no such frontend");
    return frontendVip(found);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reconciler[Symbol.asyncDispose]();
  }
}
