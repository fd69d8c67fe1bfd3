/**
 * One sync from end to end: read, plan, send, remember.
 *
 * @module
 */
import { abortable } from "../async/abortable.ts";
import type { Semaphore } from "../async/semaphore.ts";
import type { ActualConf, Millis, UnixMillis } from "../model.ts";
import { applyPlan, setHasChanged, type StepResult } from "./apply.ts";
import type { LoadBalancer, Op, VppHeap } from "./balancer.ts";
import { desiredConf, type DesiredVip, desiredVips } from "./desired.ts";
import type { Gate } from "./gate.ts";
import type { Memory } from "./memory.ts";
import { isSent } from "./holds.ts";
import { madeVips, makePlan, sameConf, type SyncPlan } from "./plan.ts";
import type { RaiseGuard } from "./raise_guard.ts";
import { readFrontends } from "./read.ts";
import type { Step } from "./steps.ts";
import { logDone, logRaised, logResult, logStart } from "./report.ts";
import type { LbReading, Planned, Revisions, Standing, Synced } from "./synced.ts";
import { type HeapAnswer, HeapPromises, judgeHeap } from "./vpp_heap.ts";
import type { ReconcilerParts } from "./world.ts";

/** How a plan is sent. */
export interface ApplyWays {
  /** Whether its messages go before those of other runs. */
  readonly urgent: boolean;
  /** Whether a step is still what is wanted. */
  readonly isCurrent: (step: Step) => boolean;
  /** Told of every step when its outcome is known. */
  readonly onResult: (result: StepResult) => void;
}

/** Runs syncs of one daemon; its caller sees to it that only one runs at a time. */
export class Syncer {
  readonly #parts: ReconcilerParts;
  readonly #memory: Memory;
  readonly #guard: RaiseGuard;
  readonly #inFlight: Semaphore;
  readonly #revisions: () => Revisions;
  /** Whether the global settings of this session are known to be as they should. */
  confConfirmed = false;
  /** Whether the global settings of this session were compared once, and sent where they differed. */
  confJudged = false;

  /** As last read in this session; null: not known. */
  #heap: VppHeap | null = null;
  readonly #promises = new HeapPromises();

