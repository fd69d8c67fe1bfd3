/**
 * Sends plans to VPP and takes into account what it answers. A change of many VIPs is planned in parts, which are sent as
 * one: it begins, is told and ends once.
 *
 *   part, part, ... --messages--> VPP --answers--> what VPP has, results --> outcome of the whole
 *
 * @module
 */
import { abortable } from "../async/abortable.ts";
import type { Semaphore } from "../async/semaphore.ts";
import type { Millis, UnixMillis } from "../model.ts";
import { applyPlan, type StepResult } from "./apply.ts";
import type { LoadBalancer, Op } from "./balancer.ts";
import { conclude, type Outcome, type Planned, type Synced } from "./outcome.ts";
import type { Revisions } from "./frontend_sync.ts";
import type { SyncPlan } from "./plan.ts";
import { logDone, logRaised, logResult, logStart, syncResult } from "./report.ts";
import type { DesiredVip } from "./desired.ts";
import { isSent, planDigest, type Step, type StepKind } from "./steps.ts";
import type { SyncCore } from "./sync_core.ts";

/** After these `show lb vips` must be read again. */
const changesText: ReadonlySet<StepKind> = new Set(["vip_added", "vip_removed", "vip_recreated"]);

/** How plans are sent. */
export interface SendingWays {
  /** Whether what is held goes, too, except what is blocked. */
  readonly release: boolean;
  /** Whether its messages go before those of other runs. */
  readonly urgent: boolean;
  /** Told whenever the outcome of a step is known. */
  readonly onOutcome?: () => void;
  /**
   * Told what became of frontends all of whose steps have an outcome, in the turn in which they have it and before anybody
   * who waits for their messages. Absent: all of a plan is taken into account when it is through.
   */
  readonly onThrough?: (through: Through) => void;
}

/** Frontends of one plan all of whose steps have an outcome. */
export interface Through {
  /** Of the plan. */
  readonly revisions: Revisions;
  /** Those of which VPP did everything, as planned, as it should have them: nearly always all. */
  readonly done: readonly DesiredVip[];
  /** What became of the others; null: there are none. */
  readonly others: Outcome | null;
}

/** The frontends of a plan that are under way. */
class Progress {
  readonly #planned: Planned;
  readonly #release: boolean;
  /** By frontend, its steps without an outcome; null: each has one, as nearly always. */
  readonly #left: Map<string, number> | null;
  /** Frontends of which not everything was done as planned. */
  readonly #troubled = new Set<string>();
  #results: StepResult[] = [];
  readonly #desired: ReadonlyMap<string, DesiredVip>;
  /** Those that are through and not told yet; made with its first, since an empty array gets room for 17 when it grows. */
  #through: DesiredVip[] | null = null;

