/**
 * One sync from end to end: read, plan, send, remember.
 *
 * @module
 */
import { abortable } from "../async/abortable.ts";
import type { Semaphore } from "../async/semaphore.ts";
import type { ActualConf, ActualLb, ActualVip, UnixMillis } from "../model.ts";
import { applyPlan, type StepResult } from "./apply.ts";
import type { LoadBalancer, Op, VppHeap } from "./balancer.ts";
import { desiredConf, type DesiredVip, desiredVips } from "./desired.ts";
import type { FrontendSyncs } from "./frontend_sync.ts";
import { isSent } from "./holds.ts";
import { conclude, type Planned, type Synced } from "./outcome.ts";
import type { Ownership } from "./ownership.ts";
import type { ReconcilerParts } from "./parts.ts";
import { endedFlows } from "./pending_flushes.ts";
import { madeVips, makePlan, sameConf, type SyncPlan } from "./plan.ts";
import type { RaiseGuard } from "./raise_guard.ts";
import { readFrontends } from "./read.ts";
import type { Step } from "./steps.ts";
import { logDone, logRaised, logResult, logStart } from "./report.ts";
import { vipId } from "./vips.ts";
import { type HeapAnswer, HeapPromises, judgeHeap } from "./vpp_heap.ts";
import type { VppState } from "./vpp_state.ts";
import type { WriteGate } from "./write_gate.ts";

/** How a plan is sent. */
export interface ApplyWays {
  /** Whether its messages go before those of other runs. */
  readonly urgent: boolean;
  /** Whether a step is still what is wanted. */
  readonly isCurrent: (step: Step) => boolean;
  /** Told of every step when its outcome is known. */
  readonly onResult: (result: StepResult) => void;
}

/** What a syncer works on. */
export interface SyncerParts {
  /** Of the reconciler. */
  readonly parts: ReconcilerParts;
  /** What VPP has. */
  readonly state: VppState;
  /** What is known of each frontend. */
  readonly syncs: FrontendSyncs;
  /** Which VIPs are the daemon's own. */
  readonly ownership: Ownership;
  /** What may be written now. */
  readonly gate: WriteGate;
  /** What may be raised now. */
  readonly guard: RaiseGuard;
  /** Bounds the messages in flight. */
  readonly inFlight: Semaphore;
  /** Makes the changes that are due, between two groups of a full read; null: none is. */
  readonly between: (lb: LoadBalancer) => Promise<void> | null;
}

/** Runs syncs of one daemon: read, plan, apply. */
export class Syncer {
  readonly #parts: ReconcilerParts;
  readonly #state: VppState;
  readonly #syncs: FrontendSyncs;
  readonly #ownership: Ownership;
  readonly #gate: WriteGate;
  readonly #guard: RaiseGuard;
  readonly #inFlight: Semaphore;
  readonly #between: SyncerParts["between"];
  /** Whether the global settings of this session are known to be as they should. */
  confConfirmed = false;
  /** Whether the global settings of this session were compared once, and sent where they differed. */
  confJudged = false;

  /** As last read in this session; null: not known. */
  #heap: VppHeap | null = null;
  readonly #promises = new HeapPromises();