  /** Nothing was read yet. */
  constructor(
    parts: ReconcilerParts,
    memory: Memory,
    guard: RaiseGuard,
    inFlight: Semaphore,
    revisions: () => Revisions,
  ) {
    this.#revisions = revisions;
    this.#parts = parts;
    this.#memory = memory;
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
  async read(lb: LoadBalancer, frontend: string | null): Promise<LbReading> {
    const readAt = this.#parts.clock.wall();
    if (frontend === null) {
      const { sent } = this.#memory;
      const { conf, vips } = await lb.readAll();
      if (this.#memory.readAll({ readAt, conf, vips }, sent)) this.#parts.hooks.firstRead();
      return { readAt, conf, vips };
    }
    const [conf] = await Promise.all([lb.readConf(), this.#readVips(lb, [frontend], () => true)]);
    this.#memory.readConf(conf);
    const vip = this.#memory.vip(this.#memory.idOf(frontend) ?? "");
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
    gate: Gate,
    thorough: (name: string) => boolean,
    quiet: () => Promise<void>,
  ): Promise<Planned> {
    const readAt = this.#parts.clock.wall();
    await this.#readHeap(lb, frontends);
    const shown = frontends === null ? null : await this.#readVips(lb, frontends, thorough);
    if (frontends === null) await this.read(lb, null);
    await quiet();
    return this.planKnown(frontends, shown, gate, readAt);
  }

  /**
   * Plans from what is known.
   *
   * @param shown names of the frontends that the plan must know, those on the same prefixes included; null: all
   */
  planKnown(
    frontends: readonly string[] | null,
    shown: Iterable<string> | null,
    gate: Gate,
    readAt: UnixMillis,
  ): Planned {
    const desired = this.#desired(shown);
    const world = this.#parts.world();
    const { conf } = this.#memory;
    const checksConf = conf !== null && (frontends === null || !this.confConfirmed);
    const prefixes = new Set(desired.map((vip) => vip.vip.prefix));
    const actual = [...this.#memory.vips];
    const wantedConf = desiredConf(world.config);
    const shortages = this.#judgeHeap(desired, wantedConf);
    const plan = makePlan({
      scope: frontends === null ? "all" : "vip",
      frontends: frontends === null ? null : new Set(frontends),
      desired,
      actual: frontends === null ? actual : actual.filter((vip) => prefixes.has(vip.prefix)),
      conf: checksConf ? { desired: wantedConf, actual: conf, previous: this.#memory.previousConf } : null,
      shortages,
      owed: this.#memory.owed,
      reasons: (vip) => this.#memory.reasons(vip),
      named: this.#memory.ownership.named,
      lastName: (vip) => this.#memory.ownership.lastName(vip),
      brake: this.#memory.ownership.brake,
      foreign: world.config.lb.foreignVips,
      holds: { ...gate.holds(), raise: (server) => this.#guard.holds(server) },
    });
    return { plan, desired, frontends, readAt, revisions: this.#revisions() };
  }

  #desired(names: Iterable<string> | null): readonly DesiredVip[] {
    const { config, status } = this.#parts.world();
    return desiredVips(config, status, this.#memory, names);
  }

  /** VPP's heap is of use only where something may be made; a change of weights does not wait for it. */
  async #readHeap(lb: LoadBalancer, frontends: readonly string[] | null): Promise<void> {
    const known = (name: string) => this.#memory.vip(this.#memory.idOf(name) ?? "") !== null;
    if (frontends !== null && this.confConfirmed && frontends.every(known)) return;
    this.#heap = await lb.readHeap();
  }

  #judgeHeap(desired: readonly DesiredVip[], conf: ActualConf): HeapAnswer {
    const actual = this.#memory.conf;
    const vips = [...this.#memory.vips];
    const heap = this.#heap;
    return judgeHeap({
      heap,
      promised: heap === null ? 0 : this.#promises.outstanding(heap, this.#parts.clock.now()),
      conf: { desired: conf, actual: actual ?? conf },
      hasVips: vips.length > 0,
      additions: madeVips(desired, (id) => this.#memory.vip(id)),
    });
  }

  /** VPP answered 0. */
  #accepted(op: Op, owedBefore: number): void {
    this.#memory.accepted(op, owedBefore);
    if (op.kind === "vip-add") this.#promises.vipMade(op.tableLength, this.#parts.clock.now());
    if (op.kind === "conf-set" && op.keepsBuckets !== true && this.#heap !== null) {
      this.#promises.bucketsSet(op.conf.stickyBucketsPerCore, this.#heap);
    }
  }

  /** Reads VIPs; answers the names of the frontends that were read, those on the same prefixes included. */
  async #readVips(
    lb: LoadBalancer,
    names: readonly string[],
    thorough: (name: string) => boolean,
  ): Promise<Set<string>> {
    // Without a witness a member that is not yet known would count as unknown and lose its weight.
    if (!this.#memory.witnesses.known) await this.read(lb, null);
    if (!this.confConfirmed) this.#memory.readConf(await lb.readConf());
    return await readFrontends(lb, this.#memory, this.#parts.clock, this.#desired(names), thorough);
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
      onSend: (op) => this.#memory.sending(op),
      onSettled: (op) => this.#memory.settled(op),
      onAccepted: (op: Op) => this.#accepted(op, plan.owedBefore),
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
    const synced = this.#conclude(planned, results, startedAt, clock.now() - began, release);
    if (plan.steps.some((step) => isSent(step, release))) {
      if (results.some(({ step, status }) => status === "done" && /^vip_/.test(step.change.kind))) {
        lb.textIsStale();
      }
    }
    logRaised(log, results, this.#guard);
    logDone(log, frontends, results);
    return synced;
  }

  #conclude(
    planned: Planned,
    results: readonly StepResult[],
    startedAt: UnixMillis,
    tookMs: Millis,
    release: boolean,
  ): Synced {
    const { plan, desired, frontends } = planned;
    const standings = new Map<string, Standing>();
    const surprised = new Set<string>();
    const superseded = new Set<string>();
    let othersFailed = false;
    let othersSurprised = false;
    for (const result of results) {
      const { step, status, surprise } = result;
      const { frontend } = step.change;
      if (surprise) {
        if (frontend === null) othersSurprised = true;
        else surprised.add(frontend);
      }
      if (status === "done") continue;
      if (result.superseded) {
        if (frontend !== null) superseded.add(frontend);
        continue;
      }
      const held = !isSent(step, release);
      if (frontend === null) othersFailed ||= !held;
      // A length that is held is as the configuration wants it: a live VIP keeps the one it has.
      else if (held && step.holds.every(({ kind }) => kind === "table length")) continue;
      else if (!held) standings.set(frontend, "error");
      else if (standings.get(frontend) !== "error") standings.set(frontend, "held");
    }
    const wanted = frontends === null ? null : new Set(frontends);
    for (const vip of desired) {
      if (wanted !== null && !wanted.has(vip.frontend)) continue;
      if (standings.has(vip.frontend) || superseded.has(vip.frontend)) continue;
      standings.set(vip.frontend, "in-sync");
      this.#memory.synced(vip);
    }
    if (frontends === null) this.#memory.ownership.synced(plan.braked);
    this.#confirmConf(plan);
    const setChanged = setHasChanged(results);
    return {
      ...planned,
      results,
      startedAt,
      tookMs,
      standings,
      surprised,
      othersSurprised,
      othersFailed,
      superseded,
      setChanged,
    };
  }

  #confirmConf(plan: SyncPlan): void {
    const { confGoal } = plan;
    const has = this.#memory.conf;
    if (confGoal === null || has === null) return;
    this.confJudged = true;
    const wanted = desiredConf(this.#parts.world().config);
    // What VPP has no memory for is as right as it can be; a reload meanwhile has made another plan necessary.
    const kept = { ...wanted, stickyBucketsPerCore: confGoal.stickyBucketsPerCore };
    const right = sameConf(wanted, has) || (plan.shortages.length > 0 && sameConf(kept, has));
    this.confConfirmed = right;
    if (right) this.#memory.previousConf = has;
  }
}