  /** None of its steps has an outcome. */
  constructor(planned: Planned, release: boolean, desired: ReadonlyMap<string, DesiredVip>) {
    this.#planned = planned;
    this.#release = release;
    this.#desired = desired;
    const { frontends, plan: { steps } } = planned;
    this.#left = steps.length === frontends?.length ? null : new Map();
    if (this.#left === null) return;
    for (const { frontend } of steps) {
      if (frontend !== null) this.#left.set(frontend, (this.#left.get(frontend) ?? 0) + 1);
    }
  }

  /** A step has an outcome. */
  take(result: StepResult): void {
    const { status, step: { frontend }, surprise } = result;
    if (frontend === null) return;
    const left = (this.#left?.get(frontend) ?? 1) - 1;
    this.#left?.set(frontend, left);
    if (left > 0 || status !== "done" || surprise) this.#results.push(result);
    if (status !== "done" || surprise) this.#troubled.add(frontend);
    const vip = this.#desired.get(frontend);
    if (left > 0 || vip === undefined) return;
    if (this.#through === null) this.#through = [vip];
    else this.#through.push(vip);
  }

  /** The frontends that are through, each once; null: none is. */
  through(): Through | null {
    const { revisions } = this.#planned;
    const all = this.#through;
    this.#through = null;
    if (all === null) return null;
    if (this.#troubled.size === 0) return { revisions, done: all, others: null };
    const troubled = new Set(all.map(({ frontend }) => frontend).filter((name) => this.#troubled.has(name)));
    const done = all.filter(({ frontend }) => !troubled.has(frontend));
    return { revisions, done, others: troubled.size === 0 ? null : this.#outcome(troubled) };
  }

  #outcome(names: ReadonlySet<string>): Outcome {
    const results = this.#results.filter(({ step: { frontend } }) =>
      frontend !== null && names.has(frontend)
    );
    const desired = this.#planned.desired.filter(({ frontend }) => names.has(frontend));
    return conclude({ ...this.#planned, desired, frontends: [...names] }, results, this.#release);
  }
}

/** What a sending asks of its syncer. */
export interface SendingHooks {
  /** Bounds the messages in flight, of all runs together. */
  readonly inFlight: Semaphore;
  /** VPP answered 0 to a message of a plan. */
  readonly accepted: (op: Op, vip: string | null, flushesBefore: number) => void;
  /** A plan was sent: whether the global settings are right may be known now. */
  readonly confirmConf: (plan: SyncPlan) => void;
}

/** So many messages of a failover are written together. */
const WRITTEN_TOGETHER = 16;

/** One sending. */
export class Sending {
  readonly #core: SyncCore;
  readonly #hooks: SendingHooks;
  readonly #lb: LoadBalancer;
  readonly #ways: SendingWays;
  /** Names of the frontends of all plans; null: everything. */
  #frontends: string[] | null = [];
  /** How many steps of the plans are not held. */
  #changes = 0;
  /** By plan, what became of its steps. A plan itself is not kept: a change of thousands of VIPs would be kept to its end. */
  readonly #results: (readonly StepResult[])[] = [];
  readonly #ends: Promise<Outcome | null>[] = [];
  readonly #startedAt: UnixMillis;
  readonly #began: Millis;
  /** Results that are not logged yet: first comes the record of the beginning. */
  readonly #unlogged: StepResult[] = [];
  /** Why the session is over, for all parts together. */
  readonly #sessionEnd = { ended: null };
  #isLogging = false;
  #open = 0;
  /** Messages since the last write; null: in its first turn, in which they are written together. */
  #unwritten: number | null = null;
  #isCounting = false;
  /** What was sent in a turn is written at its end. */
  readonly #turnEnds = (): void => {
    this.#isCounting = false;
    this.#unwritten = 0;
  };

  /** Plans with a new outcome in this turn; null: none. */
  #ready: Progress[] | null = null;
  readonly #tellThrough = (): void => this.#through();

  /** Nothing is sent yet. */
  constructor(core: SyncCore, hooks: SendingHooks, lb: LoadBalancer, ways: SendingWays) {
    this.#core = core;
    this.#hooks = hooks;
    this.#lb = lb;
    this.#ways = ways;
    this.#startedAt = core.parts.clock.wall();
    this.#began = core.parts.clock.now();
  }

  /** Begins to send a plan. Without `onThrough` there is only one. */
  add(planned: Planned): void {
    const { parts: { clock, hooks }, state, stop: signal, syncs } = this.#core;
    const { plan } = planned;
    const { release, urgent } = this.#ways;
    this.#open += plan.steps.length;
    for (const step of plan.steps) if (isSent(step, release)) this.#changes++;
    if (planned.frontends === null) this.#frontends = null;
    else for (const name of planned.frontends) this.#frontends?.push(name);
    const place = this.#results.push([]) - 1;
    const desired = new Map(planned.desired.map((vip) => [vip.frontend, vip]));
    const progress = this.#ways.onThrough === undefined ? null : new Progress(planned, release, desired);
    const outcome = applyPlan(plan, {
      balancer: this.#lb,
      inFlight: this.#hooks.inFlight,
      release,
      session: this.#sessionEnd,
      signal,
      urgent,
      isCurrent: (step) => this.#isCurrent(planned, step),
      onSend: (op, { frontend, vip }) => {
        this.#writeSome();
        state.sending(op, vip);
        if (frontend !== null) syncs.asked(op, frontend, desired.get(frontend));
      },
      onSettled: (op, { vip }) => state.settled(op, vip),
      onAccepted: (op, { vip }) => this.#hooks.accepted(op, vip, plan.flushesBefore),
      onResult: (result) => {
        this.#open--;
        this.#ways.onOutcome?.();
        this.#logOrKeep(result);
        this.#remember(result);
        const { frontend, kind } = result.step;
        if (progress !== null) this.#take(progress, result);
        if (result.status !== "done") return;
        if (kind !== "conf_set") hooks.changed(plan.scope, kind);
        const revision = frontend === null ? undefined : planned.revisions.frontends.get(frontend);
        if (revision === undefined || frontend === null) return;
        // VPP's answer to the first message of the frontend counts.
        const at = syncs.takeDecision(frontend, revision);
        if (at !== null) hooks.answered(clock.now() - at);
      },
    }).then((results) => {
      this.#results[place] = results;
      return this.#ways.onThrough === undefined ? this.#conclude(planned, results) : null;
    });
    // Whoever ends the sending takes the error.
    outcome.catch(() => {});
    this.#ends.push(outcome);
  }

  /** Steps whose outcome is not known yet. */
  get open(): number {
    return this.#open;
  }

  /** Writes what was sent. Resolves when all is written. */
  write(): Promise<void> {
    this.#unwritten = 0;
    return this.#lb.flush();
  }

  /**
   * All plans are added: resolves when VPP has answered, with what became of the plan; null: its frontends were told one by
   * one, as `onThrough` says. Rejects when the daemon stops meanwhile.
   */
  async end(): Promise<Synced | null> {
    const { parts: { clock, log }, stop } = this.#core;
    const { release } = this.#ways;
    // The messages of the first part are on their way. What caused them is told in this turn, before they are logged.
    await Promise.resolve();
    logStart(log, this.#changes, this.#frontends);
    // Thousands of lines come when VPP has answered all.
    if (this.#ends.length === 1) this.#logKept();
    const [outcome = null] = await abortable(Promise.all(this.#ends), stop)
      // Of a daemon that stops meanwhile, too, the log tells what VPP took.
      .finally(() => this.#logKept());
    const results = this.#results.flat();
    const tookMs = clock.now() - this.#began;
    if (results.some(({ status, step }) => status === "done" && changesText.has(step.kind))) {
      this.#lb.textIsStale();
    }
    logRaised(log, results, this.#core.guard);
    logDone(log, this.#frontends, results, release);
    if (results.some(({ status }) => status === "done")) this.#tellApplied(results, tookMs);
    return outcome === null ? null : { ...outcome, startedAt: this.#startedAt, tookMs };
  }

  #tellApplied(results: readonly StepResult[], tookMs: Millis): void {
    const [frontend = null] = this.#frontends?.length === 1 ? this.#frontends : [];
    const scope = this.#frontends === null ? "all" : "vip";
    const plan = { scope, digest: planDigest(results.map(({ step }) => step)) } as const;
    this.#core.parts.hooks.applied(
      syncResult({ plan, results, startedAt: this.#startedAt, tookMs }, frontend),
    );
  }

  /** A failover's messages, but for those of its first turn, are written some at a time: VPP works while the next are made. */
  #writeSome(): void {
    if (this.#ways.onOutcome === undefined) return;
    if (!this.#isCounting) {
      this.#isCounting = true;
      queueMicrotask(this.#turnEnds);
    }
    if (this.#unwritten === null || ++this.#unwritten <= WRITTEN_TOGETHER) return;
    this.#unwritten = 1;
    void this.#lb.flush();
  }

  /** Frontends that are through are taken into account together, when all answers of this turn are read. */
  #take(progress: Progress, result: StepResult): void {
    progress.take(result);
    if (this.#ready === null) {
      this.#ready = [progress];
      queueMicrotask(this.#tellThrough);
    } else if (this.#ready[this.#ready.length - 1] !== progress) this.#ready.push(progress);
  }

  #through(): void {
    const ready = this.#ready ?? [];
    this.#ready = null;
    for (const progress of ready) {
      const through = progress.through();
      if (through !== null) this.#ways.onThrough?.(through);
    }
  }

  /** Judges a plan as a whole: its frontends are not told one by one. */
  #conclude(planned: Planned, results: readonly StepResult[]): Outcome {
    const { ownership, syncs } = this.#core;
    const outcome = conclude(planned, results, this.#ways.release);
    for (const vip of planned.desired) {
      const record = syncs.ofVip(vip.id);
      if (record !== null && outcome.outcomes.get(vip.frontend)?.standing === "in-sync") {
        record.lastInSync = vip;
      }
    }
    if (planned.frontends === null) ownership.synced(planned.plan.braked);
    this.#hooks.confirmConf(planned.plan);
    return outcome;
  }

  /** Keeps what was sent to a server last, for those who ask why it has its weight. */
  #remember({ retval, step }: StepResult): void {
    const { flush, kind, reason, server, vip } = step;
    if (retval === null || server === null || vip === null) return;
    const message = {
      at: this.#core.parts.clock.wall(),
      weight: server.after ?? 0,
      flush,
      retval,
      reason,
    };
    this.#core.syncs.answered(vip, server.address, kind === "as_removed", message);
  }

  /** Whether a step is still what is wanted. */
  #isCurrent({ revisions }: Planned, { frontend, vip }: Step): boolean {
    const { syncs } = this.#core;
    if (!syncs.sameConfiguration(revisions)) return false;
    if (frontend !== null) return syncs.current(revisions, frontend) !== null;
    // The settings, or a VIP that no frontend has: unless the configuration names it by now.
    return vip === null || syncs.ofVip(vip) === null;
  }

  #logOrKeep(result: StepResult): void {
    // The session ended before VPP answered: that is told once, and the next session repairs what is not so.
    if (result.retval === null && (this.#lb.signal.aborted || this.#core.stop.aborted)) return;
    // What VPP refuses is told at once, even before the record of the beginning of a change of many VIPs.
    if (this.#isLogging || result.status === "failed") logResult(this.#core.parts.log, result);
    else this.#unlogged.push(result);
  }

  #logKept(): void {
    this.#isLogging = true;
    for (const result of this.#unlogged.splice(0)) logResult(this.#core.parts.log, result);
  }
}
