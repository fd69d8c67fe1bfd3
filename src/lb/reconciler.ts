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
import type { ActualLb, Millis, Transition, VipRecord } from "../model.ts";
import { err, type Result } from "../result.ts";
import { ABSENT } from "./apply.ts";
import { type LoadBalancer, VppError } from "./balancer.ts";
import { serverOf } from "./desired.ts";
import { sortChanged } from "./failover.ts";
import { type FrontendSync, FrontendSyncs, type Revisions } from "./frontend_sync.ts";
import { isBlocked } from "./holds.ts";
import type { Planned, PlanView, Synced } from "./outcome.ts";
import { Ownership } from "./ownership.ts";
import type { ReconcilerParts } from "./parts.ts";
import { RaiseGuard } from "./raise_guard.ts";
import { HeldLog, logFailed, syncAnswer, syncResult } from "./report.ts";
import { Requests, SharedRequests, unavailable } from "./requests.ts";
import { again, done, failed, readBack, Schedule, touch } from "./schedule.ts";
import { Syncer } from "./sync.ts";
import { vipId } from "./vips.ts";
import { VppState, VppView } from "./vpp_state.ts";
import { type WarmupView, WriteGate } from "./write_gate.ts";

/** How VPP is as a whole, but for `refused`, which only the link knows. */
export type VppStanding = "off" | "disconnected" | "warming-up" | "out-of-sync" | "in-sync";

/** The reconciler; one per daemon. */
export class Reconciler implements AsyncDisposable {
  readonly #parts: ReconcilerParts;
  readonly #syncs = new FrontendSyncs();
  readonly #ownership: Ownership;
  readonly #state: VppState;
  readonly #schedule = new Schedule(() => this.#syncs.all());
  readonly #gate: WriteGate;
  readonly #guard: RaiseGuard;
  readonly #syncer: Syncer;
  readonly #heldLog: HeldLog;
  readonly #stop = new AbortController();
  readonly #requests = new Requests(() => this.#lb, () => this.#loop.wake());
  readonly #loop: JobLoop;
  /** Urgent runs that VPP has not answered yet. */
  readonly #urgent = new Set<Promise<void>>();
  readonly #reads = new SharedRequests<ActualLb>((job) => this.#request(job));
  readonly #plans = new SharedRequests<PlanView>((job) => this.#request(job));
  /** Reloads whose full sync is not through. */
  #reloads = 0;
  #lb: LoadBalancer | null = null;
  #lastWasDue = false;
  /** Whether changes are made between two groups of a read. */
  #isBetween = false;
  /** Whether what changed in this turn of the event loop is sent at its end. */
  #sendsChanged = false;
  /** Whether a full sync of this session went through, but for what belongs to frontends. */
  #complete = false;
  #heldChanges = 0;
  /** What is known of VPP. */
  readonly view: VppView;

