import { announce } from "../../src/daemon/announce.ts";
import type { Announcement, Announcer } from "../../src/bus/mod.ts";
import type { Attrs, Level, Log } from "../../src/log/mod.ts";
import { ip } from "../../src/net/ip.ts";
import type { Actor, IpAddress, Millis, ProbeCode, ProbeResult, State, VoidCause } from "../../src/model.ts";
import type { Backend, Config, Frontend, HealthCheck, Pool } from "../../src/configuration.ts";
import { type BackendHealth, freshHealth, type Rule } from "../../src/health/backend.ts";
import type { HealthChanges } from "../../src/health/transitions.ts";
import type { HealthMetrics } from "../../src/health/tracker_parts.ts";
import type { VppFacts } from "../../src/health/frontend.ts";
import { Tracker } from "../../src/health/tracker.ts";
import type { Prober, ProbeTarget } from "../../src/probes/prober.ts";
import { FakeClock } from "../fake_clock.ts";

/** The operator of the tests. */
export const alice: Actor = { principal: "alice", peer: "192.0.2.200" };

/** A tcp check: interval 2s, fast 500ms, down 5s, timeout 1s, rise 2, fall 3, unless said otherwise. */
export function tcpCheck(
  name: string,
  changes: Partial<Omit<HealthCheck, "type" | "port" | "params">> = {},
): HealthCheck {
  return {
    name,
    type: "tcp",
    port: 80,
    params: { tls: null },
    intervalMs: 2_000,
    fastIntervalMs: 500,
    downIntervalMs: 5_000,
    timeoutMs: 1_000,
    rise: 2,
    fall: 3,
    probeIpv4Src: null,
    probeIpv6Src: null,
    ...changes,
  };
}

/** Health of a backend that is known, with rise 2 and fall 3 unless said otherwise. */
export function healthOf(
  state: State,
  counter: number,
  rule: Rule | null = { rise: 2, fall: 3 },
  changes: Partial<BackendHealth> = {},
): BackendHealth {
  return { ...freshHealth(rule, 0, "none"), state, counter, known: true, ...changes };
}

/** An enabled backend. */
export function backend(name: string, address: string, healthcheck: string | null, enabled = true): Backend {
  return { name, address: ip(address), healthcheck, enabled };
}

/** A frontend whose pools are written as `{ primary: { b1: 100 } }`. */
export function frontend(
  name: string,
  address: string,
  pools: Readonly<Record<string, Readonly<Record<string, number>>>>,
  changes: Partial<Frontend> = {},
): Frontend {
  return {
    name,
    description: "",
    address: ip(address),
    protocol: "tcp",
    port: 80,
    pools: Object.entries(pools).map(([pool, members]): Pool => ({
      name: pool,
      members: Object.entries(members).map(([member, weight]) => ({ backend: member, weight })),
    })),
    srcIpSticky: false,
    flushOnDown: true,
    newFlowsTableLength: 1024,
    newFlowsTableLengthAuto: true,
    ...changes,
  };
}

/** Parts of a configuration. */
export interface ConfigParts {
  readonly checks?: readonly HealthCheck[];
  readonly backends?: readonly Backend[];
  readonly frontends?: readonly Frontend[];
  readonly history?: number;
  readonly netns?: string;
}

/** A configuration in the order of its parts. */
export function config(parts: ConfigParts): Config {
  return {
    healthchecker: { transitionHistory: parts.history ?? 5, netns: parts.netns ?? "" },
    lb: {
      syncIntervalMs: 30_000,
      ipv4SrcAddress: ip("198.51.100.1"),
      ipv6SrcAddress: ip("2001:db8::1"),
      stickyBucketsPerCore: 65_536,
      flowTimeoutSeconds: 40,
      startupMinDelayMs: 5_000,
      startupMaxDelayMs: 30_000,
      foreignVips: "delete",
    },
    healthchecks: new Map(parts.checks?.map((check) => [check.name, check])),
    backends: new Map(parts.backends?.map((b) => [b.name, b])),
    frontends: new Map(parts.frontends?.map((f) => [f.name, f])),
  };
}