  /** Nothing was read yet. */
  constructor({ parts, state, syncs, ownership, gate, guard, inFlight, between }: SyncerParts) {
    this.#between = between;
    this.#parts = parts;
    this.#state = state;
    this.#syncs = syncs;
    this.#ownership = ownership;
    this.#gate = gate;
    this.#guard = guard;
    this.#inFlight = inFlight;
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
    const readAt = this.#parts.clock.wall();
    if (frontend === null) {
      const { sent } = this.#state;
      const { conf, vips } = await lb.readAll(() => this.#between(lb));
      if (this.#state.readAll({ readAt, conf, vips }, sent)) this.#parts.hooks.firstRead();
      return { readAt, conf, vips };
    }
    const [conf] = await Promise.all([lb.readConf(), this.#readVips(lb, [frontend], () => true)]);
    this.#state.readConf(conf);
    const vip = this.#vipOf(frontend);
    return { readAt, conf, vips: vip === null ? [] : [vip] };
  }

  /**
   * Reads VPP and plans; rejects when the session ends.
   *
   * @param thorough names of which nothing remembered is to be trusted
   * @param quiet resolves when no urgent message is under way: until VPP has answered, its effect is not known
   */
  async plan(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    thorough: (name: string) => boolean,
    quiet: () => Promise<void>,
  ): Promise<Planned> {
    const readAt = this.#parts.clock.wall();
    await this.#readHeap(lb, frontends);
    const shown = frontends === null ? null : await this.#readVips(lb, frontends, thorough);
    if (frontends === null) await this.read(lb, null);
    await quiet();
    return this.planKnown(frontends, shown, readAt);
  }

  /**
   * Plans from what is known.
   *
   * @param shown names of the frontends that the plan must know, those on the same prefixes included; null: all
   */
  planKnown(
    frontends: readonly string[] | null,
    shown: Iterable<string> | null,
    readAt: UnixMillis,
  ): Planned {
    const desired = this.#desired(shown);
    const world = this.#parts.world();
    const { conf } = this.#state;
    const checksConf = conf !== null && (frontends === null || !this.confConfirmed);
    const prefixes = new Set(desired.map((vip) => vip.vip.prefix));
    const actual = [...this.#state.vips];
    const wantedConf = desiredConf(world.config);
    const shortages = this.#judgeHeap(desired, wantedConf);
    const plan = makePlan({
      scope: frontends === null ? "all" : "vip",
      frontends: frontends === null ? null : new Set(frontends),
      desired,
      actual: frontends === null ? actual : actual.filter((vip) => prefixes.has(vip.prefix)),
      conf: checksConf ? { desired: wantedConf, actual: conf, previous: this.#state.previousConf } : null,
      shortages,
      flushes: (vip) => this.#syncs.ofVip(vip)?.pendingFlushes ?? [],
      nextFlush: this.#syncs.nextSerial,
      reasons: (vip) => this.#syncs.reasons(vip),
      named: this.#ownership.named,
      lastName: (vip) => this.#ownership.lastName(vip),
      brake: this.#ownership.brake,
      foreign: world.config.lb.foreignVips,
      holds: {
        ...this.#gate.holds((name) => this.#syncs.get(name)?.release ?? null),
        raise: (server) => this.#guard.holds(server),
      },
    });
    const revisions = this.#syncs.revisions(desired.map(({ frontend }) => frontend));
    return { plan, desired, frontends, readAt, revisions };
  }

  #desired(names: Iterable<string> | null): readonly DesiredVip[] {
    const { config, status } = this.#parts.world();
    return desiredVips(config, status, this.#state, names);
  }

  #vipOf(frontend: string): ActualVip | null {
    return this.#state.vip(this.#syncs.get(frontend)?.vip ?? "");
  }

  /** VPP's heap is of use only where something may be made; a change of weights does not wait for it. */
  async #readHeap(lb: LoadBalancer, frontends: readonly string[] | null): Promise<void> {
    const known = (name: string) => this.#vipOf(name) !== null;
    if (frontends !== null && this.confConfirmed && frontends.every(known)) return;
    this.#heap = await lb.readHeap();
  }

  #judgeHeap(desired: readonly DesiredVip[], conf: ActualConf): HeapAnswer {
    const actual = this.#state.conf;
    const vips = [...this.#state.vips];
    const heap = this.#heap;
    return judgeHeap({
      heap,
      promised: heap === null ? 0 : this.#promises.outstanding(heap, this.#parts.clock.now()),
      conf: { desired: conf, actual: actual ?? conf },
      hasVips: vips.length > 0,
      additions: madeVips(desired, (id) => this.#state.vip(id)),
    });
  }

  /** VPP answered 0. */
  #accepted(op: Op, flushesBefore: number): void {
    this.#state.accepted(op, (vip) => this.#syncs.ofVip(vip) !== null);
    if (op.kind === "conf-set") {
      if (op.keepsBuckets !== true && this.#heap !== null) {
        this.#promises.bucketsSet(op.conf.stickyBucketsPerCore, this.#heap);
      }
      return;
    }
    const id = vipId(op.vip);
    const ended = endedFlows(op);
    if (ended !== null) this.#syncs.flushed(id, ended.address, flushesBefore);
    const record = this.#syncs.ofVip(id);
    if (op.kind === "vip-delete" && record !== null) record.lastInSync = null;
    if (op.kind === "vip-add") this.#promises.vipMade(op.tableLength, this.#parts.clock.now());
  }

  /** Reads VIPs; answers the names of the frontends that were read, those on the same prefixes included. */
  async #readVips(
    lb: LoadBalancer,
    names: readonly string[],
    thorough: (name: string) => boolean,
  ): Promise<Set<string>> {
    // Without a witness a member that is not yet known would count as unknown and lose its weight.
    if (!this.#state.witnesses.known) await this.read(lb, null);
    if (!this.confConfirmed) this.#state.readConf(await lb.readConf());
    return await readFrontends(
      lb,
      this.#state,
      this.#parts.clock,
      this.#desired(names),
      (prefix) => this.#syncs.namesOn(prefix),
      thorough,
    );
  }

  /** Sends a plan. With `release` what is held goes too. Rejects when `signal` ends the daemon meanwhile. */
  async apply(
    lb: LoadBalancer,
    planned: Planned,
    release: boolean,
    signal: AbortSignal,
    ways: ApplyWays,
  ): Promise<Synced> {
    const { log, clock, hooks } = this.#parts;
    const { plan, frontends } = planned;
    const startedAt = clock.wall();
    const began = clock.now();
    logStart(log, plan, frontends, release);
    const applied = applyPlan(plan, {
      balancer: lb,
      inFlight: this.#inFlight,
      release,
      signal,
      urgent: ways.urgent,
      isCurrent: ways.isCurrent,
      onSend: (op) => this.#state.sending(op),
      onSettled: (op) => this.#state.settled(op),
      onAccepted: (op: Op) => this.#accepted(op, plan.flushesBefore),
      onResult: (result) => {
        // The session ended before VPP answered: that is told once, and the next session repairs what is not so.
        const unanswered = result.retval === null && (lb.signal.aborted || signal.aborted);
        if (!unanswered) logResult(log, result);
        ways.onResult(result);
        const { kind } = result.step.change;
        if (result.status === "done" && kind !== "conf_set") hooks.changed(plan.scope, kind);
      },
    });
    const results = await abortable(applied, signal);
    const synced = { ...conclude(planned, results, release), startedAt, tookMs: clock.now() - began };
    for (const vip of planned.desired) {
      const record = this.#syncs.ofVip(vip.id);
      if (record !== null && synced.outcomes.get(vip.frontend)?.standing === "in-sync") {
        record.lastInSync = vip;
      }
    }
    if (frontends === null) this.#ownership.synced(plan.braked);
    this.#confirmConf(plan);
    if (plan.steps.some((step) => isSent(step, release))) {
      if (results.some(({ step, status }) => status === "done" && /^vip_/.test(step.change.kind))) {
        lb.textIsStale();
      }
    }
    logRaised(log, results, this.#guard);
    logDone(log, frontends, results);
    return synced;
  }

  #confirmConf(plan: SyncPlan): void {
    const { confGoal } = plan;
    const has = this.#state.conf;
    if (confGoal === null || has === null) return;
    this.confJudged = true;
    const wanted = desiredConf(this.#parts.world().config);
    // What VPP has no memory for is as right as it can be; a reload meanwhile has made another plan necessary.
    const kept = { ...wanted, stickyBucketsPerCore: confGoal.stickyBucketsPerCore };
    const right = sameConf(wanted, has) || (plan.shortages.length > 0 && sameConf(kept, has));
    this.confConfirmed = right;
    if (right) this.#state.previousConf = has;
  }
}