  /** Makes a reconciler that does nothing before `start`. */
  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#ownership = new Ownership(parts.record, parts.memory, parts.recorded);
    this.#state = new VppState(this.#ownership);
    this.#guard = new RaiseGuard({
      memoryLost: parts.memory === "lost",
      fleetUnknown: parts.fleetUnknown ?? false,
      startedAt: parts.startedAt,
      maxDelayMs: parts.world().config.lb.startupMaxDelayMs,
      witness: (vip, address) => this.#state.witness(vip, address),
      weighed: (frontend, backend) =>
        this.#syncs.membersOf(backend).some((one) => one.frontend === frontend && one.weightBy !== null),
    });
    this.#gate = new WriteGate(parts, () => this.#syncs.all());
    this.#syncer = new Syncer({
      parts,
      state: this.#state,
      syncs: this.#syncs,
      ownership: this.#ownership,
      gate: this.#gate,
      guard: this.#guard,
      inFlight: new Semaphore(parts.inFlight),
      between: (lb) => this.#betweenGroups(lb),
    });
    this.#heldLog = new HeldLog(parts.log);
    this.#loop = new JobLoop(
      parts.clock,
      { next: () => this.#next(), dueAt: () => this.#dueAt() },
      this.#stop.signal,
    );
    this.view = new VppView(this.#state, (frontend) => this.#syncs.get(frontend)?.vip ?? null);
    this.#observe("waiting");
  }

  /** Begins to work; `connected` may come before or after. */
  start(): void {
    this.#loop.start();
  }

  /** A session with VPP began: everything is synced at once. */
  connected(lb: LoadBalancer): void {
    this.#lb = lb;
    const restarted = this.#state.connected(lb.bootTime);
    if (restarted) this.#syncs.vppRestarted();
    this.#syncer.connected(restarted);
    this.#schedule.connected(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** The session ended; what waited for it is answered. */
  disconnected(): void {
    this.#lb = null;
    this.#state.disconnected();
    this.#schedule.disconnected();
    this.#syncs.disconnected();
    this.#syncer.confConfirmed = false;
    this.#complete = false;
    this.#heldChanges = 0;
    this.#loop.wake();
  }

  /**
   * Backends changed their states.
   *
   * @param decidedAt monotonic time of the deciding result or request
   */
  touch(transitions: readonly Transition[], decidedAt: Millis = this.#parts.clock.now()): void {
    this.#observe();
    this.#syncs.transitions(transitions);
    const frontends = new Set<string>();
    for (const { backend } of transitions) {
      for (const { frontend } of this.#syncs.membersOf(backend)) frontends.add(frontend);
    }
    if (this.#lb !== null) this.#syncs.decided(frontends, decidedAt);
    this.#failover(frontends);
  }

  /**
   * An operator of this process acted on a backend. Its frontends need not wait for the warm-up where it must not
   * serve, and its servers may be raised where it may.
   */
  acted(backend: string, action: BackendAction): void {
    const frontends = this.#syncs.membersOf(backend).map(({ frontend }) => frontend);
    if (action === "enable" || action === "resume") {
      this.#guard.enabled(backend);
      this.resync(frontends);
    } else {
      this.#gate.ask(this.#syncs.some(frontends));
      this.#loop.wake();
    }
  }

  /** Flows of servers are to end that no transition of now tells: the first full read decided it. */
  flush(late: readonly LateFlush[]): void {
    if (late.length === 0) return;
    this.#observe();
    for (const { frontend, backend, state } of late) this.#syncs.flush(frontend, backend, state);
    this.#failover(late.map(({ frontend }) => frontend));
  }

  /** VIPs may differ from what they should be, for a reason that is not a transition. */
  resync(frontends: Iterable<string>): void {
    this.#observe();
    const names = [...frontends];
    this.#syncs.changed(names);
    if (this.#lb !== null) this.#touch(names);
    this.#loop.wake();
  }

  /**
   * An operator set a running weight; the running configuration has it already. Resolves when VPP has it, or cannot
   * get it now.
   */
  weightSet(frontend: string, backend: string, flush: boolean): Promise<void> {
    this.#observe();
    const { config, status } = this.#parts.world();
    const server = flush ? serverOf(config, status, this.#state, frontend, backend) : null;
    if (server !== null) this.#syncs.flush(frontend, backend, "weight", server);
    const records = this.#syncs.some([frontend]);
    for (const record of records) record.weightUnsent = true;
    this.#gate.ask(records);
    this.#failover([frontend]);
    return this.#lb === null ? Promise.resolve() : this.#syncs.nextSync(frontend);
  }

  /** The configuration was reloaded. Resolves with the full sync that follows; null: VPP cannot be reached now. */
  async reloaded(): Promise<api.SyncResult | null> {
    this.#ownership.reloaded();
    this.#observe();
    this.#syncs.reloaded();
    this.#syncer.confConfirmed = false;
    this.#reloads++;
    const outcome = await this.#request((lb) => this.#all(lb));
    this.#reloads--;
    this.#parts.hooks.synced();
    return outcome.ok ? syncResult(outcome.value, null) : null;
  }

  /** Plans without sending; reads VPP now. Whoever asks while such a read waits for its turn gets its answer. */
  async plan(frontend: string | null): Promise<Result<PlanView, Refusal>> {
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    const names = frontend === null ? null : [frontend];
    return await this.#plans.ask(frontend, async (lb) => {
      const planned = await this.#read(lb, names);
      const actual = new Map([...this.#state.vips].map((vip) => [vipId(vip), vip]));
      return { ...planned, actual };
    });
  }

  /**
   * Reads VPP now, after all that is due was sent; null: everything. Answers the VIPs that were read. Whoever asks
   * while such a read waits for its turn gets its answer.
   */
  async read(frontend: string | null): Promise<Result<ActualLb, Refusal>> {
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    return await this.#reads.ask(
      frontend,
      (lb) => abortable(this.#syncer.read(lb, frontend), this.#stop.signal),
    );
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

  /** How a frontend's VIP is. */
  standing(frontend: string): api.Frontend["vpp"] {
    if (!this.#parts.enabled) return "off";
    const record = this.#syncs.get(frontend);
    if (this.#lb === null) return record?.weightUnsent === true ? "pending" : "disconnected";
    if (record === null) return "pending";
    if (this.#gate.isHeld(record.release)) return "held";
    const { changed, dueAt, running, standing, vip } = record;
    if (standing === "error") return "error";
    const waits = changed || running > 0 || dueAt !== null || this.#state.untilSettled(vip) !== null;
    return standing === null || waits ? "pending" : standing;
  }

  /** What VPP said to the last sync of a frontend whose standing is `error`; else null. */
  detail(frontend: string): string | null {
    return this.#syncs.get(frontend)?.detail ?? null;
  }

  /** How VPP is as a whole. */
  get overall(): VppStanding {
    if (!this.#parts.enabled) return "off";
    if (this.#lb === null) return "disconnected";
    if (!this.#gate.done) return "warming-up";
    const inSync = this.#complete && this.#reloads === 0 &&
      this.#syncs.some(null).every(({ standing }) => standing === "in-sync");
    return inSync ? "in-sync" : "out-of-sync";
  }

  /** Where the warm-up is. */
  get warmup(): WarmupView {
    return this.#gate.view;
  }

  /** Changes that the last full sync held. */
  get heldChanges(): number {
    return this.#heldChanges;
  }

  /** Number of syncs that wait. */
  get waiting(): number {
    return this.#schedule.length;
  }

  /** What the next process must know of VPP's VIPs. */
  get record(): VipRecord {
    return this.#ownership.record;
  }

  /** What an earlier process left of it came late. */
  recall(record: VipRecord, isOlder: boolean): void {
    this.#ownership.recall(record, isOlder);
    this.#guard.end();
    this.#schedule.touchAll(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** What operators want in the whole fleet is known, and in force. */
  fleetKnown(): void {
    if (!this.#guard.fleetKnown()) return;
    this.#schedule.touchAll(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** Ends the loop; nothing more is sent, VPP is left as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new VppError("maglevd is stopping"));
    this.disconnected();
    await this.#loop.ended();
    await this.#requests.end();
  }

  /** Takes the running configuration into account. `release`: of frontends that it brings. */
  #observe(release: "waiting" | "brought" = "brought"): void {
    const { config } = this.#parts.world();
    if (this.#syncs.observe(config, release)) this.#ownership.configured(config);
  }

  #touch(frontends: Iterable<string>): void {
    const now = this.#parts.clock.now();
    for (const record of this.#syncs.some(frontends)) touch(record, now);
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
    const due = [this.#lb === null ? null : this.#schedule.dueAt, this.#gate.dueAt, this.#guard.dueAt]
      .filter((at) => at !== null);
    return due.length === 0 ? null : Math.min(...due);
  }

  #stepWarmup(): void {
    const now = this.#parts.clock.now();
    const opened = this.#gate.step();
    const mayRaise = this.#guard.step(now);
    if (this.#lb === null) return;
    this.#touch(opened.frontends);
    if (opened.all || mayRaise) this.#schedule.touchAll(now);
  }

  /** For an operator's question nothing remembered is good enough, nor for a VIP that was not as remembered. */
  #read(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    thorough: (name: string) => boolean = () => true,
  ): Promise<Planned> {
    const planned = this.#syncer.plan(lb, frontends, thorough, () => this.#quiet());
    return abortable(planned, this.#stop.signal);
  }

  /**
   * Between two groups of a full read the changes that are due go first. In a new session, and after a reload, the read
   * is part of what they need.
   */
  #betweenGroups(lb: LoadBalancer): Promise<void> | null {
    if (this.#isBetween || lb !== this.#lb) return null;
    if (!this.#state.witnesses.known || !this.#syncer.confConfirmed) return null;
    const frontends = this.#schedule.takeDueVips(this.#parts.clock.now());
    if (frontends.length === 0) return null;
    this.#isBetween = true;
    return this.#logged(this.#vips(lb, frontends)).finally(() => this.#isBetween = false);
  }

  #due(): Job | null {
    const lb = this.#lb;
    if (lb === null) return null;
    const due = this.#schedule.take(this.#parts.clock.now(), !this.#syncer.confConfirmed);
    if (due === null) return null;
    this.#lastWasDue = true;
    return () => this.#logged(due.kind === "all" ? this.#all(lb) : this.#vips(lb, due.frontends));
  }

  /** A sync that nobody waits for: its failure is logged and scheduled again where it happened. */
  async #logged(sync: Promise<unknown>): Promise<void> {
    try {
      await sync;
    } catch (error) {
      if (!(error instanceof VppError)) throw error;
    }
  }

  /** A sync that could not even read: retried, unless the session is over, which the next connect repairs. */
  #failed(lb: LoadBalancer, frontends: readonly string[] | null, begun: Revisions, error: VppError): void {
    if (lb.signal.aborted || lb !== this.#lb || this.#stop.signal.aborted) return;
    const { clock, random, log, world } = this.#parts;
    const now = clock.now();
    logFailed(log, frontends, error);
    if (frontends === null) {
      this.#complete = false;
      this.#schedule.allFailed(now, now, world().config.lb.syncIntervalMs, random());
    }
    for (const name of frontends ?? []) {
      const record = this.#syncs.current(begun, name);
      if (record === null) continue;
      record.standing = "error";
      record.detail = error.message;
      failed(record, now, random());
    }
  }

  async #all(lb: LoadBalancer, release = false, planned?: Planned): Promise<Synced> {
    const startedAt = this.#parts.clock.now();
    // A plan made before may not cover what was touched since, so that stays in the schedule.
    if (planned === undefined) this.#schedule.takeAll();
    const synced = await this.#run(lb, null, release, planned);
    if (lb !== this.#lb) return synced;
    const { clock, random } = this.#parts;
    const now = clock.now();
    const { syncIntervalMs } = this.#parts.world().config.lb;
    if (synced.othersSurprised) this.#schedule.allAgain(startedAt, now, syncIntervalMs, random());
    else if (synced.othersFailed) this.#schedule.allFailed(startedAt, now, syncIntervalMs, random());
    else this.#schedule.allDone(startedAt, now, syncIntervalMs);
    this.#heldLog.tell(synced.plan);
    return synced;
  }

  async #vips(lb: LoadBalancer, frontends: readonly string[]): Promise<Synced | null> {
    // A sync of a held VIP could only read; its release touches it again.
    const [held, free] = this.#split(frontends, (record) => this.#gate.isHeld(record.release));
    this.#syncs.takeWaits(held).done();
    return free.length === 0 ? null : await this.#run(lb, free, false);
  }

  /** Names of the configured frontends that `test` holds for, and of the others. */
  #split(frontends: Iterable<string>, test: (record: FrontendSync) => boolean): [string[], string[]] {
    const names: [string[], string[]] = [[], []];
    for (const record of this.#syncs.some(frontends)) names[test(record) ? 0 : 1].push(record.name);
    return names;
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
    this.#gate.ask(this.#syncs.some(names));
    this.#stepWarmup();
  }

  async #run(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    release: boolean,
    made?: Planned,
  ): Promise<Synced> {
    const records = this.#syncs.some(frontends);
    const begun = this.#syncs.revisions(records.map(({ name }) => name));
    for (const record of records) record.running++;
    const waiting = this.#syncs.takeWaits(frontends);
    try {
      const planned = made ??
        await this.#read(lb, frontends, (name) => (this.#syncs.get(name)?.failures ?? 0) > 0);
      const synced = await this.#apply(lb, planned, release, false, waiting.decided);
      if (lb === this.#lb) this.#account(synced);
      return synced;
    } catch (error) {
      if (error instanceof VppError) this.#failed(lb, frontends, begun, error);
      throw error;
    } finally {
      for (const record of records) record.running--;
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
        if (!this.#syncs.sameConfiguration(revisions)) return false;
        if (change.frontend !== null) return this.#syncs.current(revisions, change.frontend) !== null;
        // The settings, or a VIP that no frontend has: unless the configuration names it by now.
        return vip === null || this.#syncs.ofVip(vip) === null;
      },
      onResult: ({ status, step: { change: { frontend } } }) => {
        const at = frontend === null ? undefined : open.get(frontend);
        if (status !== "done" || at === undefined || frontend === null) return;
        open.delete(frontend);
        hooks.answered(clock.now() - at);
      },
    });
  }

  /** Members of these frontends changed: what VPP is known to have is changed at once, all else by a sync. */
  #failover(frontends: Iterable<string>): void {
    this.#observe();
    const records = this.#syncs.some(frontends);
    this.#syncs.changed(records.map(({ name }) => name));
    if (this.#lb === null || records.length === 0) return this.#loop.wake();
    if (!this.#sendsChanged) queueMicrotask(() => this.#sendChanged());
    this.#sendsChanged = true;
    for (const record of records) record.changed = true;
  }

  #sendChanged(): void {
    this.#sendsChanged = false;
    const changed = this.#syncs.some(null).filter((record) => record.changed);
    for (const record of changed) record.changed = false;
    const lb = this.#lb;
    if (lb === null || this.#stop.signal.aborted) return;
    this.#stepWarmup();
    const { clock } = this.#parts;
    const now = clock.now();
    // The settings come first in each session; without a witness members that are not yet known would lose their weight.
    const ready = this.#syncer.confJudged && this.#state.witnesses.known;
    const free = changed.filter(({ failures, release }) =>
      ready && !this.#gate.isHeld(release) && failures === 0
    );
    for (const record of changed) if (!free.includes(record)) touch(record, now);
    const readAt = this.#state.readAt ?? clock.wall();
    const make = (some: readonly string[]) => this.#syncer.planKnown(some, some, readAt);
    const { plan, sorted } = sortChanged(free, this.#state, (some) => make(some).plan);
    for (const name of sorted.busy) this.#postpone(lb, name);
    this.#touch(sorted.ordinary);
    this.#syncs.takeWaits(sorted.settled).done();
    for (const record of this.#syncs.some(sorted.settled)) this.#inSync(record);
    if (plan !== null) {
      const run = this.#sendUrgent(lb, { ...make(sorted.urgent), plan }, sorted.urgent)
        .finally(() => this.#urgent.delete(run));
      this.#urgent.add(run);
    }
    this.#loop.wake();
  }

  /** Nothing differs from what VPP is known to have. */
  #inSync(record: FrontendSync): void {
    record.standing = "in-sync";
    record.detail = null;
    record.weightUnsent = false;
    done(record);
  }

  /** Looks at a frontend again when VPP has answered what is under way for its VIP. */
  #postpone(lb: LoadBalancer, name: string): void {
    const record = this.#syncs.get(name);
    const settled = record === null ? null : this.#state.untilSettled(record.vip);
    if (record === null || settled === null || record.postponed) return;
    record.postponed = true;
    settled.then(() => {
      record.postponed = false;
      if (lb === this.#lb) this.#failover([name]);
    });
  }

  async #sendUrgent(lb: LoadBalancer, planned: Planned, names: readonly string[]): Promise<void> {
    const { clock, random } = this.#parts;
    const waiting = this.#syncs.takeWaits(names);
    try {
      const synced = await this.#apply(lb, planned, false, true, waiting.decided);
      if (lb !== this.#lb) return;
      const now = clock.now();
      const absent = new Set(
        synced.results.filter(({ retval }) => retval === ABSENT).map(({ step }) => step.change.frontend),
      );
      for (const record of this.#commit(synced)) {
        // VPP does not have what it was known to have: it is read, and planned anew.
        if (absent.has(record.name)) again(record, now, random());
        else if (record.standing === "error") failed(record, now, random());
        else {
          done(record);
          readBack(record, now);
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

  /**
   * Writes a sync's outcome to the records that still have the revision of its plan.
   *
   * @returns those records
   */
  #commit({ outcomes, revisions }: Synced): FrontendSync[] {
    return [...outcomes].flatMap(([frontend, { detail, standing }]) => {
      const record = this.#syncs.current(revisions, frontend);
      if (record === null) return [];
      record.standing = standing;
      record.detail = detail;
      record.weightUnsent = false;
      return record;
    });
  }

  #account(synced: Synced): void {
    const { clock, random } = this.#parts;
    const now = clock.now();
    for (const record of this.#commit(synced)) {
      if (synced.surprised.has(record.name)) continue;
      if (record.standing === "error") failed(record, now, random());
      else done(record);
    }
    this.#touch(synced.superseded);
    // A recreate changes the neighbours of its prefix, too, of which a sync of one VIP has no outcome.
    for (const record of this.#syncs.some(synced.surprised)) again(record, now, random());
    if (synced.frontends === null) {
      this.#complete = !synced.othersFailed;
      this.#heldChanges = synced.results.filter(({ step, status }) =>
        step.holds.length > 0 && status === "skipped"
      ).length;
    }
    // What a sync of one VIP may not do, deleting what is in its way, a full one may.
    const stuck = synced.results.some(({ step }) => isBlocked(step.holds));
    if (stuck && synced.frontends !== null && !this.#gate.frozen) this.#schedule.touchAll(now);
    if (synced.setChanged) this.#schedule.setChanged(now);
  }
}
