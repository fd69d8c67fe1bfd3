/**
 * One sync from end to end: read, plan, send, remember.
 *
 * @module
 */
import { Semaphore } from "../async/semaphore.ts";
import type { ActualConf, ActualLb, ActualVip, UnixMillis } from "../model.ts";
import type { LoadBalancer, Op, VppHeap } from "./balancer.ts";
import {
  desiredConf,
  type DesiredVip,
  desiredVips,
  type GuardedServer,
  madeVips,
  makesVips,
} from "./desired.ts";
import type { Planned } from "./outcome.ts";
import type { World } from "./parts.ts";
import { endedFlows } from "./pending_flushes.ts";
import { makePlan, type PlanHolds, sameConf, type SyncPlan } from "./plan.ts";
import { readFrontends } from "./read.ts";
import type { SyncCore } from "./sync_core.ts";
import { Sending, type SendingWays } from "./sending.ts";
import { type HeapAnswer, HeapPromises, judgeHeap } from "./vpp_heap.ts";
import type { VppState } from "./vpp_state.ts";

/** VPP's memory has room for all. */
const enough: HeapAnswer = { buckets: null, vips: new Map() };

/** Frontends whose VIPs may be changed; null: all. */
function wantedOf(
  frontends: readonly string[] | null,
  desired: readonly DesiredVip[],
  left: ReadonlySet<string>,
): ReadonlySet<string> | null {
  if (left.size === 0) return frontends === null ? null : new Set(frontends);
  const names = frontends ?? desired.map(({ frontend }) => frontend);
  return new Set(names.filter((name) => !left.has(name)));
}

/** Reads, plans and sends; its caller sees to it that only one sync runs at a time, besides urgent ones. */
export class Syncer {
  readonly #core: SyncCore;
  /** Bounds the messages in flight, of all runs together. */
  readonly #inFlight: Semaphore;
  readonly #between: (lb: LoadBalancer) => Promise<void> | null;
  /** Whether the global settings of this session are known to be as they should. */
  confConfirmed = false;
  /** Whether the global settings of this session were compared once, and sent where they differed. */
  confJudged = false;

  readonly #isConfigured = (vip: string): boolean => this.#core.syncs.ofVip(vip) !== null;
  /** As last read in this session; null: not known. */
  #heap: VppHeap | null = null;
  readonly #promises = new HeapPromises();

  /**
   * Nothing was read yet.
   *
   * @param between makes the changes that are due between two groups of a full read; null: none is
   */
  constructor(core: SyncCore, between: (lb: LoadBalancer) => Promise<void> | null) {
    this.#core = core;
    // Its groups are one write each: a system call for every message would cost as much as all else that is done for it.
    this.#inFlight = new Semaphore(core.parts.inFlight);
    this.#between = between;
  }

  /** A session began; `restarted`: with a VPP that was restarted. */
  connected(restarted: boolean): void {
    this.confConfirmed = false;
    this.confJudged = false;
    this.#heap = null;
    if (restarted) this.#promises.forget();
  }

