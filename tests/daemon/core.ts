/** Tracker and reconciler wired as the daemon wires them; clock, prober and VPP are faked. */
import type { Backend, Config, Frontend, HealthCheck, LbSettings } from "../../src/configuration.ts";
import type { OverrideSink } from "../../src/health/override_book.ts";
import { Tracker } from "../../src/health/tracker.ts";
import type { CountedSink } from "../../src/health/tracker_parts.ts";
import type { ChangeSink } from "../../src/health/transitions.ts";
import type { Op } from "../../src/lb/balancer.ts";
import { noHooks } from "../../src/lb/parts.ts";
import { Reconciler } from "../../src/lb/reconciler.ts";
import { frontendVip, vipId } from "../../src/lb/vips.ts";
import { vppFacts } from "../../src/lb/vpp_view.ts";
import { givenUpAt } from "../../src/lb/write_gate.ts";
import type { LeftOverrides } from "../../src/memory/overrides/override.ts";
import type {
  FrontendState,
  MemoryLeft,
  ProbeCode,
  State,
  Transition,
  VipRecord,
  VoidCause,
} from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { alice, config as configOf, FakeLog, FakeProber, result, tcpCheck } from "../health/kit.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";

/** Parts of a configuration; without startup delays unless said otherwise. */
export interface CoreConfig {
  readonly checks?: readonly HealthCheck[];
  readonly backends: readonly Backend[];
  readonly frontends: readonly Frontend[];
  readonly lb?: Partial<LbSettings>;
}

/** A configuration of these parts; the check `web` has rise 2 and fall 3 unless given. */
export function coreConfig({ checks = [tcpCheck("web")], backends, frontends, lb }: CoreConfig): Config {
  const config = configOf({ checks, backends, frontends });
  return { ...config, lb: { ...config.lb, startupMinDelayMs: 0, startupMaxDelayMs: 0, ...lb } };
}

/** What a daemon's memory tells the core, and is told. */
export interface CoreMemory {
  /** How much there is of what an earlier process left. */
  readonly left: MemoryLeft;
  /** What the next process must know may have changed. */
  readonly changed: () => void;
  /** Whether it may come yet; absent: no. */
  readonly isLate?: boolean;
  /** What operators of an earlier process set; absent: nothing. */
  readonly overrides?: LeftOverrides;
}

