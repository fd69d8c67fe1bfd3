/**
 * Keeps VPP as the configuration and the states want it. One reconciler, one queue, one sync at a time.
 *
 *   transition, weight, reload, operator ─▶ queue ─▶ wait for work ─▶ read ─▶ plan ─▶ send ─▶ remember
 *   interval, connect, retry, warm-up ────▶       ◀──────────────────────────────────────────────┘
 *
 * What happens in one turn of the event loop is one batch: the loop wakes in a microtask, when everything that
 * was touched in that turn is in the queue.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { abortable } from "../async/abortable.ts";
import { type Job, JobLoop } from "../async/job_loop.ts";
import { Semaphore } from "../async/semaphore.ts";
import type { BackendAction, Refusal } from "../control.ts";
import type { LateFlush } from "../health/hooks.ts";
import type { Millis, Transition, VipRecord } from "../model.ts";
import { err, type Result } from "../result.ts";
import { ABSENT } from "./apply.ts";
import { type LoadBalancer, VppError } from "./balancer.ts";
import { serverOf } from "./desired.ts";
import { Gate, type WarmupView } from "./gate.ts";
import { isBlocked } from "./holds.ts";
import { Memory } from "./memory.ts";
import { sortChanged } from "./failover.ts";
import { Ownership } from "./ownership.ts";
import { RaiseGuard } from "./raise_guard.ts";
import { RevisionCounter } from "./revisions.ts";
import { SyncQueue } from "./queue.ts";
import { HeldLog, logFailed, syncAnswer, syncResult } from "./report.ts";
import { Requests, unavailable } from "./requests.ts";
import { Standings, type VppStanding } from "./standings.ts";
import { Syncer } from "./sync.ts";
import type { LbReading, Planned, PlanView, Synced } from "./synced.ts";
import { vipId } from "./vips.ts";
import { VppView } from "./view.ts";
import { Waits } from "./waits.ts";
import type { ReconcilerParts } from "./world.ts";

/** The reconciler; one per daemon. */
export class Reconciler implements AsyncDisposable {
  readonly #parts: ReconcilerParts;
  readonly #memory: Memory;
  readonly #queue = new SyncQueue();
  readonly #syncer: Syncer;
  readonly #heldLog: HeldLog;
  readonly #stop = new AbortController();
  readonly #requests = new Requests(() => this.#lb, () => this.#loop.wake());
  readonly #standings = new Standings();
  readonly #waits = new Waits();
  readonly #gate: Gate;
  readonly #guard: RaiseGuard;
  readonly #loop: JobLoop;
  readonly #revisions = new RevisionCounter();
  /** Frontends whose members changed in this turn. */
  readonly #changed = new Set<string>();
  /** Frontends that changed while messages for their VIPs are under way. */
  readonly #postponed = new Set<string>();
  /** Urgent runs that VPP has not answered yet. */
  readonly #urgent = new Set<Promise<void>>();
  /** Reloads whose full sync is not through. */
  #reloads = 0;
  #running: ReadonlySet<string> | "all" | null = null;
  #lb: LoadBalancer | null = null;
  #lastWasDue = false;
  /** What is known of VPP. */
  readonly view: VppView;