  /** Reads everything, or one frontend's VIP, and the global settings with it; rejects when the session ends. */
  async read(lb: LoadBalancer, frontend: string | null): Promise<ActualLb> {
    const readAt = this.#core.parts.clock.wall();
    if (frontend === null) {
      const { sent } = this.#core.state;
      const { conf, vips } = await lb.readAll(() => this.#between(lb));
      if (this.#core.state.readAll({ readAt, conf, vips }, sent)) this.#core.parts.hooks.firstRead();
      return { readAt, conf, vips };
    }
    const [conf] = await Promise.all([lb.readConf(), this.#readVips(lb, [frontend], () => true)]);
    this.#core.state.readConf(conf);
    const vip = this.#vipOf(frontend);
    return { readAt, conf, vips: vip === null ? [] : [vip] };
  }

  /**
   * Reads VPP and plans; rejects when the session ends.
   *
   * @param thorough names of which nothing remembered is to be trusted
   * @param quiet resolves when VPP has answered the urgent messages under way, whose effect is not known until then; null:
   * there are none. A plan of some VIPs does not wait for them: it leaves those of which messages are under way
   */
  async plan(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    thorough: (name: string) => boolean,
    quiet: () => Promise<unknown> | null,
  ): Promise<Planned> {
    const readAt = this.#core.parts.clock.wall();
    await this.#readHeap(lb, frontends);
    const shown = frontends === null ? null : await this.#readVips(lb, frontends, thorough);
    if (frontends === null) await this.read(lb, null);
    // Once: backends may flap faster than a change takes, and what changes meanwhile is left to its own change.
    if (frontends === null) await quiet();
    return this.planKnown(frontends, shown, readAt, this.#underChange());
  }

  /** Frontends that a change without a read is about to send, or has sent without an answer. */
  #underChange(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const { changed, name, urgent } of this.#core.syncs.all()) {
      if (changed || urgent > 0) names.add(name);
    }
    return names;
  }

  /**
   * Plans from what is known.
   *
   * @param shown names of the frontends that the plan must know, those on the same prefixes included; null: all
   * @param left frontends whose VIPs stay as they are
   */
  planKnown(
    frontends: readonly string[] | null,
    shown: Iterable<string> | null,
    readAt: UnixMillis,
    left: ReadonlySet<string> = new Set(),
  ): Planned {
    const known = { state: this.#core.state, syncs: this.#core.syncs, ownership: this.#core.ownership };
    const holds = {
      ...this.#core.gate.holds((name) => this.#core.syncs.get(name)?.release ?? null),
      raise: (server: GuardedServer) => this.#core.guard.holds(server),
    };
    const { desired: all, plan } = this.planIf(
      known,
      this.#core.parts.world(),
      frontends,
      shown,
      holds,
      left,
    );
    const desired = left.size === 0 ? all : all.filter(({ frontend }) => !left.has(frontend));
    const revisions = this.#core.syncs.revisions(desired.map(({ frontend }) => frontend));
    const planned = left.size === 0 ? frontends : frontends?.filter((name) => !left.has(name)) ?? null;
    return { plan, desired, frontends: planned, left, readAt, revisions };
  }

  /**
   * Plans for a world that may be another one than the present.
   *
   * @param known what is known there
   * @param holds what may not be sent there
   * @param left frontends whose VIPs stay as they are
   */
  planIf(
    { ownership, state, syncs }: Pick<SyncCore, "ownership" | "state" | "syncs">,
    world: World,
    frontends: readonly string[] | null,
    shown: Iterable<string> | null,
    holds: PlanHolds,
    left: ReadonlySet<string> = new Set(),
  ): Pick<Planned, "plan" | "desired"> {
    const desired = desiredVips(world.config, world.status, state, shown);
    const { conf } = state;
    const checksConf = conf !== null && (frontends === null || !this.confConfirmed);
    const prefixes = new Set<string>();
    for (const { vip } of desired) prefixes.add(vip.prefix);
    const wantedConf = desiredConf(world.config);
    // A change of weights takes none of VPP's memory.
    const shortages = checksConf || makesVips(desired, (id) => state.vip(id))
      ? this.#judgeHeap(state, desired, wantedConf)
      : enough;
    const plan = makePlan({
      scope: frontends === null ? "all" : "vip",
      frontends: wantedOf(frontends, desired, left),
      desired,
      actual: frontends === null ? state.byId : state.vipsOn(prefixes),
      conf: checksConf ? { desired: wantedConf, actual: conf, previous: state.previousConf } : null,
      shortages,
      flushes: (vip) => syncs.ofVip(vip)?.pendingFlushes ?? [],
      nextFlush: syncs.nextSerial,
      reasons: (vip) => syncs.reasons(vip),
      named: { has: (vip) => ownership.named.has(vip) },
      lastName: (vip) => ownership.lastName(vip),
      brake: () => ownership.brake,
      foreign: world.config.lb.foreignVips,
      holds,
    });
    return { plan, desired };
  }

  #desired(names: Iterable<string> | null): readonly DesiredVip[] {
    const { config, status } = this.#core.parts.world();
    return desiredVips(config, status, this.#core.state, names);
  }

  #vipOf(frontend: string): ActualVip | null {
    return this.#core.state.vip(this.#core.syncs.get(frontend)?.vip ?? "");
  }

  /** VPP's heap is of use only where something may be made; a change of weights does not wait for it. */
  async #readHeap(lb: LoadBalancer, frontends: readonly string[] | null): Promise<void> {
    const known = (name: string) => this.#vipOf(name) !== null;
    if (frontends !== null && this.confConfirmed && frontends.every(known)) return;
    this.#heap = await lb.readHeap();
  }

  #judgeHeap(state: VppState, desired: readonly DesiredVip[], conf: ActualConf): HeapAnswer {
    const actual = state.conf;
    const vips = [...state.vips];
    const heap = this.#heap;
    return judgeHeap({
      heap,
      promised: heap === null ? 0 : this.#promises.outstanding(heap, this.#core.parts.clock.now()),
      conf: { desired: conf, actual: actual ?? conf },
      hasVips: vips.length > 0,
      additions: madeVips(desired, (id) => state.vip(id)),
    });
  }

  /** VPP answered 0. */
  #accepted(op: Op, id: string | null, flushesBefore: number): void {
    this.#core.state.accepted(op, id, this.#isConfigured);
    if (op.kind === "conf-set" || id === null) {
      if (op.kind === "conf-set" && op.keepsBuckets !== true && this.#heap !== null) {
        this.#promises.bucketsSet(op.conf.stickyBucketsPerCore, this.#heap);
      }
      return;
    }
    const ended = endedFlows(op);
    if (ended !== null) this.#core.syncs.flushed(id, ended.address, ended.stays ? Infinity : flushesBefore);
    const record = this.#core.syncs.ofVip(id);
    if (op.kind === "vip-delete" && record !== null) record.lastInSync = null;
    if (op.kind === "vip-add") this.#promises.vipMade(op.tableLength, this.#core.parts.clock.now());
  }