/** The core of a daemon. */
export class Core implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly log = new FakeLog();
  readonly prober = new FakeProber();
  /** Every transition, as it was told. */
  readonly told: Transition[] = [];
  readonly tracker: Tracker;
  readonly reconciler: Reconciler;
  /** Told of every batch, before the reconciler. */
  onChanges: ChangeSink = () => {};
  /** Told of every change of the overrides. */
  onOverrides: OverrideSink = () => {};
  /** Told of every result that counts. */
  onCounted: CountedSink = () => {};

  /**
   * Starts.
   *
   * @param record what an earlier process left; null: nothing
   * @param clock one that goes on stands for a restart
   * @param memory where the record comes from and goes
   */
  constructor(
    config: Config,
    record: VipRecord | null = null,
    clock: FakeClock = new FakeClock(),
    memory: CoreMemory = { left: "all", changed() {} },
  ) {
    this.clock = clock;
    this.tracker = new Tracker({
      config,
      clock,
      log: this.log,
      prober: this.prober,
      metrics: { probed() {}, forgotten() {} },
      vpp: vppFacts(true, () => this.reconciler?.view ?? null),
      onCounted: (...counted) => this.onCounted(...counted),
      onChanges: (changes) => {
        this.told.push(...changes.transitions);
        this.onChanges(changes);
        this.reconciler?.take(changes);
      },
      ...(memory.overrides === undefined ? {} : { overrides: memory.overrides }),
      unreadUntil: memory.isLate === true ? givenUpAt(clock.now(), config.lb.startupMaxDelayMs) : null,
      onOverrides: (change, by, claimed) => {
        memory.changed();
        this.onOverrides(change, by, claimed);
      },
    });
    this.tracker.start();
    this.reconciler = new Reconciler({
      clock,
      log: this.log,
      random: () => 0.5,
      world: () => ({ config: this.tracker.config, status: (backend) => this.tracker.status(backend) }),
      hooks: { ...noHooks, firstRead: () => this.tracker.firstRead() },
      enabled: true,
      inFlight: 32,
      startedAt: clock.now(),
      record,
      memory: memory.left,
      recorded: memory.changed,
    });
    this.reconciler.start();
  }

  /** Reports results of running targets in one batch. */
  probe(...reports: readonly (readonly [string, ProbeCode | VoidCause])[]): void {
    this.tracker.report(reports.flatMap(([backend, code]) => {
      const target = this.prober.targets.get(backend);
      if (target === undefined) throw new Error(`${backend} is not probed`);
      const done = isCode(code) ? result(code) : result("L4TOUT", { void: code });
      return { backend, generation: target.generation, result: done, nextDueAt: 0 };
    }));
  }

  /** Reloads; resolves when VPP was told. */
  async reload(config: Config): Promise<void> {
    this.tracker.reload(config, alice);
    await this.reconciler.reloaded();
  }

  /** Sets a weight as an operator does; resolves when VPP was told. */
  async weigh(frontend: string, pool: string, backend: string, weight: number, flush = false): Promise<void> {
    const set = this.tracker.orders.setWeight(frontend, pool, backend, weight, alice);
    if (!set.ok) throw new Error(set.error.detail);
    await this.reconciler.weightSet(frontend, backend, flush);
  }

  /** State of a backend, or null. */
  state(backend: string): State | null {
    return this.tracker.entry(backend)?.health.state ?? null;
  }

  /** State of a frontend, or null. */
  frontendState(frontend: string): FrontendState | null {
    return this.tracker.weights(frontend)?.state ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reconciler[Symbol.asyncDispose]();
    this.tracker[Symbol.dispose]();
  }
}

function isCode(code: ProbeCode | VoidCause): code is ProbeCode {
  return /^L[467]/.test(code);
}

/** The global settings that `coreConfig` wants, so that a VPP has them already. */
export function setUp(vpp: FakeBalancer, { lb }: Config): void {
  const { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds } = lb;
  vpp.conf = { ipv4SrcAddress, ipv6SrcAddress, stickyBucketsPerCore, flowTimeoutSeconds };
}

/** Puts a VIP into VPP as the daemon would have made it, with these weights by address. */
export function placeVip(
  vpp: FakeBalancer,
  frontend: Frontend,
  weights: Readonly<Record<string, number>>,
): void {
  vpp.place({
    ...frontendVip(frontend),
    encap: "gre4",
    srcIpSticky: frontend.srcIpSticky,
    tableLength: frontend.newFlowsTableLength,
    index: vpp.vips.length + 1,
    servers: Object.entries(weights).map(([address, weight]) => ({ address: ip(address), weight })),
  });
}

/** Weights of a frontend's VIP by address. */
export function weightsIn(vpp: FakeBalancer, frontend: Frontend): Record<string, number> {
  const vip = vpp.vips.find((one) => vipId(one) === vipId(frontendVip(frontend)));
  return Object.fromEntries((vip?.servers ?? []).map(({ address, weight }) => [address, weight]));
}

/** A message in words: `weight 10.0.0.1 0 flush`. */
export function words(op: Op): string {
  switch (op.kind) {
    case "as-weight":
      return `weight ${op.address} ${op.weight}${op.flush ? " flush" : ""}`;
    case "as-add":
      return `add ${op.address} ${op.weight}`;
    case "as-delete":
      return `delete ${op.address}`;
    default:
      return op.kind;
  }
}

/** A daemon that restarted on a VPP which has the frontend with these weights. */
export async function restartedCore(
  config: Config,
  web: Frontend,
  weights: Record<string, number>,
): Promise<{ core: Core; vpp: FakeBalancer }> {
  const core = new Core(config);
  const vpp = new FakeBalancer();
  setUp(vpp, config);
  placeVip(vpp, web, weights);
  core.reconciler.connected(vpp);
  await settle();
  return { core, vpp };
}