/** Remembers what it was told; probes nothing. */
export class FakeProber implements Prober {
  readonly targets = new Map<string, ProbeTarget>();
  readonly calls: string[] = [];

  start(targets: readonly ProbeTarget[]): void {
    for (const target of targets) this.targets.set(target.backend, target);
    this.calls.push(`start ${targets.map((t) => t.backend).join(" ")}`);
  }

  pace(name: string, generation: number, intervalMs: Millis): void {
    const target = this.targets.get(name);
    if (target === undefined || target.generation !== generation) return;
    this.targets.set(name, { ...target, intervalMs });
    this.calls.push(`pace ${name} ${intervalMs}`);
  }

  stop(backends: readonly string[]): void {
    for (const name of backends) this.targets.delete(name);
    this.calls.push(`stop ${backends.join(" ")}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.targets.clear();
    return Promise.resolve();
  }
}

/** One written log line. */
export interface Line {
  readonly level: Level;
  readonly msg: string;
  readonly attrs: Attrs;
}

/** Remembers what was written. */
export class FakeLog implements Log {
  readonly lines: Line[] = [];
  debugging = true;

  enabled(level: Level): boolean {
    return level !== "debug" || this.debugging;
  }
  debug(msg: string, attrs?: Attrs | (() => Attrs)): void {
    if (this.debugging) this.#write("debug", msg, attrs);
  }
  info(msg: string, attrs?: Attrs | (() => Attrs)): void {
    this.#write("info", msg, attrs);
  }
  warn(msg: string, attrs?: Attrs | (() => Attrs)): void {
    this.#write("warn", msg, attrs);
  }
  error(msg: string, attrs?: Attrs | (() => Attrs)): void {
    this.#write("error", msg, attrs);
  }
  /** Lines of one name. */
  named(msg: string): Line[] {
    return this.lines.filter((line) => line.msg === msg);
  }
  #write(level: Level, msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.lines.push({ level, msg, attrs: typeof attrs === "function" ? attrs() : attrs });
  }
}

/** A result of a probe. */
export function result(code: ProbeCode, changes: Partial<ProbeResult> = {}): ProbeResult {
  return {
    ok: code.endsWith("OK"),
    layer: code.startsWith("L4") ? "L4" : code.startsWith("L6") ? "L6" : "L7",
    code,
    detail: `detail of ${code}`,
    scheduledAt: 0,
    startedAt: 0,
    connectMs: 1,
    tlsMs: null,
    firstByteMs: null,
    totalMs: 1,
    lagMs: 0,
    void: null,
    ...changes,
  };
}

/** A VPP that is read when a test says so. */
export class FakeVpp implements VppFacts {
  /** `frontend/address` → weight in VPP now. */
  readonly weights = new Map<string, number>();
  readonly #witnesses = new Map<string, number>();
  firstRead: VppFacts["firstRead"] = "awaited";

  get isRead(): boolean {
    return this.firstRead === "done";
  }

  /** Reads everything; false: it was not the first time. */
  read(): boolean {
    if (this.firstRead !== "awaited") return false;
    this.firstRead = "done";
    for (const [key, weight] of this.weights) this.#witnesses.set(key, weight);
    return true;
  }

  witness({ name }: Frontend, address: IpAddress): number | null {
    return this.#witnesses.get(`${name}/${address}`) ?? null;
  }

  hadWeight(address: IpAddress): boolean {
    return [...this.#witnesses].some(([key, weight]) => key.endsWith(`/${address}`) && weight > 0);
  }

  weight({ name }: Frontend, address: IpAddress): number | null {
    if (this.firstRead !== "done") return null;
    return this.weights.get(`${name}/${address}`) ?? null;
  }

  weightAtMost(frontend: Frontend, address: IpAddress): number | null {
    return this.weight(frontend, address);
  }
}

/** A tracker with everything around it faked. */
export class World implements Disposable {
  readonly clock = new FakeClock();
  readonly prober = new FakeProber();
  readonly log = new FakeLog();
  readonly told: HealthChanges[] = [];
  readonly events: Announcement[] = [];
  readonly counted: string[] = [];
  readonly vpp = new FakeVpp();
  readonly tracker: Tracker;

  constructor(configuration: Config) {
    const announcer: Announcer = { announce: (event) => void this.events.push(event) };
    const metrics: HealthMetrics = {
      probed: (name, type, probe) =>
        void this.counted.push(`probe ${name} ${type} ${probe.void ?? probe.code}`),
      transitioned: (name, from, to) => void this.counted.push(`transition ${name} ${from} ${to}`),
      forgotten: (name) => void this.counted.push(`forget ${name}`),
    };
    this.tracker = new Tracker({
      config: configuration,
      clock: this.clock,
      prober: this.prober,
      log: this.log,
      metrics,
      vpp: this.vpp,
      onChanges: (changes) => {
        announce({ log: this.log, announcer, metrics }, changes);
        this.told.push(changes);
      },
    });
  }

  /** A world whose tracker has started and whose VPP was read. */
  static started(configuration: Config): World {
    const world = new World(configuration);
    world.tracker.start();
    world.read();
    return world;
  }

  /** Puts a server into VPP, by the name of its backend or by its address. */
  place(frontendName: string, server: string, weight: number): void {
    const address = this.tracker.config.backends.get(server)?.address ?? ip(server);
    this.vpp.weights.set(`${frontendName}/${address}`, weight);
  }

  /** VPP is read whole; the first time is the one that counts. */
  read(): void {
    if (!this.vpp.read()) return;
    this.tracker.firstRead();
  }

  /** Reports results of running targets, all in one batch: `b1 L4OK`, or `b1 late` for a void one. */
  probe(...reports: readonly (readonly [string, ProbeCode | VoidCause])[]): void {
    this.tracker.report(reports.map(([name, code]) => {
      const target = this.prober.targets.get(name);
      if (target === undefined) throw new Error(`${name} is not probed`);
      const done = isCode(code) ? result(code) : result("L4TOUT", { void: code, detail: `void: ${code}` });
      const nextDueAt = this.clock.wall() + target.intervalMs;
      return { backend: name, generation: target.generation, result: done, nextDueAt };
    }));
  }

  /** Reports as many failures in a row as take a backend with a full counter down, each in a batch of its own. */
  fail(name: string, code: ProbeCode = "L4CON"): void {
    const fall = this.tracker.entry(name)?.health.rule?.fall ?? 0;
    for (let i = 0; i < fall; i++) this.probe([name, code]);
  }

  /** State of a backend, or null. */
  state(name: string): string | null {
    return this.tracker.entry(name)?.health.state ?? null;
  }

  /** Counter of a backend; -1 if there is none. */
  counter(name: string): number {
    return this.tracker.entry(name)?.health.counter ?? -1;
  }

  /** Effective weights of a frontend's members, in order. */
  weights(name: string): Record<string, number> {
    const members = this.tracker.weights(name)?.members ?? [];
    return Object.fromEntries(members.map((m) => [m.backend, m.effective]));
  }

  /** Effective weights of a frontend's servers by address. */
  servers(name: string): Record<string, number> {
    const members = this.tracker.weights(name)?.members ?? [];
    return Object.fromEntries(
      members.flatMap((m) => m.address === null ? [] : [[m.address, m.effective] as const]),
    );
  }

  /** All transitions told so far as `b1 unknown>up L4OK`. */
  transitions(): string[] {
    return this.told.flatMap((t) => t.transitions).map((t) => `${t.backend} ${t.from}>${t.to} ${t.code}`);
  }

  [Symbol.dispose](): void {
    this.tracker[Symbol.dispose]();
  }
}

function isCode(code: ProbeCode | VoidCause): code is ProbeCode {
  return /^L[467]/.test(code);
}