  /** Makes a reconciler that does nothing before `start`. */
  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#memory = new Memory(new Ownership(parts.record, parts.memory, parts.recorded));
    this.#guard = new RaiseGuard({
      memoryLost: parts.memory === "lost",
      startedAt: parts.startedAt,
      maxDelayMs: parts.world().config.lb.startupMaxDelayMs,
      witness: (vip, address) => this.#memory.witness(vip, address),
      wanted: (frontend, backend) => this.#memory.isWanted(frontend, backend),
    });
    this.#syncer = new Syncer(
      parts,
      this.#memory,
      this.#guard,
      new Semaphore(parts.inFlight),
      () => this.#revisions.now,
    );
    this.#heldLog = new HeldLog(parts.log);
    this.#gate = new Gate(parts);
    this.#loop = new JobLoop(
      parts.clock,
      { next: () => this.#next(), dueAt: () => this.#dueAt() },
      this.#stop.signal,
    );
    this.view = new VppView(this.#memory);
    this.#observe();
  }

  /** Begins to work; `connected` may come before or after. */
  start(): void {
    this.#loop.start();
  }

  /** A session with VPP began: everything is synced at once. */
  connected(lb: LoadBalancer): void {
    this.#lb = lb;
    this.#syncer.connected(this.#memory.connected(lb.bootTime));
    this.#queue.restart(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** The session ended; what waited for it is told. */
  disconnected(): void {
    this.#lb = null;
    this.#memory.disconnected();
    this.#queue.stop();
    this.#standings.clear();
    this.#syncer.confConfirmed = false;
    this.#waits.take(null).done();
    this.#loop.wake();
  }

  /**
   * Backends changed their states.
   *
   * @param decidedAt monotonic time of the deciding result or request
   */
  touch(transitions: readonly Transition[], decidedAt: Millis = this.#parts.clock.now()): void {
    this.#observe();
    this.#memory.transitions(transitions);
    const frontends = new Set<string>();
    for (const { backend } of transitions) {
      for (const { frontend } of this.#memory.membersOf(backend)) frontends.add(frontend);
    }
    if (this.#lb !== null) this.#waits.decided(frontends, decidedAt);
    this.#failover(frontends);
  }

  /**
   * An operator of this process acted on a backend. Its frontends need not wait for the warm-up where it must not
   * serve, and its servers may be raised where it may.
   */
  acted(backend: string, action: BackendAction): void {
    const frontends = this.#memory.membersOf(backend).map(({ frontend }) => frontend);
    if (action === "enable" || action === "resume") {
      this.#memory.enabled(backend);
      this.resync(frontends);
    } else {
      this.#gate.ask(frontends);
      this.#loop.wake();
    }
  }

  /** Flows of servers are to end that no transition of now tells: the first full read decided it. */
  flush(late: readonly LateFlush[]): void {
    if (late.length === 0) return;
    this.#observe();
    for (const { frontend, backend, state } of late) this.#memory.flush(frontend, backend, state);
    this.#failover(late.map(({ frontend }) => frontend));
  }

  /** VIPs may differ from what they should be, for a reason that is not a transition. */
  resync(frontends: Iterable<string>): void {
    this.#observe();
    this.#revisions.changed(frontends);
    if (this.#lb !== null) this.#queue.touch(frontends, this.#parts.clock.now());
    this.#loop.wake();
  }

  /**
   * An operator set a running weight; the running configuration has it already. Resolves when VPP has been told,
   * or cannot be told now.
   */
  weightSet(frontend: string, backend: string, flush: boolean): Promise<void> {
    this.#observe();
    const { config, status } = this.#parts.world();
    const server = flush ? serverOf(config, status, this.#memory, frontend, backend) : null;
    if (server !== null) this.#memory.flushByWeight(frontend, backend, server);
    this.#standings.weightSet(frontend);
    this.#gate.ask([frontend]);
    this.#failover([frontend]);
    return this.#lb === null ? Promise.resolve() : this.#waits.next(frontend);
  }

  /** The configuration was reloaded. Resolves with the full sync that follows; null: VPP cannot be told now. */
  async reloaded(): Promise<api.SyncResult | null> {
    this.#memory.reloaded();
    this.#observe();
    this.#syncer.confConfirmed = false;
    const { config } = this.#parts.world();
    this.#queue.keep((frontend) => config.frontends.has(frontend));
    this.#standings.forget();
    this.#revisions.reloaded((frontend) => config.frontends.has(frontend));
    this.#reloads++;
    const outcome = await this.#request((lb) => this.#all(lb));
    this.#reloads--;
    this.#parts.hooks.synced();
    return outcome.ok ? syncResult(outcome.value, null) : null;
  }

  /** Plans without sending; reads VPP now. */
  async plan(frontend: string | null): Promise<Result<PlanView, Refusal>> {
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    const names = frontend === null ? null : [frontend];
    return await this.#request(async (lb) => {
      const planned = await this.#read(lb, names);
      const actual = new Map([...this.#memory.vips].map((vip) => [vipId(vip), vip]));
      return { ...planned, actual };
    });
  }

  /** Reads VPP now, after all that is due was sent; null: everything. Answers the VIPs that were read. */
  async read(frontend: string | null): Promise<Result<LbReading, Refusal>> {
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    return await this.#request((lb) => abortable(this.#syncer.read(lb, frontend), this.#stop.signal));
  }

  /** An operator's sync. Refused: `not-found`, `vpp-unavailable`, `plan-changed`, `vpp-refused`. */
  async sync(request: api.SyncRequest): Promise<Result<api.SyncResult, Refusal>> {
    const frontend = request.frontend ?? null;
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    const names = frontend === null ? null : [frontend];
    const digest = request.plan_digest;
    const outcome = await this.#request((lb) => this.#byOperator(lb, names, digest));
    if (!outcome.ok) return outcome;
    if ("type" in outcome.value) return err(outcome.value);
    return syncAnswer(outcome.value, frontend);
  }

  /** How a frontend's VIP stands. */
  standing(frontend: string): api.Frontend["vpp"] {
    if (!this.#parts.enabled) return "off";
    if (this.#lb === null) return this.#standings.isUntold(frontend) ? "pending" : "disconnected";
    if (this.#gate.isHeld(frontend)) return "held";
    const standing = this.#standings.of(frontend);
    if (standing === "error") return "error";
    const underWay = this.#memory.untilSettled(this.#memory.idOf(frontend) ?? "") !== null;
    const waits = this.#isRunning(frontend) || this.#queue.waits(frontend) || this.#changed.has(frontend);
    return standing === null || underWay || waits ? "pending" : standing;
  }

  /** How VPP stands as a whole. */
  get overall(): VppStanding {
    if (!this.#parts.enabled) return "off";
    if (this.#lb === null) return "disconnected";
    if (!this.#gate.done) return "warming-up";
    return this.#standings.inSync && this.#reloads === 0 ? "in-sync" : "out-of-sync";
  }

  /** Where the warm-up stands. */
  get warmup(): WarmupView {
    return this.#gate.view;
  }

  /** Changes that the last full sync held. */
  get heldChanges(): number {
    return this.#standings.heldChanges;
  }

  /** Number of syncs that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** What the next process must know of VPP's VIPs. */
  get record(): VipRecord {
    return this.#memory.ownership.record;
  }

  /** What an earlier process left of it came late. */
  recall(record: VipRecord, isOlder: boolean): void {
    this.#memory.ownership.recall(record, isOlder);
    this.#guard.end();
    this.#queue.touchAll(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** Ends the loop; nothing more is sent, VPP is left as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new VppError("maglevd is stopping"));
    this.disconnected();
    await this.#loop.ended();
    await this.#requests.end();
  }

  #isRunning(frontend: string): boolean {
    return this.#running === "all" || (this.#running?.has(frontend) ?? false);
  }

  #observe(): void {
    this.#memory.observe(this.#parts.world().config);
    this.#gate.keep();
  }

  #refusal(frontend: string | null): Refusal | null {
    if (frontend !== null && !this.#parts.world().config.frontends.has(frontend)) {
      return { type: "not-found", detail: `there is no frontend "${frontend}"` };
    }
    if (!this.#parts.enabled) return unavailable("VPP is switched off: no API socket is configured");
    return this.#lb === null ? unavailable("VPP is not connected") : null;
  }

  /** Has the loop run `job` next; refused when there is no session, or none any more. */
  #request<T>(job: (lb: LoadBalancer) => Promise<T>): Promise<Result<T, Refusal>> {
    return this.#requests.add(async (lb) => {
      this.#lastWasDue = false;
      await this.#quiet();
      return await job(lb);
    });
  }

  #next(): Job | null {
    this.#stepWarmup();
    // What is due for VPP comes before anybody's question, but neither waits for two of the other kind.
    const job = this.#lastWasDue
      ? this.#requests.take() ?? this.#due()
      : this.#due() ?? this.#requests.take();
    if (job === null) this.#lastWasDue = false;
    return job;
  }

  #dueAt(): Millis | null {
    const due = [this.#lb === null ? null : this.#queue.dueAt, this.#gate.dueAt, this.#guard.dueAt]
      .filter((at) => at !== null);
    return due.length === 0 ? null : Math.min(...due);
  }

  #stepWarmup(): void {
    const now = this.#parts.clock.now();
    const opened = this.#gate.step();
    const mayRaise = this.#guard.step(now);
    if (this.#lb === null) return;
    this.#queue.touch(opened.frontends, now);
    if (opened.all || mayRaise) this.#queue.touchAll(now);
  }

  /** For an operator's question nothing remembered is good enough, nor for a VIP that was not as remembered. */
  #read(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    thorough: (name: string) => boolean = () => true,
  ): Promise<Planned> {
    const planned = this.#syncer.plan(lb, frontends, this.#gate, thorough, () => this.#quiet());
    return abortable(planned, this.#stop.signal);
  }

  #due(): Job | null {
    const lb = this.#lb;
    if (lb === null) return null;
    const due = this.#queue.take(this.#parts.clock.now(), !this.#syncer.confConfirmed);
    if (due === null) return null;
    this.#lastWasDue = true;
    return async () => {
      try {
        if (due.kind === "all") await this.#all(lb);
        else await this.#vips(lb, due.frontends);
      } catch (error) {
        if (!(error instanceof VppError)) throw error;
        // Logged and queued again where it happened; nobody else waits for this one.
      }
    };
  }

  /** A sync that could not even read: retried, unless the session is over, which the next connect repairs. */
  #failed(lb: LoadBalancer, frontends: readonly string[] | null, error: VppError): void {
    if (lb.signal.aborted || lb !== this.#lb || this.#stop.signal.aborted) return;
    const { clock, random, log, world } = this.#parts;
    const now = clock.now();
    logFailed(log, frontends, error);
    this.#standings.failed(frontends);
    if (frontends === null) {
      this.#queue.allFailed(now, now, world().config.lb.syncIntervalMs, random());
    }
    for (const frontend of frontends ?? []) this.#queue.vipFailed(frontend, now, random());
  }

  async #all(lb: LoadBalancer, release = false, planned?: Planned): Promise<Synced> {
    const startedAt = this.#parts.clock.now();
    // A plan made before may not cover what was touched since, so that stays in the queue.
    if (planned === undefined) this.#queue.takeAll();
    const synced = await this.#run(lb, null, release, planned);
    if (lb !== this.#lb) return synced;
    const now = this.#parts.clock.now();
    const { syncIntervalMs } = this.#parts.world().config.lb;
    if (synced.othersSurprised) this.#queue.allAgain(startedAt, now, syncIntervalMs, this.#parts.random());
    else if (synced.othersFailed) this.#queue.allFailed(startedAt, now, syncIntervalMs, this.#parts.random());
    else this.#queue.allDone(startedAt, now, syncIntervalMs);
    this.#heldLog.tell(synced.plan);
    return synced;
  }

  async #vips(lb: LoadBalancer, frontends: readonly string[]): Promise<Synced | null> {
    this.#queue.takeVips(frontends);
    // A sync of a held VIP could only read; its release touches it again.
    const held = frontends.filter((name) => this.#gate.isHeld(name));
    this.#waits.take(held).done();
    const free = frontends.filter((name) => !held.includes(name));
    if (free.length === 0) return null;
    return await this.#run(lb, free, false);
  }

  async #byOperator(
    lb: LoadBalancer,
    names: readonly string[] | null,
    digest: string | undefined,
  ): Promise<Synced | Refusal> {
    if (digest === undefined) {
      this.#releaseFor(names);
      if (names === null) return await this.#all(lb);
    }
    const planned = await this.#read(lb, names);
    if (digest === undefined) return await this.#run(lb, names, false, planned);
    const now = planned.plan.digest;
    if (now !== digest) {
      const detail = `the plan is another by now: its digest is ${now}, not ${digest}`;
      return { type: "plan-changed", detail, planDigest: now };
    }
    this.#releaseFor(names);
    return names === null ? await this.#all(lb, true, planned) : await this.#run(lb, names, true, planned);
  }

  #releaseFor(names: readonly string[] | null): void {
    this.#gate.ask(names);
    this.#stepWarmup();
  }

  async #run(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    release: boolean,
    made?: Planned,
  ): Promise<Synced> {
    this.#running = frontends === null ? "all" : new Set(frontends);
    const waiting = this.#waits.take(frontends);
    try {
      const planned = made ??
        await this.#read(lb, frontends, (name) => this.#queue.failures(name) > 0);
      const synced = await this.#apply(lb, planned, release, false, waiting.decided);
      if (lb === this.#lb) this.#account(synced);
      return synced;
    } catch (error) {
      if (error instanceof VppError) this.#failed(lb, frontends, error);
      throw error;
    } finally {
      this.#running = null;
      waiting.done();
      this.#parts.hooks.synced();
    }
  }

  /** Sends a plan; the time from each decision to VPP's answer to that frontend's first message is told. */
  #apply(
    lb: LoadBalancer,
    planned: Planned,
    release: boolean,
    urgent: boolean,
    decided: ReadonlyMap<string, Millis>,
  ): Promise<Synced> {
    const { clock, hooks } = this.#parts;
    const open = new Map(decided);
    return this.#syncer.apply(lb, planned, release, this.#stop.signal, {
      urgent,
      isCurrent: ({ change, vip }) => {
        const { revisions } = planned;
        if (change.frontend !== null) return this.#revisions.isCurrent(revisions, change.frontend);
        // The settings, or a VIP that no frontend has: unless the configuration names it by now.
        return this.#revisions.sameConfiguration(revisions) &&
          (vip === null || !this.#memory.isConfigured(vip));
      },
      onResult: ({ status, step: { change: { frontend } } }) => {
        const at = frontend === null ? undefined : open.get(frontend);
        if (status !== "done" || at === undefined || frontend === null) return;
        open.delete(frontend);
        hooks.answered(clock.now() - at);
      },
    });
  }

  /** Members of these frontends changed: what VPP is known to have is told at once, all else by a sync. */
  #failover(frontends: Iterable<string>): void {
    this.#observe();
    const names = [...frontends];
    this.#revisions.changed(names);
    if (this.#lb === null || names.length === 0) return this.#loop.wake();
    if (this.#changed.size === 0) queueMicrotask(() => this.#sendChanged());
    for (const name of names) this.#changed.add(name);
  }

  #sendChanged(): void {
    const names = [...this.#changed];
    this.#changed.clear();
    const lb = this.#lb;
    if (lb === null || this.#stop.signal.aborted) return;
    this.#stepWarmup();
    const { clock } = this.#parts;
    // The settings come first in each session; without a witness members that are not yet known would lose their weight.
    const ready = this.#syncer.confJudged && this.#memory.witnesses.known;
    const free = names.filter((name) =>
      ready && !this.#gate.isHeld(name) && this.#queue.failures(name) === 0
    );
    const readAt = this.#memory.readAt ?? clock.wall();
    const make = (some: readonly string[]) => this.#syncer.planKnown(some, some, this.#gate, readAt);
    const { plan, sorted } = sortChanged(free, this.#memory, (some) => make(some).plan);
    const { busy, ordinary, settled, urgent } = sorted;
    for (const name of busy) this.#postpone(lb, name);
    const later = [...ordinary, ...names.filter((name) => !free.includes(name))];
    if (later.length > 0) this.#queue.touch(later, clock.now());
    this.#waits.take(settled).done();
    for (const name of settled) this.#queue.vipDone(name);
    if (plan !== null) {
      const planned = { ...make(urgent), plan };
      const run = this.#sendUrgent(lb, planned, urgent).finally(() => this.#urgent.delete(run));
      this.#urgent.add(run);
    }
    this.#loop.wake();
  }

  /** Looks at a frontend again when VPP has answered what is under way for its VIP. */
  #postpone(lb: LoadBalancer, name: string): void {
    const settled = this.#memory.untilSettled(this.#memory.idOf(name) ?? "");
    if (settled === null || this.#postponed.has(name)) return;
    this.#postponed.add(name);
    settled.then(() => {
      this.#postponed.delete(name);
      if (lb === this.#lb) this.#failover([name]);
    });
  }

  async #sendUrgent(lb: LoadBalancer, planned: Planned, names: readonly string[]): Promise<void> {
    const { clock, random } = this.#parts;
    const waiting = this.#waits.take(names);
    try {
      const synced = await this.#apply(lb, planned, false, true, waiting.decided);
      if (lb !== this.#lb) return;
      this.#standings.synced(this.#stillWanted(synced));
      const now = clock.now();
      const absent = new Set(
        synced.results.filter(({ retval }) => retval === ABSENT).map(({ step }) => step.change.frontend),
      );
      for (const [name, standing] of synced.standings) {
        // VPP does not have what it was known to have: it is read, and planned anew.
        if (absent.has(name)) this.#queue.vipAgain(name, now, random());
        else if (standing === "error") this.#queue.vipFailed(name, now, random());
        else {
          this.#queue.vipDone(name);
          this.#queue.readBack(name, now);
        }
      }
    } catch (error) {
      if (!(error instanceof VppError)) throw error;
    } finally {
      waiting.done();
      this.#parts.hooks.synced();
      this.#loop.wake();
    }
  }

  /** Resolves when VPP has answered every urgent message. */
  async #quiet(): Promise<void> {
    while (this.#urgent.size > 0) await Promise.all(this.#urgent);
  }

  /** A sync's outcome without that of frontends that the configuration does not have any more. */
  #stillWanted(synced: Synced): Synced {
    const { frontends } = this.#parts.world().config;
    const standings = new Map([...synced.standings].filter(([name]) => frontends.has(name)));
    return { ...synced, standings };
  }

  #account(all: Synced): void {
    const { clock, random } = this.#parts;
    const now = clock.now();
    const synced = this.#stillWanted(all);
    this.#standings.synced(synced);
    if (synced.superseded.size > 0) {
      const { frontends } = this.#parts.world().config;
      this.#queue.touch([...synced.superseded].filter((name) => frontends.has(name)), now);
    }
    for (const [frontend, standing] of synced.standings) {
      if (synced.surprised.has(frontend)) this.#queue.vipAgain(frontend, now, random());
      else if (standing === "error") this.#queue.vipFailed(frontend, now, random());
      else this.#queue.vipDone(frontend);
    }
    // A recreate touches the neighbours of its prefix, of which a one-VIP sync has no standing.
    for (const frontend of synced.surprised) {
      if (!synced.standings.has(frontend) && this.#parts.world().config.frontends.has(frontend)) {
        this.#queue.vipAgain(frontend, now, random());
      }
    }
    // What one VIP's sync may not do, deleting what is in its way, a full one may.
    const stuck = synced.results.some(({ step }) => isBlocked(step.holds));
    if (stuck && synced.frontends !== null && !this.#gate.frozen) this.#queue.touchAll(now);
    if (synced.setChanged) this.#queue.setChanged(now);
  }
}