  /** Reads VIPs; answers the names of the frontends that were read, those on the same prefixes included. */
  async #readVips(
    lb: LoadBalancer,
    names: readonly string[],
    thorough: (name: string) => boolean,
  ): Promise<Set<string>> {
    // Without a witness a member that is not yet known would count as unknown and lose its weight.
    if (!this.#core.state.witnesses.known) await this.read(lb, null);
    if (!this.confConfirmed) this.#core.state.readConf(await lb.readConf());
    return await readFrontends(
      lb,
      this.#core.state,
      this.#core.parts.clock,
      this.#desired(names),
      (prefix) => this.#core.syncs.namesOn(prefix),
      thorough,
    );
  }

  /** Begins a sending; plans are added to it. */
  begin(lb: LoadBalancer, ways: SendingWays): Sending {
    const hooks = {
      inFlight: this.#inFlight,
      accepted: (op: Op, vip: string | null, flushesBefore: number) => this.#accepted(op, vip, flushesBefore),
      confirmConf: (plan: SyncPlan) => this.#confirmConf(plan),
    };
    return new Sending(this.#core, hooks, lb, ways);
  }

  #confirmConf(plan: SyncPlan): void {
    const { confGoal } = plan;
    const has = this.#core.state.conf;
    if (confGoal === null || has === null) return;
    this.confJudged = true;
    const wanted = desiredConf(this.#core.parts.world().config);
    // What VPP has no memory for is as right as it can be; a reload meanwhile has made another plan necessary.
    const kept = { ...wanted, stickyBucketsPerCore: confGoal.stickyBucketsPerCore };
    const right = sameConf(wanted, has) || (plan.shortages.length > 0 && sameConf(kept, has));
    this.confConfirmed = right;
    if (right) this.#core.state.previousConf = has;
  }
}
